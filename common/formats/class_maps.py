"""Masks of classes by name to one map of class indices, and their probabilities to one map of all classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from common.errors import InputError
from common.formats.segments import Segments

__all__ = ["merge_segments", "probability_map"]


def merge_segments(segments: Segments, class_names: Sequence[str], shape: tuple[int, ...]) -> tuple[np.ndarray, int]:
    """The class of every pixel or voxel by one annotator.

    Args:
        segments: with masks of this shape.
        class_names: background first. Where masks overlap, the class that stands later in this list wins.
        shape: of the image.

    Returns:
        int16 of this shape: an index of ``class_names``, −1 where nobody labeled; and in how many places masks of
        different classes overlapped.

    Raises:
        InputError: a mask has another shape, or a class that is not in the list has drawn pixels.

    Example:
        >>> masks = {"organ": np.array([True, True, False]), "tumor": np.array([False, True, False])}
        >>> drawn = Segments("a", "AR", masks)
        >>> classes, overlap = merge_segments(drawn, ["background", "organ", "tumor"], (3,))
        >>> classes.tolist(), overlap
        ([1, 2, 0], 1)
    """
    _check(segments, segments.masks, class_names, shape)
    classes, depth = np.zeros(shape, np.int16), np.zeros(shape, np.int16)
    for index, name in enumerate(class_names):
        if index and name in segments.masks:
            classes[segments.masks[name]] = index
            depth += segments.masks[name]
    if segments.ignored is not None:
        classes[segments.ignored] = -1
    return classes, int((depth > 1).sum())


def probability_map(segments: Segments, class_names: Sequence[str], shape: tuple[int, ...]) -> np.ndarray:
    r"""The probability of every class in every voxel, $p_0 = 1 - \sum_{k > 0} p_k$ of the background.

    Args:
        segments: with probabilities of this shape, which sum to 1 at most.
        class_names: background first; classes of which the segments do not speak have the probability 0.
        shape: of the image.

    Returns:
        float32 ``(*shape, C)``, which sums to 1 along the last axis.

    Raises:
        InputError: a class has another shape, or one that is not in the list has a probability above 0.

    Example:
        >>> shares = {"organ": np.array([0.25, 0.5], np.float32), "tumor": np.array([0, 0.5], np.float32)}
        >>> drawn = Segments("a", "net", {}, probabilities=shares)
        >>> probability_map(drawn, ["background", "cyst", "organ", "tumor"], (2,)).tolist()
        [[0.75, 0.0, 0.25, 0.0], [0.0, 0.0, 0.5, 0.5]]
    """
    _check(segments, segments.probabilities, class_names, shape)
    nothing = np.zeros(shape, np.float32)
    foreground = [segments.probabilities.get(name, nothing) for name in class_names[1:]]
    background = np.clip(1 - sum(foreground, nothing), 0, None)
    return np.stack([background, *foreground], axis=-1)


def _check(
    segments: Segments, arrays: Mapping[str, np.ndarray], class_names: Sequence[str], shape: tuple[int, ...]
) -> None:
    where = f"{segments.case}, annotator {segments.annotator or 'without a name'}"
    for name, values in arrays.items():
        if values.shape != shape:
            raise InputError(f"{where}, {name}: expected a mask of {shape}, got {values.shape}.")
        if name not in class_names[1:] and values.any():
            raise InputError(f"{where}: expected the classes {', '.join(class_names[1:])}, got {name}.")
