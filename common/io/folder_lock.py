"""One run at a time writes into a folder."""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from common.errors import InputError
from common.io.files import writing

try:
    import fcntl
except ImportError:  # Windows: nobody is kept out
    fcntl = None  # type: ignore[assignment]

__all__ = ["lock_folder", "locked_folder", "unlock_folder"]

LOCK_FILE = ".in_use"

logger = logging.getLogger(__name__)

_locks: dict[Path, IO[str]] = {}


def lock_folder(folder: str | os.PathLike[str]) -> bool:
    """Keeps other processes from locking a folder until `unlock_folder`, or until this process ends in any way.

    It is a lock on the file ``.in_use``, which names the process. Locking again what this process has changes nothing.

    Args:
        folder: it is made where it is missing.

    Returns:
        Whether this call has locked it; False also where folders cannot be locked.

    Raises:
        InputError: another process has it, which is named; or the folder cannot be written to.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     lock_folder(folder), lock_folder(folder), os.listdir(folder)
        ...     unlock_folder(folder), os.listdir(folder)
        (True, False, ['.in_use'])
        (None, [])
    """
    path = Path(folder).resolve() / LOCK_FILE
    if fcntl is None or path in _locks:
        return False
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
            return False
        if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
            break
        file.close()  # the one before has removed it in between
    file.truncate(0)
    file.write(f"process {os.getpid()} on {platform.node()}\n")
    file.flush()
    _locks[path] = file
    return True


def unlock_folder(folder: str | os.PathLike[str]) -> None:
    """Gives a folder back, if this process has locked it."""
    path = Path(folder).resolve() / LOCK_FILE
    if file := _locks.pop(path, None):
        with suppress(OSError):
            path.unlink()  # before the lock goes, for it may be somebody else's afterwards
        file.close()


@contextmanager
def locked_folder(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Has a folder for as long as a ``with`` block lasts, see `lock_folder`.

    Args:
        folder: it is made where it is missing, and removed again (but not the folders above it) if nothing was written
            into it.

    Raises:
        InputError: as `lock_folder`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with locked_folder(folder):
        ...         os.listdir(folder)
        ...     os.listdir(folder)
        ['.in_use']
        []
    """
    missing = not os.path.exists(folder)
    locked = lock_folder(folder)
    try:
        yield
    finally:
        if locked:
            unlock_folder(folder)
        if missing:
            with suppress(OSError):
                os.rmdir(folder)
