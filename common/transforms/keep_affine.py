"""Tensors that keep nothing of their metadata but where they lie."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import convert_to_tensor

from common.errors import ArgumentError

__all__ = ["KeepAffined"]


class KeepAffined(MapTransform):
    """Float32 tensors with the affine of their image and no other metadata, so that any of them make a batch.

    Args:
        keys: on the grid of the image.
        image_key: of the image.
        allow_missing_keys: leave out keys that the item does not have.

    Raises:
        ArgumentError: the image has no affine.

    Example:
        >>> image = MetaTensor(torch.zeros(1, 4, 4), affine=torch.diag(torch.tensor([2.0, 3.0, 1.0, 1.0])))
        >>> item = KeepAffined("label", "image")({"image": image, "label": torch.zeros(1, 4, 4, dtype=torch.uint8)})
        >>> item["label"].dtype, item["label"].affine.diag().tolist()
        (torch.float32, [2.0, 3.0, 1.0, 1.0])
    """

    def __init__(self, keys: KeysCollection, image_key: str, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.image_key = image_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        image = item[self.image_key]
        if not isinstance(image, MetaTensor):
            raise ArgumentError(f"{self.image_key}: expected an image with an affine (a MetaTensor), got one without.")
        for key in self.key_iterator(item):
            value = convert_to_tensor(item[key], dtype=torch.float32, track_meta=False)
            item[key] = MetaTensor(value, affine=image.affine)
        return item
