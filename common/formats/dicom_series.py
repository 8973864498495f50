"""A folder of DICOM files of CT, MR or PET as one volume: by position, with the slope of each slice.

A slice is a file, or a frame of a file with several (enhanced DICOM, see `common.formats.dicom_planes`). What would
move voxels is refused by name: missing slices, a tilted gantry, slices of another direction or size. Geometry is as in
`DICOM PS3.3 C.7.6.2.1.1 <https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_C.7.6.2.html>`_, values
as in `C.11.1.1.2 <https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_C.11.html>`_.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from common.errors import InputError
from common.formats.dicom_files import dicom_paths, read_dataset, sound_elements, text_of
from common.formats.dicom_planes import FRAME_TAGS, Plane, check_one_volume, planes_of, what_differs
from common.io.files import whole_file
from common.io.formats import is_nifti
from common.io.simple_itk import EVEN, NO_IMAGES, SHEARED, TO_RAS, TURNED

__all__ = ["Series", "find_series", "read_series", "recognize", "write_nifti"]

HEADER = (
    *("SOPInstanceUID", "SOPClassUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID", "Modality"),
    *("Rows", "Columns", "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "SamplesPerPixel"),
    *("NumberOfFrames", "SliceThickness", "SpacingBetweenSlices", "SeriesDescription", "GantryDetectorTilt"),
    *("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence"),
)


@dataclass(frozen=True)
class Series:
    """One series of slices as a volume.

    Attributes:
        shape: (X, Y, Z): columns, rows, slices.
        affine: (4, 4) from indices to mm in RAS.
        instances: SOP instance UID of each slice, Z.
        paths: file of each slice, Z.
        frames: number of each slice in its file, from 1, Z; empty if every slice is a file.
        series_uid: series instance UID.
        study_uid: study instance UID.
        frame_of_reference: its UID; empty if the files have none.
        modality: CT, MR, PT, …
        voxels: (X, Y, Z) float32, slope and intercept applied; None if they were not asked for.

    Example:
        >>> Series((4, 3, 2), np.eye(4), ("1.1", "1.2"), (Path("1.dcm"), Path("2.dcm")), "1", "2", "3", "CT").shape
        (4, 3, 2)
    """

    shape: tuple[int, int, int]
    affine: np.ndarray
    instances: tuple[str, ...]
    paths: tuple[Path, ...]
    series_uid: str
    study_uid: str
    frame_of_reference: str
    modality: str
    voxels: np.ndarray | None = None
    frames: tuple[int, ...] = ()


def recognize(path: str | os.PathLike[str]) -> bool:
    """Whether a folder holds slices of a DICOM series.

    Args:
        path: of the folder.

    Returns:
        True if one of its files is a DICOM image other than a segmentation.
    """
    if not Path(path).is_dir():
        return False
    return any(_is_slice(read_dataset(file, False, HEADER)) for file in dicom_paths(path))


def find_series(folder: str | os.PathLike[str]) -> dict[str, list[Path]]:
    """The files of each image series of a folder, without its subfolders.

    Args:
        folder: to look in. Segmentations, structure sets and other files that are no slices are passed over.

    Returns:
        Series instance UID → files.

    Example:
        >>> import shutil, tempfile
        >>> import pydicom
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = shutil.copy(pydicom.examples.get_path("ct"), f"{folder}/slice.dcm")
        ...     [[path.name for path in paths] for paths in find_series(folder).values()]
        [['slice.dcm']]
    """
    found: dict[str, list[Path]] = defaultdict(list)
    for path in dicom_paths(folder):
        header = read_dataset(path, False, HEADER)
        if _is_slice(header):
            found[text_of(header, "SeriesInstanceUID")].append(path)
    return dict(found)


def read_series(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], uid: str | None = None, voxels: bool = True
) -> Series:
    """The volume of one series.

    Slices are sorted by their position across the slices' plane; names of files, instance numbers and the order of
    frames do not matter. Stored values are multiplied with the slope and shifted by the intercept of their own slice
    (PET has one for each).

    Args:
        source: folder, or the files of the series.
        uid: series instance UID, for a folder of several series.
        voxels: whether the values are read, or the geometry alone.

    Returns:
        The series.

    Raises:
        InputError: there is not exactly one series; slices are missing, twice there, of different size, spacing or
            direction, or beside one another (a tilted gantry); frames are of several stacks, time points or echoes,
            or do not say where they lie; a file is damaged, or in color.

    Example:
        >>> import pydicom
        >>> series = read_series([pydicom.examples.get_path("ct")])
        >>> series.modality, series.shape, series.voxels.dtype
        ('CT', (128, 128, 1), dtype('float32'))
    """
    name, paths = _chosen(source, uid)
    with sound_elements(name):
        return _read(name, paths, voxels)


def write_nifti(path: str | os.PathLike[str], series: Series) -> Path:
    """Writes a series as NIfTI, in its own order of voxels.

    Args:
        path: to write, ``.nii`` or ``.nii.gz``.
        series: with voxels.

    Returns:
        The path.

    Raises:
        InputError: another ending, a series that was read without voxels, or the file cannot be written.

    Example:
        >>> import tempfile
        >>> voxels = np.ones((3, 2, 1), np.float32)
        >>> series = Series(voxels.shape, np.eye(4), ("1.1",), (Path("1.dcm"),), "1", "2", "3", "CT", voxels)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     nib.load(write_nifti(f"{folder}/image.nii.gz", series)).shape
        (3, 2, 1)
    """
    path = Path(path)
    if not is_nifti(path):
        raise InputError(f"{path}: expected a name that ends with .nii.gz or .nii.")
    if series.voxels is None:
        raise InputError(f"{path}: expected a series with voxels, got its geometry alone.")
    image = nib.Nifti1Image(series.voxels, series.affine)
    image.header.set_xyzt_units("mm")
    with whole_file(path) as partial:
        nib.save(image, partial)
    return path


def _read(name: str, paths: list[Path], voxels: bool) -> Series:
    planes = []
    for path in paths:
        header = read_dataset(path, False, (*HEADER, *FRAME_TAGS))
        _check_values(path, header)
        planes += planes_of(path, header)
    for plane in planes:
        _check_place(plane)
    check_one_volume(name, planes)
    _check_alike(name, planes)
    first = planes[0].header
    along, down = np.reshape([float(value) for value in first.ImageOrientationPatient], (2, 3))
    across = np.cross(along, down)
    planes.sort(key=lambda plane: float(_position(plane) @ across))
    distance = _slice_distance(name, planes, across)
    row_distance, column_distance = (float(value) for value in first.PixelSpacing)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = along * column_distance, down * row_distance
    affine[:3, 2], affine[:3, 3] = _step(planes, across * distance), _position(planes[0])
    return Series(
        (int(first.Columns), int(first.Rows), len(planes)),
        TO_RAS @ affine,
        tuple(text_of(plane.header, "SOPInstanceUID") for plane in planes),
        tuple(plane.path for plane in planes),
        text_of(first, "SeriesInstanceUID"),
        text_of(first, "StudyInstanceUID"),
        text_of(first, "FrameOfReferenceUID"),
        text_of(first, "Modality"),
        _values(planes) if voxels else None,
        tuple(plane.frame for plane in planes) if any(plane.frame for plane in planes) else (),
    )


def _chosen(source: Any, uid: str | None) -> tuple[str, list[Path]]:
    """A name for messages, and the files."""
    if not isinstance(source, str | os.PathLike):
        paths = [Path(path) for path in source]
        return (str(paths[0]) if paths else "the series"), paths
    found = find_series(source)
    if uid is not None:
        if uid not in found:
            raise InputError(f"{source}: expected files of the series {uid}, got {len(found)} other series.")
        return str(source), found[uid]
    if len(found) != 1:
        listed = ", ".join(f"{key} ({len(paths)} files)" for key, paths in sorted(found.items()))
        raise InputError(
            f"{source} must hold the files of one DICOM series, but it holds {len(found)} series{listed and ': '}"
            f"{listed}."
        )
    return str(source), next(iter(found.values()))


def _is_slice(header: Any) -> bool:
    return text_of(header, "Modality") not in NO_IMAGES and "Rows" in header and "SeriesInstanceUID" in header


def _check_values(path: Path, header: Any) -> None:
    if int(header.get("SamplesPerPixel") or 1) != 1:
        raise InputError(f"{path}: expected one value for a pixel, got {header.SamplesPerPixel} (colors).")
    if "ModalityLUTSequence" in header:
        raise InputError(f"{path}: expected slope and intercept, got a lookup table of values (Modality LUT).")


def _check_place(plane: Plane) -> None:
    for keyword, count in (("ImagePositionPatient", 3), ("ImageOrientationPatient", 6), ("PixelSpacing", 2)):
        if len(plane.header.get(keyword) or ()) != count:
            where = plane.path.with_name(plane.name)
            raise InputError(f"{where}: expected {keyword}, which says where the slice is, got none.")


def _check_alike(name: str, planes: list[Plane]) -> None:
    """Raises unless all slices are of the size, spacing, direction and coordinate system that most of them have."""
    kinds: dict[str, Callable[[Any], Any]] = {
        "size": lambda header: (int(header.Columns), int(header.Rows)),
        "spacing of pixels": lambda header: tuple(round(float(value), 4) for value in header.PixelSpacing),
        "direction": lambda header: tuple(float(value) for value in header.ImageOrientationPatient),
        "frame of reference": lambda header: text_of(header, "FrameOfReferenceUID"),
    }
    for kind, of in kinds.items():
        usual = Counter(of(plane.header) for plane in planes).most_common(1)[0][0]
        for plane in planes:
            got = of(plane.header)
            far = kind != "direction" or max(abs(a - b) for a, b in zip(got, usual, strict=True)) > TURNED
            if got != usual and far:
                raise InputError(
                    f"{name}: expected slices of one {kind}, {_listed(usual)}, got {_listed(got)} in {plane.name}."
                )


def _slice_distance(name: str, planes: list[Plane], across: np.ndarray) -> float:
    """Distance of two slices in mm, which is the same everywhere."""
    if len(planes) == 1:
        header = planes[0].header
        said = [float(header.get(keyword) or 0) for keyword in ("SpacingBetweenSlices", "SliceThickness")]
        if not max(said) > 0:
            raise InputError(f"{planes[0].path}: expected SliceThickness of the only slice of its series, got none.")
        return next(thick for thick in said if thick > 0)
    positions = np.array([_position(plane) for plane in planes])
    places = positions @ across
    steps = np.diff(places)
    even = np.linspace(places[0], places[-1], len(places))
    distance = float(even[1] - even[0])
    names = [plane.name for plane in planes]
    if (steps <= EVEN * distance).any() or distance <= 0:
        twice = int(np.argmin(steps))
        raise InputError(
            f"{name}: expected one slice at each place, got {names[twice]} and {names[twice + 1]} "
            f"{steps[twice]:.3g} mm apart ({_why_twice(planes[twice], planes[twice + 1])})."
        )
    if np.abs(even - places).max() > EVEN * distance:
        usual, widest = float(np.median(steps)), int(np.argmax(steps))
        raise InputError(
            f"{name}: expected slices at equal distances, got distances from {steps.min():.4g} to {steps.max():.4g} mm;"
            f" slices are missing, such as between {names[widest]} and {names[widest + 1]}, where others are "
            f"{usual:.4g} mm apart."
        )
    beside = positions - positions[0] - np.outer(places - places[0], across)
    pixel = min(float(value) for value in planes[0].header.PixelSpacing)
    if (farthest := float(np.linalg.norm(beside, axis=1).max())) > SHEARED * pixel:
        angle = np.degrees(np.arctan2(farthest, abs(places[-1] - places[0])))
        raise InputError(
            f"{name}: expected slices stacked at a right angle, got slices that are shifted by up to {farthest:.3g} mm "
            f"within their plane (a gantry tilted by {angle:.2g}°); resample the series to an upright grid, and draw "
            "the labels on that grid."
        )
    return distance


def _why_twice(one: Plane, other: Plane) -> str:
    if one.frame and one.path == other.path and (names := what_differs(one, other)):
        return f"they differ in {names}"
    return "several time points or echoes in one series?"


def _step(planes: list[Plane], straight: np.ndarray) -> np.ndarray:
    """From slice to slice in mm."""
    if len(planes) == 1:
        return straight
    return (_position(planes[-1]) - _position(planes[0])) / (len(planes) - 1)


def _position(plane: Plane) -> np.ndarray:
    return np.array([float(value) for value in plane.header.ImagePositionPatient])


def _values(planes: list[Plane]) -> np.ndarray:
    """(X, Y, Z) float32, slope and intercept of each slice applied in double precision; a file is decoded once."""
    first = planes[0].header
    voxels = np.empty((int(first.Columns), int(first.Rows), len(planes)), np.float32)
    by_file: dict[Path, list[tuple[int, Plane]]] = defaultdict(list)
    for index, plane in enumerate(planes):
        by_file[plane.path].append((index, plane))
    for path, those in by_file.items():
        stored = _pixels(path)
        for index, plane in those:
            slope, intercept = (plane.header.get(keyword) for keyword in ("RescaleSlope", "RescaleIntercept"))
            scaled = stored[max(plane.frame - 1, 0)].T * float(1 if slope is None else slope)
            voxels[:, :, index] = scaled + float(intercept or 0)
    return voxels


def _pixels(path: Path) -> np.ndarray:
    """(frames, rows, columns) of one file."""
    dataset = read_dataset(path)
    try:
        stored = dataset.pixel_array
    except Exception as error:  # decoders of damaged files raise whatever they meet
        said = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise InputError(f"{path}: its pixels cannot be read: {said}.") from error
    return stored.reshape(-1, *stored.shape[-2:])


def _listed(value: Any) -> str:
    return " × ".join(f"{one:g}" for one in value) if isinstance(value, tuple) else str(value) or "none"
