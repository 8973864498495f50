"""NRRD, MetaImage and DICOM series by SimpleITK where it is installed, and a sentence where it is not."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from common.errors import InputError
from common.io.optional_library import optional_library

DETACHED = re.compile(rb"(?im)^\s*(?:data ?file|ElementDataFile)\s*[:=]\s*([^\s%]+)\s*$")
IGNORED = (  # what a header may say and SimpleITK 2.5.7 does not heed, and the value without effect
    ("space units", rb"(?im)^space units:[ \t]*(.+?)[ \t]*$", '"mm"'),
    ("ElementToIntensityFunctionSlope", rb"(?im)^ElementToIntensityFunctionSlope[ \t]*=[ \t]*(.+?)[ \t]*$", "1"),
    ("ElementToIntensityFunctionOffset", rb"(?im)^ElementToIntensityFunctionOffset[ \t]*=[ \t]*(.+?)[ \t]*$", "0"),
)
EVEN = 0.2  # how far a slice may lie from an even grid, in distances of slices: room for rounded positions
TURNED = 1e-3  # of a direction cosine: more is another direction
SHEARED = 0.1  # of a pixel: how far a slice may lie beside the one before it, as with a tilted gantry
POSITION, DIRECTION, PIXEL, MODALITY = "0020|0032", "0020|0037", "0028|0030", "0008|0060"
FRAMES = "0028|0008"
DISTANCE, THICKNESS = "0018|0088", "0018|0050"
NO_IMAGES = ("SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "SR", "PR", "KO", "REG")  # modalities that are no slices
VALUE_KEYS = ("0028|1053", "0028|1052", "0028|0100", "0028|0103")  # slope, intercept, bits, sign
TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])  # the axes of DICOM and ITK run to the left and to the back

logger = logging.getLogger(__name__)


def simple_itk(purpose: str) -> ModuleType:
    """SimpleITK, which is not among the requirements but the extra ``itk``.

    Args:
        purpose: what needs it, for the message.

    Returns:
        The module.

    Raises:
        InputError: it is not installed.
    """
    return optional_library("SimpleITK", "itk", purpose)


def read_itk(path: Any) -> Any:
    """The SimpleITK image of a file, or of a folder that holds one DICOM series.

    Args:
        path: of the file or folder.

    Returns:
        The `SimpleITK.Image`.

    Raises:
        InputError: SimpleITK is not installed, the file cannot be read, its header says what SimpleITK ignores (units
            other than mm in NRRD, a slope or offset in MetaImage), a folder does not hold exactly one series, or one
            whose slices are missing, unevenly spaced, of different directions, beside one another, or frames of a file.
    """
    path = Path(path)
    sitk = simple_itk(f"Reading {path}")
    try:
        if not path.is_dir():
            _refuse_ignored(path)
            return sitk.ReadImage(str(path))
        find = sitk.ImageSeriesReader
        series = [find.GetGDCMSeriesFileNames(str(path), uid) for uid in find.GetGDCMSeriesIDs(str(path))]
        series = [names for names in series if _slice_header(names[0], sitk).get(MODALITY) not in NO_IMAGES]
        if len(series) == 1:
            names = series[0]
            headers = [_slice_header(name, sitk) for name in names]
            if (frames := max(int(header.get(FRAMES) or 1) for header in headers)) > 1:  # SimpleITK would not sort them
                raise InputError(
                    f"{path}: expected one slice in a file, got {frames} frames (enhanced DICOM); "
                    "python -m common.convert --images makes NIfTI of them."
                )
            _refuse_uneven(path, headers)
            if len({tuple(header.get(key) for key in VALUE_KEYS) for header in headers}) > 1:
                return sitk.ReadImage(names, sitk.sitkFloat64)  # else the first slice's type: PET loses its fractions
            image = sitk.ReadImage(names)
            if len(names) == 1:
                _set_thickness(path, image, headers[0])
            return image
    except RuntimeError as error:
        raise InputError(f"{path} cannot be read by SimpleITK ({_last_line(error)}).") from error
    raise InputError(f"{path} must hold the files of one DICOM series, but it holds {len(series)} series.")


def read_itk_header(path: Any) -> tuple[tuple[int, ...], int, int, np.ndarray]:
    """Size, components, bytes of a component and RAS affine of a file, without its voxels.

    Args:
        path: of the file, or of the folder of a DICOM series, whose voxels are read after all.

    Returns:
        Size along the axes x, y, …; number of components of a voxel; bytes that all voxels take; affine (4, 4) in mm.

    Raises:
        InputError: SimpleITK is not installed, or the header cannot be read.
    """
    sitk = simple_itk(f"Reading {path}")
    if Path(path).is_dir():
        reader = read_itk(path)
        components = reader.GetNumberOfComponentsPerPixel()
    else:
        _refuse_ignored(Path(path))
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        try:
            reader.ReadImageInformation()
        except RuntimeError as error:
            raise InputError(f"{path} cannot be read by SimpleITK ({_last_line(error)}).") from error
        components = reader.GetNumberOfComponents()
    kind = sitk.GetPixelIDValueAsString(reader.GetPixelID())
    bits = re.search(r"(\d+)-bit", kind)
    count = int(np.prod([int(side) for side in reader.GetSize()], dtype=object)) * components
    return reader.GetSize(), components, count * (int(bits[1]) // 8 if bits else 1), _affine(reader)


def stored_bytes(path: Any) -> int | None:
    """Bytes of the file that holds the voxels, which the header may name; None if it names a list or is not there.

    Of a folder, which holds a file for each slice, None too.
    """
    path = Path(path)
    if path.is_dir():
        return None
    with path.open("rb") as file:
        head = file.read(4096)
    named = DETACHED.search(head.split(b"\n\n")[0] if path.suffix.lower() == ".nhdr" else head)
    if named is None or named[1].upper() == b"LOCAL":
        return path.stat().st_size
    data = path.parent / named[1].decode("utf-8", "replace")
    return data.stat().st_size if data.is_file() else None


def itk_voxels(image: Any) -> tuple[np.ndarray, np.ndarray]:
    """The voxels ``(X, Y, …)`` or ``(X, Y, …, C)`` of an image of C components, and its affine in RAS as NIfTI has it.

    Args:
        image: of `read_itk`.

    Returns:
        The voxels in the image's own type, a fourth axis last; the affine (4, 4) in mm.
    """
    sitk = simple_itk("Reading NRRD and MetaImage")
    array = sitk.GetArrayFromImage(image)
    components = image.GetNumberOfComponentsPerPixel() > 1
    axes = range(array.ndim - 1 if components else array.ndim)
    return array.transpose(*reversed(axes), *([array.ndim - 1] if components else [])), _affine(image)


def write_itk(path: Any, array: np.ndarray, affine: np.ndarray, channels: bool) -> None:
    """Writes voxels in the geometry of a RAS affine.

    Args:
        path: to write; its suffix names the format.
        array: ``(X, Y[, Z])``, or with the channels behind.
        affine: (4, 4) in mm.
        channels: the last axis of ``array`` holds channels.
    """
    sitk = simple_itk(f"Writing {path}")
    size = array.ndim - channels
    order = (*reversed(range(size)), *([size] if channels else []))
    image = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(order)), isVector=channels)
    lps = TO_RAS @ affine
    spacing = np.linalg.norm(lps[:size, :size], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:size, 3].tolist())
    image.SetDirection((lps[:size, :size] / spacing).ravel().tolist())
    sitk.WriteImage(image, str(path), useCompression=True)


def _refuse_ignored(path: Path) -> None:
    """Raises where a header says what SimpleITK would ignore in silence."""
    if path.suffix.lower() not in (".nrrd", ".nhdr", ".mha", ".mhd") or not path.is_file():
        return
    with path.open("rb") as file:
        head = file.read(4096)
    for name, pattern, expected in IGNORED:
        found = re.search(pattern, head)
        values = found[1].decode("utf-8", "replace").split() if found else []
        if other := [value for value in values if value != expected and not _equal(value, expected)]:
            raise InputError(
                f"{path}: expected {name} {expected}, since SimpleITK ignores any other value, got {other[0]}."
            )


def _equal(value: str, expected: str) -> bool:
    """Whether both are the same number."""
    try:
        return float(value) == float(expected)
    except ValueError:
        return False


def _slice_header(name: str, sitk: ModuleType) -> dict[str, str]:
    """What one file of a series says of its place and its values."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(name)
    reader.ReadImageInformation()
    keys = (POSITION, DIRECTION, PIXEL, MODALITY, FRAMES, DISTANCE, THICKNESS, *VALUE_KEYS)
    return {key: reader.GetMetaData(key).strip() for key in keys if reader.HasMetaDataKey(key)}


def _set_thickness(path: Path, image: Any, header: dict[str, str]) -> None:
    """A slice that is alone is as thick as its header says; SimpleITK gives it 1 mm."""
    try:
        said = [float(header[key]) for key in (DISTANCE, THICKNESS) if header.get(key)]
    except ValueError as error:
        raise InputError(f"{path}: expected the thickness of its only slice as a number ({error}).") from error
    thick = next((value for value in said if value > 0), None)
    if thick is None:
        logger.warning("%s: its only slice has no thickness; 1 mm is taken for it.", path)
    elif image.GetDimension() == 3:
        image.SetSpacing((*image.GetSpacing()[:2], thick))


def _refuse_uneven(path: Path, headers: list[dict[str, str]]) -> None:
    """Raises where slices of a DICOM series do not stand straight behind one another at equal distances.

    SimpleITK would spread them evenly along the first slice's normal, so they would move.
    """
    if not all(POSITION in header and DIRECTION in header for header in headers):
        return
    positions = np.array([_numbers(header[POSITION]) for header in headers])
    directions = np.array([_numbers(header[DIRECTION]) for header in headers])
    if (turned := float(np.abs(directions - directions[0]).max())) > TURNED:
        raise InputError(
            f"{path}: expected slices of one direction, got direction cosines that differ by {turned:.3g}."
        )
    across = np.cross(*directions[0].reshape(2, 3))
    positions = positions[np.argsort(positions @ across, kind="stable")]
    places = positions @ across
    even = np.linspace(places[0], places[-1], len(places))
    distance = even[1] - even[0] if len(places) > 1 else 0.0
    if np.abs(even - places).max() > EVEN * distance or (len(places) > 1 and distance == 0):
        steps = np.diff(places)
        raise InputError(
            f"{path}: expected slices at equal distances, got distances from {steps.min():g} to {steps.max():g} mm; "
            "slices are missing or duplicated."
        )
    beside = np.linalg.norm(positions - positions[0] - np.outer(places - places[0], across), axis=1).max()
    if beside > SHEARED * min(_numbers(headers[0].get(PIXEL, "1"))):
        raise InputError(
            f"{path}: expected slices stacked at a right angle, got slices that are shifted by up to {beside:.3g} mm "
            "within their plane, as by a tilted gantry."
        )


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split("\\")]


def _affine(image: Any) -> np.ndarray:
    size = image.GetDimension()
    axes = np.reshape(image.GetDirection(), (size, size)) * np.asarray(image.GetSpacing())
    affine, spatial = np.eye(4), min(size, 3)
    affine[:spatial, :spatial], affine[:spatial, 3] = axes[:spatial, :spatial], image.GetOrigin()[:spatial]
    return TO_RAS @ affine


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip().rstrip(".")
