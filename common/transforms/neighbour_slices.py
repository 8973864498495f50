"""Neighboring slices as channels, what a two-dimensional network sees of the third dimension (2.5-D)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform

from common.errors import InputError

__all__ = ["NeighbourSlicesd", "neighbour_slices"]


def neighbour_slices(volume: torch.Tensor, count: int = 1, axis: int = 2) -> torch.Tensor:
    """Each slice with the slices before and after it as its channels.

    Felfeliyan et al., *Weakly Supervised Medical Image Segmentation With Soft Labels and Noise Robust Loss*, section
    IV.A: three slices as the channels of a picture. Beyond the first and the last slice they are repeated.

    Args:
        volume: ``(C, *spatial)`` with three spatial axes.
        count: neighbors on either side, at least 0.
        axis: spatial axis along which the slices are stacked: 0, 1 or 2.

    Returns:
        ``(C · (2 · count + 1), *spatial)``: the channels of the first neighbor, of the next … of the last one.

    Raises:
        InputError: if the volume has other than three spatial axes, or an argument is out of range.

    Example:
        >>> neighbour_slices(torch.tensor([[[[1.0, 2.0, 3.0]]]]))[:, 0, 0]
        tensor([[1., 1., 2.],
                [1., 2., 3.],
                [2., 3., 3.]])
    """
    if volume.ndim != 4 or axis not in (0, 1, 2) or count < 0:
        raise InputError(
            "volume, axis and count: expected (C, H, W, S), an axis of 0, 1 or 2 and a count of at least 0, "
            f"got the shape {tuple(volume.shape)}, {axis} and {count}."
        )
    slices = volume.shape[axis + 1]
    positions = torch.arange(slices, device=volume.device)
    return torch.cat(
        [volume.index_select(axis + 1, (positions + shift).clamp(0, slices - 1)) for shift in range(-count, count + 1)]
    )


class NeighbourSlicesd(MapTransform):
    """`neighbour_slices` of the named keys.

    Args:
        keys: of volumes ``(C, *spatial)`` with three spatial axes.
        count: neighbors on either side, at least 0.
        axis: spatial axis along which the slices are stacked: 0, 1 or 2.
        allow_missing_keys: leave out keys that an item does not have.

    Example:
        >>> NeighbourSlicesd("image")({"image": torch.zeros(1, 5, 4, 3)})["image"].shape
        torch.Size([3, 5, 4, 3])
    """

    def __init__(self, keys: KeysCollection, count: int = 1, axis: int = 2, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.count, self.axis = count, axis

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        item = dict(data)
        for key in self.key_iterator(item):
            item[key] = neighbour_slices(item[key], self.count, self.axis)
        return item
