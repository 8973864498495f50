"""The network of NicMSLesions, which judges a voxel by the patch around it, for all voxels of an image at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.blocks import Convolution
from monai.networks.layers import Pool
from torch import nn
from torch.nn import functional

from common.errors import ArgumentError

__all__ = ["NicMSLesions"]

BEFORE, AFTER = 5, 2  # voxels that the 8 of two poolings and a kernel of 2 need beside the one that is judged


class NicMSLesions(nn.Module):
    """The patch network of NicMSLesions, without strides, so that every voxel has its own patch of 11ⁿ.

    Two convolutions 3ⁿ with batch normalization and PReLU, maximum pooling by 2, two more, pooling again; then fully
    connected layers with PReLU and dropout. The original takes patches of 11ⁿ and answers for their central voxel. Here
    the second convolutions, the second pooling and the first connected layer, a convolution 2ⁿ, leave out as many
    voxels as the poolings would have skipped (dilation 2 and 4). An output is that of the original for the patch around
    it, except that convolutions at the border of a patch see the image where the original sees zeros.

    Zhang et al., *Disentangling Human Error from Ground Truth in Segmentation of Medical Images*, appendix A.2, have it
    for MNIST and multiple sclerosis. Layers and sizes are those of
    https://github.com/sergivalverde/nicMSlesions/blob/35066de68180f8135a2c38a9f171dde4881c8e85/libs/CNN/nets.py after
    Valverde et al., NeuroImage 2017, https://doi.org/10.1016/j.neuroimage.2017.04.034. PReLU has a slope for each
    channel here, and there one for each unit; two dimensions are added here.

    Args:
        spatial_dims: 2 or 3.
        in_channels: of the image.
        out_channels: of the last layer, which has no activation.
        features: of the convolutions before and after the first pooling.
        hidden: units of the connected layers.
        dropout: before each of them, from 0 to below 1.

    Raises:
        ArgumentError: if an argument is out of range.

    Shapes:
        ``(B, in_channels, *spatial)`` → ``(B, out_channels, *spatial)``, of any size.

    Example:
        >>> NicMSLesions(spatial_dims=2, in_channels=4, out_channels=64)(torch.rand(1, 4, 9, 20)).shape
        torch.Size([1, 64, 9, 20])
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        features: Sequence[int] = (32, 64),
        hidden: Sequence[int] = (256, 128, 64),
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if spatial_dims not in (2, 3):
            raise ArgumentError(f"spatial_dims: expected 2 or 3, got {spatial_dims}.")
        if len(features) != 2 or not hidden or min(in_channels, out_channels, *features, *hidden) < 1:
            raise ArgumentError(
                "Expected two features, hidden units and at least one channel everywhere, got in_channels "
                f"{in_channels}, out_channels {out_channels}, features {list(features)} and hidden {list(hidden)}."
            )
        if not 0 <= dropout < 1:
            raise ArgumentError(f"dropout: expected a number from 0 to below 1, got {dropout}.")
        self.margin = [BEFORE, AFTER] * spatial_dims
        pool = Pool["max", spatial_dims]
        self.patch = nn.Sequential(
            *_convolutions(spatial_dims, in_channels, features[0], dilation=1),
            pool(2, stride=1),
            *_convolutions(spatial_dims, features[0], features[1], dilation=2),
            pool(2, stride=1, dilation=2),
        )
        self.connected = nn.Sequential()
        width, kernel, dilation = features[1], 2, 4  # the first takes the four (in 3-D eight) cells of a patch
        for units in hidden:
            self.connected.append(nn.Dropout(dropout))
            self.connected.append(
                Convolution(
                    spatial_dims,
                    width,
                    units,
                    kernel_size=kernel,
                    dilation=dilation,
                    padding=0,
                    adn_ordering="A",
                    act="prelu",
                )
            )
            width, kernel, dilation = units, 1, 1
        self.connected.append(Convolution(spatial_dims, width, out_channels, kernel_size=1, conv_only=True))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.connected(self.patch(functional.pad(image, self.margin)))


def _convolutions(spatial_dims: int, in_channels: int, out_channels: int, dilation: int) -> list[nn.Module]:
    return [
        Convolution(
            spatial_dims, channels, out_channels, dilation=dilation, adn_ordering="NA", act="prelu", norm="batch"
        )
        for channels in (in_channels, out_channels)
    ]
