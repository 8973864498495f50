"""LIDC-IDRI's XML of chest CT: the reading sessions of up to four radiologists, nodules as contours.

A contour runs along the pixels just outside of a nodule (`Armato et al. 2011 <https://doi.org/10.1118/1.3528204>`_,
`McNitt-Gray et al. 2007 <https://doi.org/10.1016/j.acra.2007.07.021>`_), so that pixels on it do not belong to the
nodule; pixels on the contour of an excluded part do not either. That is also how `pylidc
<https://github.com/notmatthancock/pylidc>`_ fills them. Coordinates are indices of columns and rows from 0.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from common.errors import InputError
from common.formats.contours import fill_contours
from common.formats.dicom_series import Series
from common.formats.segments import Segments
from common.formats.volume_cases import case_of, series_of
from common.formats.xml_file import read_xml

__all__ = ["NODULE", "group_nodules", "read", "recognize"]

ROOT = "LidcReadMessage"
NODULE = "nodule"
KINDS = (NODULE, "small nodule", "non-nodule")
SAME_SLICE = 0.1  # of the distance of slices


def recognize(path: str | os.PathLike[str]) -> bool:
    """Whether a file is XML of LIDC-IDRI's readings of CT.

    Args:
        path: of the file.

    Returns:
        True by the name of its root.
    """
    if Path(path).suffix.lower() != ".xml":
        return False
    with Path(path).open("rb") as file:
        return f"<{ROOT}".encode() in file.read(4096)


def read(
    path: str | os.PathLike[str], images: Mapping[str, str | os.PathLike[str]], annotator: str = "creator"
) -> Iterator[Segments]:
    """What the radiologists of a file drew on its series, after they had seen each other's blinded readings.

    The annotators are ``annotator1``, ``annotator2``, … in the order of the file. The files name nobody: the first of
    one scan need not be the first of another. Nodules of 3 mm and more are the class ``nodule``. Nodules below 3 mm and
    non-nodules are points in the file; they are rows of the table, and not labeled. So is a nodule whose contours
    surround no pixel.

    Args:
        path: of the XML.
        images: case → the folder of its DICOM series.
        annotator: of no effect, see above.

    Yields:
        The segments of each reading session. ``rows`` has a row for each nodule and point: ``case``, ``annotator``,
        ``kind`` (nodule, small nodule, non-nodule), ``name`` (its id in the file), ``group`` (a number that nodules
        share which overlap, see `group_nodules`; empty for points), ``voxels`` and ``x, y, z``, the center in voxels.

    Raises:
        InputError: the file cannot be read or is not of this format, or no image fits; after the others, what of a
            reading cannot be read, so that it is left out as a whole.
    """
    root = read_xml(path)
    if _tag(root) != ROOT:
        raise InputError(f"{path}: expected {ROOT}, LIDC's readings of CT, got {_tag(root)}.")
    uid = _text(root, "ResponseHeader/SeriesInstanceUid")
    case = case_of(path, images, uid)
    if not Path(images[case]).is_dir():
        raise InputError(
            f"{path}: expected the folder of the DICOM series {uid}, in whose pixels LIDC's contours are, got "
            f"{images[case]}."
        )
    series = series_of(images[case], uid)
    sessions = [child for child in root if _tag(child) == "readingSession"]
    if not sessions:
        raise InputError(f"{path}: expected reading sessions, got none.")
    readings: dict[str, list[_Finding]] = {}
    problems: list[str] = []
    for number, session in enumerate(sessions, 1):
        name = f"annotator{number}"
        try:
            readings[name] = _findings(session, series)
        except InputError as error:
            problems.append(f"{path}, {case}, {name}: {error}")
    nodules = [(name, found) for name, several in readings.items() for found in several if found.voxels.size]
    groups = group_nodules([found.voxels for _, found in nodules])
    numbers = {id(found): group for (_, found), group in zip(nodules, groups, strict=True)}
    for name, several in readings.items():
        mask = np.zeros(series.shape, bool)
        for found in several:
            mask.ravel()[found.voxels] = True
        rows = tuple(_row(case, name, found, numbers.get(id(found))) for found in several)
        yield Segments(case, name, {NODULE: mask}, rows=rows)
    if problems:
        raise InputError("; ".join(problems))


@dataclass(frozen=True)
class _Finding:
    """A nodule or a point of one reading."""

    kind: str
    name: str
    voxels: np.ndarray  # flat indices in the series
    place: tuple[float, float, float]


def group_nodules(nodules: Sequence[np.ndarray]) -> list[int]:
    """Which nodules of several annotators are one, because they share a voxel, directly or through others.

    Args:
        nodules: flat indices of the voxels of each.

    Returns:
        A number from 1 for each; equal numbers are one nodule.

    Example:
        >>> group_nodules([np.array([1, 2]), np.array([7]), np.array([2, 3]), np.array([3, 4])])
        [1, 2, 1, 1]
    """
    group = list(range(len(nodules)))
    for first, second in combinations(range(len(nodules)), 2):
        if group[first] != group[second] and np.intersect1d(nodules[first], nodules[second]).size:
            old, new = max(group[first], group[second]), min(group[first], group[second])
            group = [new if number == old else number for number in group]
    numbers = {value: index for index, value in enumerate(dict.fromkeys(group), 1)}
    return [numbers[value] for value in group]


def _findings(session: ElementTree.Element, series: Series) -> list[_Finding]:
    found = []
    for mark in session:
        if _tag(mark) == "unblindedReadNodule":
            found.append(_nodule(mark, series))
        elif _tag(mark) == "nonNodule":
            place = (*_points(mark, "locus")[0], _slice(mark, series))
            found.append(_Finding(KINDS[2], _text(mark, "nonNoduleID"), np.array([], int), place))
    return found


def _nodule(mark: ElementTree.Element, series: Series) -> _Finding:
    name = _text(mark, "noduleID")
    regions = [child for child in mark if _tag(child) == "roi"]
    if not regions:
        raise InputError(f"nodule {name}: expected regions (roi), got none.")
    contours = [(_slice(one, series), _points(one, "edgeMap"), _is_included(name, one)) for one in regions]
    if len(contours) == 1 and len(contours[0][1]) == 1:  # how a nodule below 3 mm is marked
        (place, points, _) = contours[0]
        return _Finding(KINDS[1], name, np.array([], int), (*points[0], place))
    planes: dict[int, np.ndarray] = {}
    for wanted in (True, False):
        for place, points, included in contours:
            if included != wanted:
                continue
            corners = np.array(points, float)
            if (corners.max(0) >= series.shape[:2]).any():
                raise InputError(f"nodule {name}: expected a contour within {series.shape[:2]} pixels, got one beyond.")
            plane = planes.setdefault(place, np.zeros(series.shape[:2], bool))
            if included:
                plane |= fill_contours([corners], series.shape[:2], border=False)
            else:
                plane &= ~fill_contours([corners], series.shape[:2])
    mask = np.zeros(series.shape, bool)
    for place, plane in planes.items():
        mask[:, :, place] = plane
    voxels = np.flatnonzero(mask)
    drawn = np.concatenate([np.c_[points, np.full(len(points), place)] for place, points, _ in contours])
    center = np.mean(np.unravel_index(voxels, series.shape), axis=1) if voxels.size else drawn.mean(0)
    return _Finding(NODULE, name, voxels, tuple(center.tolist()))


def _slice(mark: ElementTree.Element, series: Series) -> int:
    """Of a region or point, by its image; where the series does not have that, by its z."""
    uid, text = _text(mark, "imageSOP_UID"), _text(mark, "imageZposition")
    try:
        z = float(text) if text else None
    except ValueError as error:
        raise InputError(f"expected imageZposition in mm, got {text!r}.") from error
    places = series.affine[2, 2] * np.arange(series.shape[2]) + series.affine[2, 3]
    near = abs(series.affine[2, 2]) * SAME_SLICE
    if uid in series.instances and not series.frames:  # else one UID for all slices
        index = series.instances.index(uid)
        if z is not None and abs(places[index] - z) > near:
            raise InputError(f"expected the image {uid} at z = {z:g} mm, got {places[index]:g} mm in its series.")
        return index
    index = int(np.argmin(np.abs(places - z))) if z is not None else -1
    if z is None or abs(places[index] - z) > near:
        raise InputError(f"expected the image {uid} or a slice at z = {text or 'nothing'} mm in the series, got none.")
    return index


def _is_included(name: str, region: ElementTree.Element) -> bool:
    text = _text(region, "inclusion").upper()
    if text not in ("TRUE", "FALSE"):
        raise InputError(f"nodule {name}: expected an inclusion of TRUE or FALSE, got {text or 'nothing'}.")
    return text == "TRUE"


def _points(mark: ElementTree.Element, kind: str) -> list[tuple[int, int]]:
    texts = [(_text(one, "xCoord"), _text(one, "yCoord")) for one in mark if _tag(one) == kind]
    if not texts or not all(text.isdigit() for pair in texts for text in pair):
        odd = next((pair for pair in texts if not all(text.isdigit() for text in pair)), "none")
        raise InputError(f"expected points ({kind}) of whole numbers from 0, got {odd}.")
    return [(int(x), int(y)) for x, y in texts]


def _row(case: str, annotator: str, found: _Finding, group: int | None) -> dict[str, Any]:
    x, y, z = (round(value, 2) for value in found.place)
    row = {"case": case, "annotator": annotator, "kind": found.kind, "name": found.name, "group": group or ""}
    return row | {"voxels": int(found.voxels.size), "x": x, "y": y, "z": z}


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(element: ElementTree.Element, path: str) -> str:
    """Of the element at a path of tags, whatever their name space; empty if there is none."""
    for name in path.split("/"):
        element = next((child for child in element if _tag(child) == name), ElementTree.Element(""))
    return (element.text or "").strip()
