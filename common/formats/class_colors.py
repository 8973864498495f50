"""Colors of segments, and the name of what nobody labeled."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping

import numpy as np

from common.errors import InputError

__all__ = ["NOT_LABELED", "named_values", "segment_color"]

NOT_LABELED = "not labeled"  # the segment that stands for −1 of a class map
GOLDEN_RATIO = 0.618034


def segment_color(index: int) -> tuple[float, float, float]:
    """A readable color of the segment with this index; neighbors differ in hue and lightness.

    Args:
        index: from 0.

    Returns:
        Red, green and blue from 0 to 1.

    Example:
        >>> [round(part, 2) for part in segment_color(0)]
        [0.74, 0.06, 0.06]
    """
    return colorsys.hls_to_rgb(index * GOLDEN_RATIO % 1, 0.55 if index % 2 else 0.4, 0.85)


def named_values(
    classes: np.ndarray, names: Mapping[int, str], target: object, marks: Mapping[str, np.ndarray] | None = None
) -> dict[int, str]:
    """The values of a class map that become segments, with their names.

    Args:
        classes: integers; 0 is the background, −1 was not labeled.
        names: value → name; a value that does not occur becomes an empty segment.
        target: file to write, for the message.
        marks: further segments by name, of the classes' size.

    Returns:
        Value → name, by value; −1 last, as `NOT_LABELED`, if it occurs.

    Raises:
        InputError: a value has no name, two have the same, the map is not of integers, or a mark is of another size.

    Example:
        >>> named_values(np.array([0, 2, -1]), {1: "edema", 2: "tumor"}, "a.dcm")
        {1: 'edema', 2: 'tumor', -1: 'not labeled'}
    """
    if classes.dtype.kind not in "iu":
        raise InputError(f"{target}: expected a class map of integers, got {classes.dtype}.")
    found = {int(value): str(name) for value, name in sorted(names.items()) if value > 0}
    if unknown := [value for value in np.unique(classes).tolist() if value not in found and value not in (0, -1)]:
        raise InputError(f"{target}: expected the classes {', '.join(map(str, found)) or 'none'}, got {unknown[0]}.")
    for name, mask in (marks or {}).items():
        if mask.shape != classes.shape:
            raise InputError(f"{target}, {name}: expected the size {classes.shape}, got {mask.shape}.")
    taken = [*found.values(), NOT_LABELED, *(marks or {})]
    if twice := [name for name in taken if taken.count(name) > 1 or not name]:
        raise InputError(f"{target}: expected a name of its own for each class, got {twice[0]!r} twice.")
    return found | ({-1: NOT_LABELED} if (classes == -1).any() else {})
