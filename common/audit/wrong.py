r"""The probability that a label is wrong, from the surprises of all cases.

The surprises x (`common.audit.surprise`) of a data set are taken for a mixture. With z = (x − c) / σ,

    f(x) = (1 − π) · [(1 − τ) · N(z; 0, 1) + τ · N(z; 0, 1) ∗ Exp(z; λ)] / σ + π · N(z; m, t²) / σ

- **Right labels that the network handles as usual.** Wrong labels and the tail only add large surprises, so c is a
  quantile q ≤ ½ of all of them, and σ is 1.4826 times the median distance of what lies below from c (at least 0.3).
- **Right labels that it handles badly without knowing it**, a share τ: an exponential tail of the mean λ on top.
- **Wrong labels**, a share π, which stand apart: their middle m is at least six spreads above c, and t an eighth or a
  quarter of m.

Beyond 24 spreads, a surprise is known to lie beyond, and no more: the probabilities to lie there take the place of the
densities, so that even the worst label belongs to one of the three groups. Below −2 spreads all count as −2: that a
label fits better than any other is no sign that it is wrong.

q, τ, λ, π, m and t are not known. Each has a few values (below), equally probable before; that no label is wrong,
π = 0, has the probability 0.9, so a group of wrong labels must stand apart clearly. Every mixture of these counts as
much as it explains the surprises of the data set, by Bayes' rule, and the probability of a case is the mean over all
mixtures of

    P(wrong | x) = π N(z; m, t²) / (σ f(x)),

made monotone: no case has less than one with a smaller surprise. A few cases with large surprises are taken for the
tail where the tail is long, and for wrong labels where they stand apart.

The probabilities are as good as this model of the surprises. `tests/common/audit/test_wrong.py` compares them with
frequencies in simulated data sets, and docs/audit.md in images with known errors.

The mean over mixtures is Bayesian model averaging (Hoeting et al. 1999, https://doi.org/10.1214/ss/1009212519).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy.stats import exponnorm, norm

__all__ = ["wrong_probabilities"]

NONE_WRONG = 0.9  # probability beforehand that a data set has no group of wrong labels
CENTERS = (0.5, 0.45, 0.4, 0.35, 0.3)  # q
TAIL_SHARES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.6)  # τ
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
        >>> wrong_probabilities([0.1, 0.5, -0.4, 0.0, 0.2, -0.1, -0.6, 0.9, 12.0]).round(2).tolist()
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.92]
    """
    if not len(surprises):
        return np.zeros(0)
    given = np.asarray(surprises, float)
    mean, total, best = np.zeros(len(given)), 0.0, -math.inf
    for evidence, probabilities in itertools.chain.from_iterable(_mixtures(given, quantile) for quantile in CENTERS):
        before, best = best, max(best, float(evidence.max()))
        weight = np.exp(evidence - best)
        mean = math.exp(before - best) * mean + weight @ probabilities
        total = math.exp(before - best) * total + weight.sum()
    mean /= total
    order = np.argsort(given)
    found = np.empty(len(given))
    found[order] = np.maximum.accumulate(mean[order])
    return found


def _mixtures(given: np.ndarray, quantile: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each tail: log-evidences ``(M,)`` of its mixtures, without and with wrong labels, and P(wrong) ``(M, N)``."""
    center = float(np.quantile(given, quantile))
    spread = max(LEAST_SPREAD, MAD * float(np.median(center - given[given <= center])))
    z = np.maximum((given - center) / spread, FLOOR)
    beyond = z > CEILING

    def density(law: Any, *shape: float, **place: float) -> np.ndarray:
        return np.where(beyond, law.sf(CEILING, *shape, **place), law.pdf(z, *shape, **place) / spread)

    well = density(norm)
    groups = [density(norm, loc=m, scale=t * m) for m, t in itertools.product(WRONG_CENTERS, WRONG_SPREADS)]
    wrong = (WRONG_SHARES[:, None] * np.array(groups)[:, None]).reshape(-1, len(z))
    shares = np.tile(WRONG_SHARES, len(groups))[:, None]
    for length in TAIL_LENGTHS:
        badly = density(exponnorm, length)
        for tail in TAIL_SHARES:
            right = np.maximum((1 - tail) * well + tail * badly, SMALLEST)
            both = (1 - shares) * right + wrong
            some = math.log((1 - NONE_WRONG) / len(both)) + np.log(both).sum(1)
            yield np.array([math.log(NONE_WRONG) + np.log(right).sum()]), np.zeros((1, len(z)))
            yield some, wrong / both
