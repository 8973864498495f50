"""Losses that are calibrated by smoothing labels: at their boundaries, or by a margin between logits."""

from __future__ import annotations

import math

import torch
from monai.utils import LossReduction

from common.errors import ArgumentError
from common.losses.robust import cross_entropy
from common.losses.segmentation_loss import ClassificationLoss, non_negative

__all__ = [
    "MarginLabelSmoothingLoss",
    "SpatiallyVaryingLabelSmoothingLoss",
    "margin_penalty",
    "spatially_varying_smoothing",
]


def spatially_varying_smoothing(target: torch.Tensor, sigma: float = 1.0) -> torch.Tensor:
    r"""A target smoothed where its neighbors differ from it.

    $$ \tilde y = \tfrac{1}{2} y + \tfrac{1}{2} \sum_{i \ne 0} w_i y_i \Big/ \sum_{i \ne 0} w_i, \qquad
       w_i = \exp(-\lVert i \rVert^2 / 2\sigma^2) $$

    over the 3ⁿ − 1 neighbors i: a 3×3(×3) Gaussian kernel whose center is replaced by the sum of the others. At the
    image's border the nearest pixel is repeated; neighbors that are not labeled, −1, are left out of both sums, and a
    pixel without a labeled neighbor keeps y. Distributions stay distributions. Islam and Glocker, *Spatially
    varying label smoothing*, IPMI 2021.

    Args:
        target: ``(B, C, *spatial)``, 1-D to 3-D, hard or soft, floating; negative where not labeled.
        sigma: σ > 0 in pixels.

    Returns:
        The smoothed target, same shape and dtype; −1 where not labeled.

    Example:
        >>> spatially_varying_smoothing(torch.tensor([[[0.0, 0.0, 1.0, 1.0]]]))
        tensor([[[0.0000, 0.2500, 0.7500, 1.0000]]])
    """
    if not target.numel():  # there is no border to repeat
        return target
    side = math.exp(-0.5 / sigma**2)
    labeled = ~(target < 0)
    known = target.where(labeled, 0)
    neighbors = _around(known, side)
    if target.device.type != "cpu" or not labeled.all():
        share = _around(labeled.to(target), side)
        neighbors = torch.where(share > 0, neighbors / share.where(share > 0, 1), known)
    return (0.5 * known + 0.5 * neighbors).where(labeled, -1)


def _around(values: torch.Tensor, side: float) -> torch.Tensor:
    """The mean of the 3ⁿ − 1 neighbors, weighted by ``side`` to the number of axes along which they are moved.

    Sums of neighbors alone, without a difference: of a narrow kernel nearly everything is in its center.
    """
    neighbors, weight = torch.zeros_like(values), 0.0  # in units of the nearest neighbors' weight
    for axis in range(2, values.ndim):
        whole, size = values + side * neighbors, values.shape[axis]
        before = torch.cat((whole.narrow(axis, 0, 1), whole.narrow(axis, 0, size - 1)), axis)
        behind = torch.cat((whole.narrow(axis, 1, size - 1), whole.narrow(axis, size - 1, 1)), axis)
        neighbors = neighbors + before + behind
        weight += 2 * (1 + side * weight)
    return neighbors / weight


def margin_penalty(log_probabilities: torch.Tensor, margin: float) -> torch.Tensor:
    """Σ_k max(0, max_j log p_j − log p_k − m), which is that of the logits, from which log p differs by a constant.

    ``(B, …)`` from ``(B, K, …)``.

    Example:
        >>> margin_penalty(torch.tensor([[0.0, -12.0, -13.0]]), margin=10.0)
        tensor([5.])
    """
    below = log_probabilities.amax(1, keepdim=True) - log_probabilities
    return (below - margin).clamp_min(0).sum(1)


class SpatiallyVaryingLabelSmoothingLoss(ClassificationLoss):
    r"""Cross-entropy with labels that are smoothed at their boundaries (SVLS).

    $$ -\sum_k \tilde y_k \log p_k $$

    with the smoothed target ỹ of `spatially_varying_smoothing` (Islam and Glocker, *Spatially varying label
    smoothing*, IPMI 2021); 3×3 kernel in 2-D, 3×3×3 in 3-D. The classes K, shapes and dtypes are those of
    `ClassificationLoss`.

    Args:
        sigma: standard deviation σ > 0 of the kernel, in pixels.
        to_onehot_y, sigmoid, softmax, reduction: see `SegmentationLoss`.

    Raises:
        ArgumentError: if sigma is not positive and finite.

    Example:
        >>> loss = SpatiallyVaryingLabelSmoothingLoss(softmax=True, to_onehot_y=True, reduction="none")
        >>> loss(torch.tensor([[[4.0] * 4, [0.0] * 4]]), torch.tensor([[[0, 0, 1, 1]]]))  # 0.02 + 4·ỹ_1
        tensor([[[0.0181, 1.0181, 3.0181, 4.0181]]])
    """

    def __init__(
        self,
        sigma: float = 1.0,
        *,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        reduction: LossReduction | str = "mean",
    ) -> None:
        super().__init__(to_onehot_y=to_onehot_y, sigmoid=sigmoid, softmax=softmax, reduction=reduction)
        if not 0 < sigma < math.inf:
            raise ArgumentError(f"sigma: expected a positive finite number, got {sigma}.")
        self.sigma = float(sigma)

    def pointwise(self, log_probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        smooth = spatially_varying_smoothing(target.flatten(1, 2), self.sigma).view_as(target)
        return cross_entropy(log_probabilities, smooth)


class MarginLabelSmoothingLoss(ClassificationLoss):
    r"""Cross-entropy with a penalty on logits that are further apart than a margin (MLS, MbLS).

    $$ -\sum_k y_k \log p_k + \lambda \sum_k \max(0, \max_j l_j - l_k - m) $$

    with logits l and margin m (Liu et al., *The devil is in the margin*, CVPR 2022). The sum over classes is
    the paper's; its code takes their mean, which is this with λ/K. The classes K, shapes and dtypes are those of
    `ClassificationLoss`.

    Args:
        margin: m ≥ 0.
        weight: λ ≥ 0.
        to_onehot_y, sigmoid, softmax, reduction: see `SegmentationLoss`.

    Raises:
        ArgumentError: if margin or weight is negative or not finite.

    Example:
        >>> loss = MarginLabelSmoothingLoss(softmax=True)
        >>> loss(torch.tensor([[[30.0], [0.0]]]), torch.tensor([[[1.0], [0.0]]]))  # 0.1 · (30 − 10)
        tensor(2.)
    """

    def __init__(
        self,
        margin: float = 10.0,
        weight: float = 0.1,
        *,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        reduction: LossReduction | str = "mean",
    ) -> None:
        super().__init__(to_onehot_y=to_onehot_y, sigmoid=sigmoid, softmax=softmax, reduction=reduction)
        self.margin = non_negative("margin", margin)
        self.weight = non_negative("weight", weight)

    def pointwise(self, log_probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return cross_entropy(log_probabilities, target) + self.weight * margin_penalty(log_probabilities, self.margin)
