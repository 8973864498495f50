"""MONAI's `DynUNet` for images of any size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from monai.networks.nets import DynUNet

from common.errors import ArgumentError

__all__ = ["PaddedDynUNet"]


class PaddedDynUNet(DynUNet):
    """MONAI's `DynUNet` without deep supervision, for images of any size.

    Sides that the strides do not divide are extended by their last voxel, and the output is cut back; `DynUNet` itself
    fails in the middle of the network. An image that would shrink to a single voxel, which an instance normalization
    would erase, is extended too. The state dictionary is that of `DynUNet`.

    Args:
        spatial_dims: 2 or 3.
        in_channels: of the image.
        out_channels: of the logits.
        kernel_size: of the convolutions of each level.
        strides: of each level, numbers; the first is 1.
        upsample_kernel_size: of the transposed convolutions, one fewer than levels.
        filters: channels of each level, at least three levels.
        options: further arguments of `DynUNet`.

    Raises:
        ArgumentError: there are fewer than three levels, or a level without a channel.

    Shapes:
        ``(B, in_channels, *spatial)`` → ``(B, out_channels, *spatial)``.

    Example:
        >>> network = PaddedDynUNet(2, 1, 1, [3, 3, 3], [1, 2, 2], [2, 2], filters=[4, 8, 8])
        >>> network(torch.zeros(1, 1, 5, 6)).shape
        torch.Size([1, 1, 5, 6])
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        kernel_size: Sequence[Any],
        strides: Sequence[int],
        upsample_kernel_size: Sequence[Any],
        filters: Sequence[int],
        **options: Any,
    ) -> None:
        if len(filters) < 3 or min(filters) < 1:
            raise ArgumentError(f"features: expected at least three levels of one channel or more, got {[*filters]}.")
        super().__init__(
            *(spatial_dims, in_channels, out_channels, kernel_size, strides, upsample_kernel_size, filters), **options
        )
        self.divisor = math.prod(strides)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result = self.output_block(self.skip_layers(self._pad(x)))
        for axis in range(2, x.dim()):
            result = result.narrow(axis, 0, x.shape[axis])
        return result

    def _pad(self, image: torch.Tensor) -> torch.Tensor:
        """The image with every side a multiple of the strides, and more than one voxel where they meet."""
        padding: list[int] = []
        single = True
        for axis in range(image.dim() - 1, 1, -1):  # the last axis comes first
            size = image.shape[axis]
            padding += [0, -size % self.divisor]
            single = single and size <= self.divisor
        if single:
            padding[-1] += self.divisor
        return F.pad(image, padding, mode="replicate")  # also by nothing, or an export would hold for multiples alone
