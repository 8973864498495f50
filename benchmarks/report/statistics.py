"""Summaries of repeated runs and the tests of whether methods differ.

A value that is not a finite number was not measured. It is no result: a mean is taken over the others and says how many
were left out, a test refuses it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import f_oneway, friedmanchisquare, rankdata, studentized_range, tukey_hsd

from common.errors import InputError


def known_mean(values: Iterable[float]) -> tuple[float, int]:
    """The mean of the values that are finite numbers, and how many are not.

    Args:
        values: any number of them; nan is what could not be measured.

    Returns:
        ``(mean, missing)``; the mean of nothing is nan.

    Example:
        >>> known_mean([0.5, math.nan, 1.0])
        (0.75, 1)
    """
    given = list(values)
    known = [value for value in given if math.isfinite(value)]
    return (math.fsum(known) / len(known) if known else math.nan), len(given) - len(known)


def last_epochs_mean(rows: Sequence[Mapping[str, Any]], metric: str, epochs: int = 10) -> float:
    r"""Mean of a metric over the last epochs of a run.

    .. math:: \frac{1}{|E|} \sum_{e \in E} m_e, \quad E = \{e : e > e_{\max} - \text{epochs},\ m_e \text{ measured}\}

    Args:
        rows: of ``metrics.csv``, numbers or their text, with the columns ``epoch`` and ``metric``; an empty cell is an
            epoch without validation.
        metric: name of the column.
        epochs: at least 1; a shorter run is averaged whole.

    Returns:
        The mean; nan if one of the epochs was validated without a result (a run that diverged must not be rated by the
        epochs before), which `benchmarks.report.tables.summarize_runs` counts as a run that is not there.

    Raises:
        InputError: no value of the metric in these epochs, or ``epochs`` below 1.

    Source: T-Loss paper, section 3.2 ("the mean of the predictions for the last 10 epochs").

    Example:
        >>> last_epochs_mean([{"epoch": e, "dice": e / 10} for e in range(1, 6)], "dice", epochs=2)
        0.45
    """
    if epochs < 1:
        raise InputError(f"epochs must be at least 1, got {epochs}.")
    last = max((int(row["epoch"]) for row in rows), default=0)
    values = [
        float(row[metric]) for row in rows if int(row["epoch"]) > last - epochs and row.get(metric) not in (None, "")
    ]
    if not values:
        columns = ", ".join(rows[0]) if rows else "no rows"
        raise InputError(f"expected values of {metric!r} in the last {epochs} epochs, got {columns}.")
    mean, missing = known_mean(values)
    return math.nan if missing else mean


def mean_and_std(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation (divided by n - 1) of repeated runs.

    Args:
        values: one per run, at least one.

    Returns:
        ``(mean, std)``; the standard deviation of a single value is NaN.

    Raises:
        InputError: no values, or one that is not finite.

    Example:
        >>> mean_and_std([0.5, 1.0, 1.5])
        (1.0, 0.5)
    """
    if not len(values):
        raise InputError("a mean needs at least one value, got none.")
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise InputError(f"a mean and its deviation need finite values, got {list(values)}.")
    return float(array.mean()), float(array.std(ddof=1)) if array.size > 1 else math.nan


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values of several tests, adjusted so that one false discovery among all of them is as rare as the level.

    The i-th smallest of m is multiplied by m − i + 1; none becomes smaller than the one before, or larger than 1.

    Args:
        p_values: in [0, 1].

    Returns:
        As many, in the same order.

    Raises:
        InputError: a value that is no probability.

    Source: Holm, *A simple sequentially rejective multiple test procedure*, Scand. J. Statist. 6 (1979).

    Example:
        >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise InputError(f"p-values: expected numbers from 0 to 1, got {list(p_values)}.")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return adjusted.tolist()


@dataclass(frozen=True)
class RankComparison:
    """What `compare_ranks` found.

    Attributes:
        friedman_p: probability of mean ranks this different if all methods were alike.
        mean_ranks: of each method, 1 is the best.
        nemenyi_p: of each ordered pair of methods.
    """

    friedman_p: float
    mean_ranks: dict[str, float]
    nemenyi_p: dict[tuple[str, str], float]


def compare_ranks(blocks: Sequence[Mapping[str, float]]) -> RankComparison:
    r"""Friedman's test over blocks, then Nemenyi's between each two methods.

    Of k methods on N blocks, with mean ranks R, Nemenyi's p is the probability that the studentized range of k means
    with infinite degrees of freedom exceeds

    $$ q = \frac{|R_i - R_j| \sqrt{2}}{\sqrt{k (k + 1) / (6 N)}} $$

    Args:
        blocks: a value of every method in each, such as its mean on a data set; higher is better.

    Raises:
        InputError: fewer than three methods or two blocks, blocks of different methods, or a value that is not finite.

    Source: Demšar, *Statistical comparisons of classifiers over multiple data sets*,
    [JMLR 7 (2006)](https://www.jmlr.org/papers/v7/demsar06a.html), section 3.2.2.

    Example:
        >>> blocks = [{"A": 0.9, "B": 0.8, "C": 0.7}] * 6
        >>> found = compare_ranks(blocks)
        >>> found.mean_ranks, round(found.nemenyi_p["A", "C"], 4)
        ({'A': 1.0, 'B': 2.0, 'C': 3.0}, 0.0015)
    """
    names = list(blocks[0]) if blocks else []
    if len(names) < 3 or len(blocks) < 2 or any(set(block) != set(names) for block in blocks):
        raise InputError(
            f"ranks need at least two blocks of the same three or more methods, got {len(blocks)} of {len(names)}."
        )
    values = np.array([[block[name] for name in names] for block in blocks], dtype=np.float64)
    if not np.isfinite(values).all():
        raise InputError("ranks need finite values of every method in every block, got others.")
    ranks = rankdata(-values, axis=1).mean(0)
    error = math.sqrt(len(names) * (len(names) + 1) / (6 * len(blocks)))
    nemenyi = {
        (a, b): float(studentized_range.sf(abs(ranks[i] - ranks[j]) * math.sqrt(2) / error, len(names), np.inf))
        for i, a in enumerate(names)
        for j, b in enumerate(names)
        if i != j
    }
    friedman = _defined(friedmanchisquare(*values.T).pvalue)
    return RankComparison(friedman, dict(zip(names, ranks.tolist(), strict=True)), nemenyi)


@dataclass(frozen=True)
class GroupComparison:
    """What `compare_groups` found.

    Attributes:
        anova_p: probability of differences this large between the means if all methods were alike.
        best: the method with the highest mean, the first of equals.
        tukey: Tukey's p-value of each ordered pair of methods.
        best_is_significant: whether ANOVA's p, and Tukey's p of the best against every other method, are below the
            level: the paper's ``*``.
    """

    anova_p: float
    best: str
    tukey: dict[tuple[str, str], float]
    best_is_significant: bool


def compare_groups(groups: Mapping[str, Sequence[float]], level: float = 0.05) -> GroupComparison:
    """One-way ANOVA over all methods, then Tukey's honestly significant difference between each two.

    Both tests depend on the means, standard deviations and numbers of values alone. From those that the T-Loss paper
    prints, with its three seeds, they confirm two of its eleven stars: α = 0.7 of Table 1. Groups that do not vary at
    all are compared in the limit: p = 0 where their means differ, 1 where they agree.

    Args:
        groups: values of each method, one per seed, at least two; methods may have different numbers of seeds.
        level: of significance, in (0, 1).

    Raises:
        InputError: fewer than two methods, fewer than two values of a method, or a value that is not finite.

    Source: T-Loss paper, section 3.2; `scipy.stats.f_oneway` and `scipy.stats.tukey_hsd`.

    Example:
        >>> comparison = compare_groups({"A": [0.90, 0.91, 0.92], "B": [0.80, 0.81, 0.82], "C": [0.80, 0.81, 0.79]})
        >>> comparison.best, comparison.best_is_significant
        ('A', True)
    """
    if len(groups) < 2:
        raise InputError(f"at least two methods are needed for a comparison, got {', '.join(groups) or 'none'}.")
    for name, values in groups.items():
        if len(values) < 2:
            raise InputError(f"{name} needs values of at least two seeds for a test, got {len(values)}.")
        if not np.isfinite(values).all():
            raise InputError(f"the values of {name} must be finite, got {list(values)}.")
    names, samples = list(groups), list(groups.values())
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # of groups without variance
        anova_p = _defined(f_oneway(*samples).pvalue)
        pairs = tukey_hsd(*samples).pvalue
    tukey = {(a, b): _defined(pairs[i, j]) for i, a in enumerate(names) for j, b in enumerate(names) if i != j}
    best = max(names, key=lambda name: mean_and_std(groups[name])[0])
    significant = anova_p < level and all(tukey[best, name] < level for name in names if name != best)
    return GroupComparison(anova_p, best, tukey, significant)


def _defined(p: float) -> float:
    """The p-value, or 1 for 0/0: no difference and no variance."""
    return 1.0 if math.isnan(p) else float(p)
