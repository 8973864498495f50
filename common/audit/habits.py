"""What an annotator does over all cases: draws large or small, on which side, misses small structures, and drifts.

All is measured against the predictions, which are the same for all annotators: on a border it is the annotator's habit
and the network's together, and the difference of two annotators is their own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata

from common.metrics.bootstrap import bootstrap_ratio

__all__ = ["Drift", "annotator_habits", "drift", "natural_order"]

FEWEST = 8  # cases, below which no drift is looked for
DRAWS = 2000
BLOCK = 1 << 22  # draws that are held at once
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Drift:
    """Whether values rise or fall with the order of the cases.

    Attributes:
        rho: Spearman's rank correlation, in [−1, 1].
        low, high: its 95 % interval, by the bootstrap over cases.
        p: how often a random order has as large a correlation, either way.
        first, last: mean of the first and of the last third of the cases.
        cases: that have a value.

    Example:
        >>> found = drift([float(value) for value in range(12)])
        >>> found.rho, found.first, found.last
        (1.0, 1.5, 9.5)
    """

    rho: float
    low: float
    high: float
    p: float
    first: float
    last: float
    cases: int


def drift(values: Sequence[float], draws: int = DRAWS, seed: int = 0) -> Drift | None:
    """Spearman's correlation of values with their places, tested by permutations.

        ρ = corr(rank(i), rank(v_i)),   p = (1 + #{|ρ*| ≥ |ρ|}) / (1 + draws)

    with ρ* of permuted values. The interval is of resampled cases with the ranks that they have among all.

    Args:
        values: in the order of the cases; nan of a case that has none.
        draws: permutations, and resamples.
        seed: of both.

    Returns:
        `Drift`; None with fewer than 8 values, or where all are equal.

    Example:
        >>> found = drift([0.1, 0.2, 0.2, 0.4, 0.5, 0.6, 0.7, 0.9])
        >>> round(found.rho, 2), found.p < 0.01, round(found.last - found.first, 2)
        (0.99, True, 0.65)
    """
    known = np.array([value for value in values if math.isfinite(value)], float)
    if len(known) < FEWEST or np.ptp(known) == 0:
        return None
    count = len(known)
    place, rank = np.arange(1.0, count + 1), rankdata(known)
    rho = float(np.corrcoef(place, rank)[0, 1])
    random = np.random.default_rng(seed)
    scale = place.std() * rank.std() * count
    beaten, resampled = 0, []
    step = max(1, BLOCK // count)
    for start in range(0, draws, step):
        shape = (min(step, draws - start), count)
        permuted = random.permuted(np.broadcast_to(rank, shape), axis=1)
        correlation = (permuted - rank.mean()) @ (place - place.mean()) / scale
        beaten += int((np.abs(correlation) >= abs(rho) - 1e-12).sum())
        chosen = random.integers(count, size=shape)
        x, y = place[chosen], rank[chosen]
        x, y = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
        resampled.append((x * y).sum(1) / np.maximum(np.sqrt((x**2).sum(1) * (y**2).sum(1)), 1e-12))
    low, high = np.quantile(np.concatenate(resampled), (0.025, 0.975))
    third = max(1, count // 3)
    ends = float(known[:third].mean()), float(known[-third:].mean())
    return Drift(rho, float(low), float(high), (1 + beaten) / (1 + draws), *ends, count)


def natural_order(names: Sequence[str]) -> list[str]:
    """Names in the order in which a person counts.

    Args:
        names: of cases.

    Returns:
        Sorted, numbers by their value.

    Example:
        >>> natural_order(["case10", "case9", "b"])
        ['b', 'case9', 'case10']
    """
    return sorted(
        names, key=lambda name: [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in _parts(name)]
    )


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"(\d+)", name) if part]


def annotator_habits(records: Sequence[Record], order: Mapping[str, float] | None = None) -> dict[str, Any]:
    """The habits of who drew the labels, from the cases that are not suspicious.

    Args:
        records: of `rank_records`.
        order: place of each case, such as a date as a number; None takes the order of the names. Cases that it lacks
            count for all but the drift.

    Returns:
        ``border_shift`` (mean over cases of the signed distance of the label's border to the prediction's, mm, outside
        positive, with its 95 % interval: ``mean``, ``low``, ``high``), ``sides`` (the same by the side of the structure
        at which it is measured, mean only), ``missed`` and ``missed_small`` (of all judged cases, the share of the
        predicted structures, and of those below the median size, that are not labeled: ``share``, ``low``, ``high``,
        ``of``), ``drift`` of the border shift (`Drift`, and ``by``: name or order), or None.

    Example:
        >>> one = {"status": "usual", "border_shift": 1.0, "sides": {"up": 2.0}, "structure_sizes": [4.0]}
        >>> cases = [one | {"case": str(n), "missing_sizes": [4.0] if n == 3 else []} for n in range(4)]
        >>> found = annotator_habits(cases)
        >>> found["border_shift"]["mean"], found["sides"], found["missed"]["share"], found["drift"]
        (1.0, {'up': 2.0}, 0.25, None)
    """
    judged = [record for record in records if record["status"] != "not judged"]
    usual = [record for record in judged if record["status"] == "usual"]
    shifts = {r["case"]: float(r["border_shift"]) for r in usual if r["border_shift"] is not None}
    mean = bootstrap_ratio(list(shifts.values()), np.ones(len(shifts)))
    sides: dict[str, list[float]] = {}
    for record in usual:
        for word, value in record["sides"].items():
            sides.setdefault(word, []).append(value)
    sizes = [size for record in judged for size in record["structure_sizes"]]
    small = float(np.median(sizes)) if sizes else 0.0
    names = (
        natural_order(list(shifts)) if order is None else sorted(shifts.keys() & order.keys(), key=order.__getitem__)
    )
    found = drift([shifts[name] for name in names])
    return {
        "border_shift": {"mean": _number(mean.estimate), "low": _number(mean.low), "high": _number(mean.high)},
        "sides": {word: _number(float(np.mean(values))) for word, values in sides.items()},
        "missed": _missed(judged, math.inf),
        "missed_small": _missed(judged, small),
        "drift": None
        if found is None
        else {
            **{name: _number(getattr(found, name)) for name in ("rho", "low", "high", "p", "first", "last")},
            "cases": found.cases,
            "by": "name" if order is None else "order",
        },
    }


def _missed(records: Sequence[Record], below: float) -> dict[str, Any]:
    missing = [sum(size < below for size in record["missing_sizes"]) for record in records]
    predicted = [sum(size < below for size in record["structure_sizes"]) for record in records]
    found = bootstrap_ratio(np.minimum(missing, predicted), predicted)
    share, low, high = (_number(value) for value in found)
    return {"share": share, "low": low, "high": high, "of": int(sum(predicted))}


def _number(value: float) -> float | None:
    return round(float(value), 4) if math.isfinite(value) else None
