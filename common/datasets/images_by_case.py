"""The image of each case in a folder of files and DICOM series that is named beside the labels."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from common.datasets.listing import is_image_name, split_suffix
from common.errors import InputError
from common.formats.dicom_series import recognize as is_series
from common.io.formats import is_picture

__all__ = ["images_by_case", "images_of"]

FIRST_CHANNEL = "_0000"  # as nnU-Net names it


def images_by_case(folder: Path) -> dict[str, Path]:
    """The images that were annotated, by case: pictures and volumes in a folder, and folders of DICOM series.

    Args:
        folder: with the files. A picture ``b`` in a sub-folder ``a`` is the case ``a_b``; a sub-folder with files of
            another kind is one image. DICOM series may lie deeper: the only one below a sub-folder has its name, of
            several each has its own folder's name behind that.

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
        if path.name.startswith(".") or (path.is_file() and not is_image_name(path.name)):
            continue
        named = {split_suffix(path.name)[0]: path} if path.is_file() else _folders(path)
        for case, image in named.items():
            if case in found:
                raise InputError(f"{folder}: expected a name for each image, got {found[case].name} and {image.name}.")
            found[case] = image
    if not found:
        raise InputError(f"{folder}: expected pictures, volumes or folders of DICOM series, found none.")
    return found


def _folders(path: Path) -> dict[str, Path]:
    """The images that a sub-folder holds, by case: its pictures, itself, or the DICOM series below it."""
    files = [part for part in sorted(path.iterdir()) if part.is_file() and not part.name.startswith(".")]
    if files:
        pictures = [part for part in files if is_image_name(part.name) and is_picture(part)]
        named = {f"{path.name}_{split_suffix(part.name)[0]}": part for part in pictures}
        if len(named) < len(pictures):
            raise InputError(f"{path}: expected a name for each image, got {len(named)} for {len(pictures)} images.")
        return named if named and not is_series(path) else {path.name: path}
    below = sorted(Path(place) for place, _, files in os.walk(path) if files and is_series(place))
    return {path.name if len(below) == 1 else f"{path.name}_{place.name}": place for place in below}


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
