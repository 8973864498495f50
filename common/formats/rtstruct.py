"""DICOM RTSTRUCT: contours in millimeters as masks on the grid of their series.

The rule is that of `fill_contours`: centers of voxels inside by even-odd, or on a contour. Read with pydicom after
`DICOM PS3.3 C.8.8.5 and C.8.8.6 <https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_C.8.8.6.html>`_.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from common.errors import InputError
from common.formats.contours import fill_contours, same_outline
from common.formats.dicom_files import is_dicom, read_dataset, sound_elements, text_of
from common.formats.dicom_series import Series
from common.formats.grid import OFF_GRID
from common.formats.segments import Segments
from common.formats.volume_cases import annotator_of, case_of, series_of

__all__ = ["read", "read_rtstruct", "recognize", "referenced_series"]

STORAGE = "1.2.840.10008.5.1.4.1.1.481.3"
RT_UTILS = "rt-utils"  # as of version 1.2.7
CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")


def recognize(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a DICOM RTSTRUCT.

    Args:
        path: of the file.

    Returns:
        True by its SOP class.
    """
    return is_dicom(path) and text_of(read_dataset(path, False, ["SOPClassUID"]), "SOPClassUID") == STORAGE


def referenced_series(dataset: Any) -> str:
    """Series instance UID of the images that a structure set was drawn on; empty if it does not say."""
    for frame in dataset.get("ReferencedFrameOfReferenceSequence") or ():
        for study in frame.get("RTReferencedStudySequence") or ():
            for series in study.get("RTReferencedSeriesSequence") or ():
                if uid := text_of(series, "SeriesInstanceUID"):
                    return uid
    return ""


def read_rtstruct(path: str | os.PathLike[str], series: Series) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """The structures of a file as masks on the grid of its series.

    A structure is left out as a whole, and named, if one of its contours lies between slices or across them, or is a
    point or an open line: what remained of it would be a wrong label. Of contours that reach beyond the image, the part
    inside is kept, which is said. A contour that a structure has twice counts once, unless its kind is the exclusive or
    (CLOSEDPLANAR_XOR).

    Args:
        path: of the RTSTRUCT.
        series: the images that it was drawn on.

    Returns:
        Structure name → bool (X, Y, Z), of structures without contours too; sentences on what was left out.

    Raises:
        InputError: the file is no RTSTRUCT, or damaged, or of rt-utils on pixels that are not square.
    """
    with sound_elements(path):
        return _read(path, read_dataset(path), series)


def _read(path: Any, dataset: Any, series: Series) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    if text_of(dataset, "SOPClassUID") != STORAGE:
        raise InputError(f"{path}: expected a DICOM RTSTRUCT, got {text_of(dataset, 'Modality') or 'another file'}.")
    across, down = np.linalg.norm(series.affine[:3, :2], axis=0)
    if text_of(dataset, "ManufacturerModelName") == RT_UTILS and not np.isclose(across, down, rtol=1e-3):
        raise InputError(
            f"{path}: expected contours of another program than rt-utils, which puts them at wrong millimeters where "
            f"pixels are not square, got {across:.4g} × {down:.4g} mm."
        )
    names, problems = _structure_names(path, dataset)
    contours: dict[int, list[Any]] = {number: [] for number in names}
    for item in dataset.get("ROIContourSequence") or ():
        number = int(item.ReferencedROINumber)
        if number not in names:
            problems.append(f"{path}: the contours of structure {number} are left out, since it has no name.")
            continue
        contours[number] += item.get("ContourSequence") or ()
    frame = series.frame_of_reference
    others = {
        int(item.ROINumber): text_of(item, "ReferencedFrameOfReferenceUID")
        for item in dataset.get("StructureSetROISequence") or ()
    }
    to_voxels = np.linalg.inv(series.affine) @ np.diag([-1.0, -1.0, 1.0, 1.0])
    masks: dict[str, np.ndarray] = {}
    left_out = set()
    for number, items in contours.items():
        name = names[number]
        if frame and others[number] and others[number] != frame:
            problems.append(f"{path}: {name} is left out, since it is in the coordinates of other images.")
            left_out.add(name)
            continue
        planes, problem = _planes(items, to_voxels)
        if planes is None:
            problems.append(f"{path}: {name} is left out, since {problem}.")
            left_out.add(name)
            continue
        mask, problem = _filled(planes, series.shape)
        if problem:
            problems.append(f"{path}: {name} {problem}.")
        masks[name] = masks[name] | mask if name in masks else mask
    for name in left_out & set(masks):  # of another structure of the same name: a part would be a wrong label
        del masks[name]
    return masks, tuple(problems)


def read(
    path: str | os.PathLike[str], images: Mapping[str, str | os.PathLike[str]], annotator: str = "creator"
) -> Iterator[Segments]:
    """What a file's annotator drew, on the image to which the file refers.

    Args:
        path: of the RTSTRUCT.
        images: case → its image: the folder of a DICOM series, or a file in its place, such as NIfTI made of it.
        annotator: see `annotator_of`.

    Yields:
        The structures of one case.

    Raises:
        InputError: no image fits, or the file cannot be read.
    """
    dataset = read_dataset(path)
    uid = referenced_series(dataset)
    case = case_of(path, images, uid)
    masks, problems = read_rtstruct(path, series_of(images[case], uid))
    yield Segments(case, annotator_of(path, case, annotator, dataset), masks, problems)


def _structure_names(path: Any, dataset: Any) -> tuple[dict[int, str], list[str]]:
    found = {
        int(item.ROINumber): text_of(item, "ROIName") or f"structure {item.ROINumber}"
        for item in dataset.get("StructureSetROISequence") or ()
    }
    same = defaultdict(list)
    for number, name in found.items():
        same[name].append(number)
    return found, [
        f"{path}: the structures {', '.join(map(str, several))} are all named {name}; they count as one class."
        for name, several in same.items()
        if len(several) > 1
    ]


def _planes(items: list[Any], to_voxels: np.ndarray) -> tuple[dict[int, list[np.ndarray]] | None, str]:
    """Slice → its contours (N, 2) in voxels, or why there are none."""
    found: dict[int, list[np.ndarray]] = defaultdict(list)
    for index, item in enumerate(items):
        which = f"its contour {index + 1} of {len(items)}"
        kind = text_of(item, "ContourGeometricType").upper()
        if kind not in CLOSED:
            return None, f"{which} is {kind or 'of no stated kind'}, not closed"
        numbers = np.array([float(value) for value in item.get("ContourData") or ()])
        if len(numbers) < 3 or len(numbers) % 3:
            return None, f"{which} has {len(numbers)} numbers, not three for each point"
        points = numbers.reshape(-1, 3) @ to_voxels[:3, :3].T + to_voxels[:3, 3]
        depths = points[:, 2]
        if depths.max() - depths.min() > OFF_GRID:
            return None, f"{which} runs across slices, from {depths.min() + 1:.2f} to {depths.max() + 1:.2f}"
        place = int(np.rint(depths.mean()))
        if np.abs(depths - place).max() > OFF_GRID:
            return None, f"{which} lies between slices, at slice {depths.mean() + 1:.2f}"
        same = kind == CLOSED[0] and any(same_outline(points[:, :2], known) for known in found[place])
        if not same:  # the second of two would undo the first by even-odd
            found[place].append(points[:, :2])
    return found, ""


def _filled(planes: dict[int, list[np.ndarray]], shape: tuple[int, int, int]) -> tuple[np.ndarray, str]:
    """The mask, and what of it lies outside of the image."""
    mask = np.zeros(shape, bool)
    outside = 0
    for place, contours in planes.items():
        edge = np.array(shape[:2]) - 0.5
        beyond = [((contour < -0.5 - OFF_GRID) | (contour > edge + OFF_GRID)).any() for contour in contours]
        outside += len(contours) if not 0 <= place < shape[2] else sum(map(int, beyond))
        if 0 <= place < shape[2]:
            mask[:, :, place] = fill_contours(contours, shape[:2])
    return mask, f"reaches beyond the image with {outside} contours, and is cut there" if outside else ""
