"""Cases in memory, by MONAI's `CacheDataset`, whose threads have ended."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.dummy import DummyProcess
from typing import Any

from monai.data import CacheDataset

__all__ = ["in_memory"]

SECONDS = 60.0  # that a thread may take to end


def in_memory(data: Sequence[Any], transform: Callable[[Any], Any], num_workers: int | None = None) -> CacheDataset:
    """Cases after their deterministic transforms, kept in memory.

    MONAI fills the memory by threads that it leaves to end by themselves. If a worker process of a `DataLoader` is
    forked while another thread is in the memory manager of Intel's MKL, the manager's lock stays closed in the worker,
    whose first matrix product waits for ever (seen in a test, once in some hundred runs, with PyTorch 2.13.0 and MONAI
    1.6.1). So the threads are waited for.

    Args:
        data: items.
        transform: its random part, if there is one, runs anew each time.
        num_workers: threads; None: one.

    Returns:
        A data set of as many cases.

    Example:
        >>> from monai.transforms import Compose
        >>> in_memory([{"x": 1}, {"x": 2}], Compose([]))[1]
        {'x': 2}
    """
    before = set(threading.enumerate())
    dataset = CacheDataset(data, transform, progress=False, num_workers=num_workers)
    deadline = time.monotonic() + SECONDS
    for thread in set(threading.enumerate()) - before:
        if isinstance(thread, DummyProcess):
            thread.join(SECONDS)
            while os.path.exists(f"/proc/self/task/{thread.native_id}") and time.monotonic() < deadline:
                time.sleep(0.001)  # Python is done with it before Linux is
    return dataset
