r"""How likely a label was drawn around a network's prediction: one number for each case.

**The two hypotheses.** Let ŷ be the most probable class of every voxel, p its probabilities, and d_c(v) the signed
distance in mm of voxel v to the border of the predicted class c, positive inside. An annotator who draws that border
displaced by N(0, s²) gives voxel v to class c with probability Φ(d_c / s), so that for two classes
q_1 = Φ(d_1/s) and q_0 = Φ(d_0/s) = 1 − q_1; of several, q is scaled to sum to 1. Where the network is unsure, its own
probability takes the place of q, by the relative entropy w = H(p) / log C:

    drawn:      P(y = c) = (1 − ε) · ((1 − w) · q_c + w · p_c) + ε · π_c
    unrelated:  P₀(y = c) = π_c

π is the mean of the prevalence of each class in the label and in the prediction, and ε = 1e-3 the share of voxels that
were labeled without regard to the image. No voxel counts for less than log ε.

**The score** is the log-likelihood ratio of the two, relative to what there was to explain:

    score = Σ_v log(P(y_v) / P₀(y_v)) / Σ_v −log P₀(y_v)     (McFadden's pseudo-R²)

over the labeled voxels of the smallest box that holds everything labeled or predicted and a margin, so that empty
surroundings do not count. 1: the prediction explains the label completely; 0: as little as if there were none; below 0:
the label contradicts it. Of a case with neither label nor prediction it is 1.

Source of the normalization: McFadden 1974, *Conditional logit analysis of qualitative choice behavior*. The border's
noise is that of Nordström et al., *Marginal Thresholding in Noisy Image Segmentation*, with correlations left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

from common.audit.geometry import box_around, class_dice, predicted_classes, signed_distance

__all__ = [
    "border_probabilities",
    "certainty",
    "drawn_probabilities",
    "entropy_corrected",
    "foreground_box",
    "likelihood_ratio",
    "mean_dice",
    "prevalence",
    "soft_dice",
    "softmin",
]

WITHOUT_REGARD = 1e-3  # ε
TEMPERATURE = 0.1  # of the softmin, as cleanlab's default
MARGIN = 4.0  # border deviations around all that is labeled or predicted
BEYOND = 6.0  # border deviations, from which on a voxel belongs to no class by its border
SMALLEST = 1e-7


def border_probabilities(
    prediction: np.ndarray, num_classes: int, spacing: Sequence[float], border_mm: float
) -> np.ndarray:
    """The probability of each class if its predicted border were drawn with Gaussian noise: Φ(d/s), summing to 1.

    Args:
        prediction: ``(*spatial)`` class map, 0 … C − 1.
        num_classes: C.
        spacing: voxel size along each axis in mm.
        border_mm: s, standard deviation of the border in mm, above 0.

    Returns:
        float32 ``(C, *spatial)``.

    Example:
        >>> [round(float(p), 3) for p in border_probabilities(np.array([0, 0, 1, 1]), 2, [2.0], 1.0)[1]]
        [0.001, 0.159, 0.841, 0.999]
    """
    drawn = np.zeros((num_classes, *prediction.shape), np.float32)
    margin = [math.ceil(BEYOND * border_mm / size) + 1 for size in spacing]
    for index in range(num_classes):
        mask = prediction == index if index else prediction != 0
        if index and not mask.any():
            continue
        box = box_around(mask, margin)  # further off, Φ is 0
        near = ndtr(signed_distance(mask[box], spacing) / np.float32(border_mm))
        if index:
            drawn[index][box] = near
        else:  # the background's distance is that of all foreground, with the other sign
            drawn[0] = 1.0
            drawn[0][box] = 1 - near
    return drawn / np.maximum(drawn.sum(0), SMALLEST)


def drawn_probabilities(
    probabilities: np.ndarray,
    spacing: Sequence[float],
    border_mm: float,
    prior: np.ndarray,
    borders: np.ndarray | None = None,
) -> np.ndarray:
    """P(y = c) of the hypothesis "drawn", see the head of this module.

    Args:
        probabilities: ``(C, *spatial)`` of the network, C ≥ 2, summing to 1.
        spacing: voxel size along each axis in mm.
        border_mm: s in mm, above 0.
        prior: (C,) π, summing to 1.
        borders: `border_probabilities`, where they are known already; they are written over.

    Returns:
        float32 ``(C, *spatial)``, summing to 1.

    Example:
        >>> sure = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]])
        >>> [round(float(p), 3) for p in drawn_probabilities(sure, [2.0], 1.0, np.array([0.5, 0.5]))[1]]
        [0.002, 0.159, 0.841, 0.998]
    """
    count = len(probabilities)
    drawn = borders
    if drawn is None:
        drawn = border_probabilities(predicted_classes(probabilities), count, spacing, border_mm)
    unsure = _entropy(probabilities) / np.float32(math.log(count))
    drawn += unsure * (probabilities - drawn)
    drawn *= 1 - WITHOUT_REGARD
    drawn += (WITHOUT_REGARD * prior).astype(np.float32).reshape(-1, *[1] * (drawn.ndim - 1))
    return drawn


def prevalence(label: np.ndarray, prediction: np.ndarray, num_classes: int) -> np.ndarray:
    """π: the mean share of each class in label and prediction, over the labeled voxels.

    Args:
        label: ``(*spatial)`` integers, −1 where not labeled.
        prediction: ``(*spatial)`` class map.
        num_classes: C.

    Returns:
        (C,) float64, each above 0, summing to 1.

    Example:
        >>> prevalence(np.array([0, 1, -1, 1, 1]), np.array([0, 0, 1, 1, 1]), 2).round(3).tolist()
        [0.375, 0.625]
    """
    known = label >= 0
    counts = np.bincount(label[known], minlength=num_classes) + np.bincount(prediction[known], minlength=num_classes)
    shares = np.maximum(counts / max(1, counts.sum()), SMALLEST)
    return shares / shares.sum()


def likelihood_ratio(
    label: np.ndarray,
    probabilities: np.ndarray,
    spacing: Sequence[float],
    border_mm: float,
    borders: np.ndarray | None = None,
) -> float:
    """The score of a case: the scaled log-likelihood ratio at the head of this module.

    Args:
        label: ``(*spatial)`` integers, 0 … C − 1, −1 where not labeled.
        probabilities: ``(C, *spatial)``, C ≥ 2, summing to 1.
        spacing: voxel size along each axis in mm.
        border_mm: s in mm, above 0.
        borders: `border_probabilities`, where they are known already; they are written over.

    Returns:
        At most 1; 1 also where label and prediction have no foreground, nan where nothing is labeled.

    Example:
        >>> sure = np.stack([np.arange(9) < 5, np.arange(9) >= 5]).astype(np.float32)
        >>> round(likelihood_ratio(np.arange(9) // 5, sure, [1.0], 0.5), 2)
        0.94
    """
    prediction = predicted_classes(probabilities)
    known = label >= 0
    if not known.any():
        return math.nan
    if not ((label > 0) | (known & (prediction > 0))).any():
        return 1.0
    prior = prevalence(label, prediction, len(probabilities))
    drawn = drawn_probabilities(probabilities, spacing, border_mm, prior, borders)
    chosen = _of_label(label, drawn)
    unrelated = np.log(prior)[label[known]]
    return float((np.log(chosen, dtype=np.float64) - unrelated).sum() / -unrelated.sum())


def mean_dice(label: np.ndarray, prediction: np.ndarray, num_classes: int) -> float:
    """The mean Dice of the foreground classes that occur in label or prediction; 1 if none does.

    Args:
        label: ``(*spatial)`` integers, −1 where not labeled.
        prediction: ``(*spatial)`` class map.
        num_classes: C.

    Returns:
        In [0, 1].

    Example:
        >>> mean_dice(np.array([1, 1, 0, -1]), np.array([1, 0, 0, 1]), 2).__round__(3)
        0.667
    """
    found = class_dice(label, prediction, num_classes)[1:]
    return float(np.nanmean(found)) if np.isfinite(found).any() else 1.0


def soft_dice(label: np.ndarray, probabilities: np.ndarray) -> float:
    """The Dice of the label to expect if the truth had the network's probabilities, to first order.

        2 Σ_v p_c(v) y_c(v) / (Σ_v p_c(v) + Σ_v y_c(v)),

    the mean of the foreground classes that the label has or the network predicts.

    Args:
        label: ``(*spatial)`` integers, −1 where not labeled.
        probabilities: ``(C, *spatial)``, summing to 1.

    Returns:
        In [0, 1].

    Example:
        >>> round(soft_dice(np.array([1, 0]), np.array([[0.2, 0.9], [0.8, 0.1]])), 3)
        0.842
    """
    known = label >= 0
    prediction = predicted_classes(probabilities)
    values = []
    for index in range(1, len(probabilities)):
        drawn = label[known] == index
        if drawn.any() or (prediction[known] == index).any():
            p = probabilities[index][known]
            values.append(2 * p[drawn].sum(dtype=np.float64) / (p.sum(dtype=np.float64) + drawn.sum()))
    return float(np.mean(values)) if values else 1.0


def softmin(label: np.ndarray, probabilities: np.ndarray, temperature: float = TEMPERATURE) -> float:
    """The soft minimum of the probabilities of the labeled classes, as cleanlab has it.

        Σ_v p(y_v) · softmax_v((1 − p(y_v)) / T)

    Args:
        label: ``(*spatial)`` integers, −1 where not labeled.
        probabilities: ``(C, *spatial)``.
        temperature: T, above 0.

    Returns:
        In [0, 1]; nan where nothing is labeled.

    Source: cleanlab, ``segmentation.rank.get_label_quality_scores``,
    https://docs.cleanlab.ai/stable/cleanlab/segmentation/rank.html.

    Example:
        >>> round(softmin(np.array([1, 0]), np.array([[0.0, 0.5], [1.0, 0.5]])), 3)
        0.503
    """
    chosen = _of_label(label, probabilities)
    if not chosen.size:
        return math.nan
    weight = np.exp((chosen.min() - chosen) / temperature)
    return float((weight * chosen).sum(dtype=np.float64) / weight.sum(dtype=np.float64))


def entropy_corrected(label: np.ndarray, probabilities: np.ndarray) -> float:
    """The mean log-probability of the label, plus the entropy: 0 to expect if the label were drawn from p.

        mean_v (log p(y_v) + H(p(v)))

    Args:
        label: ``(*spatial)`` integers, −1 where not labeled.
        probabilities: ``(C, *spatial)``, summing to 1; below 1e-7 they count as 1e-7.

    Returns:
        Below 0 for a label that the network holds improbable; nan where nothing is labeled.

    Example:
        >>> entropy_corrected(np.array([1, 0]), np.array([[0.5, 0.5], [0.5, 0.5]])).__round__(6)
        0.0
    """
    chosen = _of_label(label, probabilities)
    if not chosen.size:
        return math.nan
    return float(
        np.log(np.maximum(chosen, SMALLEST)).mean(dtype=np.float64) + _entropy(probabilities)[label >= 0].mean()
    )


def certainty(probabilities: np.ndarray) -> float:
    """The Dice of the prediction to expect if the truth had the network's probabilities: how sure the network is.

        2 Σ_{ŷ = c} p_c / (Σ p_c + #{ŷ = c}),

    the mean over the predicted foreground classes. Where none is predicted, 1 − 2 · the largest probability of
    foreground, and at least 0.

    Args:
        probabilities: ``(C, *spatial)``, summing to 1.

    Returns:
        In [0, 1].

    Example:
        >>> certainty(np.array([[0.1, 1.0], [0.9, 0.0]])).__round__(3), certainty(np.array([[0.9], [0.1]]))
        (0.947, 0.8)
    """
    prediction = predicted_classes(probabilities)
    values = []
    for index in range(1, len(probabilities)):
        inside = prediction == index
        if inside.any():
            p = probabilities[index]
            values.append(2 * p[inside].sum(dtype=np.float64) / (p.sum(dtype=np.float64) + inside.sum()))
    if values:
        return float(np.mean(values))
    return float(max(0.0, 1 - 2 * (1 - probabilities[0].min(initial=1.0))))


def foreground_box(
    label: np.ndarray, prediction: np.ndarray, spacing: Sequence[float], border_mm: float
) -> tuple[slice, ...]:
    """The smallest box that holds all that is labeled or predicted, and a margin of 4 s.

    Args:
        label: ``(*spatial)`` integers, −1 where not labeled.
        prediction: ``(*spatial)`` class map.
        spacing: voxel size along each axis in mm.
        border_mm: s in mm.

    Returns:
        A slice for each axis; without foreground the whole image.

    Example:
        >>> foreground_box(np.array([0] * 9 + [1] + [0] * 9), np.zeros(19, int), [1.0], 1.0)
        (slice(4, 15, None),)
    """
    return box_around((label > 0) | (prediction > 0), [math.ceil(MARGIN * border_mm / size) + 1 for size in spacing])


def _of_label(label: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """(N,) probability of the labeled class of every labeled voxel."""
    known = label >= 0
    drawn = label[known]
    chosen = np.zeros(drawn.shape, probabilities.dtype)
    for index, probability in enumerate(probabilities):
        here = drawn == index
        chosen[here] = probability[known][here]
    return chosen


def _entropy(probabilities: np.ndarray) -> np.ndarray:
    total = np.zeros(probabilities.shape[1:], np.float32)
    for p in probabilities:
        part = np.maximum(p, np.float32(SMALLEST), dtype=np.float32)
        total -= p * np.log(part, out=part)
    return total
