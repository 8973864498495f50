"""Slices resampled for a network and back: areas in, straight lines out, without a filter over the whole volume."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform, MapTransform
from monai.transforms.utils import create_scale, scale_affine

from common.errors import InputError

__all__ = [
    "AxisSpacingd",
    "ResizeAread",
    "ResizeSharesd",
    "area_shares",
    "interpolate_axis",
    "resize_area",
    "resize_linear",
    "spaced",
]

CHUNK = 1 << 22  # values that are interpolated at a time


def interpolate_axis(image: torch.Tensor, axis: int, positions: torch.Tensor) -> torch.Tensor:
    """Values between the samples along one axis, on the straight line between neighbors.

    Args:
        image: of any shape, floating point.
        axis: of the image.
        positions: ``(N,)`` indices along the axis, fractions included; beyond the first or last sample that one counts.

    Returns:
        The image with N samples along the axis.

    Example:
        >>> interpolate_axis(torch.tensor([0.0, 10.0, 20.0]), 0, torch.tensor([-1.0, 0.5, 2.0])).tolist()
        [0.0, 5.0, 20.0]
    """
    size, axis = image.shape[axis], axis % image.ndim
    positions = positions.cpu().double().clamp(0, size - 1)  # not every device has float64
    if torch.equal(positions, torch.arange(size, dtype=torch.float64)):
        return image
    share = (positions - positions.floor()).to(image.dtype).to(image.device)
    below = positions.long().to(image.device)
    above = (below + 1).clamp(max=size - 1)
    share = share.view([-1] + [1] * (image.ndim - 1 - axis))
    result = image.new_empty([*image.shape[:axis], len(positions), *image.shape[axis + 1 :]])
    count = max(1, CHUNK * len(positions) // max(result.numel(), 1))
    for first in range(0, len(positions), count):
        part = slice(first, first + count)
        low, high = image.index_select(axis, below[part]), image.index_select(axis, above[part])
        result.narrow(axis, first, low.shape[axis]).copy_(low.lerp_(high, share[part]))
    return result


def resize_area(image: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Each new pixel is the mean of the pixels that it covers, as ``area`` in PyTorch; -1 keeps an axis.

    It needs no memory beside its result, whatever the factor.

    Args:
        image: ``(C, *spatial)``, two or three spatial axes.
        size: of each spatial axis, at least 1, or -1.

    Returns:
        ``(C, *size)``.

    Example:
        >>> resize_area(torch.tensor([[[1.0, 3.0, 5.0, 7.0]]]), (-1, 2)).tolist()
        [[[2.0, 6.0]]]
    """
    target = [old if new == -1 else new for old, new in zip(image.shape[1:], size, strict=True)]
    kept = [axis for axis, (old, new) in enumerate(zip(image.shape[1:], target, strict=True), start=1) if old == new]
    if len(kept) == image.ndim - 1:
        return image
    if image.ndim == 4 and kept:  # slice by slice, which is faster than as a volume
        slices = image.movedim(kept[0], 1).flatten(0, 1)[:, None]
        first, second = (new for axis, new in enumerate(target, start=1) if axis != kept[0])
        resized = F.adaptive_avg_pool2d(slices, (first, second))[:, 0].unflatten(0, (len(image), -1))
        return resized.movedim(1, kept[0])
    pool: Callable[..., torch.Tensor] = F.adaptive_avg_pool3d if image.ndim == 4 else F.adaptive_avg_pool2d
    return pool(image[None], target)[0]


def area_shares(values: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """The mean over the area of each new pixel, in which parts of old pixels count as parts.

    `resize_area`, as PyTorch, counts a pixel as a whole that a new one covers in part. Of a mask this makes many shares
    exactly one half that are none.

    Args:
        values: ``(C, *spatial)``, masks or shares.
        size: of each spatial axis, at least 1, or -1, which keeps it.

    Returns:
        ``(C, *size)`` float32 on the CPU.

    Example:
        >>> area_shares(torch.tensor([[True, False, False]]), (2,))
        tensor([[0.6667, 0.0000]])
    """
    shares = values.as_subclass(torch.Tensor).cpu()
    for axis in range(values.ndim - 1, 0, -1):  # from the last one on, along which memory is read in order
        old, new = shares.shape[axis], size[axis - 1]
        if new not in (old, -1):
            sums = shares.cumsum(axis, dtype=torch.float64)
            sums = torch.cat([torch.zeros_like(sums.narrow(axis, 0, 1)), sums], axis)
            edges = torch.arange(new + 1, dtype=torch.float64) * (old / new)
            shares = interpolate_axis(sums, axis, edges).diff(dim=axis) * (new / old)
    return shares.float()


def resize_linear(image: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Linear interpolation along every axis between pixels that lie in the middle of what they cover.

    Args:
        image: ``(C, *spatial)``.
        size: of each spatial axis, at least 1.

    Returns:
        ``(C, *size)``.

    Example:
        >>> resize_linear(torch.tensor([[2.0, 6.0]]), (4,)).tolist()
        [[2.0, 3.0, 5.0, 6.0]]
    """
    for axis, new in enumerate(size, start=1):
        scale = image.shape[axis] / new
        positions = (torch.arange(new, dtype=torch.float64) + 0.5) * scale - 0.5
        image = interpolate_axis(image, axis, positions)
    return image


class _Resampling(MapTransform, InvertibleTransform):
    """Shared by those below: the original size is remembered with the image, so that MONAI's `Invertd` undoes it."""

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            image = item[key]
            plain = torch.as_tensor(image).as_subclass(torch.Tensor).float()
            try:
                result, matrix, extra = self._forward(plain, image.affine if isinstance(image, MetaTensor) else None)
            except InputError as error:
                raise InputError(f"Case {item.get('case', 'without a name')}, {key}: {error}") from error
            item[key] = (
                MetaTensor(result, meta=image.meta, applied_operations=image.applied_operations)
                if isinstance(image, MetaTensor)
                else result
            )
            if isinstance(image, MetaTensor):
                extra |= {"affine": image.affine.clone()}
                self.push_transform(item[key], orig_size=plain.shape[1:], affine=matrix, extra_info=extra)
        return item

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            record = self.pop_transform(item[key])
            plain = torch.as_tensor(item[key]).as_subclass(torch.Tensor)
            result = self._backward(plain, record["orig_size"], record["extra_info"])
            item[key] = MetaTensor(result, meta=item[key].meta, applied_operations=item[key].applied_operations)
            item[key].affine = record["extra_info"]["affine"]
        return item

    @abstractmethod
    def _forward(self, image: torch.Tensor, affine: Any) -> tuple[torch.Tensor, np.ndarray, dict[str, Any]]:
        """The image resampled, where its voxels lie among the old ones, and what `_backward` needs besides the size."""

    @abstractmethod
    def _backward(self, image: torch.Tensor, size: Sequence[int], extra: Mapping[str, Any]) -> torch.Tensor:
        """The image at its original size."""


class ResizeAread(_Resampling):
    """`resize_area` of the named keys; its inverse, by MONAI's `Invertd`, is the smooth `resize_linear`.

    MONAI's ``Resized`` with ``mode: area`` has an inverse with steps, and with ``anti_aliasing`` it filters the whole
    volume at once, which takes 19 GB for 512 × 512 × 600 voxels.

    Args:
        keys: of images ``(C, *spatial)``.
        spatial_size: of each spatial axis, at least 1, or -1 where it stays.
        allow_missing_keys: leave out keys that an item does not have.

    Example:
        >>> ResizeAread("image", [1, -1])({"image": torch.tensor([[[0.0, 1.0], [2.0, 3.0]]])})["image"]
        tensor([[[1., 2.]]])
    """

    def __init__(self, keys: KeysCollection, spatial_size: Sequence[int], allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.spatial_size = list(spatial_size)

    def _forward(self, image: torch.Tensor, affine: Any) -> tuple[torch.Tensor, np.ndarray, dict[str, Any]]:
        if len(self.spatial_size) != image.ndim - 1:
            raise InputError(
                f"spatial_size: expected {image.ndim - 1} numbers for the shape {tuple(image.shape[1:])}, "
                f"got {self.spatial_size}."
            )
        resized = self._resized(image)
        return resized, scale_affine(image.shape[1:], resized.shape[1:]), {}

    def _backward(self, image: torch.Tensor, size: Sequence[int], extra: Mapping[str, Any]) -> torch.Tensor:
        return resize_linear(image, size)

    def _resized(self, image: torch.Tensor) -> torch.Tensor:
        return resize_area(image, self.spatial_size)


class ResizeSharesd(ResizeAread):
    """`ResizeAread` by `area_shares`, for masks and shares.

    Example:
        >>> ResizeSharesd("label", [1, 2])({"label": torch.tensor([[[1.0, 0.0, 0.0]]])})["label"]
        tensor([[[0.6667, 0.0000]]])
    """

    def _resized(self, image: torch.Tensor) -> torch.Tensor:
        return area_shares(image, self.spatial_size).to(image.device)


class AxisSpacingd(_Resampling):
    """Voxels of a given size along each axis, as MONAI's ``Spacingd`` makes them, one axis after the other.

    The first voxel keeps its place, values lie on straight lines between neighbors, sizes are the lengths of the
    affine's columns. Where a scan's slices are stacked obliquely (a tilted gantry) they stay so. Nothing else than the
    result needs memory; ``Spacingd`` makes a grid of coordinates, three or four numbers for each voxel.

    Args:
        keys: of volumes ``(C, *spatial)`` with an affine.
        pixdim: of the axes in mm, positive, or -1 where an axis stays.
        allow_missing_keys: leave out keys that an item does not have.

    Raises:
        InputError: other than three sizes, or one that is neither positive nor -1; when applied, an image that is no
            volume, has no affine, or one with a column of length 0; the case and the key are named.
    """

    def __init__(self, keys: KeysCollection, pixdim: Sequence[float], allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        if len(pixdim) != 3 or not all(side > 0 or side == -1 for side in pixdim):
            raise InputError(f"pixdim: expected three sizes in mm, positive or -1, got {list(pixdim)}.")
        self.pixdim = [float(side) for side in pixdim]

    def _forward(self, image: torch.Tensor, affine: Any) -> tuple[torch.Tensor, np.ndarray, dict[str, Any]]:
        scales = self._scales(image, affine)
        positions = [spaced(old, scale) for old, scale in zip(image.shape[1:], scales, strict=True)]
        return self._moved(image, positions), np.asarray(create_scale(3, scales)), {"scales": scales}

    def _backward(self, image: torch.Tensor, size: Sequence[int], extra: Mapping[str, Any]) -> torch.Tensor:
        pairs = zip(size, extra["scales"], strict=True)
        return self._moved(image, [torch.arange(old, dtype=torch.float64) / scale for old, scale in pairs])

    def _moved(self, image: torch.Tensor, positions: Sequence[torch.Tensor]) -> torch.Tensor:
        """The values at new positions on each axis."""
        for axis, along in enumerate(positions, start=1):
            image = interpolate_axis(image, axis, along)
        return image

    def _scales(self, image: torch.Tensor, affine: Any) -> list[float]:
        """Of each axis a new voxel in old ones."""
        if affine is None:
            raise InputError("expected a volume with an affine (a MetaTensor), got a tensor without one.")
        sides = torch.as_tensor(affine, dtype=torch.float64)[:3, :3].norm(dim=0).tolist()
        if image.ndim != 4 or len(sides) != 3:
            raise InputError(f"expected a volume (C, *spatial) of three axes, got the shape {tuple(image.shape)}.")
        if not all(0 < side < math.inf for side in sides):
            raise InputError(f"expected an affine whose columns have a length, got voxels of {sides} mm.")
        return [1.0 if new == -1 else new / old for new, old in zip(self.pixdim, sides, strict=True)]


def spaced(size: int, scale: float) -> torch.Tensor:
    """Positions on an axis of ``size`` samples that are ``scale`` samples apart, as many as MONAI's ``Spacing`` has.

    Example:
        >>> spaced(5, 2.0).tolist()
        [0.0, 2.0, 4.0]
    """
    return torch.arange(max(1, round((size - 1) / scale + 1)), dtype=torch.float64) * scale
