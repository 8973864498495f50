"""DICOM SEG of a class map on a series, by highdicom: coded segments, the algorithm, references to every slice."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import InputError
from common.formats.class_colors import NOT_LABELED, named_values, segment_color
from common.formats.dicom_files import read_dataset
from common.formats.dicom_series import Series
from common.io.files import whole_file
from common.io.optional_library import optional_library

__all__ = ["Algorithm", "SegmentCode", "segment_code", "write_dicom_seg"]

MANUFACTURER = "noisy-label-bundles"
KINDS = ("BINARY", "LABELMAP")
Code = tuple[str, str, str]
TISSUE: Code = ("85756007", "SCT", "Tissue")
RELATION: Code = ("309825002", "SCT", "Spatial and Relational Concept")
REGION: Code = ("111030", "DCM", "Image Region")
GROUPS = (  # categories of CID 7150, and the context groups of their types
    (("123037004", "SCT", "Anatomical Structure"), "cid7192"),
    (("49755003", "SCT", "Morphologically Abnormal Structure"), "cid7194"),
    (TISSUE, "cid7191"),
)
SIDES = ("left", "right")


@dataclass(frozen=True)
class SegmentCode:
    """What a segment is, as (value, scheme, meaning) of a coding scheme such as SNOMED CT (``SCT``).

    Attributes:
        category: such as tissue or morphologically altered structure (`CID 7150
            <https://dicom.nema.org/medical/dicom/current/output/chtml/part16/sect_CID_7150.html>`_).
        kind: of this category.

    Example:
        >>> SegmentCode(kind=("64033007", "SCT", "Kidney")).category[2]
        'Tissue'
    """

    category: Code = TISSUE
    kind: Code = TISSUE


@dataclass(frozen=True)
class Algorithm:
    """What made the segments.

    Attributes:
        name: of the algorithm, such as the bundle's name or ``STAPLE``.
        version: of it.
        automatic: True if no annotator's label of these images went into it, else it is semiautomatic (a consensus).

    Example:
        >>> Algorithm("STAPLE", "1", automatic=False).name
        'STAPLE'
    """

    name: str
    version: str
    automatic: bool = True


def segment_code(name: str) -> SegmentCode:
    """The code of a class by its name, from the types of segments that DICOM lists (CID 7191, 7192 and 7194).

    Args:
        name: of the class, in English; case, ``_`` and the words left and right do not count.

    Returns:
        That of the type with this meaning; tissue where there is none.

    Raises:
        InputError: pydicom is not installed.

    Example:
        >>> [segment_code(name).kind[2] for name in ("kidney_right", "left ventricle", "edema", "foreground")]
        ['Kidney', 'Left ventricle', 'Edema', 'Tissue']
    """
    codes = optional_library("pydicom.sr.codedict", "formats", "A coded segment").codes
    words = name.replace("_", " ").replace("-", " ").lower().split()
    for chosen in (words, [word for word in words if word not in SIDES]):
        keyword = "".join(map(str.capitalize, chosen))
        for category, group in GROUPS:
            if keyword in (known := getattr(codes, group)).dir():
                code = getattr(known, keyword)
                return SegmentCode(category, (code.value, code.scheme_designator, code.meaning))
    return SegmentCode()


def write_dicom_seg(
    path: str | os.PathLike[str],
    classes: np.ndarray,
    series: Series,
    names: Mapping[int, str],
    algorithm: Algorithm | None = None,
    codes: Mapping[int, SegmentCode] | None = None,
    kind: str = "BINARY",
    description: str = "Segmentation",
    creator: str | None = None,
    marks: Mapping[str, np.ndarray] | None = None,
    marked_by: Algorithm | None = None,
) -> Path:
    """Writes a class map as a DICOM SEG that refers to the slices of its series.

    Args:
        path: to write.
        classes: integers (X, Y, Z) on the series' grid; 0 is the background; −1, not labeled, becomes a segment of this
            name.
        series: of `read_series`.
        names: value → label of the segment, at most 64 characters; a value that does not occur becomes a segment
            without frames.
        algorithm: what made the segments; None: an annotator drew them.
        codes: value → what the segment is; `segment_code` of its name where it is not said.
        kind: ``BINARY`` or ``LABELMAP``, which few viewers open.
        description: of the series that this file is, SeriesDescription.
        creator: name of the annotator, ContentCreatorName; ``Doe^Jane`` or one name.
        marks: further segments, which may overlap the classes: name → bool (X, Y, Z); regions of the image, no tissue.
            BINARY only.
        marked_by: what made them; None: an annotator.

    Returns:
        The path.

    Raises:
        InputError: highdicom is not installed, the map is of another size than the series, a value has no name, the
            series' files lack what a SEG must repeat, or are several with frames, or the file cannot be written.
    """
    path = Path(path)
    highdicom = optional_library("highdicom", "formats", f"Writing {path}")
    if classes.shape != series.shape:
        raise InputError(f"{path}: expected the size {series.shape} of the series, got {classes.shape}.")
    if kind not in KINDS:
        raise InputError(f"{path}: expected the kind {' or '.join(KINDS)}, got {kind}.")
    marks = marks or {}
    if marks and kind != KINDS[0]:
        raise InputError(f"{path}: expected the kind {KINDS[0]} for segments that may overlap, got {kind}.")
    found = named_values(classes, names, path, marks)
    if not found and not marks:
        raise InputError(f"{path}: expected at least one class for a DICOM SEG, got none.")
    described = [(name, algorithm, _code(value, name, codes or {})) for value, name in found.items()]
    described += [(name, marked_by, SegmentCode(RELATION, REGION)) for name in marks]
    if marks:
        pixels = np.stack([*(classes == value for value in found), *marks.values()], axis=-1).transpose(2, 1, 0, 3)
    else:
        numbered = np.zeros(classes.shape, np.uint8 if len(found) < 256 else np.uint16)
        for number, value in enumerate(found, start=1):
            numbered[classes == value] = number
        pixels = numbered.transpose(2, 1, 0)
    if series.frames:  # in the order in which the file has them
        pixels = pixels[_frame_order(path, series)]
    made_by = marked_by or algorithm
    from pydicom.uid import generate_uid

    with whole_file(path) as partial, _quiet("highdicom"):
        try:
            made = highdicom.seg.Segmentation(
                source_images=[_source(source) for source in dict.fromkeys(series.paths)],
                pixel_array=np.ascontiguousarray(pixels),
                segmentation_type=kind,
                segment_descriptions=_descriptions(highdicom, described),
                series_instance_uid=generate_uid(),
                series_number=1000,
                sop_instance_uid=generate_uid(),
                instance_number=1,
                manufacturer=MANUFACTURER,
                manufacturer_model_name=made_by.name if made_by else MANUFACTURER,
                software_versions=made_by.version if made_by else "1",
                device_serial_number="0",
                content_creator_name=creator if creator is None or "^" in creator else f"{creator}^",
                series_description=description,
                specific_character_set="ISO_IR 192",
            )
        except (AttributeError, TypeError, ValueError, KeyError) as error:
            said = " ".join(str(error).split()).rstrip(".")
            raise InputError(f"{path} cannot be made of the series {series.paths[0].parent}: {said}.") from error
        made.save_as(partial)
    return path


def _source(path: Path) -> Any:
    """The header of a slice; SliceThickness may be left out of it, or empty, and highdicom takes only the latter."""
    header = read_dataset(path, pixels=False)
    if "SliceThickness" not in header:
        header.SliceThickness = None
    return header


def _frame_order(path: Path, series: Series) -> np.ndarray:
    """Index of the slice that each frame of a series of one file is."""
    files = len(set(series.paths))
    if files > 1 or len(series.frames) == 1:  # of which highdicom 0.28.2 makes none
        raise InputError(
            f"{path}: expected a series of one file for each slice, or of one file with all of several, got {files} "
            f"files of {'a frame' if files == len(series.frames) else 'frames'} in {series.paths[0].parent}; "
            "--output_format seg.nrrd has no such limit."
        )
    return np.argsort(series.frames)


@contextmanager
def _quiet(library: str) -> Iterator[None]:
    """Without what a library tells of each step, and of empty masks."""
    logger = logging.getLogger(library)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _code(value: int, name: str, codes: Mapping[int, SegmentCode]) -> SegmentCode:
    return codes.get(value, SegmentCode(RELATION, REGION) if name == NOT_LABELED else segment_code(name))


def _descriptions(highdicom: Any, described: Sequence[tuple[str, Algorithm | None, SegmentCode]]) -> Sequence[Any]:
    """Of name, algorithm and code of each segment."""
    from pydicom.sr.codedict import codes as dictionary

    made = []
    for number, (name, algorithm, code) in enumerate(described, start=1):
        identification, kind = None, "MANUAL"
        if algorithm is not None:
            families = dictionary.cid7162
            family = families.ArtificialIntelligence if algorithm.automatic else families.ManualProcessing
            kind = "AUTOMATIC" if algorithm.automatic else "SEMIAUTOMATIC"
            identification = highdicom.AlgorithmIdentificationSequence(algorithm.name, family, algorithm.version)
        red, green, blue = (round(255 * part) for part in segment_color(number - 1))
        made.append(
            highdicom.seg.SegmentDescription(
                segment_number=number,
                segment_label=name,
                segmented_property_category=highdicom.sr.CodedConcept(*code.category),
                segmented_property_type=highdicom.sr.CodedConcept(*code.kind),
                algorithm_type=kind,
                algorithm_identification=identification,
                tracking_uid=highdicom.UID(),
                tracking_id=name,
                display_color=highdicom.color.CIELabColor.from_rgb(red, green, blue),
            )
        )
    return made
