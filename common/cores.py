"""Cores of the processor, and the threads of several programs that share them."""

from __future__ import annotations

import os


def available_cores() -> int:
    """Cores that this process may use, which on a cluster are fewer than the machine has.

    Returns:
        A number, at least 1.
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_of_each(runs: int) -> int:
    """Threads for each of several runs side by side: their share of the cores, at most ``OMP_NUM_THREADS``.

    Args:
        runs: how many there are, at least 1.

    Returns:
        A number, at least 1.

    Example:
        >>> threads_of_each(10**6)
        1
    """
    share = max(1, available_cores() // runs)
    said = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(share, int(said)) if said.isdigit() and int(said) else share
