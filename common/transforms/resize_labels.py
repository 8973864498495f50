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

from common.errors import InputError
from common.fusion.ties import TIE
from common.transforms.resample_slices import AxisSpacingd, area_shares, interpolate_axis

__all__ = ["AxisSpacingLabelsd", "ResizeLabelsd", "resample_labels", "resize_labels"]


def resize_labels(labels: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Of each new pixel the class with the largest share of its area.

    Two classes are therefore parted at one half of the area, the unbiased border. (PyTorch's ``area`` takes a whole
    pixel where a new one covers a part of it, and MONAI's `Resize` with ``nearest`` shifts a label by up to half a new
    pixel against its image.) Of equal shares see `resample_labels`.

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
        >>> resize_labels(torch.tensor([[[1.0, 0.0, 0.0]]]), (1, 2)).tolist()  # two thirds of the first new pixel
        [[[1.0, 0.0]]]
    """
    if len(size) != labels.ndim - 1:
        raise InputError(f"spatial_size: expected {labels.ndim - 1} sides for labels, got {list(size)}.")
    if tuple(labels.shape[1:]) == tuple(size):
        return labels
    plain = torch.as_tensor(labels).as_subclass(torch.Tensor)
    found = LargestShare(len(plain), size)
    for value in sorted(plain.unique().tolist(), key=lambda value: (value < 0, value)):
        found.add(value, area_shares(plain == value, size))
    result = found.classes.to(labels)
    if isinstance(labels, MetaTensor):
        affine = labels.affine
        result = MetaTensor(result, meta=dict(labels.meta))
        if len(affine) == len(size) + 1 or len(affine) == 4:
            scaling = scale_affine(labels.shape[1:], torch.Size(size))
            result.affine = affine @ torch.from_numpy(to_affine_nd(len(affine) - 1, scaling))
    return result


def resample_labels(labels: torch.Tensor, positions: Sequence[torch.Tensor]) -> torch.Tensor:
    """At each new voxel the class with the largest share.

    The shares lie on straight lines between neighboring voxels, as the intensities of the image do
    (`interpolate_axis`), so that a border stays where it is. The nearest voxel instead would leave out a plane, or
    repeat one, wherever the two grids get out of step: at 1.03 times the spacing a ball of 16 voxels across loses a
    plane of each axis, 15 % of its voxels. nnU-Net resamples shares, too. On a much coarser grid, structures
    of few voxels are rounded off (docs/plan.md, Labels on the grid of the plan).

    Two classes often have equal shares: at 1.5 times the spacing every second new voxel lies halfway between two old
    ones. If the smaller class had all of these, every structure would lose a quarter of a voxel on all sides, 10 % of a
    hippocampus. So the smaller and the larger class have them in turns: the smaller one where the indices of the voxel
    have an even number of binary ones together, the larger one elsewhere. (Fields of a chessboard would not do: all
    voxels that lie halfway along one axis have the same color.) What was not labeled counts as a class of its own, to
    which any other is preferred at equal shares.

    Args:
        labels: ``(C, *spatial)`` class maps of their own; whole numbers, −1 where it was not labeled.
        positions: of the new voxels on each spatial axis, in old voxels, ascending.

    Returns:
        ``(C, *new)`` float32.

    Example:
        >>> resample_labels(torch.tensor([[0.0, 2.0, 2.0]]), [torch.tensor([0.0, 0.4, 0.5, 0.5])]).tolist()
        [[0.0, 0.0, 2.0, 0.0]]
    """
    shape = [len(along) for along in positions]
    old_positions = [torch.arange(size, dtype=torch.float64) for size in labels.shape[1:]]
    if all(torch.equal(*pair) for pair in zip(old_positions, positions, strict=True)):
        return labels.float()
    found = LargestShare(len(labels), shape, labels.device)
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
        found.add(value, share, new[1:])
    return found.classes


class LargestShare:
    """Which class has the largest share of each voxel, while shares come class by class, from the smallest one on.

    Args:
        channels: class maps of their own.
        shape: of space.
        device: of the shares.

    Attributes:
        classes: ``(channels, *shape)`` float32; of equal shares the smallest or the largest class in turns (`_turns`),
            never −1; 0 where there was no share.
    """

    def __init__(self, channels: int, shape: Sequence[int], device: torch.device | str = "cpu") -> None:
        self.classes = torch.zeros((channels, *shape), device=device)
        self.to_exceed = torch.full_like(self.classes, TIE)  # equal shares differ by rounding

    def add(self, value: float, share: torch.Tensor, box: Sequence[slice] = ()) -> None:
        """The share ``(channels, *spatial)`` of the next class, in a box of space; −1 is the last."""
        where = (slice(None), *box)
        to_exceed = self.to_exceed[where]
        favor = torch.tensor(TIE, device=share.device)  # TIE for who comes first, −TIE for who comes last
        for axis, size in enumerate(self.classes.shape[1:]):
            signs = _turns(size).to(share.device)[box[axis] if box else slice(None)]
            favor = favor * signs.view([-1] + [1] * (share.ndim - 2 - axis))
        larger = share > (to_exceed if value >= 0 else to_exceed + (TIE - favor))
        self.classes[where].masked_fill_(larger, value)
        torch.maximum(to_exceed, share + favor, out=to_exceed)


def _turns(size: int) -> torch.Tensor:
    """1 where an index has an even number of binary ones, else −1: without a period, unlike the ties of two grids."""
    ones = torch.arange(size)
    for shift in (16, 8, 4, 2, 1):
        ones = ones ^ (ones >> shift)
    return 1.0 - 2 * (ones & 1)


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
