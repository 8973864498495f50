"""How a process of a training ends when something around it does: its threads, its parent, its fellow processes."""

from __future__ import annotations

import atexit
import os
import re
import signal
import sys
import threading
import time
from multiprocessing.dummy import DummyProcess

from common.errors import causes, first_line

__all__ = ["end_with_parent", "explain_lost_process", "wait_for_pools_at_exit"]

CALLER = "BUNDLE_RUN_CALLER"  # environment variable: number of the process that runs this one, see `run_bundle`
POOL_SECONDS = 60.0  # how long a worker may take for what it is doing; then the process ends without it
LOST = re.compile(r"/gloo/|NCCL|ProcessGroup|Connection (closed|reset) by peer")


def wait_for_pools_at_exit() -> None:
    """Lets worker threads of pools end before the interpreter does.

    MONAI's `CacheDataset` reads cases in a `multiprocessing.pool.ThreadPool`. When one case raises, the pool is told to
    stop, but its threads, which are daemons, finish the case at hand. If the interpreter ends in the meantime, a thread
    that comes back from PyTorch's or NumPy's C++ code is ended in the middle of it, which C++ answers with "terminate
    called without an active exception" and exit code 134.
    """
    atexit.unregister(_join_pools)
    atexit.register(_join_pools)


def _join_pools() -> None:
    deadline = time.monotonic() + POOL_SECONDS
    for thread in threading.enumerate():
        if isinstance(thread, DummyProcess):
            thread.join(max(0.0, deadline - time.monotonic()))


def end_with_parent(interval: float = 1.0) -> threading.Thread | None:
    """Ends this process when the one that started it, and for which it works, has ended, even if that was killed.

    Otherwise it would train on as an orphan. A thread looks once a second whether the parent is still the same, and
    sends SIGTERM to its own process when it is not. One of several processes that ``torchrun`` started may hang then,
    waiting for the others, and is killed after ten seconds; a run of a command ends as after any SIGTERM.

    Args:
        interval: seconds between two looks.

    Returns:
        The thread; None for a process that neither ``torchrun`` nor a command that runs bundles (`common.run_bundle`)
        started, and on Windows, where nothing says that a parent has ended.

    Example:
        >>> end_with_parent() is None
        True
    """
    caller = os.environ.pop(CALLER, "")  # it is not that of this process's own children
    if os.name == "nt" or not (caller or "TORCHELASTIC_RUN_ID" in os.environ):
        return None
    parent = int(caller) if caller else os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(interval)
        os.kill(os.getpid(), signal.SIGTERM)
        if not caller:
            time.sleep(10 * interval)
            os.kill(os.getpid(), signal.SIGKILL)

    thread = threading.Thread(target=watch, name="end_with_parent", daemon=True)
    thread.start()
    return thread


def explain_lost_process(error: BaseException) -> str | None:
    """What an error of the exchange between processes means, in one sentence; None for any other error.

    Example:
        >>> explain_lost_process(ValueError("a")) is None
        True
    """
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return None
    found = next((cause for cause in causes(error) if _is_lost(cause, distributed.DistError)), None)  # MONAI wraps it
    if found is None:
        return None
    rank = os.environ.get("RANK", "?")
    return f"process {rank} ends, for another process of this training has ended or hangs ({first_line(found)})."


def _is_lost(error: BaseException, kind: type[BaseException]) -> bool:
    return isinstance(error, kind) or (isinstance(error, RuntimeError) and bool(LOST.search(str(error))))
