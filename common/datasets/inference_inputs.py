"""Whatever a user wants segmented, as a list of images that have all been read once."""

from __future__ import annotations

import json
import logging
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from common.errors import InputError
from common.io.checks import geometry_finding
from common.io.formats import IMAGE_SUFFIXES, NIFTI_SUFFIXES, is_picture, suffix_of
from common.io.readers import load_images

SUFFIXES = IMAGE_SUFFIXES
FORMATS = ", ".join(SUFFIXES)

logger = logging.getLogger(__name__)


class InferenceInputs:
    """The images that one run of inference segments.

    Every file is read in full before anything is segmented. Images that cannot be used are logged as warnings at once
    and left out; `raise_failures` names them when the others are done.

    Args:
        source: an image; a folder, searched with its subfolders for PNG, JPEG and NIfTI files (hidden ones left out); a
            datalist ``.json``, which holds a list or a dictionary with the list under ``"testing"``; or a list. The
            entries of a list are paths or ``{"image": path, "case": name}``, the name being optional; paths in a file
            are relative to its folder. Of an image that has a NIfTI file for each channel ``"image"`` is the list.
        channels: that the network expects, at least 1. Pictures are converted to 1 or 3, volumes must have as many.
        dimensions: that images may have: 2, 3 or either.
        channel_files: what ends the names of an image's files, one for each channel, before ``.nii`` or ``.nii.gz``,
            such as ``["_flair", "_t1"]``: in a folder, files that share what is before it are one image, and others are
            ignored. None: every file is an image.

    Attributes:
        items: ``{"image": path, "case": name}`` for each usable image, with a list of paths where there are several. A
            name that is not given is the path below the folder (of a list: below the folder that all its files share)
            of the first file without suffix, or of what an image's files share; names are unique in the run.
        failures: (path, reason) for each other image; the path is that of the file at fault, or of all
            where their number of channels is.

    Raises:
        InputError: an argument cannot be understood; the source names no image or only some that cannot be used.

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
        channel_files: Sequence[str] | None = None,
    ) -> None:
        self.items: list[dict[str, Any]] = []
        self.failures: list[tuple[str, str]] = []
        load = load_images("image", channels, check=False)
        first: dict[str, Path] = {}
        for case, files in _find(source, channel_files):
            fault = _find_fault(files, load, channels, dimensions)
            if case in first:
                fault = str(files[0]), f"its result would take the name of the result of {first[case]}"
            if fault:
                self.failures.append(fault)
                logger.warning("%s is left out: %s.", *fault)
            else:
                first[case] = files[0]
                paths = [str(file) for file in files]
                self.items.append({"image": paths if len(paths) > 1 else paths[0], "case": case})
        if not self.items:
            self.raise_failures()

    def __len__(self) -> int:
        return len(self.items)

    def raise_failures(self) -> None:
        """Does nothing if every image was usable.

        Raises:
            InputError: names every image that was left out, with the reason.
        """
        if self.failures:
            total = len(self.items) + len(self.failures)
            reasons = "; ".join(f"{path}: {reason}" for path, reason in self.failures)
            raise InputError(f"{len(self.failures)} of {total} inputs were left out: {reasons}.")


def _find(source: Any, channel_files: Sequence[str] | None) -> list[tuple[str, list[Path]]]:
    """Name and files, absolute, of each image that ``source`` names."""
    if isinstance(channel_files, str):
        raise InputError(f"channel_files: expected a list of what ends the names of files, got {channel_files!r}.")
    if isinstance(source, str | os.PathLike):
        path = Path(source).expanduser().absolute()
        if path.is_dir():
            return _find_in_folder(path, channel_files or [])
        if not path.is_file():
            raise InputError(
                f"{path} does not exist: name an image ({FORMATS}), a folder of images or a datalist .json."
            )
        if path.suffix.lower() != ".json":
            return [(_without_suffix(path.name), [path])]
        entries = _entries(_read_json(path), str(path), path.parent)
    elif isinstance(source, Sequence):
        entries = _entries(source, "source", Path.cwd())
    else:
        raise InputError(f"source must be a path or a list of paths, got {type(source).__name__}.")
    if not entries:
        raise InputError(f"The datalist {source} names no image.")
    root = os.path.commonpath([file.parent for _, files in entries for file in files])
    return [(case or _without_suffix(files[0].relative_to(root).as_posix()), files) for case, files in entries]


def _find_in_folder(folder: Path, channel_files: Sequence[str]) -> list[tuple[str, list[Path]]]:
    found = [file for file in sorted(folder.rglob("*")) if _is_wanted(file.relative_to(folder)) and file.is_file()]
    found = [file for file in found if file.suffix.lower() != ".hdr" or file.with_suffix(".img") not in found]
    if channel_files:
        images, formats = _join_channels(found, channel_files), ", ".join(f"*{end}.nii.gz" for end in channel_files)
    else:
        images, formats = [(_without_suffix(str(file)), [file]) for file in found], FORMATS
    if not images:
        raise InputError(f"The folder {folder} holds no image to segment ({formats}).")
    named = [(Path(name).relative_to(folder), files) for name, files in images]
    return [(name.as_posix() if name.parts else folder.name, files) for name, files in named]


def _join_channels(files: Sequence[Path], channel_files: Sequence[str]) -> list[tuple[str, list[Path]]]:
    """What the paths of an image's files share, and the files in the order of the channels, missing ones too."""
    images: dict[str, dict[str, Path]] = defaultdict(dict)
    for file in files:
        name = _without_suffix(str(file))
        end = max((end for end in channel_files if name.endswith(end)), key=len, default=None)
        if end is not None and file.name.lower().endswith(NIFTI_SUFFIXES):
            images[name.removesuffix(end)][end] = file
    return [
        (name, [found.get(end, Path(f"{name}{end}.nii.gz")) for end in channel_files]) for name, found in images.items()
    ]


def _is_wanted(relative: Path) -> bool:
    return bool(suffix_of(relative)) and not any(part.startswith(".") for part in relative.parts)


def _read_json(path: Path) -> Any:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a JSON datalist: {error}.") from error
    return content.get("testing") if isinstance(content, dict) else content


def _entries(datalist: Any, name: str, folder: Path) -> list[tuple[str | None, list[Path]]]:
    """The name that an entry gives, if it does, and its files."""
    if not isinstance(datalist, Sequence) or isinstance(datalist, str):
        raise InputError(f'{name} must hold a list of images, or a dictionary with that list under "testing".')
    entries = []
    for number, entry in enumerate(datalist):
        item = entry if isinstance(entry, dict) else {"image": entry}
        image, case = item.get("image"), item.get("case")
        files: Sequence[Any] = image if isinstance(image, list | tuple) else [image]
        if not files or not all(isinstance(file, str | os.PathLike) for file in files):
            raise InputError(f'Entry {number} of {name} must be a path or {{"image": path}}, got {entry!r}.')
        if case is not None and not (isinstance(case, str) and _is_below_a_folder(case)):
            raise InputError(
                f"Entry {number} of {name}: expected a file name without suffix as its case, got {case!r}."
            )
        entries.append((case, [Path(os.path.normpath(folder / os.path.expanduser(file))) for file in files]))
    return entries


def _is_below_a_folder(name: str) -> bool:
    parts = Path(name).parts
    return bool(parts) and ".." not in parts and not Path(name).is_absolute()


def _without_suffix(name: str) -> str:
    return name[: len(name) - len(suffix_of(name))]


def _find_fault(files: Sequence[Path], load: Any, channels: int, expected: Sequence[int]) -> tuple[str, str] | None:
    """The file because of which an image cannot be segmented, and why; None if it can."""
    images: list[torch.Tensor] = []
    for file in files:
        try:
            images.append(_read(file, SUFFIXES if len(files) == 1 else NIFTI_SUFFIXES, load, expected))
        except InputError as error:
            return str(file), str(error)
        finding = geometry_finding(images[0], images[-1])
        if finding and finding.unusable:
            return str(file), finding.message
    found = sum(len(image) for image in images)
    if found == channels:
        return None
    got = f"{'it has' if len(files) == 1 else 'together they have'} {found} channels or time points"
    if is_picture(files[0]):
        got = "a picture has 1 channel or 3"
    return ", ".join(map(str, files)), f"{got}, where the network expects {channels}"


def _read(path: Path, suffixes: tuple[str, ...], load: Any, expected: Sequence[int]) -> torch.Tensor:
    """The image of a file; an `InputError` says why it cannot be segmented."""
    if not path.name.lower().endswith(suffixes):
        raise InputError(f"one of {', '.join(suffixes)} was expected")
    if not path.is_file():
        raise InputError("there is no such file")
    try:
        image = load({"image": str(path)})["image"]
    except Exception as error:  # decoders of damaged files raise whatever they meet
        cause = str(error.__cause__ or error) or type(error).__name__
        raise InputError(f"it cannot be read ({' '.join(cause.split())})") from error
    dimensions = image.ndim - 1
    if dimensions not in expected:
        raise InputError(f"it has {dimensions} dimensions, where {' or '.join(map(str, expected))} were expected")
    if not torch.isfinite(image).all():
        raise InputError("it has values that are not finite")
    if torch.linalg.matrix_rank(image.affine) < 4:
        raise InputError("its affine cannot be inverted")
    return image
