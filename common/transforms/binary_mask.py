"""Masks as zeros and ones, whatever gray values a file uses for the foreground."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import torch
from monai.transforms import MapTransform


def binary_mask(mask: torch.Tensor) -> torch.Tensor:
    """1 where a mask exceeds half of its own maximum, else 0; an all-zero mask stays empty.

    Serves 0/1 and 0/255 files alike, and masks resampled with ``mode="area"``, where half is the unbiased border. −1,
    not labeled, stays.

    Args:
        mask: (C, *spatial); below 0 not labeled.

    Returns:
        Tensor of the shape and type of ``mask``, with its metadata.

    Example:
        >>> binary_mask(torch.tensor([[0.0, 100.0, 140.0, 255.0]])).tolist()
        [[0.0, 0.0, 1.0, 1.0]]
    """
    return (mask > mask.max() / 2).to(mask.dtype).where(mask >= 0, mask) if mask.numel() else mask


class BinaryMaskd(MapTransform):
    """`binary_mask` of the named keys.

    Args:
        keys: of masks ``(C, *spatial)``; below 0 not labeled.
        allow_missing_keys: leave out keys that an item does not have.

    Example:
        >>> BinaryMaskd("label")({"label": torch.tensor([[0.0, 255.0]])})["label"]
        tensor([[0., 1.]])
    """

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        d = dict(data)
        for key in self.key_iterator(d):
            d[key] = binary_mask(d[key])
        return d
