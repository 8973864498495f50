"""Losses that a wrong label pulls less than cross-entropy does: GCE, MAE, RCE, SCE.

The functions take log-probabilities log p and target y of K classes, both ``(B, K, …)``, and return ``(B, …)``; the
classes around them add MONAI's arguments.
"""

from __future__ import annotations

import torch
from monai.utils import LossReduction

from common.errors import ArgumentError
from common.losses.segmentation_loss import ClassificationLoss, non_negative

__all__ = [
    "CrossEntropyLoss",
    "GeneralizedCrossEntropyLoss",
    "MeanAbsoluteErrorLoss",
    "ReverseCrossEntropyLoss",
    "SymmetricCrossEntropyLoss",
    "cross_entropy",
    "generalized_cross_entropy",
    "mean_absolute_error",
    "reverse_cross_entropy",
]


def cross_entropy(log_probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """−Σ_k y_k log p_k.

    Example:
        >>> cross_entropy(torch.tensor([[0.25, 0.75]]).log(), torch.tensor([[1.0, 0.0]]))
        tensor([1.3863])
    """
    return -(target * log_probabilities).sum(1)


def generalized_cross_entropy(log_probabilities: torch.Tensor, target: torch.Tensor, q: float) -> torch.Tensor:
    """Σ_k y_k (1 − p_k^q) / q, cross-entropy for q → 0.

    Example:
        >>> generalized_cross_entropy(torch.tensor([[0.25, 0.75]]).log(), torch.tensor([[1.0, 0.0]]), q=0.5)
        tensor([1.])
    """
    return (target * torch.expm1(q * log_probabilities)).sum(1) / -q


def mean_absolute_error(log_probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Σ_k |p_k − y_k|.

    Example:
        >>> mean_absolute_error(torch.tensor([[0.25, 0.75]]).log(), torch.tensor([[1.0, 0.0]]))
        tensor([1.5000])
    """
    return (log_probabilities.exp() - target).abs().sum(1)


def reverse_cross_entropy(log_probabilities: torch.Tensor, target: torch.Tensor, p_min: float) -> torch.Tensor:
    """−Σ_k p_k log max(y_k, p_min).

    Example:
        >>> reverse_cross_entropy(torch.tensor([[0.25, 0.75]]).log(), torch.tensor([[1.0, 0.0]]), p_min=1e-4)
        tensor([6.9078])
    """
    return -(log_probabilities.exp() * target.clamp_min(p_min).log()).sum(1)


class MeanAbsoluteErrorLoss(ClassificationLoss):
    r"""Mean absolute error between class probabilities.

    $$ \mathrm{MAE} = \sum_{k=1}^{K} |p_k - y_k| $$

    with the probability p_k and the target y_k of class k: 2(1 − p_y) for a hard label y, 2|p − y| in a binary
    problem. (Ghosh et al., AAAI 2017. Published code of the active-passive loss halves it.) The classes K, shapes and
    dtypes are those of `ClassificationLoss`.

    Args:
        to_onehot_y, sigmoid, softmax, reduction: see `SegmentationLoss`.

    Example:
        >>> MeanAbsoluteErrorLoss()(torch.tensor([[[0.75]]]), torch.tensor([[[1.0]]]))
        tensor(0.5000)
    """

    def pointwise(self, log_probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return mean_absolute_error(log_probabilities, target)


class GeneralizedCrossEntropyLoss(ClassificationLoss):
    r"""Generalized cross-entropy, between cross-entropy (q → 0) and half the mean absolute error (q = 1).

    $$ \mathrm{GCE} = \sum_{k=1}^{K} y_k \, \frac{1 - p_k^q}{q} $$

    with the probability p_k and the target y_k of class k (Zhang & Sabuncu, NeurIPS 2018). The classes K, shapes
    and dtypes are those of `ClassificationLoss`.

    Args:
        q: the exponent, 0 < q ≤ 1 (the paper's choice: 0.7).
        to_onehot_y, sigmoid, softmax, reduction: see `SegmentationLoss`.

    Raises:
        ArgumentError: if q is outside (0, 1].

    Example:
        >>> GeneralizedCrossEntropyLoss(q=0.5)(torch.tensor([[[0.25]]]), torch.tensor([[[1.0]]]))
        tensor(1.)
    """

    def __init__(
        self,
        q: float = 0.7,
        *,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        reduction: LossReduction | str = "mean",
    ) -> None:
        super().__init__(to_onehot_y=to_onehot_y, sigmoid=sigmoid, softmax=softmax, reduction=reduction)
        if not 0 < q <= 1:
            raise ArgumentError(f"q: expected an exponent above 0 and at most 1, got {q}.")
        self.q = float(q)

    def pointwise(self, log_probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return generalized_cross_entropy(log_probabilities, target, self.q)


class ReverseCrossEntropyLoss(ClassificationLoss):
    r"""Reverse cross-entropy: cross-entropy with prediction and target exchanged.

    $$ \mathrm{RCE} = -\sum_{k=1}^{K} p_k \log \max(y_k, P_{\min}) $$

    with the probability p_k and the target y_k of class k: (1 − p_y) log(1/P_min) for a hard label y. (Wang et al.,
    ICCV 2019, where log 0 is a constant A = log P_min; Felfeliyan et al., eq. 4, with the sign of the errata. That
    paper clips at 1e-20, which does nothing to 1 − 1e-20: it is 1 in float64.) The classes K, shapes and dtypes are
    those of `ClassificationLoss`.

    Args:
        p_min: P_min, by what a target below it is replaced, 0 < P_min < 1.
        to_onehot_y, sigmoid, softmax, reduction: see `SegmentationLoss`.

    Raises:
        ArgumentError: if p_min is outside (0, 1).

    Example:
        >>> ReverseCrossEntropyLoss(p_min=1e-4)(torch.tensor([[[0.25]]]), torch.tensor([[[1.0]]]))  # 0.75 · log 1e4
        tensor(6.9078)
    """

    def __init__(
        self,
        p_min: float = 1e-4,
        *,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        reduction: LossReduction | str = "mean",
    ) -> None:
        super().__init__(to_onehot_y=to_onehot_y, sigmoid=sigmoid, softmax=softmax, reduction=reduction)
        self.p_min = _probability("p_min", p_min)

    def pointwise(self, log_probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return reverse_cross_entropy(log_probabilities, target, self.p_min)


class CrossEntropyLoss(ClassificationLoss):
    r"""Cross-entropy with the arguments of the other losses.

    $$ \mathrm{CE} = -\sum_{k=1}^{K} y_k \log p_k $$

    with the probability p_k and the target y_k of class k. The classes K, shapes and dtypes are those of
    `ClassificationLoss`.

    Args:
        to_onehot_y, sigmoid, softmax, reduction: see `SegmentationLoss`.

    Example:
        >>> CrossEntropyLoss()(torch.tensor([[[0.25]]]), torch.tensor([[[1.0]]]))  # log 4
        tensor(1.3863)
    """

    def pointwise(self, log_probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return cross_entropy(log_probabilities, target)


class SymmetricCrossEntropyLoss(ClassificationLoss):
    r"""Symmetric cross-entropy: cross-entropy, which learns, plus its reverse, which bears wrong labels.

    $$ \mathrm{SCE} = -\alpha \sum_{k=1}^{K} y_k \log p_k - \beta \sum_{k=1}^{K} p_k \log \max(y_k, P_{\min}) $$

    with the probability p_k and the target y_k of class k (Wang et al., ICCV 2019). The classes K, shapes and
    dtypes are those of `ClassificationLoss`.

    Args:
        alpha: weight of cross-entropy, at least 0.
        beta: weight of reverse cross-entropy, at least 0.
        p_min: see `ReverseCrossEntropyLoss`.
        to_onehot_y, sigmoid, softmax, reduction: see `SegmentationLoss`.

    Raises:
        ArgumentError: if a weight is negative or not finite, or p_min outside (0, 1).

    Example:
        >>> SymmetricCrossEntropyLoss()(torch.tensor([[[0.25]]]), torch.tensor([[[1.0]]]))  # log 4 + 0.75 · log 1e4
        tensor(8.2941)
    """

    def __init__(
        self,
        alpha: float = 1.0,
        beta: float = 1.0,
        p_min: float = 1e-4,
        *,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        reduction: LossReduction | str = "mean",
    ) -> None:
        super().__init__(to_onehot_y=to_onehot_y, sigmoid=sigmoid, softmax=softmax, reduction=reduction)
        self.alpha = non_negative("alpha", alpha)
        self.beta = non_negative("beta", beta)
        self.p_min = _probability("p_min", p_min)

    def pointwise(self, log_probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        forward = cross_entropy(log_probabilities, target)
        return self.alpha * forward + self.beta * reverse_cross_entropy(log_probabilities, target, self.p_min)


def _probability(name: str, value: float) -> float:
    if not 0 < value < 1:
        raise ArgumentError(f"{name}: expected a probability between 0 and 1, got {value}.")
    return float(value)
