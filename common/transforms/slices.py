"""Images and volumes as stacks of slices, so that a 2-D network segments both."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import torch
import torch.nn.functional as F
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from common.errors import InputError


def slice_stack(image: torch.Tensor, axis: int) -> torch.Tensor:
    """A volume as it is, a 2-D image as a stack of one slice.

    Args:
        image: (C, *spatial), 2-D or 3-D.
        axis: spatial axis along which the slices are stacked: 0, 1 or 2.

    Returns:
        (C, *spatial) with three spatial axes; metadata is kept.

    Raises:
        InputError: neither 2-D nor 3-D.

    Example:
        >>> slice_stack(torch.zeros(1, 5, 4), axis=2).shape
        torch.Size([1, 5, 4, 1])
    """
    if image.ndim == 4:
        return image
    if image.ndim != 3:
        raise InputError(f"expected a 2-D image or a 3-D volume, got spatial shape {tuple(image.shape[1:])}.")
    stack = image.unsqueeze(axis + 1)
    if isinstance(stack, MetaTensor):
        stack.affine = torch.eye(4, dtype=torch.float64)
    return stack


def extended_slices(slices: torch.Tensor, size: Sequence[int]) -> tuple[torch.Tensor, tuple[slice, slice]]:
    """Slices with zeros around them, up to the size that a network needs.

    Args:
        slices: (B, C, H, W).
        size: height and width that they have at least.

    Returns:
        The slices in the middle of zeros, and the rows and columns in which they lie then.

    Example:
        >>> extended, (rows, columns) = extended_slices(torch.ones(1, 1, 2, 5), (5, 4))
        >>> extended.shape, (rows.start, rows.stop), (columns.start, columns.stop)
        (torch.Size([1, 1, 5, 5]), (1, 3), (0, 5))
    """
    height, width = slices.shape[2:]
    below, beside = (max(wanted - side, 0) for wanted, side in zip(size, (height, width), strict=True))
    top, left = below // 2, beside // 2
    extended = F.pad(slices, (left, beside - left, top, below - top))
    return extended, (slice(top, top + height), slice(left, left + width))


def normalize_slices(image: torch.Tensor, axis: int | None = None) -> torch.Tensor:
    """Mean 0 and standard deviation 1 in each slice and channel; a constant slice becomes 0.

    Args:
        image: (C, *spatial).
        axis: spatial axis along which the slices are stacked; None takes the whole image as one slice.

    Example:
        >>> normalize_slices(torch.tensor([[[0.0, 2.0]]])).tolist()
        [[[-1.0, 1.0]]]
    """
    axes = [i for i in range(1, image.ndim) if axis is None or i != axis + 1]
    image = image.float()
    centered = image - image.mean(axes, keepdim=True)
    deviation = centered.square().mean(axes, keepdim=True).sqrt()
    constant = deviation <= 1e-6 * image.abs().amax(axes, keepdim=True)  # up to rounding of the mean
    return torch.where(constant, torch.zeros_like(centered), centered / deviation)


class SliceStackd(MapTransform):
    """`slice_stack` of the named keys.

    Args:
        keys: of images ``(C, *spatial)``, 2-D or 3-D.
        axis: spatial axis along which the slices are stacked: 0, 1 or 2.
        allow_missing_keys: leave out keys that an item does not have.

    Raises:
        InputError: no such axis.

    Example:
        >>> SliceStackd("image")({"image": torch.zeros(1, 5, 4)})["image"].shape
        torch.Size([1, 5, 4, 1])
    """

    def __init__(self, keys: KeysCollection, axis: int = 2, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        if axis not in (0, 1, 2):
            raise InputError(f"axis: expected 0, 1 or 2, along which slices are stacked, got {axis!r}.")
        self.axis = axis

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        d = dict(data)
        for key in self.key_iterator(d):
            d[key] = slice_stack(d[key], self.axis)
        return d


class NormalizeSlicesd(MapTransform):
    """`normalize_slices` of the named keys.

    Args:
        keys: of images ``(C, *spatial)``.
        axis: spatial axis along which the slices are stacked; None takes the whole image as one slice.
        allow_missing_keys: leave out keys that an item does not have.

    Example:
        >>> NormalizeSlicesd("image")({"image": torch.tensor([[[0.0, 2.0]]])})["image"]
        tensor([[[-1.,  1.]]])
    """

    def __init__(self, keys: KeysCollection, axis: int | None = None, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.axis = axis

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        d = dict(data)
        for key in self.key_iterator(d):
            d[key] = normalize_slices(d[key], self.axis)
        return d
