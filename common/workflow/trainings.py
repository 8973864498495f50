"""The folders of trained networks: of one, or of several that are averaged."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from common.errors import InputError
from common.io.files import read_json

__all__ = ["training_folders"]

WEIGHTS = "model.pt"
FINISHED = "finished.json"  # of `common.folds`

Places = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def training_folders(places: Places) -> list[Path]:
    """The folders, each with the weights and the plan of a training, that ``ckpt_dir`` names.

    Args:
        places: a folder; several, in a list or with commas between them; or the folder that ``python -m common.folds``
            has written, with ``fold_0``, ``fold_1``, … in it. A text with commas is several if it is no folder itself
            and one of its parts is.

    Returns:
        At least one folder. A single one need not exist.

    Raises:
        InputError: one is named twice, is missing, or is a fold that is not finished.

    Example:
        >>> [str(folder) for folder in training_folders("models")]
        ['models']
    """
    if isinstance(places, str | os.PathLike):
        text = os.fspath(places)
        listed = [name for part in text.strip("[]").split(",") if (name := part.strip(" '\""))]
        several = not os.path.exists(text) and (text.startswith("[") or any(map(os.path.isdir, listed)))
        named = [Path(name) for name in (listed if several else [text] if text else [])]
    else:
        named = [Path(str(name)) for name in places]
    if not named:
        raise InputError("ckpt_dir: expected the folder of a training, or several, got none.")
    found = [folder for name in named for folder in _folds(name)]
    if len(found) == 1:
        return found
    known: set[Path] = set()
    for folder in found:
        if not (folder / WEIGHTS).is_file():
            raise InputError(f"ckpt_dir: {folder / WEIGHTS} is missing; each of {len(found)} trainings must have one.")
        if folder.resolve() in known:
            raise InputError(f"ckpt_dir: {folder} is named twice; its network would count twice.")
        known.add(folder.resolve())
    return found


def _folds(folder: Path) -> list[Path]:
    """The folds in a folder that has no weights of its own, else the folder."""
    if (folder / WEIGHTS).is_file() or not folder.is_dir():
        return [folder]
    numbers = sorted(int(match[1]) for path in folder.iterdir() if (match := re.fullmatch(r"fold_(\d+)", path.name)))
    folds = [folder / f"fold_{number}" for number in numbers]
    done = [fold for fold in folds if (fold / FINISHED).is_file()]
    if done:
        asked = read_json(done[0] / FINISHED, ["num_folds"])["num_folds"]
        folds = [folder / f"fold_{number}" for number in range(asked)]
    if waiting := [fold for fold in folds if done and fold not in done]:
        raise InputError(f"ckpt_dir: {waiting[0]} is not finished; give the command of common.folds again.")
    return folds or [folder]
