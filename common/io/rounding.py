"""Numbers as tables and plans show them."""

from __future__ import annotations

import math

__all__ = ["rounded"]


def rounded(value: float, decimals: int) -> float:
    """A number with some decimals, and at least as many digits where it is small.

    So a voxel of a micrometer, which is a billionth of a cubic millimeter, does not become 0.

    Args:
        value: a number; 0, nan and infinities stay as they are.
        decimals: of numbers from 0.1 on, at least 1.

    Returns:
        The number; of those below 0.1 the first ``decimals`` digits.

    Example:
        >>> rounded(0.74218751, 4), rounded(0.00025049, 4)
        (0.7422, 0.0002505)
    """
    if not value or not math.isfinite(value):
        return value
    return round(value, max(decimals, decimals - 1 - math.floor(math.log10(abs(value)))))
