"""Intensities between two percentiles of an image."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, ScaleIntensityRange
from monai.transforms.utils_pytorch_numpy_unification import percentile
from monai.utils import convert_to_dst_type

__all__ = ["ScalePercentilesd"]


class ScalePercentilesd(MapTransform):
    """Two percentiles of each channel become 0 and 1, as MONAI's `ScaleIntensityRangePercentilesd` does it.

    Where both are the same value (of a sparse picture, most of which is one value) the channel's smallest and largest
    value take their place; MONAI (1.6.1) only subtracts that one. A channel of one value becomes 0.

    Args:
        keys: of images ``(C, *spatial)``.
        lower, upper: percentiles, from 0 to 100, lower below upper.
        clip: whether intensities beyond become 0 and 1.
        allow_missing_keys: leave out keys that an item does not have.

    Example:
        >>> image = torch.zeros(1, 100)
        >>> image[0, 0] = 500.0
        >>> ScalePercentilesd("image", 2, 98)({"image": image})["image"].unique()
        tensor([0., 1.])
    """

    def __init__(
        self, keys: KeysCollection, lower: float, upper: float, clip: bool = True, allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.lower, self.upper, self.clip = lower, upper, clip

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        item = dict(data)
        for key in self.key_iterator(item):
            channels = torch.as_tensor(item[key]).as_subclass(torch.Tensor)
            scaled = torch.stack([self._scaled(channel) for channel in channels])
            item[key] = convert_to_dst_type(scaled, dst=item[key], dtype=torch.float32)[0]
        return item

    def _scaled(self, channel: torch.Tensor) -> torch.Tensor:
        low, high = (torch.as_tensor(percentile(channel, share)) for share in (self.lower, self.upper))
        if low == high:
            low, high = channel.min(), channel.max()
        if low == high:
            return torch.zeros_like(channel, dtype=torch.float32)
        scale: Any = ScaleIntensityRange  # says that it takes Python's numbers alone
        return torch.as_tensor(scale(low, high, 0.0, 1.0, clip=self.clip)(channel)).as_subclass(torch.Tensor)
