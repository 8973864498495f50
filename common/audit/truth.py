r"""What the truth is likely to be, given the label: where the label is false, and its Dice with the truth.

**The model.** At voxel v the truth is class k with the network's calibrated probability p_k. Who draws it moves the
border with the deviation s: by that, the class predicted at v is drawn there with the probability 1 − e, where
e = 1 − max_c q_c and q are the probabilities of `border_probabilities` (for two classes e = Φ(−|d|/s), d the distance
of v to the predicted border). So a truth k is labeled c with

    b(c | k) = 1 − e if c = k, else e · q_c / Σ_{j ≠ k} q_j

A share g of the case's voxels is labeled without regard to the image, c with its prevalence π_c (`prevalence`):

    L(c | k) = (1 − g) · b(c | k) + g · π_c

**The share g** is that of the case itself, by maximum likelihood: with A = Σ_k p_k b(y | k) at a voxel labeled y, it
maximizes Σ_v log((1 − g) A + g π_y), which is concave in g, between 1e-3 and 1. Of a good label it is next to nothing,
of another case's label it may be one half, and of a label that lacks one of many lesions it is the lesion's share.

**The posterior** of the truth follows by Bayes' rule, voxel by voxel:

    r_k = p_k L(y | k) / Σ_j p_j L(y | j)

The label is false with the probability 1 − r_y. Where nothing is labeled the truth is p. With g → 1 the label says
nothing and 1 − r_y = 1 − p_y, the network's own doubt; with e = g = 0 the label is always right.

**The expected Dice** of the label with a truth of these probabilities, to first order (the ratio of expectations, whose
error falls with the number of voxels), the mean of the classes that are labeled or predicted:

    2 Σ_{y = c} r_c / (#{y = c} + Σ_v r_c)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from common.audit.geometry import predicted_classes
from common.audit.scores import SMALLEST, WITHOUT_REGARD, border_probabilities, foreground_box, prevalence

__all__ = ["TruthGivenLabel", "share_without_regard", "truth_given_label"]

HALVINGS = 40
SLAB = 16  # along the first axis, so that little more than the label is in memory at a time


class TruthGivenLabel(NamedTuple):
    """What the label and the network say together.

    Attributes:
        false_label: float32 ``(*spatial)``, the probability that the label differs from the truth; 0 where nothing is
            labeled.
        share: g, of voxels labeled without regard to the image, in [0.001, 1].
        expected_dice: of the label with the truth, in [0, 1]; 1 of neither label nor prediction, nan without a label.

    Example:
        >>> sure = np.array([[0.9, 0.9, 0.1, 0.1], [0.1, 0.1, 0.9, 0.9]])
        >>> found = truth_given_label(np.array([0, 0, 0, 1]), sure, [8.0], 1.0)
        >>> (found.false_label > 0.5).tolist()
        [False, False, True, False]
    """

    false_label: np.ndarray
    share: float
    expected_dice: float


def truth_given_label(
    label: np.ndarray,
    probabilities: np.ndarray,
    spacing: Sequence[float],
    border_mm: float,
    borders: np.ndarray | None = None,
) -> TruthGivenLabel:
    """The posterior at the head of this module.

    Outside of `foreground_box` label and prediction are background, and no border is near: e is 0 there.

    Args:
        label: ``(*spatial)`` integers, 0 … C − 1, −1 where not labeled.
        probabilities: ``(C, *spatial)``, C ≥ 2, summing to 1.
        spacing: voxel size along each axis in mm.
        border_mm: s in mm, above 0.
        borders: `border_probabilities` in that box, where they are known already.

    Returns:
        `TruthGivenLabel`.

    Example:
        >>> sure = np.array([[0.9, 0.9, 0.1, 0.1], [0.1, 0.1, 0.9, 0.9]])
        >>> found = truth_given_label(np.array([0, 0, 0, 1]), sure, [8.0], 1.0)
        >>> int(found.false_label.argmax()), round(found.expected_dice, 2)
        (2, 0.69)
    """
    known = label >= 0
    if not known.any():
        return TruthGivenLabel(np.zeros(label.shape, np.float32), math.nan, math.nan)
    prediction = predicted_classes(probabilities)
    if not ((label > 0) | (known & (prediction > 0))).any():
        false = np.where(known, _far(1 - probabilities[0], WITHOUT_REGARD), 0).astype(np.float32)
        return TruthGivenLabel(false, WITHOUT_REGARD, 1.0)
    box = foreground_box(label, prediction, spacing, border_mm)
    y, maps = label[box], probabilities[(slice(None), *box)]
    count = len(maps)
    if borders is None:
        borders = border_probabilities(prediction[box], count, spacing, border_mm)
    prior = prevalence(y, prediction[box], count).astype(np.float32)
    slabs = [slice(start, start + SLAB) for start in range(0, len(y), SLAB)]
    drawn = [(maps[:, slab] * _likelihood(y[slab], borders[:, slab])).sum(0)[y[slab] >= 0] for slab in slabs]
    share = share_without_regard(np.concatenate(drawn), prior[y[y >= 0]])
    false = np.zeros(label.shape, np.float32)
    outside = known.copy()
    outside[box] = False
    if outside.any():
        false[outside] = _far(1 - probabilities[0][outside], share * float(prior[0]))
    inside = false[box]
    agreed, expected = np.zeros(count), np.zeros(count)
    for slab in slabs:
        here = y[slab] >= 0
        posterior = _likelihood(y[slab], borders[:, slab])
        posterior *= 1 - share
        posterior += share * prior[np.maximum(y[slab], 0)]
        posterior *= maps[:, slab]
        posterior /= np.maximum(posterior.sum(0), SMALLEST)
        own = np.take_along_axis(posterior, np.maximum(y[slab], 0)[None].astype(np.int64), axis=0)[0]
        inside[slab] = np.where(here, np.clip(1 - own, 0, 1), 0)
        for index in range(1, count):
            agreed[index] += own[y[slab] == index].sum(dtype=np.float64)
            expected[index] += posterior[index][here].sum(dtype=np.float64)
    labeled = np.bincount(y[y >= 0], minlength=count)
    occurs = (labeled > 0) | (np.bincount(prediction[box][y >= 0], minlength=count) > 0)
    dice = [2 * agreed[index] / (labeled[index] + expected[index]) for index in range(1, count) if occurs[index]]
    return TruthGivenLabel(false, share, float(np.mean(dice)))


def share_without_regard(drawn: np.ndarray, prior: np.ndarray) -> float:
    """The g of the highest likelihood: the root of the derivative of Σ log((1 − g) A + g π), found by halving.

    Args:
        drawn: (N,) A of each labeled voxel, in [0, 1].
        prior: (N,) π of its class, above 0.

    Returns:
        In [0.001, 1].

    Example:
        >>> share_without_regard(np.array([1.0, 1.0, 1.0, 0.0]), np.full(4, 0.5)).__round__(3)
        0.5
    """
    low, high = WITHOUT_REGARD, 1.0
    step = prior.astype(np.float64) - drawn
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        slope = float((step / np.maximum(drawn + middle * step, SMALLEST)).sum())
        low, high = (middle, high) if slope > 0 else (low, middle)
        if high - low < WITHOUT_REGARD / 100:
            break
    return low


def _likelihood(y: np.ndarray, q: np.ndarray) -> np.ndarray:
    """b(y | k) as (C, *spatial); of no meaning where nothing is labeled."""
    slip = 1 - q.max(0)
    labeled = np.take_along_axis(q, np.maximum(y, 0)[None].astype(np.int64), axis=0)[0]
    likelihood = np.empty_like(q)
    for k in range(len(q)):
        likelihood[k] = np.where(y == k, 1 - slip, slip * labeled / np.maximum(1 - q[k], SMALLEST))
    return likelihood


def _far(doubt: np.ndarray, chance: float) -> np.ndarray:
    """1 − r of the label background where no border is near: L(0 | 0) is 1 − g + gπ, about 1, L(0 | k) is gπ."""
    return doubt * chance / np.maximum(doubt * chance + (1 - doubt), SMALLEST)
