"""Windows of a network on what is larger than the patches of its training, as few as cover it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from monai.inferers import Inferer, SlidingWindowInferer

from common.errors import ArgumentError

__all__ = ["GrowingWindows", "window_size"]


def window_size(
    size: Sequence[int], patch_size: Sequence[int], overlap: float, growth: float = 1.0, multiple: int = 1
) -> tuple[int, ...]:
    """The windows that cover an image with the least to compute: those of training, or somewhat larger ones.

    Along each axis n windows of the side s cover L voxels if L ≤ s + (n − 1) · ⌊s · (1 − overlap)⌋; then a network
    sees n · s voxels. Of s = ``patch_size`` and the larger multiples of ``multiple`` up to ``growth · patch_size``, and
    of L itself if it is not larger than that, the one of the smallest n · s is taken.

    Args:
        size: of the image, L of each axis.
        patch_size: of training.
        overlap: of neighboring windows, as a share of their size, in [0, 1).
        growth: largest window over the patch, at least 1.
        multiple: of which larger windows have a size, such as the product of a network's strides.

    Returns:
        Size of the windows, at least ``patch_size``.

    Raises:
        ArgumentError: ``growth`` or ``multiple`` is below 1.

    Example:
        >>> window_size((171, 96), (96, 96), 0.5), window_size((171, 100), (96, 96), 0.5, growth=1.25, multiple=8)
        ((96, 96), (120, 100))
    """
    if growth < 1 or multiple < 1:
        raise ArgumentError(f"growth and multiple: expected at least 1, got {growth} and {multiple}.")

    def best(length: int, side: int) -> int:
        largest = int(growth * side)
        sides = [side, *range(side // multiple * multiple + multiple, largest + 1, multiple)]
        sides += [length] if side < length <= largest else []
        return min(sides, key=lambda one: (_count(length, one, overlap) * one, one))

    return tuple(best(int(length), int(side)) for length, side in zip(size, patch_size, strict=True))


def _count(length: int, side: int, overlap: float) -> int:
    """Windows along an axis, as MONAI lays them."""
    return 1 + math.ceil(max(length - side, 0) / max(1, int(side * (1 - overlap))))


class GrowingWindows(Inferer):
    """MONAI's `SlidingWindowInferer`, weighted by Gaussians, with windows of `window_size`.

    Args:
        patch_size: of training.
        batch_size: windows that the network sees at once; of larger ones fewer.
        overlap: of neighboring windows, as a share of their size, in [0, 1).
        growth: see `window_size`. Larger windows are for networks whose result depends on the size of what they see at
            its borders alone: batch normalization, unlike instance normalization, has the statistics of training.
        multiple: see `window_size`.

    Shapes:
        ``(B, C, *spatial)`` → ``(B, K, *spatial)``.

    Raises:
        ArgumentError: as `window_size`.

    Example:
        >>> GrowingWindows((4, 4), growth=1.25)(torch.ones(1, 1, 5, 9), torch.nn.Identity()).shape
        torch.Size([1, 1, 5, 9])
    """

    def __init__(
        self,
        patch_size: Sequence[int],
        batch_size: int = 8,
        overlap: float = 0.5,
        growth: float = 1.0,
        multiple: int = 1,
    ) -> None:
        super().__init__()
        self.patch_size, self.batch_size = tuple(patch_size), batch_size
        self.overlap, self.growth, self.multiple = overlap, growth, multiple

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> Any:
        size = window_size(inputs.shape[2:], self.patch_size, self.overlap, self.growth, self.multiple)
        count = max(1, self.batch_size * math.prod(self.patch_size) // math.prod(size))
        windows = SlidingWindowInferer(size, count, self.overlap, mode="gaussian")
        return windows(inputs, network, *args, **kwargs)
