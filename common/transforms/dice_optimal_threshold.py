"""Segmentations of highest expected Dice as post-processing."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import get_track_meta
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type, convert_to_tensor

from common.decision import apply_threshold, dice_optimal_threshold

__all__ = ["DiceOptimalThresholdd"]


class DiceOptimalThresholdd(MapTransform):
    """Threshold probability maps where the Dice to expect is highest, per image and per channel.

    {m ≥ t} with t of `common.decision.dice_optimal_threshold`. t depends on the image's total probability, so it
    must come from the **whole** inferred volume: this belongs after the inferer (and the inverse of a resampling),
    never inside it, and is of no use on patches. The map must hold probabilities, so it follows sigmoid or softmax.

    The item gets ``<key>_threshold`` and ``<key>_expected_dice``, float64 tensors ``(C,)``.

    Source: Nordström et al., *Marginal Thresholding in Noisy Image Segmentation*, eq. 12, 15; CE⁽*⁾ in Table 1.

    Args:
        keys: probability maps ``(C, *spatial)``.
        allow_missing_keys: leave out maps that the item does not have.

    Raises:
        InputError: if the values are no probabilities.

    Example:
        >>> item = DiceOptimalThresholdd("pred")({"pred": torch.tensor([[0.9, 0.45, 0.1]])})
        >>> item["pred"].tolist(), round(item["pred_threshold"].item(), 2)
        ([[1.0, 1.0, 0.0]], 0.39)
    """

    def __init__(self, keys: KeysCollection, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            probabilities = convert_to_tensor(item[key], track_meta=get_track_meta())
            marginal = probabilities.detach().as_subclass(torch.Tensor)[None]
            threshold, expected_dice = dice_optimal_threshold(marginal)
            item[key] = convert_to_dst_type(apply_threshold(marginal, threshold)[0], probabilities)[0]
            item[f"{key}_threshold"], item[f"{key}_expected_dice"] = threshold[0], expected_dice[0]
        return item
