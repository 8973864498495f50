"""The image of each case in a folder of files and DICOM series that is named beside the labels."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from common.datasets.listing import is_image_name, split_suffix
from common.errors import InputError
from common.formats.dicom_files import DICOM_SUFFIXES, is_dicom_picture
from common.formats.dicom_series import find_series
from common.formats.dicom_series import recognize as is_series
from common.io.formats import is_picture

__all__ = ["images_by_case", "images_of"]

FIRST_CHANNEL = "_0000"  # as nnU-Net names it


def images_by_case(folder: Path, dicom_pictures: bool = False) -> dict[str, Path]:
    """The images that were annotated, by case: pictures and volumes in a folder, and folders of DICOM series.

    Args:
        folder: with the files. A picture ``b`` in a sub-folder ``a`` is the case ``a_b``; a sub-folder with files of
            another kind is one image. DICOM series may lie deeper: the only one below a sub-folder has its name, of
            several each has, behind that, the names of the folders in which they part: of patients, studies, series.
        dicom_pictures: files of DICOM that are radiographs or other pictures count, too, as pictures do; one that is
            alone in a folder has the folder's name.

    Returns:
        Case, the name without its ending → path. Files of other kinds do not count.

    Raises:
        InputError: there is none, or two of one name.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("a.png", "b.nii.gz", "notes.txt"):
        ...         Path(folder, name).touch()
        ...     {case: path.name for case, path in images_by_case(Path(folder)).items()}
        {'a': 'a.png', 'b': 'b.nii.gz'}
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith(".") or (path.is_file() and not _is_image(path, dicom_pictures)):
            continue
        named = {_stem(path): path} if path.is_file() else _folders(path, dicom_pictures)
        for case, image in named.items():
            if case in found:
                raise InputError(f"{folder}: expected a name for each image, got {found[case].name} and {image.name}.")
            found[case] = image
    if not found:
        raise InputError(f"{folder}: expected pictures, volumes or folders of DICOM series, found none.")
    return found


def _is_image(path: Path, dicom_pictures: bool) -> bool:
    return is_image_name(path.name) or (dicom_pictures and is_dicom_picture(path))


def _stem(path: Path) -> str:
    """A file's name without its ending; a name of a DICOM file may be a UID, such as ``1.2.840.5``."""
    if is_image_name(path.name):
        return split_suffix(path.name)[0]
    return path.stem if path.suffix.lower() in DICOM_SUFFIXES else path.name


def _folders(path: Path, dicom_pictures: bool) -> dict[str, Path]:
    """The images that a sub-folder holds, by case: its pictures, itself, or the DICOM series below it."""
    if any(part.is_file() and not part.name.startswith(".") for part in path.iterdir()):
        return _in_folder(path, path.name, dicom_pictures)
    below = sorted(Path(place) for place, _, files in os.walk(path) if files and is_series(place))
    branches = _by_branches(path, below)
    _check_names(path, len(branches), len(below))
    found = [_in_folder(place, case, dicom_pictures) for case, place in branches.items()]
    named = {case: image for images in found for case, image in images.items()}
    _check_names(path, len(named), sum(map(len, found)))
    return named


def _in_folder(place: Path, case: str, dicom_pictures: bool) -> dict[str, Path]:
    """A folder of files as one image, or each picture in it; one of DICOM that is alone has the case's name."""
    files = [part for part in sorted(place.iterdir()) if part.is_file() and not part.name.startswith(".")]
    if not is_series(place):
        pictures = [part for part in files if is_image_name(part.name) and is_picture(part)]
    else:
        slices = [path for paths in find_series(place).values() for path in paths] if dicom_pictures else []
        pictures = slices if all(map(is_dicom_picture, slices)) else []
        if len(pictures) == 1:
            return {case: pictures[0]}
    named = {f"{case}_{_stem(part)}": part for part in pictures}
    _check_names(place, len(named), len(pictures))
    return named or {case: place}


def _by_branches(top: Path, below: Sequence[Path]) -> dict[str, Path]:
    """Folders by the name of the one above all of them and, of those between, the names where they part."""
    ways = {place: (*place.relative_to(top).parts, "") for place in below}  # "" is the end of a way
    next_parts: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for parts in ways.values():
        for depth, part in enumerate(parts):
            next_parts[parts[:depth]].add(part)
    return {
        "_".join([top.name, *(part for k, part in enumerate(parts) if part and len(next_parts[parts[:k]]) > 1)]): place
        for place, parts in ways.items()
    }


def _check_names(path: Path, names: int, images: int) -> None:
    if names < images:
        raise InputError(f"{path}: expected a name for each image, got {names} for {images} images.")


def images_of(folder: Path, cases: Iterable[str]) -> dict[str, Path]:
    """The image of each case that has one, ``CASE`` or ``CASE_0000`` as nnU-Net names it.

    Args:
        folder: see `images_by_case`; the images of cases ``a/b`` lie in its sub-folder ``a``.
        cases: names.

    Returns:
        Path by case, of a DICOM series its folder.

    Raises:
        InputError: there is no such folder, or no image in it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("a_0000.png", "b.png"):
        ...         Path(folder, name).touch()
        ...     {case: path.name for case, path in images_of(Path(folder), ["a", "c"]).items()}
        {'a': 'a_0000.png'}
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: expected one that holds images.")
    found: dict[str, Path] = {}
    listed: dict[Path, dict[str, Path]] = {}
    for case in cases:
        place = (folder / case).parent
        if place not in listed:
            listed[place] = images_by_case(place) if place == folder or place.is_dir() else {}
        name = Path(case).name
        if image := listed[place].get(name) or listed[place].get(name + FIRST_CHANNEL):
            found[case] = image
    return found
