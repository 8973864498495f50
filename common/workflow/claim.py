"""One run at a time writes into a folder."""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import ignite.distributed as idist
from ignite.engine import Engine, Events

from common.errors import InputError
from common.io.files import writing
from common.workflow.distributed import done_by_all, done_by_first
from common.workflow.failure import after_failure

try:
    import fcntl
except ImportError:  # Windows: nobody is kept out
    fcntl = None  # type: ignore[assignment]

__all__ = ["claim_folder", "claim_while_running", "claimed", "release_folder"]

CLAIM_FILE = ".in_use"

logger = logging.getLogger(__name__)

_claims: dict[Path, IO[str]] = {}


def claim_folder(folder: str | os.PathLike[str]) -> None:
    """Keeps other processes from claiming a folder until `release_folder`, or until this process ends in any way.

    The claim is a lock on the file ``.in_use``, which names the process. Of several processes that train one network
    the first claims. Claiming again what this process has changes nothing.

    Args:
        folder: it is made where it is missing.

    Raises:
        InputError: another process has it, which is named; or the folder cannot be written to.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     claim_folder(folder), os.listdir(folder)
        ...     release_folder(folder), os.listdir(folder)
        (None, ['.in_use'])
        (None, [])
    """
    path = Path(folder).resolve() / CLAIM_FILE
    if fcntl is None or idist.get_rank() > 0 or path in _claims:
        return
    while True:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+", encoding="utf-8")
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            file.seek(0)
            holder = file.read().strip() or "another process"
            file.close()
            raise InputError(
                f"{folder}: {holder} is writing into this folder; wait until it has ended, or give another folder."
            ) from None
        except OSError as error:  # a file system without locks
            file.close()
            logger.warning(
                "%s: the file system has no locks (%s), so another run into the same folder is not noticed.",
                folder,
                error,
            )
            return
        if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
            break
        file.close()  # the one before has removed it in between
    file.truncate(0)
    file.write(f"process {os.getpid()} on {platform.node()}\n")
    file.flush()
    _claims[path] = file


def release_folder(folder: str | os.PathLike[str]) -> None:
    """Gives a folder back, if this process has claimed it."""
    path = Path(folder).resolve() / CLAIM_FILE
    if file := _claims.pop(path, None):
        with suppress(OSError):
            path.unlink()  # before the lock goes, for it may be somebody else's afterwards
        file.close()


@contextmanager
def claimed(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Has a folder for as long as a ``with`` block lasts, see `claim_folder`.

    Args:
        folder: it is made where it is missing, and removed again if nothing was written into it.

    Raises:
        InputError: as `claim_folder`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with claimed(folder):
        ...         os.listdir(folder)
        ...     os.listdir(folder)
        ['.in_use']
        []
    """
    missing = not os.path.exists(folder)
    claim_folder(folder)
    try:
        yield
    finally:
        release_folder(folder)
        if missing:
            with suppress(OSError):
                os.rmdir(folder)


def claim_while_running(engine: Engine, folder: str | os.PathLike[str]) -> None:
    """Claims a folder from the start of an engine's run until its end, good or bad."""

    def claim() -> None:
        with done_by_all():
            done_by_first(lambda: claim_folder(folder))

    def release() -> None:
        release_folder(folder)

    engine.add_event_handler(Events.STARTED, claim)
    engine.add_event_handler(Events.COMPLETED, release)
    after_failure(engine, release)
