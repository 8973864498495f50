"""Losses divided by their sum over all K labels, which makes any of them robust to symmetric label noise.

L_N(f, y) = L(f, y) / Σ_j L(f, j), where j runs through the K hard labels also if y is soft (Ma et al., *Normalized Loss
Functions for Deep Learning with Noisy Labels*, ICML 2020; Felfeliyan et al., eq. 2, for soft labels). The functions
take log-probabilities log p and target y of K classes, both ``(B, K, …)``, and return ``(B, …)``.
"""

from __future__ import annotations

import math

import torch

from common.losses.robust import GeneralizedCrossEntropyLoss, ReverseCrossEntropyLoss, reverse_cross_entropy
from common.losses.segmentation_loss import ClassificationLoss

__all__ = [
    "NormalizedCrossEntropyLoss",
    "NormalizedGeneralizedCrossEntropyLoss",
    "NormalizedReverseCrossEntropyLoss",
    "normalized_cross_entropy",
    "normalized_generalized_cross_entropy",
    "normalized_reverse_cross_entropy",
]


def normalized_cross_entropy(log_probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Σ_k y_k log p_k / Σ_j log p_j.

    Example:
        >>> normalized_cross_entropy(torch.tensor([[0.25, 0.5, 0.25]]).log(), torch.tensor([[0.0, 1.0, 0.0]]))
        tensor([0.2000])
    """
    return (target * log_probabilities).sum(1) / log_probabilities.sum(1)


def normalized_reverse_cross_entropy(
    log_probabilities: torch.Tensor, target: torch.Tensor, p_min: float
) -> torch.Tensor:
    """Σ_k p_k log max(y_k, p_min) / ((K − 1) log p_min).

    Example:
        >>> normalized_reverse_cross_entropy(torch.tensor([[0.2, 0.8]]).log(), torch.tensor([[0.0, 1.0]]), p_min=1e-4)
        tensor([0.2000])
    """
    largest = (log_probabilities.shape[1] - 1) * -math.log(p_min)
    return reverse_cross_entropy(log_probabilities, target, p_min) / largest


def normalized_generalized_cross_entropy(
    log_probabilities: torch.Tensor, target: torch.Tensor, q: float
) -> torch.Tensor:
    """Σ_k y_k (1 − p_k^q) / Σ_j (1 − p_j^q).

    Example:
        >>> normalized_generalized_cross_entropy(torch.tensor([[0.2, 0.8]]).log(), torch.tensor([[0.0, 1.0]]), q=1)
        tensor([0.2000])
    """
    terms = torch.expm1(q * log_probabilities)
    return (target * terms).sum(1) / terms.sum(1)


class NormalizedCrossEntropyLoss(ClassificationLoss):
    r"""Normalized cross-entropy.

    $$ \mathrm{NCE} = \frac{\sum_k y_k \log p_k}{\sum_{j=1}^{K} \log p_j} $$

    with the probability p_k and the target y_k of class k; from 0 to 1. The sum over j is that of the cross-entropies
    of the K hard labels, for soft targets too (Ma et al., ICML 2020). The classes K, shapes and dtypes are those
    of `ClassificationLoss`.

    Args:
        to_onehot_y, sigmoid, softmax, reduction: see `SegmentationLoss`.

    Example:
        >>> NormalizedCrossEntropyLoss(sigmoid=True)(torch.tensor([[[0.0]]]), torch.tensor([[[1.0]]]))
        tensor(0.5000)
    """

    def pointwise(self, log_probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return normalized_cross_entropy(log_probabilities, target)


class NormalizedReverseCrossEntropyLoss(ReverseCrossEntropyLoss):
    r"""Normalized reverse cross-entropy.

    $$ \mathrm{NRCE} = \frac{\sum_k p_k \log \max(y_k, P_{\min})}{(K - 1) \log P_{\min}} $$

    with the probability p_k and the target y_k of class k; for a hard label y exactly (1 − p_y) / (K − 1), whatever
    P_min. The denominator is the sum of the reverse cross-entropies of the K hard labels, for soft targets too (Ma et
    al., ICML 2020; Felfeliyan et al., eq. 2 and 4; published code slips in this constant). The classes K, shapes and
    dtypes are those of `ClassificationLoss`.

    Args:
        p_min: P_min, by what a target below it is replaced, 0 < P_min < 1.
        to_onehot_y, sigmoid, softmax, reduction: see `SegmentationLoss`.

    Raises:
        ArgumentError: if p_min is outside (0, 1).

    Example:
        >>> NormalizedReverseCrossEntropyLoss()(torch.tensor([[[0.75]]]), torch.tensor([[[1.0]]]))
        tensor(0.2500)
    """

    def pointwise(self, log_probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return normalized_reverse_cross_entropy(log_probabilities, target, self.p_min)


class NormalizedGeneralizedCrossEntropyLoss(GeneralizedCrossEntropyLoss):
    r"""Normalized generalized cross-entropy.

    $$ \mathrm{NGCE} = \frac{\sum_k y_k (1 - p_k^q)}{\sum_{j=1}^{K} (1 - p_j^q)} $$

    with the probability p_k and the target y_k of class k; from 0 to 1, NCE for q → 0. The sum over j is that of the
    K hard labels, for soft targets too (Ma et al., ICML 2020). The classes K, shapes and dtypes are those of
    `ClassificationLoss`.

    Args:
        q: the exponent, 0 < q ≤ 1.
        to_onehot_y, sigmoid, softmax, reduction: see `SegmentationLoss`.

    Raises:
        ArgumentError: if q is outside (0, 1].

    Example:
        >>> NormalizedGeneralizedCrossEntropyLoss(q=1)(torch.tensor([[[0.75]]]), torch.tensor([[[1.0]]]))
        tensor(0.2500)
    """

    def pointwise(self, log_probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return normalized_generalized_cross_entropy(log_probabilities, target, self.q)
