"""A folder into which no other run writes while an engine runs."""

from __future__ import annotations

import os

from ignite.engine import Engine, Events

from common.io.folder_lock import lock_folder, unlock_folder
from common.workflow.distributed import done_by_all, done_by_first
from common.workflow.failure import after_failure

__all__ = ["lock_while_running"]


def lock_while_running(engine: Engine, folder: str | os.PathLike[str]) -> None:
    """Locks a folder from the start of an engine's run until its end, good or bad.

    Of several processes that train one network the first locks, see `common.io.folder_lock.lock_folder`.

    Args:
        engine: whose run it is.
        folder: it is made where it is missing.
    """

    def lock() -> None:
        with done_by_all():
            done_by_first(lambda: lock_folder(folder))

    def unlock() -> None:
        unlock_folder(folder)

    engine.add_event_handler(Events.STARTED, lock)
    engine.add_event_handler(Events.COMPLETED, unlock)
    after_failure(engine, unlock)
