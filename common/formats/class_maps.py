"""Masks of classes by name to one map of class indices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from common.errors import InputError
from common.formats.segments import Segments

__all__ = ["class_map"]


def class_map(segments: Segments, class_names: Sequence[str], shape: tuple[int, ...]) -> tuple[np.ndarray, int]:
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
        >>> classes, overlap = class_map(drawn, ["background", "organ", "tumor"], (3,))
        >>> classes.tolist(), overlap
        ([1, 2, 0], 1)
    """
    where = f"{segments.case}, annotator {segments.annotator or 'without a name'}"
    for name, mask in segments.masks.items():
        if mask.shape != shape:
            raise InputError(f"{where}, {name}: expected a mask of {shape}, got {mask.shape}.")
        if name not in class_names[1:] and mask.any():
            raise InputError(f"{where}: expected the classes {', '.join(class_names[1:])}, got {name}.")
    classes, depth = np.zeros(shape, np.int16), np.zeros(shape, np.int16)
    for index, name in enumerate(class_names):
        if index and name in segments.masks:
            classes[segments.masks[name]] = index
            depth += segments.masks[name]
    if segments.ignored is not None:
        classes[segments.ignored] = -1
    return classes, int((depth > 1).sum())
