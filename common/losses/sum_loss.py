"""The sum of losses, such as nnU-Net's cross-entropy with soft Dice."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from common.errors import ArgumentError

__all__ = ["SumLoss"]


class SumLoss(nn.Module):
    r"""The sum of losses of the same input and target.

    $$ L = \sum_j L_j $$

    Of `CrossEntropyLoss` and `SoftDiceLoss` it is the loss of [nnU-Net](https://doi.org/10.1038/s41592-020-01008-z),
    and has the value of ``monai.losses.DiceCELoss`` where all pixels are labeled; that one counts those that are not.

    Args:
        losses: at least one, of any kind that takes this input and target.

    Raises:
        ArgumentError: if there is no loss.

    Example:
        >>> from common.losses import CrossEntropyLoss, SoftDiceLoss
        >>> loss = SumLoss([CrossEntropyLoss(sigmoid=True), SoftDiceLoss(sigmoid=True, smooth=0)])
        >>> loss(torch.tensor([[[0.0]]]), torch.tensor([[[1.0]]]))  # log 2 + 1 − 2 · 0.5 / 1.5
        tensor(1.0265)
    """

    def __init__(self, losses: Sequence[nn.Module]) -> None:
        super().__init__()
        if not losses:
            raise ArgumentError("losses: expected at least one, got none.")
        self.losses = nn.ModuleList(losses)

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The sum.

        Args:
            input: ``(B, C, *spatial)``, as the losses want it.
            target: ``(B, C, *spatial)``, or ``(B, 1, *spatial)`` class indices, as the losses want it.

        Returns:
            A scalar if those of the losses are; of an empty batch nan, as in PyTorch.
        """
        return torch.stack([loss(input, target) for loss in self.losses]).sum(0)
