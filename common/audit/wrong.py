r"""The probability that a label is wrong, from the surprises of all cases.

The surprise of a case (`common.audit.surprise`) is measured from the median of all, in spreads: x = (surprise − c) / σ,
σ being 1.4826 times the median distance of the lower half from the median c, since wrong labels only add large ones.
These are taken for a mixture

    f(x) = (1 − π) · [(1 − τ) · N(x; 0, 1) + τ · N(x; 0, 1) ∗ Exp(x; λ)] + π · N(x; m, t²)

- **Right labels that the network handles as usual.**
- **Right labels that it handles badly without knowing it**, a share τ: an exponential tail of the mean λ on top.
- **Wrong labels**, a share π, which stand apart: their middle m is at least six spreads above the median, and t an
  eighth or a quarter of m.

Beyond 24 spreads, a surprise is known to lie beyond, and no more: the probabilities to lie there take the place of the
densities, so that a label which could not be worse is not held for none of the three. Below −2 spreads all count as
−2: that a label fits better than any other is no sign that it is wrong.

τ, λ, π, m and t are not known. Each has a few values (below), equally probable before; that no label is wrong, π = 0,
has the probability ½. Every mixture of these counts as much as it explains the surprises of the data set, by Bayes'
rule, and the probability of a case is the mean over all mixtures of

    P(wrong | x) = π N(x; m, t²) / f(x),

made monotone: no case has less than one with a smaller surprise. A few cases with large surprises are taken for the
tail where the tail is long, and for wrong labels where they stand apart.

The probabilities are as good as this model of the surprises. `tests/common/audit/test_wrong.py` compares them with
frequencies in simulated data sets, and docs/audit.md in images with known errors.

The mean over mixtures is Bayesian model averaging (Hoeting et al. 1999, https://doi.org/10.1214/ss/1009212519).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import exponnorm, norm

__all__ = ["wrong_probabilities"]

NONE_WRONG = 0.5  # probability beforehand that a data set has no wrong label
TAIL_SHARES = (0.02, 0.05, 0.1, 0.2, 0.4)  # τ
TAIL_LENGTHS = (0.5, 1.0, 1.5, 2.0, 3.0)  # λ
WRONG_SHARES = np.array([0.01, 0.02, 0.04, 0.08, 0.15, 0.25, 0.4])  # π
WRONG_CENTERS = (6.0, 8.0, 11.0, 15.0, 20.0)  # m
WRONG_SPREADS = (1 / 8, 1 / 4)  # t, of m
CEILING, FLOOR = 24.0, -2.0
LEAST_SPREAD = 0.3  # σ, in the unit of surprises
MAD = 1.4826
SMALLEST = 1e-300


def wrong_probabilities(surprises: Sequence[float]) -> np.ndarray:
    """P(wrong) of each case, see the head of this module.

    Args:
        surprises: of the cases that were judged.

    Returns:
        (N,) in [0, 1]; empty for no cases.

    Example:
        >>> wrong_probabilities([0.1, 0.5, -0.4, 0.0, 0.2, -0.1, -0.6, 0.9, 9.0]).round(2).tolist()
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.98]
    """
    if not len(surprises):
        return np.zeros(0)
    given = np.asarray(surprises, float)
    center = float(np.median(given))
    x = (given - center) / max(LEAST_SPREAD, MAD * float(np.median(center - given[given <= center])))
    x = np.maximum(x, FLOOR)
    above = x > CEILING

    def density(law: Any, *shape: float, **place: float) -> np.ndarray:
        return np.where(above, law.sf(CEILING, *shape, **place), law.pdf(x, *shape, **place))

    well = density(norm)
    wrongs = [density(norm, loc=m, scale=t * m) for m, t in itertools.product(WRONG_CENTERS, WRONG_SPREADS)]
    shares = WRONG_SHARES[:, None]
    evidence, means = [], []
    for tail, length in itertools.product(TAIL_SHARES, TAIL_LENGTHS):
        badly = density(exponnorm, length)
        right = np.maximum((1 - tail) * well + tail * badly, SMALLEST)
        evidence.append(math.log(NONE_WRONG) + np.log(right).sum())
        means.append(np.zeros(len(x)))
        for wrong in wrongs:
            both = (1 - shares) * right + shares * wrong
            before = math.log((1 - NONE_WRONG) / (len(wrongs) * len(shares)))
            evidence += list(before + np.log(both).sum(1))
            means += list(shares * wrong / both)
    weight = np.exp(np.array(evidence) - max(evidence))
    mean = sum(one * part for one, part in zip(weight / weight.sum(), means, strict=True))
    order = np.argsort(x)
    probabilities = np.empty(len(x))
    probabilities[order] = np.maximum.accumulate(mean[order])
    return probabilities
