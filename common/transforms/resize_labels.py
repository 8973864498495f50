"""Class maps of another size, without a class that is not there and without a shift against their image."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.data.utils import to_affine_nd
from monai.transforms import MapTransform
from monai.transforms.utils import scale_affine
from torch.nn.functional import interpolate

from common.errors import InputError

__all__ = ["ResizeLabelsd", "resize_labels"]


def resize_labels(labels: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Of each new pixel the class with the largest share of its area, of equal shares the smallest class.

    Two classes are therefore parted at one half of the area, the unbiased border; what was not labeled counts as a
    class of its own, to which any other is preferred at equal shares. (MONAI's `Resize` with ``nearest`` shifts a label
    by up to half a new pixel against its image.)

    Args:
        labels: ``(C, *spatial)`` class maps of their own, 2-D or 3-D; whole numbers, −1 where it was not labeled.
        size: new spatial size.

    Returns:
        ``(C, *size)`` of the dtype and with the metadata of ``labels``.

    Raises:
        InputError: the size has another number of axes.

    Example:
        >>> resize_labels(torch.tensor([[[0.0, 2.0, 2.0, -1.0]]]), (1, 2)).tolist()
        [[[0.0, 2.0]]]
    """
    if len(size) != labels.ndim - 1:
        raise InputError(f"spatial_size: expected {labels.ndim - 1} sides for labels, got {list(size)}.")
    if tuple(labels.shape[1:]) == tuple(size):
        return labels
    plain = torch.as_tensor(labels).as_subclass(torch.Tensor)
    best = torch.zeros((len(plain), *size), dtype=torch.float32, device=plain.device)
    result = torch.zeros_like(best)
    for value in [value for value in plain.unique().tolist() if value >= 0] + [-1.0]:  # from the smallest class on
        share = interpolate((plain == value).float()[None], tuple(size), mode="area")[0]
        larger = share > best + 1e-6  # shares of one and the same area differ by rounding
        best, result = torch.where(larger, share, best), torch.where(larger, torch.full_like(result, value), result)
    result = result.to(labels.dtype)
    if isinstance(labels, MetaTensor):
        affine = labels.affine
        result = MetaTensor(result, meta=dict(labels.meta))
        if len(affine) == len(size) + 1 or len(affine) == 4:
            scaling = scale_affine(labels.shape[1:], torch.Size(size))
            result.affine = affine @ torch.from_numpy(to_affine_nd(len(affine) - 1, scaling))
    return result


class ResizeLabelsd(MapTransform):
    """`resize_labels` of the named keys.

    Args:
        keys: of class maps ``(C, *spatial)``.
        spatial_size: new size.
        allow_missing_keys: leave out keys that the item does not have.
    """

    def __init__(self, keys: KeysCollection, spatial_size: Sequence[int], allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.spatial_size = tuple(spatial_size)

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        item = dict(data)
        for key in self.key_iterator(item):
            item[key] = resize_labels(item[key], self.spatial_size)
        return item
