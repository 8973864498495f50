"""Logits or probabilities as a class map."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type

from common.fusion.ties import exceeds
from common.planes import largest_channel

__all__ = ["AsClassMapd", "as_class_map"]


def as_class_map(values: torch.Tensor, threshold: float = 0.0) -> torch.Tensor:
    """The most probable class of each pixel; of equally probable ones the smallest.

    Args:
        values: ``(C, *spatial)``: of one channel the logit (or, with ``threshold=0.5``, the probability) of the
            foreground; of several a logit or a probability for each class, background first.
        threshold: of one channel: foreground is what exceeds it (`common.fusion.exceeds`: one half is background).

    Returns:
        ``(1, *spatial)`` float32, 0 … L − 1, with the metadata of ``values``.

    Example:
        >>> as_class_map(torch.tensor([[-1.0, 0.0, 2.0]])).tolist()
        [[0.0, 0.0, 1.0]]
        >>> as_class_map(torch.tensor([[0.2], [0.4], [0.4]])).tolist()
        [[1.0]]
    """
    plain = torch.as_tensor(values).as_subclass(torch.Tensor)
    classes = exceeds(plain, threshold) if len(plain) == 1 else largest_channel(plain.detach())[None]
    return convert_to_dst_type(classes, values, dtype=torch.float32)[0]


class AsClassMapd(MapTransform):
    """`as_class_map` of the named keys.

    Args:
        keys: of logits ``(C, *spatial)``.
        threshold: see `as_class_map`.
        allow_missing_keys: leave out keys that the item does not have.
    """

    def __init__(self, keys: KeysCollection, threshold: float = 0.0, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.threshold = threshold

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        item = dict(data)
        for key in self.key_iterator(item):
            item[key] = as_class_map(item[key], self.threshold)
        return item
