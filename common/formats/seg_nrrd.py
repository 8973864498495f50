"""3D Slicer's ``.seg.nrrd``: segments by name, in one layer or in several that overlap, cropped or whole.

The header's fields are those of `Slicer's vtkMRMLSegmentationStorageNode
<https://slicer.readthedocs.io/en/latest/developer_guide/modules/segmentations.html>`_; SimpleITK (extra ``formats``)
reads the file, also one in right-anterior-superior coordinates.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import InputError
from common.formats.class_colors import named_values, segment_color
from common.formats.grid import Grid, image_grid, lay_mask, voxel_steps
from common.formats.segments import Segments
from common.formats.volume_cases import annotator_of, case_of
from common.io.files import whole_file
from common.io.label_values import is_segmentation
from common.io.simple_itk import TO_RAS, itk_voxels, read_itk, simple_itk

__all__ = ["read", "read_seg_nrrd", "recognize", "write_seg_nrrd"]

ENDING = ".seg.nrrd"


def recognize(path: str | os.PathLike[str]) -> bool:
    """`common.io.label_values.is_segmentation`.

    Args:
        path: of the file.

    Returns:
        Whether it is a segmentation of 3D Slicer.
    """
    return is_segmentation(path)


def read_seg_nrrd(path: str | os.PathLike[str], grid: Grid) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """The segments of a file as masks on the grid of its image.

    Slicer stores the part of the image in which something was drawn, in one layer if segments do not overlap. Where a
    segment's layer is not given, it is the only one, or else the one of the segment's own number; where its value is
    not given, it is 1, and the layer must hold nothing else.

    Args:
        path: of the ``.seg.nrrd``.
        grid: of the image on which it was drawn.

    Returns:
        Segment name → bool (X, Y, Z); sentences on what was left out.

    Raises:
        InputError: SimpleITK is not installed, the file cannot be read, has no segments or contradicts itself, or its
            voxels do not lie on the image's.

    Example:
        >>> import tempfile
        >>> drawn = np.zeros((4, 3, 2), int)
        >>> drawn[1, 1] = 2
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = write_seg_nrrd(f"{folder}/a.seg.nrrd", drawn, np.eye(4), {1: "edema", 2: "tumor"})
        ...     masks, problems = read_seg_nrrd(path, Grid((4, 3, 2), np.eye(4)))
        >>> {name: int(mask.sum()) for name, mask in masks.items()}
        {'edema': 0, 'tumor': 2}
    """
    image = read_itk(path)
    voxels, affine = itk_voxels(image)
    if voxels.ndim not in (3, 4) or voxels.dtype.kind not in "iu":
        raise InputError(f"{path}: expected integers in three dimensions and layers, got {voxels.dtype}{voxels.shape}.")
    layers = voxels if voxels.ndim == 4 else voxels[..., None]
    segments = _segments(path, image)
    steps = voxel_steps(affine, layers.shape[:3], grid)
    if steps is None:
        raise InputError(
            f"{path}: its voxels are not those of the image: size {layers.shape[:3]}, spacing "
            f"{_listed(np.linalg.norm(affine[:3, :3], axis=0))} mm from {_listed(affine[:3, 3])} mm (RAS), the image "
            f"{grid.shape}, {_listed(np.linalg.norm(grid.affine[:3, :3], axis=0))} mm from "
            f"{_listed(grid.affine[:3, 3])} mm, or turned against it."
        )
    masks: dict[str, np.ndarray] = {}
    problems: list[str] = []
    known: dict[int, set[int]] = defaultdict(set)
    for index, fields in segments.items():
        layer, value = _place(path, index, fields, layers, len(segments))
        known[layer].add(value)
        name = fields.get("Name") or fields.get("ID") or f"segment {index}"
        if name in masks:
            problems.append(f"{path}: several segments are named {name}; they count as one class.")
        mask = masks.setdefault(name, np.zeros(grid.shape, bool))
        outside = lay_mask(layers[..., layer] == value, steps, mask)
        if outside:
            problems.append(f"{path}: {outside} voxels of {name} lie outside of the image and are left out.")
    for layer in range(layers.shape[3]):
        if strange := _values(layers[..., layer]) - known[layer] - {0}:
            problems.append(f"{path}: value {min(strange)} of layer {layer} is of no segment and is left out.")
    return masks, tuple(dict.fromkeys(problems))


def read(
    path: str | os.PathLike[str], images: Mapping[str, str | os.PathLike[str]], annotator: str = "file"
) -> Iterator[Segments]:
    """What a file's annotator drew, on the image that is named like it.

    Args:
        path: of the ``.seg.nrrd``.
        images: case → its image, a file or the folder of a DICOM series.
        annotator: see `annotator_of`.

    Yields:
        The segments of one case.

    Raises:
        InputError: no image fits, or the file cannot be read.
    """
    case = case_of(path, images)
    masks, problems = read_seg_nrrd(path, image_grid(images[case]))
    yield Segments(case, annotator_of(path, case, annotator), masks, problems)


def write_seg_nrrd(
    path: str | os.PathLike[str],
    classes: np.ndarray,
    affine: np.ndarray,
    names: Mapping[int, str],
    colors: Mapping[int, Sequence[float]] | None = None,
    marks: Mapping[str, np.ndarray] | None = None,
) -> Path:
    """Writes a class map as a segmentation that 3D Slicer opens, with names and colors.

    Args:
        path: to write, ``.seg.nrrd``.
        classes: integers (X, Y, Z); 0 is the background; −1, not labeled, becomes a segment of this name.
        affine: (4, 4) to mm in RAS.
        names: value → name of the segment; a value that does not occur becomes an empty segment.
        colors: value → red, green, blue from 0 to 1; None for colors of our own.
        marks: further segments, which may overlap the classes: name → bool (X, Y, Z); each has a layer of its own.

    Returns:
        The path.

    Raises:
        InputError: SimpleITK is not installed, the name has another ending, a value has no name, or the file cannot be
            written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_seg_nrrd(f"{folder}/a.seg.nrrd", np.ones((4, 3, 2), int), np.eye(4), {1: "edema"}).name
        'a.seg.nrrd'
    """
    path = Path(path)
    if not path.name.lower().endswith(ENDING):
        raise InputError(f"{path}: expected a name that ends with {ENDING}.")
    if classes.ndim != 3:
        raise InputError(f"{path}: expected a class map in three dimensions, got the shape {classes.shape}.")
    marks = marks or {}
    found = named_values(classes, names, path, marks)
    sitk = simple_itk(f"Writing {path}")
    last = max(0, *found) + 1 if found else 1  # the value of what was not labeled
    layers = np.stack([np.where(classes < 0, last, classes), *marks.values()], axis=-1)
    layers = layers.astype(np.min_scalar_type(int(layers.max(initial=0)))).transpose(2, 1, 0, 3)
    if not marks:
        layers = layers[..., 0]
    image = sitk.GetImageFromArray(np.ascontiguousarray(layers), isVector=bool(marks))
    lps = TO_RAS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    whole = " ".join(f"0 {side - 1}" for side in classes.shape)
    fields = {
        "Segmentation_MasterRepresentation": "Binary labelmap",
        "Segmentation_ContainedRepresentationNames": "Binary labelmap|",
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
    }
    drawn = [(name, value if value > 0 else last, 0, (colors or {}).get(value)) for value, name in found.items()]
    drawn += [(name, 1, layer, None) for layer, name in enumerate(marks, start=1)]
    for index, (name, stored, layer, color) in enumerate(drawn):
        fields |= {
            f"Segment{index}_ID": f"Segment_{index + 1}",
            f"Segment{index}_Name": name,
            f"Segment{index}_NameAutoGenerated": "0",
            f"Segment{index}_Color": " ".join(f"{part:.6g}" for part in color or segment_color(index)),
            f"Segment{index}_ColorAutoGenerated": "0",
            f"Segment{index}_LabelValue": str(stored),
            f"Segment{index}_Layer": str(layer),
            f"Segment{index}_Extent": whole,
            f"Segment{index}_Tags": "",
        }
    for key, text in fields.items():
        image.SetMetaData(key, text)
    with whole_file(path) as partial:
        sitk.WriteImage(image, str(partial), useCompression=True)
    return path


def _segments(path: Any, image: Any) -> dict[int, dict[str, str]]:
    """Number of each segment → its fields."""
    found: dict[int, dict[str, str]] = defaultdict(dict)
    for key in image.GetMetaDataKeys():
        number, _, field = key.removeprefix("Segment").partition("_")
        if key.startswith("Segment") and number.isdigit():
            found[int(number)][field] = image.GetMetaData(key).strip()
    if not found:
        raise InputError(f"{path}: expected segments in its header (Segment0_Name), got none.")
    return dict(sorted(found.items()))


def _place(path: Any, index: int, fields: dict[str, str], layers: np.ndarray, count: int) -> tuple[int, int]:
    """Layer and value of a segment."""
    numbers: dict[str, int] = {}
    for field in ("Layer", "LabelValue"):
        if text := fields.get(field):
            try:
                numbers[field] = int(text)
            except ValueError as error:
                raise InputError(f"{path}: expected a number for Segment{index}_{field}, got {text!r}.") from error
    available = layers.shape[3]
    layer = numbers.get("Layer", 0 if available == 1 else index)
    if not 0 <= layer < available:
        raise InputError(f"{path}: expected a layer from 0 to {available - 1} for segment {index}, got {layer}.")
    if "LabelValue" in numbers:
        return layer, numbers["LabelValue"]
    values = _values(layers[..., layer]) - {0}
    if not values <= {1} or (available == 1 and count > 1):
        raise InputError(
            f"{path}: expected Segment{index}_LabelValue, which says which of the values "
            f"{', '.join(map(str, sorted(values))) or 'of its layer'} is this segment, got none."
        )
    return layer, 1


def _values(layer: np.ndarray) -> set[int]:
    if layer.dtype.kind == "u" and layer.dtype.itemsize <= 2:
        return set(np.flatnonzero(np.bincount(layer.ravel("K"))).tolist())  # far faster than sorting
    return set(np.unique(layer).tolist())


def _listed(values: np.ndarray) -> str:
    return " × ".join(f"{value:.4g}" for value in values)
