r"""The probability that a label is wrong as a whole, from the scores of all cases.

The deficit of a case is x = log(1 − score), the logarithm of the share that the prediction leaves unexplained. Deficits
are taken for a mixture

    f(x) = (1 − π) · [(1 − τ) · N(x; c, σ²) + τ · N(x; c, σ²) ∗ Exp(x; λ)] + π · N(x; m, t²)

- **Right labels that the network handles well**: c is the median of all, and σ is 1.4826 times the median distance of
  the lower half from it, since wrong labels only add large deficits.
- **Right labels that it handles badly**, a share τ: their deficits have an exponential tail of the mean λ on top.
- **Wrong labels**, a share π: drawn without regard to the image. By the definition of the score the prediction explains
  nothing of them, or contradicts them: the score is 0 and x = 0, or the score is negative and x is above 0.

Deficits above 0.4 (scores below −0.5) are known to be above it, and no more: the probabilities to lie there take the
place of the densities, so that a label which could not be worse is not held for none of the three.

τ, λ, π, m and t are not known. Each has a few values (below), equally probable before; that no label is wrong, π = 0,
has the probability ½. Every mixture of these counts as much as it explains the deficits of the data set, by Bayes'
rule, and the probability of a case is the mean over all mixtures of

    P(wrong | x) = π N(x; m, t²) / f(x),

made monotone: no case has less than one with a better score. A few cases with large deficits are taken for the tail
where the tail is long, and for wrong labels where they stand apart.

The probabilities are as good as this model of the deficits. `tests/common/audit/test_wrong.py` compares them with
frequencies in simulated data sets, and docs/audit.md in radiographs with known errors.

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
TAIL_LENGTHS = (0.1, 0.2, 0.35, 0.6, 1.0)  # λ
WRONG_SHARES = np.array([0.01, 0.02, 0.04, 0.08, 0.15, 0.25, 0.4])  # π
WRONG_CENTERS = (0.0, 0.2, 0.4)  # m: scores of 0, −0.2 and −0.5
WRONG_SPREADS = (0.2, 0.3)  # t
CEILING = 0.4  # of deficits
LEAST_SPREAD = 0.05  # σ
SMALLEST_DEFICIT = 1e-4
SMALLEST = 1e-300


def wrong_probabilities(scores: Sequence[float]) -> np.ndarray:
    """P(wrong) of each case, see the head of this module.

    Args:
        scores: of `likelihood_ratio` of the cases that were judged, at most 1 each.

    Returns:
        (N,) in [0, 1]; empty for no scores.

    Example:
        >>> wrong_probabilities([0.9, 0.91, 0.89, 0.9, 0.88, 0.92, 0.9, -0.1]).round(2).tolist()
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.93]
    """
    if not len(scores):
        return np.zeros(0)
    x = np.log(np.maximum(1 - np.asarray(scores, float), SMALLEST_DEFICIT))
    center = float(np.median(x))
    above = x > CEILING
    spread = max(LEAST_SPREAD, 1.4826 * float(np.median(center - x[x <= center])))

    def density(law: Any, *shape: float, **place: float) -> np.ndarray:
        return np.where(above, law.sf(CEILING, *shape, **place), law.pdf(x, *shape, **place))

    well = density(norm, loc=center, scale=spread)
    wrongs = [density(norm, loc=m, scale=t) for m, t in itertools.product(WRONG_CENTERS, WRONG_SPREADS)]
    shares = WRONG_SHARES[:, None]
    evidence, means = [], []
    for tail, length in itertools.product(TAIL_SHARES, TAIL_LENGTHS):
        badly = density(exponnorm, length / spread, loc=center, scale=spread)
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
