"""The planes of a DICOM series, whichever file each comes from: one slice a file, or frames of an enhanced image.

Of a frame, what a slice says of itself stands in its functional groups, its own or those that all frames share
(`DICOM PS3.3 C.7.6.16 <https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_C.7.6.16.html>`_).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import InputError
from common.formats.dicom_files import functional_group, text_of
from common.io.optional_library import optional_library

__all__ = ["FRAME_TAGS", "Plane", "check_one_volume", "planes_of", "what_differs"]

PER_FRAME, SHARED = "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"
FRAME_TAGS = (PER_FRAME, SHARED, "DimensionIndexSequence")
GROUPS = {
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept"),
    "FrameContentSequence": ("StackID", "TemporalPositionIndex", "DimensionIndexValues"),
    "MREchoSequence": ("EffectiveEchoTime",),
}
ONE_OF_A_VOLUME = {
    "StackID": "stack of frames",
    "TemporalPositionIndex": "time point",
    "EffectiveEchoTime": "echo time",
}


@dataclass(frozen=True)
class Plane:
    """One plane of a series.

    Attributes:
        path: of its file.
        frame: its number in the file, from 1; 0 of a file of one slice.
        header: its elements as a slice has them, a ``pydicom.Dataset``.

    Example:
        >>> Plane(Path("scans/a.dcm"), 3, None).name
        'a.dcm (frame 3)'
    """

    path: Path
    frame: int
    header: Any

    @property
    def name(self) -> str:
        """For messages."""
        return self.path.name + (f" (frame {self.frame})" if self.frame else "")


def planes_of(path: Path, header: Any) -> list[Plane]:
    """The planes of one file.

    Args:
        path: of the file.
        header: its elements, with `FRAME_TAGS`.

    Returns:
        Itself, or each of its frames, in the order of the file.

    Raises:
        InputError: it has several frames and does not say where each lies, or what their values mean.
    """
    count = int(header.get("NumberOfFrames") or 1)
    groups = header.get(PER_FRAME) or ()
    if not groups and count == 1:
        return [Plane(path, 0, header)]
    if len(groups) != count:
        raise InputError(f"{path}: expected the place of each of its {count} frames, got {len(groups)}.")
    dataset = optional_library("pydicom", "formats", f"Reading {path}").Dataset
    made = []
    for index in range(count):
        frame = dataset()
        frame.update({element.tag: element for element in header if element.keyword not in (PER_FRAME, SHARED)})
        for name, keywords in GROUPS.items():
            group = functional_group(header, index, name)
            frame.update({group[keyword].tag: group[keyword] for keyword in keywords if keyword in group})
        if functional_group(header, index, "RealWorldValueMappingSequence") and "RescaleSlope" not in frame:
            raise InputError(f"{path}: expected slope and intercept, got a mapping to real world values alone.")
        made.append(Plane(path, index + 1, frame))
    return made


def check_one_volume(name: str, planes: Sequence[Plane]) -> None:
    """Raises where frames are of several stacks, time points or echoes.

    Args:
        name: of the series, for the message.
        planes: all of it.

    Raises:
        InputError: names the first two that differ.

    Example:
        >>> from types import SimpleNamespace
        >>> check_one_volume("scan", [Plane(Path("a.dcm"), n, SimpleNamespace(StackID=str(n))) for n in (1, 2)])
        Traceback (most recent call last):
        common.errors.InputError: scan: expected one stack of frames, got 1 in a.dcm (frame 1), 2 in a.dcm (frame 2).
    """
    for keyword, meaning in ONE_OF_A_VOLUME.items():
        first: dict[str, Plane] = {}
        for plane in planes:
            if plane.frame:
                first.setdefault(text_of(plane.header, keyword), plane)
        if len(first) > 1:
            got = [f"{value or 'none'} in {plane.name}" for value, plane in first.items()]
            raise InputError(f"{name}: expected one {meaning}, got {', '.join(got[:2])}.")


def what_differs(one: Plane, other: Plane) -> str:
    """The dimensions in which two frames of a file differ, by the file's own indices.

    Args:
        one: a frame.
        other: another one of the same file.

    Returns:
        Their names, such as ``DiffusionBValue``; empty if the file does not say.
    """
    names = []
    values = [plane.header.get("DimensionIndexValues") or () for plane in (one, other)]
    values = [list(value) if isinstance(value, Sequence) else [value] for value in values]
    keyword_for_tag = optional_library("pydicom.datadict", "formats", "Reading frames").keyword_for_tag
    for dimension, *pair in zip(one.header.get("DimensionIndexSequence") or (), *values, strict=False):
        if pair[0] != pair[1]:
            pointer = dimension.get("DimensionIndexPointer")
            names.append((pointer and keyword_for_tag(pointer)) or text_of(dimension, "DimensionDescriptionLabel"))
    return ", ".join(name for name in names if name)
