"""Class maps of another size, without a class that is not there and without a shift against their image."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.data.utils import to_affine_nd
from monai.transforms import MapTransform
from monai.transforms.utils import scale_affine
from scipy import ndimage
from torch.nn.functional import interpolate

from common.errors import InputError
from common.fusion.ties import TIE
from common.transforms.resample_slices import AxisSpacingd, interpolate_axis

__all__ = ["AxisSpacingLabelsd", "ResizeLabelsd", "resample_labels", "resize_labels"]


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
        larger = share > best + TIE  # shares of one and the same area differ by rounding
        best, result = torch.where(larger, share, best), torch.where(larger, torch.full_like(result, value), result)
    result = result.to(labels.dtype)
    if isinstance(labels, MetaTensor):
        affine = labels.affine
        result = MetaTensor(result, meta=dict(labels.meta))
        if len(affine) == len(size) + 1 or len(affine) == 4:
            scaling = scale_affine(labels.shape[1:], torch.Size(size))
            result.affine = affine @ torch.from_numpy(to_affine_nd(len(affine) - 1, scaling))
    return result


def resample_labels(labels: torch.Tensor, positions: Sequence[torch.Tensor]) -> torch.Tensor:
    """At each new voxel the class with the largest share, of equal shares the smallest class.

    The shares lie on straight lines between neighboring voxels, as the intensities of the image do
    (`interpolate_axis`), so that a border stays where it is. The nearest voxel instead would leave out a plane, or
    repeat one, wherever the two grids get out of step: at 1.03 times the spacing a ball of 16 voxels across loses a
    plane of each axis, 15 % of its voxels. nnU-Net resamples shares, too. On a much coarser grid, structures
    of few voxels are rounded off (docs/plan.md, Labels on the grid of the plan). What was not labeled counts as a class
    of its own, to which any other is preferred at equal shares.

    Args:
        labels: ``(C, *spatial)`` class maps of their own; whole numbers, −1 where it was not labeled.
        positions: of the new voxels on each spatial axis, in old voxels, ascending.

    Returns:
        ``(C, *new)`` float32.

    Example:
        >>> resample_labels(torch.tensor([[0.0, 2.0, 2.0]]), [torch.tensor([0.0, 0.4, 0.5, 0.6])]).tolist()
        [[0.0, 0.0, 0.0, 2.0]]
    """
    shape = [len(along) for along in positions]
    old_positions = [torch.arange(size, dtype=torch.float64) for size in labels.shape[1:]]
    if all(torch.equal(*pair) for pair in zip(old_positions, positions, strict=True)):
        return labels.float()
    result = torch.zeros((len(labels), *shape), dtype=torch.float32, device=labels.device)
    best = torch.zeros_like(result)
    for value, box in _boxes(labels):
        old, new, moved = [slice(None)], [slice(None)], []
        for axis, (side, along) in enumerate(zip(box, positions, strict=True), start=1):  # where its share is above 0
            first, last = max(side.start - 1, 0), side.stop
            before = 0 if first == 0 else int((along <= first).sum())
            behind = len(along) if last >= labels.shape[axis] else int((along < last).sum())
            old.append(slice(first, last + 1))
            new.append(slice(before, max(before, behind)))
            moved.append(along[new[-1]] - first)
        if not all(len(along) for along in moved):
            continue  # between two new voxels
        share = (labels[tuple(old)] == value).float()
        for axis, along in enumerate(moved, start=1):
            share = interpolate_axis(share, axis, along)
        larger = share > best[tuple(new)] + TIE
        result[tuple(new)].masked_fill_(larger, value)
        best[tuple(new)] = torch.maximum(best[tuple(new)], share)
    return result


def _boxes(labels: torch.Tensor) -> list[tuple[int, tuple[slice, ...]]]:
    """Each value of class maps and the spatial box that holds it, −1 last, so that others are preferred to it."""
    boxes = ndimage.find_objects(labels.cpu().numpy().astype(np.int32) + 2)  # which counts from 1
    found = [(index - 1, box[1:]) for index, box in enumerate(boxes) if box is not None]
    return sorted(found, key=lambda pair: (pair[0] < 0, pair[0]))


class AxisSpacingLabelsd(AxisSpacingd):
    """`AxisSpacingd` of class maps: on the grid of their image, with values by `resample_labels`.

    Args:
        keys: of volumes ``(C, *spatial)`` with an affine.
        pixdim: of the axes in mm, positive, or -1 where an axis stays.
        allow_missing_keys: leave out keys that an item does not have.

    Raises:
        InputError: as `AxisSpacingd`.

    Example:
        >>> label = MetaTensor(torch.tensor([0.0, 2.0, 2.0, 1.0, 1.0]).reshape(1, 5, 1, 1), affine=torch.eye(4))
        >>> AxisSpacingLabelsd("label", (2.0, -1, -1))({"label": label})["label"].flatten().tolist()
        [0.0, 2.0, 1.0]
    """

    def _moved(self, image: torch.Tensor, positions: Sequence[torch.Tensor]) -> torch.Tensor:
        return resample_labels(image, positions)


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
