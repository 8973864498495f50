"""Pointwise losses that tolerate wrong labels, and the active-passive pairs made of them.

Every loss is a function of log p and y, the predicted and the target distribution of each pixel over K classes, so hard and soft
targets, one channel and many go the same way. Sums run over the K classes.

| loss | formula | source |
| --- | --- | --- |
| CE | −Σ y log p | |
| RCE | −Σ p log y, log y ≥ log p_min | Wang et al., ICCV 2019 |
| MAE | Σ abs(p − y) | Ghosh et al., AAAI 2017 |
| GCE | Σ y (1 − p^q)/q | Zhang & Sabuncu, NeurIPS 2018 |
| SCE | α CE + β RCE | Wang et al., ICCV 2019 |
| N·L | L(f, y) / Σ_j L(f, j) over the K hard labels j | Ma et al., ICML 2020, equation 3 |
"""

from __future__ import annotations

import math

import torch

from common.errors import InputError
from common.losses.probabilities import check_options, class_distributions, reduce

CLASSES = 2  # axis of the K classes in what `class_distributions` returns


def cross_entropy(log_p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """−Σ y log p over the classes; (B, P, K, *spatial) → (B, P, *spatial)."""
    return -(y * log_p).sum(dim=CLASSES)


def reverse_cross_entropy(log_p: torch.Tensor, y: torch.Tensor, p_min: float = 1e-4) -> torch.Tensor:
    """−Σ p log max(y, p_min) over the classes."""
    return -(log_p.exp() * y.clamp_min(p_min).log()).sum(dim=CLASSES)


def mean_absolute_error(log_p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Σ |p − y| over the classes; 2(1 − p_y) for a hard label."""
    return (log_p.exp() - y).abs().sum(dim=CLASSES)


def generalized_cross_entropy(log_p: torch.Tensor, y: torch.Tensor, q: float = 0.7) -> torch.Tensor:
    """Σ y (1 − p^q)/q over the classes: cross-entropy for q → 0, half the MAE of a hard label for q = 1."""
    return -(y * torch.expm1(q * log_p)).sum(dim=CLASSES) / q


def normalized_cross_entropy(log_p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Cross-entropy over its sum for the K hard labels, in [0, 1]."""
    return cross_entropy(log_p, y) / -log_p.sum(dim=CLASSES)


def normalized_reverse_cross_entropy(log_p: torch.Tensor, y: torch.Tensor, p_min: float = 1e-4) -> torch.Tensor:
    """Reverse cross-entropy over its sum for the K hard labels, −(K − 1) log p_min; (1 − p_y)/(K − 1) for a hard label."""
    return reverse_cross_entropy(log_p, y, p_min) / (-math.log(p_min) * (log_p.shape[CLASSES] - 1))


def normalized_generalized_cross_entropy(log_p: torch.Tensor, y: torch.Tensor, q: float = 0.7) -> torch.Tensor:
    """Generalised cross-entropy over its sum for the K hard labels, in [0, 1]."""
    return generalized_cross_entropy(log_p, y, q) / (-torch.expm1(q * log_p).sum(dim=CLASSES) / q)


class PointwiseLoss(torch.nn.Module):
    """What all losses of this module share: MONAI's options and the reduction.

    Args:
        to_onehot_y: the target holds class indices (B, 1, *spatial).
        sigmoid: the output holds logits; each channel is a two-class problem (multi-label).
        softmax: the output holds logits; the channels are the classes of one problem.
        reduction: "mean" or "sum" over pixels, or "none": (B, C, *spatial), with ``softmax`` (B, 1, *spatial).

    Without ``sigmoid`` and ``softmax`` the output holds probabilities. Output and target are (B, C, *spatial), 2-D or 3-D; the
    target may be soft. Half-precision outputs are computed in float32.

    Raises:
        InputError: contradicting options, shapes that differ, a parameter outside its range.
    """

    def __init__(
        self, to_onehot_y: bool = False, sigmoid: bool = False, softmax: bool = False, reduction: str = "mean"
    ) -> None:
        super().__init__()
        check_options(sigmoid, softmax, reduction)
        self.to_onehot_y, self.sigmoid, self.softmax = to_onehot_y, sigmoid, softmax
        self.reduction = reduction

    def pointwise(self, log_p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        raise TypeError(f"{type(self).__name__} has no formula.")

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        log_p, y = class_distributions(output, target, self.to_onehot_y, self.sigmoid, self.softmax)
        return reduce(self.pointwise(log_p, y), self.reduction)


def _check_p_min(p_min: float) -> float:
    if not 0 < p_min < 1:
        raise InputError(f"p_min: expected a probability between 0 and 1, got {p_min}.")
    return p_min


def _check_q(q: float) -> float:
    if not 0 < q <= 1:
        raise InputError(f"q: expected a number in (0, 1], got {q}.")
    return q


class MeanAbsoluteErrorLoss(PointwiseLoss):
    """MAE, Σ |p − y| (Ghosh et al. 2017); by the errata not halved.

    Example:
        >>> MeanAbsoluteErrorLoss()(torch.tensor([[[0.75]]]), torch.tensor([[[1.0]]]))
        tensor(0.5000)
    """

    def pointwise(self, log_p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return mean_absolute_error(log_p, y)


class ReverseCrossEntropyLoss(PointwiseLoss):
    """RCE, −Σ p log max(y, p_min) (Wang et al. 2019)."""

    def __init__(self, p_min: float = 1e-4, **options) -> None:
        super().__init__(**options)
        self.p_min = _check_p_min(p_min)

    def pointwise(self, log_p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return reverse_cross_entropy(log_p, y, self.p_min)


class GeneralizedCrossEntropyLoss(PointwiseLoss):
    """GCE, Σ y (1 − p^q)/q (Zhang & Sabuncu 2018), q in (0, 1]."""

    def __init__(self, q: float = 0.7, **options) -> None:
        super().__init__(**options)
        self.q = _check_q(q)

    def pointwise(self, log_p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return generalized_cross_entropy(log_p, y, self.q)


class SymmetricCrossEntropyLoss(PointwiseLoss):
    """SCE, alpha·CE + beta·RCE (Wang et al. 2019)."""

    def __init__(self, alpha: float = 1.0, beta: float = 1.0, p_min: float = 1e-4, **options) -> None:
        super().__init__(**options)
        self.alpha, self.beta, self.p_min = alpha, beta, _check_p_min(p_min)
        if alpha < 0 or beta < 0:
            raise InputError(f"alpha and beta: expected weights of at least 0, got {alpha} and {beta}.")

    def pointwise(self, log_p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.alpha * cross_entropy(log_p, y) + self.beta * reverse_cross_entropy(log_p, y, self.p_min)


class NormalizedCrossEntropyLoss(PointwiseLoss):
    """NCE, cross-entropy over its sum for the K hard labels (Ma et al. 2020)."""

    def pointwise(self, log_p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return normalized_cross_entropy(log_p, y)


class NormalizedReverseCrossEntropyLoss(ReverseCrossEntropyLoss):
    """NRCE, reverse cross-entropy over its sum for the K hard labels (Ma et al. 2020)."""

    def pointwise(self, log_p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return normalized_reverse_cross_entropy(log_p, y, self.p_min)


class NormalizedGeneralizedCrossEntropyLoss(GeneralizedCrossEntropyLoss):
    """NGCE, generalised cross-entropy over its sum for the K hard labels (Ma et al. 2020)."""

    def pointwise(self, log_p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return normalized_generalized_cross_entropy(log_p, y, self.q)
