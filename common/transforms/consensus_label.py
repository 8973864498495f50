"""One label for methods that learn from one, where several annotators have drawn."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.transforms import Transform

from common.transforms.fuse_annotators import FuseAnnotatorsd

__all__ = ["ConsensusLabeld"]


class ConsensusLabeld(Transform):
    """The consensus of an item's ``annotators`` as its ``label``; an item without annotators stays as it is.

    Args:
        num_classes: L, background included.
        method: of `FuseAnnotatorsd`: ``majority``, ``staple`` or ``spatial_staple``.
        replace: whether the consensus takes the place of a ``label`` that the item has besides, such as the ground
            truth: true for training, false for validation and test.

    Raises:
        InputError: as `FuseAnnotatorsd`.

    Example:
        >>> import torch
        >>> labels = torch.tensor([[[1.0, 0.0]], [[1.0, 1.0]], [[1.0, 1.0]]])
        >>> ConsensusLabeld(num_classes=2)({"annotators": labels})["label"].tolist()
        [[[1.0, 1.0]]]
    """

    def __init__(self, num_classes: int, method: str = "majority", replace: bool = True) -> None:
        self.fuse = FuseAnnotatorsd("annotators", "label", method=method, num_classes=num_classes)
        self.replace = replace

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        if "annotators" not in data or (not self.replace and "label" in data):
            return dict(data)
        item = self.fuse(data)
        item.pop("label_confusion", None)
        return item
