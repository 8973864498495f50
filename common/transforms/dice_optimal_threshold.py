"""Segmentations of highest expected Dice as post-processing."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.data import get_track_meta
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type, convert_to_tensor

from common.decision import decide

__all__ = ["DiceOptimalThresholdd"]


class DiceOptimalThresholdd(MapTransform):
    """Decide on the segmentation whose Dice to expect is highest, with thresholds of the whole image.

    Of one channel {m ≥ t} with t of `common.decision.dice_optimal_threshold`. Of several classes, background first as
    `common.decision.decide` takes them, one class map by `common.decision.dice_optimal_partition`. A threshold depends
    on the image's total probability, so it must come from the **whole** inferred volume: this belongs after the inferer
    (and the inverse of a resampling), never inside it, and is of no use on patches. The map must hold probabilities, so
    it follows sigmoid or softmax.

    The key becomes ``(1, *spatial)``, class indices in the dtype of the map. The item gets ``<key>_threshold`` and
    ``<key>_expected_dice``, float64 tensors with a value for each class but the background.

    Source: Nordström et al., *Marginal Thresholding in Noisy Image Segmentation*, eq. 12, 15; CE⁽*⁾ in Table 1.

    Args:
        keys: probability maps ``(C, *spatial)``.
        allow_missing_keys: leave out maps that the item does not have.

    Raises:
        ArgumentError: if the values are no probabilities, or several channels are not those of classes.

    Example:
        >>> item = DiceOptimalThresholdd("pred")({"pred": torch.tensor([[0.9, 0.45, 0.1]])})
        >>> item["pred"].tolist(), round(item["pred_threshold"].item(), 2)
        ([[1.0, 1.0, 0.0]], 0.39)
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            probabilities = convert_to_tensor(item[key], track_meta=get_track_meta())
            marginal = probabilities.detach().as_subclass(torch.Tensor)[None]
            class_map, threshold, expected_dice = decide(marginal)
            item[key] = convert_to_dst_type(class_map[0], probabilities)[0]
            item[f"{key}_threshold"], item[f"{key}_expected_dice"] = threshold[0], expected_dice[0]
        return item
