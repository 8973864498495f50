"""Which image an annotator's file of a volume belongs to, and who the annotator is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from common.errors import InputError, counted
from common.formats.dicom_files import text_of
from common.formats.dicom_series import Series, find_series, read_series
from common.formats.grid import image_grid

__all__ = ["annotator_of", "case_of", "series_of"]

ANNOTATORS = ("creator", "description", "file", "folder")
SEPARATORS = "_-. "
ENDINGS = (".seg.nrrd", ".seg.nhdr", ".nii.gz")
Images = Mapping[str, str | os.PathLike[str]]


def case_of(path: str | os.PathLike[str], images: Images, uid: str = "") -> str:
    """The case that a file belongs to.

    Args:
        path: of the annotator's file.
        images: case → its image, a file or the folder of a DICOM series.
        uid: of the series that the file says it was drawn on; empty if it does not say.

    Returns:
        The case whose series has this UID; else the one whose name is that of the file, begins it (the rest is the
        annotator's), or is that of a folder above it. A case ``p1/ct`` is that of a file ``ct`` somewhere below a
        folder ``p1``. The longest name that fits is taken.

    Raises:
        InputError: there is none.

    Example:
        >>> [case_of(name, {"a": "a.nii", "a_1": "a_1.nii"}) for name in ("a_1_ann.seg.nrrd", "ann/a.dcm", "a/ann.dcm")]
        ['a_1', 'a', 'a']
    """
    if uid:
        for case, image in images.items():
            if Path(image).is_dir() and uid in _series_uids(str(image)):
                return case
    folders = Path(path).parent.parts
    fitting = [case for case in images if _begins(path, case) and _lies_in(case.split("/")[:-1], folders)]
    fitting = fitting or [case for case in images if _lies_in(case.split("/"), folders[-3:])]
    if not fitting:
        drawn = f"is of its series {uid} or " if uid else "is "
        example = f", such as {next(iter(images))}" if images else ""
        found = f"none among {counted(len(images), 'image')}{example}"
        raise InputError(f"{path}: expected an image that {drawn}named like it, got {found}.")
    return max(fitting, key=len)


def series_of(image: str | os.PathLike[str], uid: str = "") -> Series:
    """The series that an image is, without its voxels; of a file that is not DICOM, its grid as a series.

    Args:
        image: file, or folder of a DICOM series.
        uid: series instance UID, for a folder of several series.

    Returns:
        The series; of a file without instances and UIDs, so frames are placed by position alone.

    Raises:
        InputError: the image cannot be read.
    """
    if Path(image).is_dir():
        return read_series(image, uid if uid in _series_uids(str(image)) else None, voxels=False)
    grid = image_grid(image)
    return Series(grid.shape, grid.affine, (), (Path(image),), "", "", "", "")


def annotator_of(path: str | os.PathLike[str], case: str, by: str = "creator", dataset: Any = None) -> str:
    """Who drew a file.

    Args:
        path: of the file.
        case: that it belongs to.
        by: ``creator`` (the person whom a DICOM file names, else its description, else as ``file``), ``description``
            (of the series or structure set), ``file`` (the rest of the name behind the case's, or all of it), or
            ``folder`` (that the file is in). A file named like its case alone is its folder's, except by ``file`` where
            it has none.
        dataset: of a DICOM file.

    Returns:
        The name.

    Raises:
        InputError: ``by`` is none of these, or the file has no such description.

    Example:
        >>> annotator_of("r1/case_1.seg.nrrd", "case_1"), annotator_of("case_1_r2.seg.nrrd", "case_1")
        ('r1', 'r2')
    """
    if by not in ANNOTATORS:
        raise InputError(f"expected an annotator by {', '.join(ANNOTATORS)}, got {by}.")
    persons = ("ContentCreatorName", "OperatorsName")
    described = text_of(dataset, "SeriesDescription", "StructureSetLabel") if dataset is not None else ""
    if by == "creator" and dataset is not None:
        described = " ".join(text_of(dataset, *persons).replace("^", " ").split()) or described
    if by in ("creator", "description") and described:
        return described
    if by == "description":
        raise InputError(f"{path}: expected a description (SeriesDescription, StructureSetLabel), got none.")
    *own, name = case.split("/")
    stem, folder = _stem(path), next((part for part in Path(path).parts[-2::-1] if part not in own), "")
    if by == "folder":
        return folder
    if stem == name:
        return folder or stem
    return stem[len(name) :].strip(SEPARATORS) if stem.startswith(name) else stem


def _begins(path: str | os.PathLike[str], case: str) -> bool:
    """Whether the last part of a case's name is that of a file, or begins it."""
    stem, name = _stem(path), case.rpartition("/")[2]
    return stem == name or (stem.startswith(name) and stem[len(name)] in SEPARATORS)


def _lies_in(wanted: Sequence[str], folders: Sequence[str]) -> bool:
    """Whether folders of a case, one in another, are among those of a path."""
    return any(list(folders[at : at + len(wanted)]) == list(wanted) for at in range(len(folders) + 1 - len(wanted)))


def _stem(path: str | os.PathLike[str]) -> str:
    """The name of a file without its ending."""
    name = Path(path).name
    ending = next((ending for ending in ENDINGS if name.lower().endswith(ending)), "")
    return name[: -len(ending)] if ending else Path(name).stem if Path(name).suffix.lower() == ".dcm" else name


@lru_cache(maxsize=4096)
def _series_uids(folder: str) -> frozenset[str]:
    return frozenset(find_series(folder))
