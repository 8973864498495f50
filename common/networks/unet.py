"""The U-Net of Nordström et al. (marginal thresholding), and that in the code of Karani et al. (BWCR)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from monai.networks.blocks import Convolution
from monai.networks.layers import Pool
from torch import nn

from common.errors import ArgumentError

__all__ = ["BilinearUNet", "UNet", "u_net"]


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
        _check_sizes(spatial_dims, in_channels, out_channels, features)
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
        _check_image(image, self.spatial_dims)
        x = self.entry(_pad(image, self.divisor))
        skips = [x]
        for down in self.down:
            x = down(x)
            skips.append(x)
        for i, (up, join) in enumerate(zip(self.up, self.join)):  # noqa: B905 - TorchScript knows no strict
            x = join(torch.cat([skips[-2 - i], up(x)], dim=1))
        x = self.exit(x)
        return _cut(x, image)


class BilinearUNet(nn.Module):
    """U-Net of two convolutions per block, maximum pooling down and bilinear interpolation up.

    Every resolution has a block of two 3ⁿ convolutions on the way down and one on the way up, each followed by batch
    normalization and ReLU. On the way up, the block of a resolution leaves as many features as the next finer one has,
    so that what is interpolated joins an encoder's output of the same width. A 3ⁿ convolution gives the logits.

    Images of any size are accepted, as by `UNet`.

    Source: the code of Karani et al., *Boundary-weighted logit consistency improves calibration of segmentation
    networks*, which itself only says "a 2D U-net": ``UNet2d`` of
    https://github.com/neerakara/BWCR/blob/c557d41f7c4e22b08501d10f7f08ab0ce9243f86/models.py. Three dimensions and
    sides that are no multiples of the strides are ours.

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
        >>> BilinearUNet(spatial_dims=2, features=(4, 8))(torch.zeros(1, 1, 5, 7)).shape
        torch.Size([1, 1, 5, 7])
    """

    def __init__(
        self,
        spatial_dims: int = 2,
        in_channels: int = 1,
        out_channels: int = 1,
        features: Sequence[int] = (16, 32, 64, 128, 128),
    ) -> None:
        super().__init__()
        _check_sizes(spatial_dims, in_channels, out_channels, features)
        self.spatial_dims = spatial_dims
        self.divisor = 2 ** (len(features) - 1)
        self.entry = _batch_norm_block(spatial_dims, in_channels, features[0])
        self.down = nn.ModuleList(
            nn.Sequential(Pool["max", spatial_dims](2), _batch_norm_block(spatial_dims, fine, coarse))
            for fine, coarse in pairwise(features)
        )
        self.interpolate = nn.Upsample(scale_factor=2, mode="bilinear" if spatial_dims == 2 else "trilinear")
        came = features[-1]  # from the next coarser resolution
        self.join = nn.ModuleList()
        for level in reversed(range(len(features) - 1)):
            leaves = features[max(level - 1, 0)]
            self.join.append(_batch_norm_block(spatial_dims, came + features[level], leaves))
            came = leaves
        self.exit = Convolution(spatial_dims, features[0], out_channels, kernel_size=3, conv_only=True)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        _check_image(image, self.spatial_dims)
        x = self.entry(_pad(image, self.divisor))
        skips = [x]
        for down in self.down:
            x = down(x)
            skips.append(x)
        for i, join in enumerate(self.join):
            x = join(torch.cat([self.interpolate(x), skips[-2 - i]], dim=1))
        return _cut(self.exit(x), image).contiguous()


class BatchNormConvolution(Convolution):
    r"""MONAI's convolution with batch normalization and ReLU, in less time.

    In evaluation, one convolution with other weights does what convolution $w$, $b$ and normalization do:

    $$ \frac{\gamma}{\sigma} (w * x + b - \mu) + \beta = (s w) * x + s (b - \mu) + \beta, \quad s = \gamma / \sigma $$

    with the normalization's running mean μ and variance σ², weight γ and bias β. On a CPU the channels of a voxel lie
    side by side (PyTorch's ``channels_last``), as oneDNN computes fastest. Both change the result by rounding alone.

    Args:
        spatial_dims: 2 or 3.
        in_channels, out_channels: at least 1.

    Shapes:
        ``(B, in_channels, *spatial)`` → ``(B, out_channels, *spatial)``.

    Example:
        >>> BatchNormConvolution(2, 1, 4)(torch.zeros(2, 1, 5, 7)).shape
        torch.Size([2, 4, 5, 7])
    """

    if TYPE_CHECKING:
        conv: Any
        adn: Any

    def __init__(self, spatial_dims: int, in_channels: int, out_channels: int) -> None:
        super().__init__(spatial_dims, in_channels, out_channels, adn_ordering="NA", act="relu", norm="batch")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.device.type == "cpu":
            x = x.contiguous(memory_format=torch.channels_last if x.dim() == 4 else torch.channels_last_3d)
        if self.training:
            return self.adn(self.conv(x))
        norm, bias = self.adn.N, self.conv.bias
        assert bias is not None  # for TorchScript
        scale = norm.weight / torch.sqrt(norm.running_var + self.adn.N.eps)
        weight = self.conv.weight * scale.reshape([-1] + [1] * (x.dim() - 1))
        bias = (bias - norm.running_mean) * scale + norm.bias
        x = F.conv2d(x, weight, bias, padding=1) if x.dim() == 4 else F.conv3d(x, weight, bias, padding=1)
        return torch.relu_(x)


def u_net(architecture: str, **sizes: Any) -> UNet | BilinearUNet:
    """The U-Net of a name.

    Args:
        architecture: ``unet`` or ``bilinear_unet``.
        sizes: arguments of `UNet` or `BilinearUNet`.

    Returns:
        The network.

    Raises:
        ArgumentError: there is no such network, or it refuses an argument.

    Example:
        >>> type(u_net("bilinear_unet", spatial_dims=2, features=(4, 8))).__name__
        'BilinearUNet'
    """
    if architecture not in ARCHITECTURES:
        raise ArgumentError(f"architecture: expected one of {', '.join(ARCHITECTURES)}, got {architecture!r}.")
    return ARCHITECTURES[architecture](**sizes)


ARCHITECTURES: dict[str, type[UNet] | type[BilinearUNet]] = {"unet": UNet, "bilinear_unet": BilinearUNet}


def _check_sizes(spatial_dims: int, in_channels: int, out_channels: int, features: Sequence[int]) -> None:
    if spatial_dims not in (2, 3):
        raise ArgumentError(f"spatial_dims: expected 2 or 3, got {spatial_dims}.")
    if not features or min(in_channels, out_channels, *features) < 1:
        raise ArgumentError(
            f"Expected at least one channel everywhere, got in_channels {in_channels}, out_channels {out_channels} "
            f"and features {list(features)}."
        )


def _check_image(image: torch.Tensor, spatial_dims: int) -> None:
    if image.dim() != spatial_dims + 2:
        raise ArgumentError(
            f"The network expects images (batch, channel, *spatial) of {spatial_dims} dimensions, "
            f"got the shape {list(image.shape)}."
        )


def _pad(image: torch.Tensor, divisor: int) -> torch.Tensor:
    """The image with every side a multiple of the strides, and more than one voxel where they meet in training."""
    padding: list[int] = []
    steps = 0
    for axis in range(image.dim() - 1, 1, -1):  # the last axis comes first
        size = image.shape[axis]
        padding += [0, -size % divisor]
        steps += (size - 1) // divisor
    if torch.jit.is_scripting():
        padding[-1] += divisor * max(1 - steps, 0)  # normalizing a single voxel would erase it
    else:
        padding[-1] += divisor * torch.sym_max(1 - steps, 0)
        if torch.compiler.is_exporting():  # a branch on the sizes would hold the graph to those of the example
            return F.pad(image, padding, mode="replicate")
    return F.pad(image, padding, mode="replicate") if max(padding) > 0 else image


def _cut(logits: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """The logits of the image's own voxels."""
    for axis in range(2, image.dim()):
        logits = logits.narrow(axis, 0, image.shape[axis])
    return logits


def _block(spatial_dims: int, in_channels: int, out_channels: int) -> nn.Sequential:
    """Two convolutions with instance normalization and ReLU."""
    kinds: dict[str, Any] = {"adn_ordering": "NA", "act": "relu", "norm": ("instance", {"affine": True})}
    channels = (in_channels, out_channels)
    return nn.Sequential(*(Convolution(spatial_dims, count, out_channels, **kinds) for count in channels))


def _batch_norm_block(spatial_dims: int, in_channels: int, out_channels: int) -> nn.Sequential:
    """Two convolutions with batch normalization and ReLU."""
    channels = (in_channels, out_channels)
    return nn.Sequential(*(BatchNormConvolution(spatial_dims, count, out_channels) for count in channels))


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
