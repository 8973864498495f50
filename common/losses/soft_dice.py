"""Soft-Dice loss for hard and soft labels, of the labeled pixels."""

from __future__ import annotations

import torch
from monai.utils import LossReduction

from common.losses.segmentation_loss import SegmentationLoss, non_negative

__all__ = ["SoftDiceLoss"]


class SoftDiceLoss(SegmentationLoss):
    r"""Soft-Dice loss, smallest where the probabilities are the label, hard or soft.

    $$ L = 1 - \frac{\sum_i p_i + \sum_i y_i - \sum_i |p_i - y_i| + \epsilon}{\sum_i p_i + \sum_i y_i + \epsilon} $$

    of each image and channel, over its labeled pixels i. For a hard label p + y − |p − y| = 2py: the usual soft-Dice
    loss. For a soft one 2py would be largest at p = 1 wherever y exceeds a threshold (Nordström et al., *Marginal
    Thresholding in Noisy Image Segmentation*, theorem on soft-Dice); this is smallest at p = y. Wang et al., *Dice
    Semimetric Losses*, MICCAI 2023; the values of ``monai.losses.DiceLoss(soft_label=True)``, which knows no pixel
    that is not labeled.

    Args:
        smooth: ε ≥ 0, in numerator and denominator: where prediction and label are both empty the loss is 0.
        include_background: whether channel 0 counts; of one channel it always does.
        to_onehot_y, sigmoid, softmax, reduction: see `SegmentationLoss`; ``"none"`` gives ``(B, C)``.

    Raises:
        ArgumentError: if ``smooth`` is negative or not finite.

    Example:
        >>> loss = SoftDiceLoss(smooth=0.0)
        >>> loss(torch.tensor([[[0.5, 0.5, 1.0]]]), torch.tensor([[[1.0, 0.0, -1.0]]]))  # 1 − (1 + 1 − 1) / (1 + 1)
        tensor(0.5000)
    """

    def __init__(
        self,
        smooth: float = 1e-5,
        include_background: bool = True,
        *,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        reduction: LossReduction | str = "mean",
    ) -> None:
        super().__init__(to_onehot_y=to_onehot_y, sigmoid=sigmoid, softmax=softmax, reduction=reduction)
        self.smooth = non_negative("smooth", smooth)
        self.include_background = include_background

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The loss of a segmentation.

        Args:
            input: ``(B, C, *spatial)``, logits with ``sigmoid`` or ``softmax``, else probabilities.
            target: ``(B, C, *spatial)``, hard or soft; with ``to_onehot_y`` class indices ``(B, 1, *spatial)``.
                Negative, −1, where a pixel is not labeled.

        Returns:
            A scalar, the mean over the images and channels with a labeled pixel, 0 if there is none; or ``(B, C)``
            with ``reduction="none"``. float64 for float64, else float32. An empty batch has the mean nan, as in
            PyTorch.

        Raises:
            ArgumentError: if the shapes do not fit each other or the arguments.
        """
        prediction, target, labeled = self.align_structures(input, target, self.include_background)
        self.require_probabilities(prediction)
        present = None
        if labeled is not None:
            prediction, target = prediction.where(labeled, 0), target.where(labeled, 0)
            present = labeled.flatten(2).any(2)
        total = (prediction + target).flatten(2).sum(2)
        difference = (prediction - target).abs().flatten(2).sum(2)
        loss = 1 - (total - difference + self.smooth) / (total + self.smooth)
        return self.reduce(loss, present)
