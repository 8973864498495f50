"""Losses of a soft label that look at its largest class alone, as it is or smoothed evenly over the classes."""

from __future__ import annotations

import torch
from monai.utils import LossReduction

from common.errors import ArgumentError
from common.fusion.ties import most_probable_class
from common.losses.robust import CrossEntropyLoss
from common.losses.segmentation_loss import ClassificationLoss

__all__ = ["HardLabelLoss", "hard_label"]


def hard_label(target: torch.Tensor) -> torch.Tensor:
    """One-hot of the largest y_k, of equal ones the first (`common.fusion.ties`): of a binary problem, y > ½.

    Args:
        target: ``(B, K, …)``, soft or hard.

    Returns:
        0 and 1, of the shape and dtype of ``target``; nan where ``target`` is, which is no class.

    Example:
        >>> hard_label(torch.tensor([[0.3, 0.7], [0.5, 0.5]]))
        tensor([[0., 1.],
                [1., 0.]])
    """
    largest = torch.zeros_like(target).scatter_(1, most_probable_class(target, 1).unsqueeze(1), 1)
    return largest.where(~target.isnan(), target)


class HardLabelLoss(ClassificationLoss):
    r"""A loss of the hard label b of a soft label ȳ, smoothed uniformly if wanted.

    $$ L(p, (1 - \varepsilon) \, b + \varepsilon / K), \qquad b_k = [k = \arg\max_j \bar y_j] $$

    With ε = 0 it is the loss L of the hard label. With ε > 0 and cross-entropy it is uniform label smoothing, the
    conventional one that Felfeliyan et al., *Weakly Supervised Medical Image Segmentation With Soft Labels and Noise
    Robust Loss*, section IV.D, set against soft labels (Szegedy et al., CVPR 2016): a binary label becomes ε/2 or
    1 − ε/2 everywhere, whatever the annotators agree on. The classes K, shapes and dtypes are those of
    `ClassificationLoss`.

    Args:
        loss: L, any loss of this package with class probabilities; None is `CrossEntropyLoss`. Its own
            ``to_onehot_y``, ``sigmoid``, ``softmax`` and ``reduction`` have no effect.
        smoothing: ε, from 0 to below 1.
        to_onehot_y, sigmoid, softmax, reduction: see `SegmentationLoss`.

    Raises:
        ArgumentError: if the loss is of another kind, or ε out of range.

    Example:
        >>> loss = HardLabelLoss(smoothing=0.2)
        >>> loss(torch.tensor([[[0.5]]]), torch.tensor([[[0.7]]]))  # −0.9 log 0.5 − 0.1 log 0.5
        tensor(0.6931)
    """

    def __init__(
        self,
        loss: ClassificationLoss | None = None,
        smoothing: float = 0.0,
        *,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        reduction: LossReduction | str = "mean",
    ) -> None:
        super().__init__(to_onehot_y=to_onehot_y, sigmoid=sigmoid, softmax=softmax, reduction=reduction)
        self.loss = CrossEntropyLoss() if loss is None else loss
        if not isinstance(self.loss, ClassificationLoss):
            raise ArgumentError(f"loss: expected a loss with class probabilities, got {type(loss).__name__}.")
        if not 0 <= smoothing < 1:
            raise ArgumentError(f"smoothing: expected a number from 0 to below 1, got {smoothing}.")
        self.smoothing = float(smoothing)

    def pointwise(self, log_probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        label = (1 - self.smoothing) * hard_label(target) + self.smoothing / target.shape[1]
        return self.loss.pointwise(log_probabilities, label)
