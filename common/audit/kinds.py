"""In what way a label differs from a prediction: each kind by a rule that is stated here.

s is the usual deviation of a border in mm; residuals are of `border_residuals`, measured from both borders; the
disagreement D is 1 − the mean Dice of the foreground classes. Where nothing is labeled, the prediction is taken.

**fine**: 95 % of the residuals of every class are within 3 s, their mean is within 1.5 s, and nothing is missing or
extra. Otherwise what explains the whole label is looked for, that is, what would remove at least half of D if it were
undone; of several the one that leaves least, of equal ones the first:

- **classes exchanged**: two classes, each for the other. **left and right exchanged**: the predicted structures of the
  two lie apart mainly along the patient's left-right axis (of a picture, its width).
- **shifted by slices**: whole slices along the axis of the largest spacing, at most 10.
- **displaced**: by the vector between the centers of all foreground; or also turned, by the rigid motion that brings
  the label's border nearest to the prediction's (iterative closest points), if it turns by 3° or more.
- **left and right flipped**, **flipped**: mirrored along the left-right axis, or along another.

If nothing does, each class is looked at for itself, and several kinds may come of it:

- **missing**, **extra**: a connected part of the prediction of which less than a tenth is labeled, where the network is
  sure (mean probability of at least 0.7), and the reverse (at most 0.3). It must be larger than a ball of radius 2 s.
- of what remains, **displaced**: undoing the vector between the centers removes half of the class's 1 − Dice.
- **too large**, **too small**: at least 80 % of the voxels that differ lie on one side.
- **another case's label**: Dice below 0.5, and none of the above.
- **border shaky**: everything else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import generate_binary_structure
from scipy.ndimage import label as connected

from common.audit.geometry import border_residuals, box_around, class_dice, predicted_classes
from common.audit.motion import aligned, center, moved

__all__ = ["GRAVITY", "PICTURE_DIRECTIONS", "Kind", "find_kinds", "gravest", "structure_sizes"]

GRAVITY = (  # the gravest first
    "another case's label",
    "classes exchanged",
    "left and right exchanged",
    "left and right flipped",
    "flipped",
    "shifted by slices",
    "displaced",
    "missing",
    "extra",
    "too large",
    "too small",
    "border shaky",
    "fine",
)
PICTURE_DIRECTIONS = (("left", "right"), ("up", "down"))
EXPLAINS = 0.5  # of the disagreement, at least
TOLERATED, TOLERATED_MEAN = 3.0, 1.5  # s
LITTLE = 0.1  # of a part, that is labeled
SURE = 0.7
PART_RADIUS = 2.0  # s
ONE_SIDED = 0.6  # (outside − inside) / (outside + inside): 80 % on one side
HALF = 0.5
MOST_SLICES = 10
LEAST_TURN = 3.0  # degrees
Directions = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Kind:
    """One way in which a label differs.

    Attributes:
        name: one of `GRAVITY`.
        structure: the class, 0 for the label as a whole.
        size: mm of a displacement or border, slices of a shift, mm³ (mm² in 2-D) of a part, else 0.
        message: a clause that says it with its numbers and direction.
        voxels: how many of those that differ it explains; 0 for the label as a whole.

    Example:
        >>> Kind("displaced", size=4.0, message="displaced by 4 mm (4 mm to the right)").structure
        0
    """

    name: str
    structure: int = 0
    size: float = 0.0
    message: str = ""
    voxels: int = 0


def gravest(kinds: Sequence[Kind]) -> Kind:
    """The first of `GRAVITY` among kinds; of several the largest.

    Args:
        kinds: at least one.

    Returns:
        One of them.

    Example:
        >>> gravest([Kind("too large", 1), Kind("missing", 2)]).name
        'missing'
    """
    return min(kinds, key=lambda kind: (GRAVITY.index(kind.name), -abs(kind.size)))


def find_kinds(
    label: np.ndarray,
    probabilities: np.ndarray,
    spacing: Sequence[float],
    border_mm: float,
    directions: Directions | None = None,
    class_names: Sequence[str] = (),
    unit: str = "mm",
) -> list[Kind]:
    """The kinds by the rules at the head of this module.

    Args:
        label: ``(*spatial)`` integers, 0 … C − 1, −1 where not labeled.
        probabilities: ``(C, *spatial)``, C ≥ 2, summing to 1.
        spacing: voxel size along each axis in mm.
        border_mm: s, the usual deviation of a border in mm.
        directions: the words for lower and higher indices along each axis, such as ``("left", "right")``; None for
            those of pictures, and of volumes in RAS.
        class_names: from class 0 on; empty for numbers.
        unit: of lengths in the messages, mm or pixels.

    Returns:
        At least one; `Kind` ``fine`` alone if there is nothing to say.

    Example:
        >>> drawn = np.zeros((20, 20), int)
        >>> drawn[4:10, 4:16] = 1
        >>> sure = np.stack([drawn != 1, drawn == 1]).astype(np.float32)
        >>> find_kinds(np.roll(drawn, 4, axis=0), sure, [1.0, 1.0], 0.5)[0].message
        'displaced by 4 mm (4 mm to the right)'
    """
    prediction = predicted_classes(probabilities)
    known = label >= 0
    filled = np.where(known, label, prediction).astype(np.int16)
    names = [*class_names, *(str(index) for index in range(len(class_names), len(probabilities)))]
    if directions is None:
        directions = PICTURE_DIRECTIONS if label.ndim == 2 else (("left", "right"), ("back", "front"), ("down", "up"))
    classes = [index for index in range(1, len(probabilities)) if ((filled == index) | (prediction == index)).any()]
    kinds: list[Kind] = []
    for index in classes:
        drawn, predicted = filled == index, prediction == index
        box = box_around(drawn | predicted, [4] * label.ndim)
        part = (drawn[box], predicted[box], probabilities[index][box], known[box])
        kinds += _of_class(*part, spacing, border_mm, index)
    if not kinds:
        return [Kind("fine", 0, 0.0, "fine")]
    words = _Words(names, directions, unit)
    whole = _of_whole(filled, prediction, len(probabilities), spacing, border_mm, words)
    if whole is not None:
        return [whole]
    found = [_named(kind, words) for kind in kinds]
    return sorted(found, key=lambda kind: GRAVITY.index(kind.name))


def structure_sizes(prediction: np.ndarray, spacing: Sequence[float], border_mm: float) -> list[float]:
    """The sizes of the predicted structures that are large enough to be missed: larger than a ball of radius 2 s.

    Args:
        prediction: ``(*spatial)`` class map.
        spacing: voxel size along each axis in mm.
        border_mm: s, the usual deviation of a border in mm.

    Returns:
        mm³ (mm² in 2-D) of each connected part of each foreground class.

    Example:
        >>> structure_sizes(np.array([[1, 1, 0, 1], [1, 1, 0, 0]]), [1.0, 2.0], 0.5)
        [8.0]
    """
    voxel = float(np.prod(spacing))
    smallest = _smallest(border_mm, prediction.ndim)
    sizes: list[float] = []
    for index in np.unique(prediction[prediction > 0]):
        mask = prediction == index
        numbered, _ = connected(
            mask[box_around(mask, [0] * mask.ndim)], generate_binary_structure(mask.ndim, mask.ndim)
        )
        sizes += [float(count * voxel) for count in np.bincount(numbered.ravel())[1:] if count * voxel >= smallest]
    return sizes


def _smallest(border_mm: float, dimensions: int) -> float:
    radius = PART_RADIUS * border_mm
    return math.pi * radius**2 if dimensions == 2 else 4 / 3 * math.pi * radius**3


@dataclass(frozen=True)
class _Words:
    """Names of classes, of the directions along each axis, and of the unit of lengths."""

    names: Sequence[str]
    directions: Directions
    unit: str

    def size(self, size: float) -> str:
        """An area or volume, to three digits."""
        power = "" if self.unit == "pixels" else "²" if len(self.directions) == 2 else "³"
        rounded = float(f"{size:.3g}")
        number = f"{rounded:,.0f}" if abs(rounded) >= 1000 else f"{rounded:.3g}"
        return f"{number} {self.unit}{power}"

    def displacement(self, vector: Sequence[float] | np.ndarray) -> str:
        length = float(np.linalg.norm(vector))
        parts = [
            f"{abs(part):.2g} {self.unit} {_to(words[int(part > 0)])}"
            for part, words in zip(vector, self.directions, strict=True)
            if abs(part) >= 0.2 * length and length
        ]
        return f"displaced by {length:.2g} {self.unit} ({', '.join(parts)})"


@dataclass(frozen=True)
class _Displaced(Kind):
    """A displacement that has no words for its direction yet."""

    vector: tuple[float, ...] = ()


def _named(kind: Kind, words: _Words) -> Kind:
    name = words.names[kind.structure]
    structure = f"class {name}" if len(words.names) > 2 or name.isdigit() else f"the {name}"
    message = f"{structure} {kind.name}"
    if isinstance(kind, _Displaced):
        message = f"{structure} {words.displacement(kind.vector)}"
    elif kind.name in ("too large", "too small", "border shaky"):
        message += f", {'on average ' if kind.name != 'border shaky' else '± '}{abs(kind.size):.2g} {words.unit}"
    elif kind.name in ("missing", "extra"):
        message = f"{kind.name}: a part of {structure} of {words.size(kind.size)}"
    elif kind.name == "another case's label":
        message = f"{structure} is somewhere else altogether, as in another case's label"
    return Kind(kind.name, kind.structure, kind.size, message, kind.voxels)


def _of_whole(
    label: np.ndarray,
    prediction: np.ndarray,
    num_classes: int,
    spacing: Sequence[float],
    border_mm: float,
    words: _Words,
) -> Kind | None:
    """What explains at least half of the disagreement of the whole label, or None."""
    present = [index for index in range(1, num_classes) if (label == index).any() or (prediction == index).any()]
    before = _disagreement(label, prediction, num_classes)
    best, left = None, before * EXPLAINS
    for undone, kind in _hypotheses(label, prediction, present, spacing, border_mm, words):
        remains = _disagreement(undone, prediction, num_classes)
        if remains < left - 1e-9 or (best is None and remains <= left):
            best, left = kind, remains
    return best


def _hypotheses(
    label: np.ndarray,
    prediction: np.ndarray,
    present: Sequence[int],
    spacing: Sequence[float],
    border_mm: float,
    words: _Words,
) -> Iterator[tuple[np.ndarray, Kind]]:
    """Labels with an error undone, and the kind that it was."""
    directions = words.directions
    sideways = [axis for axis, pair in enumerate(directions) if {"left", "right"} <= set(pair)]
    for place, first in enumerate(present):
        for second in present[place + 1 :]:
            both = [center(prediction == index, spacing) for index in (first, second)]
            undone = np.where(label == first, second, np.where(label == second, first, label))
            name = "classes exchanged"
            if both[0] is not None and both[1] is not None and sideways:
                apart = np.abs(both[1] - both[0])
                name = "left and right exchanged" if int(apart.argmax()) in sideways else name
            yield undone, Kind(name, 0, 0.0, f"{name}: {words.names[first]} and {words.names[second]}")
    if label.ndim == 3:
        axis = int(np.argmax(spacing)) if not np.allclose(spacing, spacing[0], rtol=1e-3, atol=0) else 2
        for steps in sorted({*range(-MOST_SLICES, MOST_SLICES + 1)} - {0}, key=abs):
            if abs(steps) < label.shape[axis] and abs(steps) * spacing[axis] > border_mm:
                shift = [steps if other == axis else 0 for other in range(3)]
                word = directions[axis][steps > 0]
                said = f"shifted by {abs(steps)} slice{'s' * (abs(steps) > 1)} {_to(word)}"
                yield moved(label, [-step for step in shift]), Kind("shifted by slices", 0, float(abs(steps)), said)
    centers = [center(drawn > 0, spacing) for drawn in (label, prediction)]
    if centers[0] is not None and centers[1] is not None:
        vector = centers[0] - centers[1]
        if np.linalg.norm(vector) > border_mm:
            back = [-round(float(part / size)) for part, size in zip(vector, spacing, strict=True)]
            length = float(np.linalg.norm(vector))
            yield moved(label, back), Kind("displaced", 0, length, words.displacement(vector))
        turned, vector, angle = aligned(label, prediction, spacing)
        if angle >= LEAST_TURN:
            said = words.displacement(vector) if np.linalg.norm(vector) > border_mm else "not displaced"
            yield turned, Kind("displaced", 0, float(np.linalg.norm(vector)), f"{said}, turned by {angle:.0f}°")
    for axis in sorted(range(label.ndim), key=lambda axis: axis not in sideways):
        if axis in sideways:
            flipped = Kind("left and right flipped", 0, 0.0, "left and right flipped")
        else:
            flipped = Kind("flipped", 0, 0.0, f"flipped, {directions[axis][0]} for {directions[axis][1]}")
        yield np.flip(label, axis), flipped


def _of_class(
    label: np.ndarray,
    prediction: np.ndarray,
    probability: np.ndarray,
    known: np.ndarray,
    spacing: Sequence[float],
    border_mm: float,
    index: int,
) -> Iterator[Kind]:
    """What is wrong with one class."""
    voxel = float(np.prod(spacing))
    smallest = _smallest(border_mm, label.ndim)
    label, prediction = label.copy(), prediction.copy()
    for name, part in [
        *(("missing", part) for part in _parts(prediction, label, smallest / voxel)),
        *(("extra", part) for part in _parts(label, prediction, smallest / voxel)),
    ]:
        mean = float(probability[part].mean())
        if mean >= SURE if name == "missing" else mean <= 1 - SURE:
            (prediction if name == "missing" else label)[part] = False
            yield Kind(name, index, len(part[0]) * voxel, "", len(part[0]))
    outward = [border_residuals(label, prediction, spacing, known).outward]
    outward.append(-border_residuals(prediction, label, spacing, known).outward)
    residuals = np.concatenate(outward)
    if not len(residuals):
        return
    mean = float(residuals.mean())
    outside, inside = int((label & ~prediction).sum()), int((prediction & ~label).sum())
    differ = outside + inside
    if np.percentile(np.abs(residuals), 95) <= TOLERATED * border_mm and abs(mean) <= TOLERATED_MEAN * border_mm:
        return
    dice = _dice(label, prediction)
    centers = [center(drawn, spacing) for drawn in (label, prediction)]
    if centers[0] is not None and centers[1] is not None:
        vector = centers[0] - centers[1]
        back = [-round(float(part / size)) for part, size in zip(vector, spacing, strict=True)]
        after = _dice(moved(label, back), prediction)
        if np.linalg.norm(vector) > border_mm and 1 - after <= EXPLAINS * (1 - dice):
            yield _Displaced("displaced", index, float(np.linalg.norm(vector)), "", differ, tuple(map(float, vector)))
            return
    side = (outside - inside) / max(1, differ)
    if abs(side) >= ONE_SIDED:
        yield Kind("too large" if side > 0 else "too small", index, mean, "", differ)
    elif dice < HALF:
        yield Kind("another case's label", index, 0.0, "", differ)
    else:
        yield Kind("border shaky", index, float(np.sqrt(np.mean(residuals**2))), "", differ)


def _parts(mask: np.ndarray, other: np.ndarray, smallest: float) -> list[tuple[np.ndarray, ...]]:
    """Indices of the connected parts of at least ``smallest`` voxels of which less than a tenth is in the other."""
    numbered, count = connected(mask, generate_binary_structure(mask.ndim, mask.ndim))
    sizes = np.bincount(numbered.ravel(), minlength=count + 1)
    common = np.bincount(numbered[other], minlength=count + 1)
    chosen = [n for n in range(1, count + 1) if sizes[n] >= smallest and common[n] < LITTLE * sizes[n]]
    return [np.nonzero(numbered == number) for number in chosen]


def _disagreement(label: np.ndarray, prediction: np.ndarray, num_classes: int) -> float:
    dice = class_dice(label, prediction, num_classes)[1:]
    return 1 - float(np.nanmean(dice)) if np.isfinite(dice).any() else 0.0


def _dice(first: np.ndarray, second: np.ndarray) -> float:
    total = int(first.sum()) + int(second.sum())
    return 2 * int((first & second).sum()) / total if total else 1.0


def _to(word: str) -> str:
    return f"to the {word}" if word in ("left", "right", "front", "back") else word
