"""Cases in memory, by MONAI's `CacheDataset`, whose threads have ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from monai.data import CacheDataset

__all__ = ["in_memory"]

THREADS = Path("/proc/self/task")  # of this process, as Linux has them
SECONDS = 1.0  # that they may take to end; one that a transform has started for good does not


def in_memory(data: Sequence[Any], transform: Callable[[Any], Any], num_workers: int | None = 1) -> CacheDataset:
    """Cases after their deterministic transforms, kept in memory.

    MONAI fills the memory by threads that it leaves to end by themselves. A thread that has used Intel's MKL gives its
    buffers back when it ends, after Python has forgotten it, under a lock. If a worker process of a `DataLoader` is
    forked in that moment, the lock stays closed in the worker, whose first matrix product waits for ever: 5 of 800
    times in a loop that filled the memory and then forked workers (PyTorch 2.13.0, MONAI 1.6.1), and 0 of 1,000 with
    the waiting here. It waits where processes are forked, on Linux.

    Args:
        data: items.
        transform: its random part, if there is one, runs anew each time.
        num_workers: threads; None: one for each core.

    Returns:
        A data set of as many cases.

    Example:
        >>> from monai.transforms import Compose
        >>> in_memory([{"x": 1}, {"x": 2}], Compose([]))[1]
        {'x': 2}
    """
    before = _threads()
    dataset = CacheDataset(data, transform, progress=False, num_workers=num_workers)
    deadline = time.monotonic() + SECONDS
    while _threads() - before and time.monotonic() < deadline:
        time.sleep(0.0005)
    return dataset


def _threads() -> set[str]:
    return {thread.name for thread in THREADS.iterdir()} if THREADS.is_dir() else set()
