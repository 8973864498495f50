"""Probabilities beyond the part of an image that a network has seen."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform

from common.errors import InputError

__all__ = ["OutsideAsBackgroundd", "outside_as_background"]


def outside_as_background(probabilities: torch.Tensor, num_classes: int) -> torch.Tensor:
    """What the probabilities of the classes leave to 1 goes to the background.

        p_0 ← max(0, 1 − Σ_{c > 0} p_c)

    Undoing a crop leaves 0 for every class beyond it, where nothing was segmented.

    Args:
        probabilities: ``(N·L, *spatial)``, of N segmentations one after the other, each with its background first.
        num_classes: L, background included.

    Returns:
        ``(N·L, *spatial)``, each segmentation summing to 1; metadata is kept.

    Raises:
        InputError: if the channels cannot be divided so.

    Example:
        >>> outside_as_background(torch.tensor([[0.3, 0.0], [0.7, 0.0]]), num_classes=2)
        tensor([[0.3000, 1.0000],
                [0.7000, 0.0000]])
    """
    if num_classes < 1 or len(probabilities) % num_classes:
        raise InputError(f"expected {num_classes} channels for each segmentation, got {len(probabilities)}.")
    filled = probabilities.clone()
    for first in range(0, len(filled), num_classes):
        filled[first] = (1 - filled[first + 1 : first + num_classes].sum(0)).clamp(min=0)  # rounding
    return filled


class OutsideAsBackgroundd(MapTransform):
    """`outside_as_background` of the named keys.

    Args:
        keys: of probabilities ``(N·L, *spatial)`` of N segmentations.
        num_classes: L, background included.
        allow_missing_keys: leave out keys that an item does not have.

    Example:
        >>> OutsideAsBackgroundd("pred", num_classes=2)({"pred": torch.zeros(2, 1)})["pred"]
        tensor([[1.],
                [0.]])
    """

    def __init__(self, keys: KeysCollection, num_classes: int, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.num_classes = num_classes

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        item = dict(data)
        for key in self.key_iterator(item):
            item[key] = outside_as_background(item[key], self.num_classes)
        return item
