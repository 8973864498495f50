"""Whatever a user wants segmented, as a list of images that have all been read once."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from common.data.readers import NIFTI_SUFFIXES, PICTURE_SUFFIXES, load_images
from common.errors import InputError

SUFFIXES = PICTURE_SUFFIXES + NIFTI_SUFFIXES
FORMATS = ", ".join(SUFFIXES)

logger = logging.getLogger(__name__)


class InferenceInputs:
    """The images that one run of inference segments.

    Every file is read in full before anything is segmented. Those that cannot be used are logged as warnings at once
    and left out; `raise_failures` names them when the others are done.

    Args:
        source: an image; a folder, searched with its subfolders for PNG, JPEG and NIfTI files (hidden ones left out); a
            datalist ``.json``, which holds a list or a dictionary with the list under ``"testing"``; or a list. The
            entries of a list are paths or ``{"image": path}``; those of a file are relative to its folder.
        channels: that the network expects, 1 or 3. Pictures are converted, volumes must have as many.
        dimensions: that images may have: 2, 3 or either.

    Attributes:
        items: ``{"image": path, "case": name}`` for each usable file. The name is the path below the folder (of a list:
            below the folder that all its files share) without suffix, unique in the run.
        failures: (path, reason) for each other file.

    Raises:
        InputError: the source cannot be understood, names no file or only files that cannot be used.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("L", (8, 8)).save(f"{folder}/scan.png")
        ...     [item["case"] for item in InferenceInputs(folder).items]
        ['scan']
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | Sequence[str | os.PathLike[str] | dict[str, Any]],
        channels: int = 1,
        dimensions: Sequence[int] = (2, 3),
    ) -> None:
        paths, root = _find(source)
        self.items: list[dict[str, str]] = []
        self.failures: list[tuple[str, str]] = []
        load = load_images("image", channels, check=False)
        first: dict[str, Path] = {}
        for path in paths:
            case = _without_suffix(path.relative_to(root).as_posix())
            if case in first:
                reason = f"its result would take the name of the result of {first[case]}"
            else:
                reason = _find_fault(path, load, channels, dimensions)
            if reason:
                self.failures.append((str(path), reason))
                logger.warning("%s is left out: %s.", path, reason)
            else:
                first[case] = path
                self.items.append({"image": str(path), "case": case})
        if not self.items:
            self.raise_failures()

    def __len__(self) -> int:
        return len(self.items)

    def raise_failures(self) -> None:
        """Does nothing if every file was usable.

        Raises:
            InputError: names every file that was left out, with the reason.
        """
        if self.failures:
            total = len(self.items) + len(self.failures)
            reasons = "; ".join(f"{path}: {reason}" for path, reason in self.failures)
            raise InputError(f"{len(self.failures)} of {total} inputs were left out: {reasons}.")


def _find(source: Any) -> tuple[list[Path], Path]:
    """The files that ``source`` names, absolute, and the folder that their names start from."""
    if isinstance(source, str | os.PathLike):
        path = Path(source).expanduser().absolute()
        if path.is_dir():
            found = [file for file in sorted(path.rglob("*")) if _is_wanted(file.relative_to(path)) and file.is_file()]
            if not found:
                raise InputError(f"The folder {path} holds no image to segment ({FORMATS}).")
            return found, path
        if not path.is_file():
            raise InputError(
                f"{path} does not exist: name an image ({FORMATS}), a folder of images or a datalist .json."
            )
        if path.suffix.lower() != ".json":
            return [path], path.parent
        found = [path.parent / entry for entry in _entries(_read_json(path), str(path))]
    elif isinstance(source, Sequence):
        found = [Path(entry).expanduser().absolute() for entry in _entries(source, "source")]
    else:
        raise InputError(f"source must be a path or a list of paths, got {type(source).__name__}.")
    if not found:
        raise InputError(f"The datalist {source} names no image.")
    found = [Path(os.path.normpath(file)) for file in found]
    return found, Path(os.path.commonpath([file.parent for file in found]))


def _is_wanted(relative: Path) -> bool:
    return relative.name.lower().endswith(SUFFIXES) and not any(part.startswith(".") for part in relative.parts)


def _read_json(path: Path) -> Any:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a JSON datalist: {error}.") from error
    return content.get("testing") if isinstance(content, dict) else content


def _entries(datalist: Any, name: str) -> Iterator[str]:
    if not isinstance(datalist, Sequence) or isinstance(datalist, str):
        raise InputError(f'{name} must hold a list of images, or a dictionary with that list under "testing".')
    for number, entry in enumerate(datalist):
        image = entry.get("image") if isinstance(entry, dict) else entry
        if not isinstance(image, str | os.PathLike):
            raise InputError(f'Entry {number} of {name} must be a path or {{"image": path}}, got {entry!r}.')
        yield os.fspath(image)


def _without_suffix(name: str) -> str:
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def _find_fault(path: Path, load: Any, channels: int, expected: Sequence[int]) -> str:
    """Why the file cannot be segmented, or an empty text."""
    if not path.name.lower().endswith(SUFFIXES):
        return f"one of {FORMATS} was expected"
    if not path.is_file():
        return "there is no such file"
    try:
        image = load({"image": str(path)})["image"]
    except Exception as error:  # decoders of damaged files raise whatever they meet
        cause = str(error.__cause__ or error) or type(error).__name__
        return f"it cannot be read ({' '.join(cause.split())})"
    dimensions = image.ndim - 1
    if image.shape[0] != channels:
        return f"it has {image.shape[0]} channels or time points, where the network expects {channels}"
    if dimensions not in expected:
        return f"it has {dimensions} dimensions, where {' or '.join(map(str, expected))} were expected"
    if not torch.isfinite(image).all():
        return "it has values that are not finite"
    if torch.linalg.matrix_rank(image.affine) < 4:
        return "its affine cannot be inverted"
    return ""
