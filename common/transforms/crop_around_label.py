"""Patches of one size, centered on what is to be segmented."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import BorderPad, MapTransform, SpatialCrop
from monai.utils import ensure_tuple_rep

from common.errors import InputError

__all__ = ["CropAroundLabeld", "crop_around"]


def crop_around(
    image: torch.Tensor, center: Sequence[int], size: Sequence[int], mode: str = "constant", value: float = 0.0
) -> torch.Tensor:
    """The patch of ``size`` voxels whose middle is the voxel ``center``, extended where it leaves the image.

    Args:
        image: ``(C, *spatial)``.
        center: index of a voxel; of an even side it is the first voxel of the second half.
        size: voxels along each axis.
        mode: what stands outside, as MONAI's `BorderPad` calls it: ``constant``, or ``edge`` for the last voxel.
        value: the constant.

    Returns:
        ``(C, *size)``, with metadata and affine.

    Example:
        >>> crop_around(torch.tensor([[1, 2, 3, 4]]), center=[3], size=[4]).tolist()
        [[2, 3, 4, 0]]
    """
    start = [int(c) - s // 2 for c, s in zip(center, size, strict=True)]
    sides = list(zip(start, size, image.shape[1:], strict=True))
    outside = [(max(0, -first), max(0, first + extent - available)) for first, extent, available in sides]
    constant: dict[str, Any] = {"value": value} if mode == "constant" else {}
    padded = BorderPad([voxels for pair in outside for voxels in pair])(image, mode=mode, **constant)
    begin = [first + before for first, (before, _) in zip(start, outside, strict=True)]
    return SpatialCrop(roi_start=begin, roi_end=[b + s for b, s in zip(begin, size, strict=True)])(padded)


class CropAroundLabeld(MapTransform):
    """Crop images and labels to patches centered on the label's center of mass.

    Nordström et al., *Marginal Thresholding in Noisy Image Segmentation*, section 5.1: "patches of 64³ voxels centered
    in each of the structures".

    Args:
        keys: arrays ``(C, *spatial)`` of one size.
        label_key: the mask whose foreground (above 0) is centered.
        spatial_size: voxels of the patch along each axis.
        mode: what stands outside the image, for each key: ``constant`` or ``edge``.
        allow_missing_keys: leave out keys that the item does not have.
        value: the constant, for each key.

    Raises:
        InputError: if there is no label, or it is empty.

    Example:
        >>> label = torch.zeros(1, 8, 8)
        >>> label[0, 7, 7] = 1
        >>> crop = CropAroundLabeld(["image", "label"], "label", [4, 4])
        >>> crop({"case": "case_1", "image": label + 1, "label": label})["label"][0, 2].tolist()
        [0.0, 0.0, 1.0, 0.0]
    """

    def __init__(
        self,
        keys: KeysCollection,
        label_key: str,
        spatial_size: Sequence[int],
        mode: str | Sequence[str] = "constant",
        allow_missing_keys: bool = False,
        value: float | Sequence[float] = 0.0,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.label_key = label_key
        self.spatial_size = tuple(spatial_size)
        self.mode = ensure_tuple_rep(mode, len(self.keys))
        self.value = ensure_tuple_rep(value, len(self.keys))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        if self.label_key not in item:
            raise InputError(
                f"Case {item.get('case', '')}: expected a {self.label_key} to center the patch on, got none: crop it "
                "at random or in the center."
            )
        foreground = (torch.as_tensor(item[self.label_key]) > 0).any(0).nonzero()
        if not len(foreground):
            raise InputError(f"Case {item.get('case', '')}: expected a mask to center the patch on, got an empty one.")
        center = foreground.cpu().double().mean(0).round().long().tolist()
        for key, mode, value in self.key_iterator(item, self.mode, self.value):
            item[key] = crop_around(item[key], center, self.spatial_size, mode, value)
        return item
