"""MONAI's resampling for items that hold more than tensors."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.transforms import Spacingd

__all__ = ["SpacingOfKeysd"]


class SpacingOfKeysd(Spacingd):
    """MONAI's `Spacingd`, with the same arguments, which sees the named keys alone.

    MONAI 1.6.1's own calls ``.update`` on every value whose key begins with one of these keys and ``_`` if the image is
    a NIfTI file. MONAI Label hands over ``image_path``, a text, beside ``image``.

    Example:
        >>> import torch
        >>> from monai.data import MetaTensor
        >>> image = MetaTensor(torch.rand(1, 4, 4, 4), meta={"filename_or_obj": "a.nii.gz"})
        >>> item = SpacingOfKeysd("image", pixdim=(2.0, 2.0, 2.0))({"image": image, "image_path": "a.nii.gz"})
        >>> item["image"].shape[1:], item["image_path"]
        (torch.Size([2, 2, 2]), 'a.nii.gz')
    """

    def __call__(self, data: Mapping[Hashable, Any], lazy: bool | None = None) -> dict[Hashable, Any]:
        named = {key: data[key] for key in self.key_iterator(dict(data))}
        return {**data, **super().__call__(named, lazy)}
