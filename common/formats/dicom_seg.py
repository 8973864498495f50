"""DICOM SEG: segments of one series as masks, whatever the order of frames and whichever empty ones were left out.

Read with pydicom after `DICOM PS3.3 A.51 and C.8.20
<https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_C.8.20.2.html>`_. A frame lies where its plane
position puts it on the series' grid, or, if it has none, on the slice that it refers to. In FRACTIONAL files a voxel
belongs to the segment if its value is at least one half of the maximum; exactly one half belongs. Their values are
whole numbers up to the maximum, mostly 255, so that one half may come back as 128/255.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from common.errors import InputError
from common.formats.class_colors import NOT_LABELED
from common.formats.dicom_files import functional_group, is_dicom, read_dataset, sound_elements, text_of
from common.formats.dicom_series import Series
from common.formats.grid import Grid, voxel_steps
from common.formats.segments import Segments
from common.formats.volume_cases import annotator_of, case_of, series_of
from common.io.simple_itk import TO_RAS

__all__ = ["Segmentation", "read", "read_dicom_seg", "recognize", "referenced_series"]

STORAGE = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")  # Segmentation, Label Map Segmentation
NAMES = ("label", "code")
TYPES = ("BINARY", "FRACTIONAL", "LABELMAP")
FRACTIONAL = ("labels", "probabilities")
MOST_ROUNDING = 0.1  # of a sum of probabilities: more above 1 is an overlap, however coarse the numbers are


@dataclass(frozen=True)
class Segmentation:
    """What one DICOM SEG says of one series.

    Attributes:
        masks: class name → bool (X, Y, Z) on the series' grid.
        probabilities: of a FRACTIONAL file, class name → float32 (X, Y, Z) from 0 to 1; else empty.
        problems: sentences on what was left out.
        left_out: segments of which nothing was taken.
        fractional: of a FRACTIONAL file its type: ``PROBABILITY`` or ``OCCUPANCY``, the share of a voxel that a segment
            covers; else empty.
        step: of a FRACTIONAL file, the difference of neighboring values: 1/255, mostly.

    Example:
        >>> list(Segmentation({"lung": np.ones((2, 2, 1), dtype=bool)}, {}).masks)
        ['lung']
    """

    masks: dict[str, np.ndarray]
    probabilities: dict[str, np.ndarray]
    problems: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    fractional: str = ""
    step: float = 0.0


def recognize(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a DICOM SEG.

    Args:
        path: of the file.

    Returns:
        True by its SOP class.
    """
    return is_dicom(path) and text_of(read_dataset(path, False, ["SOPClassUID"]), "SOPClassUID") in STORAGE


def referenced_series(dataset: Any) -> str:
    """Series instance UID of the images that a SEG was drawn on; empty if it does not say."""
    for item in dataset.get("ReferencedSeriesSequence") or ():
        if uid := text_of(item, "SeriesInstanceUID"):
            return uid
    return ""


def read_dicom_seg(path: str | os.PathLike[str], series: Series, names: str = "label") -> Segmentation:
    """The segments of a file as masks on the grid of its series.

    Frames that are not stored are empty. Segments of the same name are one class, which is said. A segment of which a
    frame lies off the grid is left out as a whole: what remained of it would be a wrong label.

    Args:
        path: of the SEG.
        series: the images that it was drawn on.
        names: what names a class: ``label`` (of the segment) or ``code`` (meaning of the segmented property type).

    Returns:
        The masks, of segments without any frame too.

    Raises:
        InputError: the file is no DICOM SEG, or damaged; ``names`` is neither.
    """
    if names not in NAMES:
        raise InputError(f"{path}: expected names by {' or '.join(NAMES)}, got {names}.")
    with sound_elements(path):
        return _read(path, read_dataset(path), series, names)


def _read(path: Any, dataset: Any, series: Series, names: str) -> Segmentation:
    kind = text_of(dataset, "SegmentationType").upper()
    if text_of(dataset, "SOPClassUID") not in STORAGE or kind not in TYPES:
        raise InputError(f"{path}: expected a DICOM SEG, {', '.join(TYPES)}, got {kind or 'another kind of file'}.")
    frames = _pixels(path, dataset)
    background = int(dataset.get("PixelPaddingValue") or 0) if kind == "LABELMAP" else -1
    numbers, problems = _class_names(path, dataset, names, background)
    layer = _Layer(path, dataset, series, len(frames))
    values = {number: np.zeros(series.shape, np.uint8 if kind == "FRACTIONAL" else bool) for number in numbers}
    broken: dict[int, list[str]] = defaultdict(list)
    outside: dict[int, int] = defaultdict(int)
    unknown: set[int] = set()
    for index, frame in enumerate(frames):
        if kind == "LABELMAP":
            parts = {number: frame == number for number in np.unique(frame).tolist() if number != background}
        else:
            parts = {layer.segment(index): frame}
        for number, part in parts.items():
            if number not in numbers:
                unknown.add(number)
                continue
            places, problem = layer.places(index, np.stack(np.nonzero(part)))
            if places is None:
                if part.any():
                    broken[number].append(f"frame {index + 1} {problem}")
                continue
            inside = ((places >= 0) & (places < np.array(series.shape)[:, None])).all(0)
            outside[number] += int((~inside).sum())
            values[number][tuple(places[:, inside])] = part[np.nonzero(part)][inside]
    if unknown:
        listed = ", ".join(map(str, sorted(unknown)))
        problems.append(f"{path}: frames of segment {listed} are left out, since the file does not describe it.")
    for number, said in broken.items():
        more = f" and {len(said) - 1} more" if len(said) > 1 else ""
        problems.append(f"{path}: the segment {numbers[number]} is left out, since {said[0]}{more}.")
    left_out = {numbers[number] for number in broken}  # also other segments of the name: a part would be a wrong label
    values = {number: value for number, value in values.items() if numbers[number] not in left_out}
    for number, count in outside.items():
        if count and number in values:
            problems.append(f"{path}: {count} voxels of {numbers[number]} lie outside of the series and are left out.")
    most = int(dataset.get("MaximumFractionalValue") or 255)
    if kind == "FRACTIONAL" and (largest := int(frames.max(initial=0))) > most:
        raise InputError(f"{path}: expected values up to {most}, its MaximumFractionalValue, got {largest}.")
    masks: dict[str, np.ndarray] = {}
    probabilities: dict[str, np.ndarray] = {}
    for number, value in values.items():
        name = numbers[number]
        if kind == "FRACTIONAL":
            share = (value / most).astype(np.float32)
            probabilities[name] = np.maximum(probabilities.get(name, 0), share)
            value = value.astype(np.uint16) * 2 >= most
        masks[name] = masks[name] | value if name in masks else value
    lost = (*sorted(left_out), *(f"segment {number}" for number in sorted(unknown)))
    if kind != "FRACTIONAL":
        return Segmentation(masks, {}, tuple(problems), lost)
    meaning = text_of(dataset, "SegmentationFractionalType").upper() or "of no type"
    return Segmentation(masks, probabilities, tuple(problems), lost, meaning, 1 / most)


def read(
    path: str | os.PathLike[str],
    images: Mapping[str, str | os.PathLike[str]],
    annotator: str = "creator",
    names: str = "label",
    fractional: str = "labels",
) -> Iterator[Segments]:
    """What a file's annotator drew, on the image to which the file refers.

    Args:
        path: of the SEG.
        images: case → its image: the folder of a DICOM series, or a file in its place, such as NIfTI made of it.
        annotator: see `annotator_of`.
        names: see `read_dicom_seg`.
        fractional: what a FRACTIONAL file gives, ``labels`` (cut at one half) or ``probabilities``.

    Yields:
        The segments of one case.

    Raises:
        InputError: no image fits, or the file cannot be read; the probabilities of its segments are those of no
            distribution over classes: they sum to more than 1, or some are left out.
    """
    header = read_dataset(path, pixels=False)
    uid = referenced_series(header)
    case = case_of(path, images, uid)
    found = read_dicom_seg(path, series_of(images[case], uid), names)
    drawn = Segments(case, annotator_of(path, case, annotator, header), dict(found.masks), found.problems)
    if found.fractional and fractional == "probabilities":
        drawn = replace(drawn, masks={}, probabilities=_distribution(path, found))
    yield replace(drawn, fractional=found.fractional)


def _distribution(path: Any, found: Segmentation) -> dict[str, np.ndarray]:
    """The probabilities of classes that exclude each other; sums that rounding put above 1 are brought back to it."""
    where = f"{path}: expected probabilities of classes, of which the rest is the background's"
    if lost := [*found.left_out, *(name for name in found.probabilities if name == NOT_LABELED)]:
        raise InputError(f"{where}, but {', '.join(lost)} cannot be taken; --fractional labels reads the others.")
    if not found.probabilities:
        raise InputError(f"{where}, got no segment.")
    values = np.stack(list(found.probabilities.values()))
    total = values.sum(0)
    excess = total - 1 - np.minimum(np.count_nonzero(values, axis=0) * found.step, MOST_ROUNDING)
    if float(excess.max()) > 1e-6:
        worst = np.unravel_index(int(excess.argmax()), total.shape)
        names = [name for name, value in found.probabilities.items() if value[worst] > 0]
        raise InputError(
            f"{where}, got {', '.join(names)} with a sum of {total[worst]:.3g} in one voxel, and sums above 1 in "
            f"{int((excess > 1e-6).sum())}; classes that overlap are no distribution, --fractional labels cuts each at "
            "one half."
        )
    return dict(zip(found.probabilities, values / np.maximum(total, 1), strict=True))


def _pixels(path: Any, dataset: Any) -> np.ndarray:
    """(frames, rows, columns)."""
    try:
        pixels = dataset.pixel_array
    except Exception as error:  # decoders of damaged files raise whatever they meet
        said = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise InputError(f"{path}: its frames cannot be read: {said}.") from error
    return pixels.reshape(-1, int(dataset.Rows), int(dataset.Columns))


def _class_names(path: Any, dataset: Any, names: str, background: int) -> tuple[dict[int, str], list[str]]:
    """Segment number → class name, and what was merged; the background of a label map is no class."""
    found: dict[int, str] = {}
    for item in dataset.get("SegmentSequence") or ():
        number = int(item.SegmentNumber)
        if number == background:
            continue
        codes = item.get("SegmentedPropertyTypeCodeSequence") or ()
        code = text_of(codes[0], "CodeMeaning") if codes else ""
        label = text_of(item, "SegmentLabel")
        found[number] = (code or label if names == "code" else label or code) or f"segment {number}"
    same = defaultdict(list)
    for number, name in found.items():
        same[name].append(number)
    problems = [
        f"{path}: the segments {', '.join(map(str, several))} are all named {name}; they count as one class."
        for name, several in same.items()
        if len(several) > 1
    ]
    return found, problems


class _Layer:
    """Where each frame of a SEG lies in its series."""

    def __init__(self, path: Any, dataset: Any, series: Series, count: int) -> None:
        self.series = series
        self.grid = Grid(series.shape, series.affine)
        self.size: tuple[int, int] = (int(dataset.Columns), int(dataset.Rows))
        self.dataset = dataset
        self.frames = dataset.get("PerFrameFunctionalGroupsSequence") or ()
        numbers = series.frames or (0,) * len(series.instances)
        self.slices = {source: index for index, source in enumerate(zip(series.instances, numbers, strict=True))}
        if len(self.frames) != count:
            raise InputError(f"{path}: expected the place of each of its {count} frames, got {len(self.frames)}.")
        frame = text_of(dataset, "FrameOfReferenceUID")
        self.placed = not frame or not series.frame_of_reference or frame == series.frame_of_reference

    def _group(self, index: int, keyword: str) -> Any:
        return functional_group(self.dataset, index, keyword)

    def segment(self, index: int) -> int:
        return int(self._group(index, "SegmentIdentificationSequence").get("ReferencedSegmentNumber") or 0)

    def places(self, index: int, pixels: np.ndarray) -> tuple[np.ndarray | None, str]:
        """Indices (3, N) in the series of pixels (2, N: row, column) of a frame, or why there are none."""
        source = self._source(index)
        position = self._group(index, "PlanePositionSequence").get("ImagePositionPatient") if self.placed else None
        if position is None:
            if source is None:
                return None, "refers to no slice of the series, and its position is not in the series' coordinates"
            width, height = self.size
            if self.size != self.series.shape[:2]:
                return None, f"is of {width} × {height} pixels, unlike the slice that it refers to"
            return np.stack([pixels[1], pixels[0], np.full(pixels.shape[1], source)]), ""
        affine = self._affine(index, position)
        steps = None if affine is None else voxel_steps(affine, (*self.size, 1), self.grid)
        if affine is None or steps is None:
            at = "" if affine is None else f" (it begins at the voxel {self._begin(affine)})"
            return None, f"does not lie on the voxels of the series{at}"
        matrix, offset = steps
        if source is not None and abs(matrix[2, 2]) == 1 and source != offset[2]:
            return None, f"refers to slice {source + 1} of the series, but lies on slice {offset[2] + 1}"
        return matrix[:, :2] @ pixels[::-1] + offset[:, None], ""

    def _source(self, index: int) -> int | None:
        """The only slice that a frame refers to."""
        found = {
            self.slices.get((text_of(image, "ReferencedSOPInstanceUID"), number))
            for derivation in self.frames[index].get("DerivationImageSequence") or ()
            for image in derivation.get("SourceImageSequence") or ()
            for number in self._numbers(image)
        }
        return found.pop() if len(found) == 1 else None

    def _numbers(self, image: Any) -> list[int]:
        """Of the frames that are referred to; 0 where the series has a file for each slice."""
        if not self.series.frames:
            return [0]
        numbers = image.get("ReferencedFrameNumber") or ()
        return [int(number) for number in (numbers if isinstance(numbers, Sequence) else [numbers])]

    def _affine(self, index: int, position: Any) -> np.ndarray | None:
        """(4, 4) to mm in RAS of a frame as a volume of one slice, whose third axis is one voxel of the series."""
        directions = self._group(index, "PlaneOrientationSequence").get("ImageOrientationPatient")
        spacing = self._group(index, "PixelMeasuresSequence").get("PixelSpacing")
        if directions is None or spacing is None:
            return None
        along, down = np.reshape([float(value) for value in directions], (2, 3))
        across = TO_RAS[:3, :3] @ np.cross(along, down)
        axes = self.series.affine[:3, :3]
        third = axes[:, int(np.argmax(np.abs(across @ axes / np.linalg.norm(axes, axis=0))))]
        affine = np.eye(4)
        affine[:3, 0], affine[:3, 1] = along * float(spacing[1]), down * float(spacing[0])
        affine[:3, 3] = [float(value) for value in position]
        affine = TO_RAS @ affine
        affine[:3, 2] = third
        return affine

    def _begin(self, affine: np.ndarray) -> str:
        begin = np.linalg.inv(self.series.affine) @ affine[:, 3]
        return ", ".join(f"{value:.2f}".rstrip("0").rstrip(".") for value in begin[:3])
