"""Percentile bootstrap over cases."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from common.errors import ArgumentError

__all__ = ["Interval", "bootstrap_ratio"]

BLOCK = 1 << 22  # draws that are held at once


class Interval(NamedTuple):
    """An estimate with its interval.

    Attributes:
        estimate: of all cases.
        low: lower end.
        high: upper end.
    """

    estimate: float
    low: float
    high: float


def bootstrap_ratio(
    numerators: ArrayLike, denominators: ArrayLike, samples: int = 2000, level: float = 0.95, seed: int = 0
) -> Interval:
    """A ratio of sums over cases with the percentile bootstrap's interval, cases drawn with putting back.

        θ = Σ_k a_k / Σ_k b_k,   interval: the (1 − level) / 2 and (1 + level) / 2 quantiles of θ over the samples

    With b = 1 it is a mean. Cases are the unit since the pixels of one image are not independent. Samples without a
    denominator are left out.

    Source: Efron & Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 13.

    Args:
        numerators: a, one for each case; nan for a case that does not count.
        denominators: b, from 0 up.
        samples: number of draws.
        level: in (0, 1).
        seed: of the draws.

    Returns:
        `Interval`; all nan if no case has a denominator, and without an interval (nan) of a single case.

    Raises:
        ArgumentError: the two have different lengths, or another argument is out of range.

    Example:
        >>> bootstrap_ratio([1, 2, 3, 4], [2, 4, 6, 8])
        Interval(estimate=0.5, low=0.5, high=0.5)
    """
    above, below = (np.asarray(values, dtype=np.float64).ravel() for values in (numerators, denominators))
    if len(above) != len(below):
        raise ArgumentError(f"denominators: expected one for each of {len(above)} numerators, got {len(below)}.")
    if samples < 1 or not 0 < level < 1:
        raise ArgumentError(f"samples, level: expected at least 1 and a number in (0, 1), got {samples}, {level}.")
    known = np.isfinite(above) & (below > 0)
    above, below = above[known], below[known]
    if not len(above):
        return Interval(np.nan, np.nan, np.nan)
    estimate = float(above.sum() / below.sum())
    if len(above) == 1:
        return Interval(estimate, np.nan, np.nan)
    generator = np.random.default_rng(seed)
    ratios = []
    step = max(1, BLOCK // len(above))
    for start in range(0, samples, step):
        drawn = generator.integers(0, len(above), (min(step, samples - start), len(above)))
        ratios.append(above[drawn].sum(1) / below[drawn].sum(1))
    low, high = np.quantile(np.concatenate(ratios), [(1 - level) / 2, (1 + level) / 2])
    return Interval(estimate, float(low), float(high))
