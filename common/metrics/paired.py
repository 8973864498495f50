"""Two methods measured on the same cases: the interval of their mean difference, and whether chance explains it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import bootstrap, permutation_test

from common.errors import ArgumentError

__all__ = ["mean_interval", "paired_permutation_test"]

DIGITS = 12  # of mean differences: what rounding alone tells apart is equal


def paired_permutation_test(a: Sequence[float], b: Sequence[float], draws: int = 10_000, seed: int = 0) -> float:
    r"""Two-sided p-value of "a differs from b", two methods measured on the same subjects.

    If both methods were alike, each subject's pair could as well be swapped. p is the share of the swaps in which the
    mean difference is at least as large as the one observed; of n subjects all 2ⁿ swaps are tried where these are no
    more than ``draws``, else that many random ones with the observed one among them, so p is at least 2/(draws + 1).

    Pairs must be independent: a subject that several seeds have measured is one pair, of its means over the seeds.

    Args:
        a: one value per subject, at least one.
        b: likewise, of the same subjects in the same order.
        draws: random swaps, at least 1.
        seed: of the random swaps.

    Returns:
        A probability in (0, 1]; 1 where the mean difference is 0.

    Raises:
        ArgumentError: no pairs, different numbers of values, a value that is not finite, or ``draws`` below 1.

    Source: Karani et al., Boundary-weighted logit consistency, section 4; `scipy.stats.permutation_test`.

    Example:
        >>> paired_permutation_test([3, 4, 5], [1, 2, 3])  # 2 of 8 swaps: none and all
        0.25
    """
    if len(a) != len(b) or not len(a):
        raise ArgumentError(f"a paired test needs the same subjects of both methods, got {len(a)} and {len(b)} values.")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ArgumentError("a paired test needs finite values of every subject, got others.")
    if draws < 1:
        raise ArgumentError(f"draws must be at least 1, got {draws}.")
    difference = np.subtract(a, b, dtype=np.float64)
    if len(difference) == 1 or not difference.any():  # a pair and its swap are equally far from 0; SciPy wants two
        return 1.0
    scale = np.abs(difference).max()
    found = permutation_test(
        (np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)),
        lambda x, y, axis: np.round(np.mean(x - y, axis=axis) / scale, DIGITS),
        permutation_type="samples",
        n_resamples=draws,
        alternative="two-sided",
        vectorized=True,
        rng=np.random.default_rng(seed),
    )
    return float(found.pvalue)


def mean_interval(values: Sequence[float], confidence: float = 0.95, draws: int = 5_000, seed: int = 0) -> list[float]:
    """Percentile bootstrap interval of a mean.

    Args:
        values: independent ones, such as differences of two methods on the same subjects; at least two.
        confidence: of the interval, in (0, 1).
        draws: resamples of the values.
        seed: of the resamples.

    Returns:
        Its two ends.

    Raises:
        ArgumentError: fewer than two values, or one that is not finite.

    Source: Efron and Tibshirani, *An Introduction to the Bootstrap* (1993); `scipy.stats.bootstrap`.

    Example:
        >>> mean_interval([0.5, 0.5, 0.5])
        [0.5, 0.5]
    """
    if len(values) < 2 or not np.isfinite(values).all():
        raise ArgumentError(f"an interval needs at least two finite values, got {list(values)}.")
    array = np.asarray(values, dtype=np.float64)
    if np.ptp(array) == 0:
        return [float(array[0])] * 2
    rng = np.random.default_rng(seed)
    found = bootstrap(
        (array,), np.mean, confidence_level=confidence, n_resamples=draws, method="percentile", rng=rng
    ).confidence_interval
    return [float(found.low), float(found.high)]
