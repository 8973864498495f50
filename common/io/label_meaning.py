"""What the values of label files mean: observed over a data set, inferred by stated rules, and read accordingly."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from scipy.ndimage import maximum_filter, minimum_filter

from common.errors import InputError, shown_names
from common.io.checks import NOT_LABELED, geometry_finding, value_counts
from common.io.formats import read_stored, to_tensor
from common.io.label_values import (
    LabelKind,
    color_codes,
    color_counts,
    is_segmentation,
    stored_values,
    whole_numbers,
)
from common.io.orientation import reoriented

__all__ = ["LabelMeaning", "LabelObservation", "class_indices", "observe_label", "read_label"]

Paths = str | os.PathLike[str]
MOST_KEPT = 300  # distinct values or colors of one file
MOST_COUNTED = 2**17
SHOWN = 6


@dataclass(frozen=True)
class LabelMeaning:
    """Which class a value, or a color, of a label file is.

    Attributes:
        values: class index by value in the file; None if colors say it.
        colors: class index by color ``"#rrggbb"``.
        ignore: value, or color, of what was not labeled; it becomes −1.
        threshold: of lossy masks of two classes: what exceeds it is class 1. `values` is ignored then.

    Example:
        >>> meaning = LabelMeaning(values={0: 0, 255: 1})
        >>> LabelMeaning.from_json(meaning.to_json()) == meaning, meaning.num_classes
        (True, 2)
    """

    values: Mapping[int, int] | None = None
    colors: Mapping[str, int] | None = None
    ignore: int | str | None = None
    threshold: float | None = None

    @property
    def num_classes(self) -> int:
        """Number of classes.

        Returns:
            At least 2, background included: the largest class index and one.
        """
        indices = (self.values if self.colors is None else self.colors) or {}
        return max([1, *indices.values()]) + 1

    def to_json(self) -> dict[str, Any]:
        """The meaning as plain values that JSON holds.

        Returns:
            ``values``, ``colors``, ``ignore`` and ``threshold``; the keys of mappings are text.
        """
        values = None if self.values is None else {str(value): index for value, index in self.values.items()}
        colors = None if self.colors is None else dict(self.colors)
        return {"values": values, "colors": colors, "ignore": self.ignore, "threshold": self.threshold}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> LabelMeaning:
        """The meaning of `to_json`.

        Args:
            content: with the keys ``values``, ``colors``, ``ignore`` and ``threshold``, each of which may be missing.

        Returns:
            The meaning.

        Raises:
            InputError: another key, or a value or class that is no whole number.
        """
        unknown = sorted(set(content) - {"values", "colors", "ignore", "threshold"})
        if unknown:
            raise InputError(f"label meaning: expected values, colors, ignore, threshold, got {', '.join(unknown)}.")
        values, colors = content.get("values"), content.get("colors")
        try:
            return cls(
                None if values is None else {int(value): int(index) for value, index in values.items()},
                None if colors is None else {str(color).lower(): int(index) for color, index in colors.items()},
                content.get("ignore"),
                content.get("threshold"),
            )
        except (TypeError, ValueError, AttributeError) as error:
            raise InputError(f"label meaning: expected class indices by value, got {content!r}.") from error


@dataclass(frozen=True)
class LabelObservation:
    """What stands in one label file.

    Attributes:
        path: of the file.
        kind: ``"gray"``, ``"palette"``, ``"color"`` or ``"volume"``.
        counts: how often each value or color ``"#rrggbb"`` occurs; the 300 most frequent.
        shape: of space.
        lossy: JPEG, whose values are spread by compression.
        distinct: number of different values or colors.
        palette: color of each index that occurs in a picture with a palette.
        between: in a gray picture, how many pixels have a value between 0 and the largest one.
        smooth: how many of these have neighbors of both a smaller and a larger value, as at a smoothed border.
    """

    path: str
    kind: LabelKind
    counts: Mapping[Any, int]
    shape: tuple[int, ...]
    lossy: bool = False
    distinct: int = 0
    palette: Mapping[int, str] = field(default_factory=dict)
    between: int = 0
    smooth: int = 0


def observe_label(path: Paths) -> LabelObservation:
    """Reads a label file and counts its values.

    Args:
        path: of the file.

    Returns:
        The observation; whole numbers as such, also where a scaled header has spread them by up to 1e-3.

    Raises:
        InputError: the file cannot be read, has several channels, fractions, numbers that are not finite or beyond
            2^24, or is a segmentation of 3D Slicer, in which each file may number its segments in another way.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("L", (3, 2), 255).save(f"{folder}/a.png")
        ...     observe_label(f"{folder}/a.png").counts
        {255: 6}
    """
    _refuse_segmentation(path)
    stored = read_stored(path)
    kind, array = stored_values(stored)
    lossy = stored.picture is not None and stored.picture.lossy
    shape = tuple(array.shape[1:])
    if kind == "color":
        colors = color_counts(array)
        return LabelObservation(
            os.fspath(path), kind, dict(list(colors.items())[:MOST_KEPT]), shape, lossy, len(colors)
        )
    whole = np.ascontiguousarray(_one_channel(array, path), dtype=np.float32)
    values = value_counts(torch.from_numpy(whole))
    by_frequency = sorted(values.items(), key=lambda pair: -pair[1])[:MOST_KEPT]
    counts = {int(value): count for value, count in sorted(by_frequency)}
    palette = {}
    if stored.picture is not None and stored.picture.palette is not None:
        palette = {index: "#{:02x}{:02x}{:02x}".format(*stored.picture.palette[index]) for index in counts}
    between, smooth = _between(whole) if kind == "gray" and len(values) > 2 else (0, 0)
    return LabelObservation(os.fspath(path), kind, counts, shape, lossy, len(values), palette, between, smooth)


def _between(values: np.ndarray) -> tuple[int, int]:
    """How many pixels lie between 0 and the largest value, and how many of these between their neighbors' values."""
    inside = (values > 0) & (values < values.max())
    lower, upper = (find(values, size=3, mode="nearest") for find in (minimum_filter, maximum_filter))
    return int(inside.sum()), int((inside & (lower < values) & (values < upper)).sum())


def _refuse_segmentation(path: Paths) -> None:
    if is_segmentation(path):
        raise InputError(
            f"{path}: expected a label file, got a segmentation of 3D Slicer, whose values mean what the names of its "
            "segments say; python -m common.convert makes labels of it."
        )


def read_label(path: Paths, meaning: LabelMeaning, image: torch.Tensor | None = None) -> MetaTensor:
    """The class map of a label file.

    Args:
        path: of the file.
        meaning: of its values or colors.
        image: (C, *spatial) on whose grid it must lie (`geometry_finding`); where only its axes are stored in another
            order or direction they are turned (`reoriented`).

    Returns:
        `MetaTensor` (1, *spatial) float32 of class indices, −1 for what is ignored.

    Raises:
        InputError: the file cannot be read, holds a value or color that the meaning does not have, is not on the
            image's grid, or is a segmentation of 3D Slicer; the message names file and value.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("L", (3, 2), 255).save(f"{folder}/a.png")
        ...     read_label(f"{folder}/a.png", LabelMeaning({0: 0, 255: 1})).unique().tolist()
        [1.0]
    """
    _refuse_segmentation(path)
    stored = read_stored(path)
    kind, array = stored_values(stored)
    if meaning.colors is not None:
        classes = _of_colors(stored.array if stored.picture is not None else array, meaning, path)
    elif kind == "color":
        known, shown = (shown_names(each, SHOWN) for each in (sorted(meaning.values or {}), color_counts(array)))
        raise InputError(f"{path}: expected the values {known}, got the colors {shown}.")
    else:
        classes = class_indices(array, meaning, path)
    label = to_tensor(replace(stored, array=classes[None], picture=None), path)
    label = label if image is None else reoriented(label, image)
    finding = geometry_finding(image, label) if image is not None else None
    if finding is not None and finding.unusable:
        raise InputError(f"{path}: {finding.message}.")
    return label


def class_indices(array: np.ndarray, meaning: LabelMeaning, path: Paths) -> np.ndarray:
    """The class of every voxel by its value.

    Args:
        array: (1, *spatial) as it was stored.
        meaning: of its values.
        path: of the file, for messages.

    Returns:
        (*spatial) float32 class indices, −1 for what is ignored.

    Raises:
        InputError: several channels, no whole numbers, or a value that the meaning does not have.

    Example:
        >>> class_indices(np.array([[0, 255]]), LabelMeaning({0: 0, 255: 1}), "a.png").tolist()
        [0.0, 1.0]
    """
    return _of_values(_one_channel(array, path), meaning, path)


def _one_channel(array: np.ndarray, path: Paths) -> np.ndarray:
    """(*spatial) whole numbers."""
    if len(array) != 1:
        raise InputError(f"{path}: expected a label of one channel, got {len(array)}.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        raise InputError(f"{path}: expected class values, but {count} values are not finite.")
    whole = whole_numbers(array[0], path)
    if whole.dtype.kind == "f" and (whole != np.rint(whole)).any():
        fraction = float(whole[whole != np.rint(whole)].flat[0])
        raise InputError(f"{path}: expected whole numbers as class values, got {fraction:g}.")
    return whole


def _of_values(values: np.ndarray, meaning: LabelMeaning, path: Paths) -> np.ndarray:
    if meaning.threshold is not None:
        classes = (values > meaning.threshold).astype(np.float32)
        if meaning.ignore is not None:
            classes[values == int(meaning.ignore)] = NOT_LABELED
        return classes
    table = {int(value): index for value, index in (meaning.values or {}).items()}
    if meaning.ignore is not None:
        table[int(meaning.ignore)] = NOT_LABELED
    whole = values if values.dtype == np.uint8 else values.astype(np.int64, copy=False)  # of one byte as they are
    return _mapped(whole, table, lambda value: str(value), path)


def _of_colors(array: np.ndarray, meaning: LabelMeaning, path: Paths) -> np.ndarray:
    if array.dtype != np.uint8 or len(array) not in (1, 3):
        raise InputError(f"{path}: expected a picture of 8-bit colors, got {len(array)} channels of {array.dtype}.")
    colors = np.repeat(array, 3, axis=0) if len(array) == 1 else array
    table = {_code(color): index for color, index in (meaning.colors or {}).items()}
    if meaning.ignore is not None:
        table[_code(str(meaning.ignore))] = NOT_LABELED
    return _mapped(color_codes(colors), table, lambda code: f"#{code:06x}", path)


def _mapped(values: np.ndarray, table: Mapping[int, int], named: Any, path: Paths) -> np.ndarray:
    lowest = int(values.min(initial=0))
    if int(values.max(initial=0)) - lowest < MOST_COUNTED:  # far faster than sorting
        found, inverse = np.arange(lowest, int(values.max(initial=0)) + 1), values - lowest if lowest else values
        counts = np.bincount(inverse.ravel(order="K"), minlength=len(found))  # without a copy
    else:
        found, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    strange = [(int(v), int(n)) for v, n in zip(found, counts, strict=True) if n and int(v) not in table]
    if strange:
        known, shown = (shown_names(map(named, each), SHOWN) for each in (sorted(table), dict(strange)))
        total = sum(count for _, count in strange)
        unit = "pixels" if values.ndim == 2 else "voxels"
        raise InputError(f"{path}: expected the values {known}, got {shown} ({total} {unit}).")
    indices = np.array([table.get(int(value), NOT_LABELED) for value in found], dtype=np.float32)
    return np.take(indices, inverse.reshape(values.shape))  # twice as fast as indexing


def _code(color: str) -> int:
    return int(color.removeprefix("#"), 16)


def total_counts(observations: Sequence[LabelObservation]) -> Counter:
    """How often each value or color occurs in all files."""
    counts: Counter = Counter()
    for observation in observations:
        counts.update(observation.counts)
    return counts
