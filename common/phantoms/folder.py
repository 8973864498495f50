"""Folders of generated data: written once, whole, and never over something else."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import ignite.distributed as idist

from common.errors import InputError
from common.io.files import writing

MARKER = "phantom.json"


def write_phantom_once(
    folder: str | os.PathLike[str], parameters: Mapping[str, int], write: Callable[[Path], None]
) -> str:
    """Calls ``write`` on a temporary sibling of ``folder`` and renames it; a phantom of these parameters is left alone.

    Several processes may call this at the same time; the first to finish wins. Those of one training let its first one
    write.

    Args:
        folder: to write; its parents are made.
        parameters: what the phantom depends on, kept in its ``phantom.json``.
        write: fills the empty folder that it is given.

    Returns:
        The folder's absolute path.

    Raises:
        InputError: the folder holds something else, or a phantom of other parameters, or it cannot be written.
    """
    target = Path(folder).expanduser().absolute()
    with idist.one_rank_first(), writing(target):
        if not _is_phantom(target, parameters):
            _write_whole(target, parameters, write)
    return str(target)


def _write_whole(target: Path, parameters: Mapping[str, int], write: Callable[[Path], None]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        write(partial)
        (partial / MARKER).write_text(json.dumps(dict(parameters)), encoding="utf-8")
        partial.chmod(0o755)
        try:
            partial.rename(target)
        except OSError:  # another process was faster
            if not _is_phantom(target, parameters):
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _is_phantom(folder: Path, parameters: Mapping[str, int]) -> bool:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    marker = folder / MARKER
    found = json.loads(marker.read_text(encoding="utf-8")) if marker.is_file() else None
    if found != dict(parameters):
        what = f"a phantom of {_listed(found)}" if found else "something else"
        raise InputError(
            f"{folder} holds {what}, where a phantom of {_listed(parameters)} was to be written: "
            "name another folder or delete this one."
        )
    return True


def _listed(parameters: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {value}" for name, value in parameters.items())
