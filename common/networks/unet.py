"""The U-Net of Nordström et al., *Marginal Thresholding in Noisy Image Segmentation*, section 5.2."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from monai.networks.blocks import Convolution
from torch import nn

from common.errors import ArgumentError

__all__ = ["UNet"]


class UNet(nn.Module):
    """U-Net of two convolutions per block, strided convolutions down and transposed convolutions up.

    Every resolution has a block of two 3ⁿ convolutions on the way down and one on the way up, each followed by instance
    normalization (affine) and ReLU. A 2ⁿ convolution of stride 2 leads to the next resolution, a transposed one of the
    same size back, where its output joins the encoder's. A 1ⁿ convolution gives the logits.

    Images of any size are accepted: sides that the strides do not divide are extended by their last voxel, and the
    output is cut back.

    Source: Nordström et al., *Marginal Thresholding in Noisy Image Segmentation*, section 5.2 (3-D, 16 to 256
    features); the affine normalization is ours, the paper says nothing.

    Args:
        spatial_dims: 2 or 3.
        in_channels: of the image.
        out_channels: of the logits.
        features: of each resolution, at least one; the first is the image's own.

    Raises:
        ArgumentError: if an argument is out of range, or an image has other dimensions than the network.

    Shapes:
        ``(B, in_channels, *spatial)`` → ``(B, out_channels, *spatial)``.

    Example:
        >>> UNet(spatial_dims=3, features=(4, 8))(torch.zeros(1, 1, 5, 6, 7)).shape
        torch.Size([1, 1, 5, 6, 7])
    """

    def __init__(
        self,
        spatial_dims: int = 3,
        in_channels: int = 1,
        out_channels: int = 1,
        features: Sequence[int] = (16, 32, 64, 128, 256),
    ) -> None:
        super().__init__()
        if spatial_dims not in (2, 3):
            raise ArgumentError(f"spatial_dims: expected 2 or 3, got {spatial_dims}.")
        if not features or min(in_channels, out_channels, *features) < 1:
            raise ArgumentError(
                f"Expected at least one channel everywhere, got in_channels {in_channels}, out_channels {out_channels} "
                f"and features {list(features)}."
            )
        self.spatial_dims = spatial_dims
        self.divisor = 2 ** (len(features) - 1)
        levels = list(pairwise(features))
        self.entry = _block(spatial_dims, in_channels, features[0])
        self.down = nn.ModuleList(
            nn.Sequential(_strided(spatial_dims, fine, coarse), _block(spatial_dims, coarse, coarse))
            for fine, coarse in levels
        )
        self.up = nn.ModuleList(_strided(spatial_dims, coarse, fine, transposed=True) for fine, coarse in levels[::-1])
        self.join = nn.ModuleList(_block(spatial_dims, 2 * fine, fine) for fine, _ in levels[::-1])
        self.exit = Convolution(spatial_dims, features[0], out_channels, kernel_size=1, conv_only=True)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        if image.dim() != self.spatial_dims + 2:
            raise ArgumentError(
                f"The network expects images (batch, channel, *spatial) of {self.spatial_dims} dimensions, "
                f"got the shape {list(image.shape)}."
            )
        x = self.entry(self._pad(image))
        skips = [x]
        for down in self.down:
            x = down(x)
            skips.append(x)
        for i, (up, join) in enumerate(zip(self.up, self.join)):  # noqa: B905 - TorchScript knows no strict
            x = join(torch.cat([skips[-2 - i], up(x)], dim=1))
        x = self.exit(x)
        for axis in range(2, image.dim()):
            x = x.narrow(axis, 0, image.shape[axis])
        return x

    def _pad(self, image: torch.Tensor) -> torch.Tensor:
        """The image with every side a multiple of the strides, and more than one voxel where they meet in training."""
        padding: list[int] = []
        steps = 0
        for axis in range(image.dim() - 1, 1, -1):  # the last axis comes first
            size = image.shape[axis]
            padding += [0, -size % self.divisor]
            steps += (size - 1) // self.divisor
        if torch.jit.is_scripting():
            padding[-1] += self.divisor * max(1 - steps, 0)  # normalizing a single voxel would erase it
        else:
            padding[-1] += self.divisor * torch.sym_max(1 - steps, 0)
            if torch.compiler.is_exporting():  # a branch on the sizes would hold the graph to those of the example
                return F.pad(image, padding, mode="replicate")
        return F.pad(image, padding, mode="replicate") if max(padding) > 0 else image


def _block(spatial_dims: int, in_channels: int, out_channels: int) -> nn.Sequential:
    """Two convolutions with instance normalization and ReLU."""
    return nn.Sequential(
        *(
            Convolution(
                spatial_dims, channels, out_channels, adn_ordering="NA", act="relu", norm=("instance", {"affine": True})
            )
            for channels in (in_channels, out_channels)
        )
    )


def _strided(spatial_dims: int, in_channels: int, out_channels: int, transposed: bool = False) -> Convolution:
    """A convolution of kernel 2 and stride 2, alone."""
    return Convolution(
        spatial_dims,
        in_channels,
        out_channels,
        strides=2,
        kernel_size=2,
        conv_only=True,
        is_transposed=transposed,
        padding=0,
        output_padding=0,
    )
