"""What a segmentation and the truth have in common, case by case."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.transforms import MapTransform

from common.errors import InputError

__all__ = ["OverlapScoresd"]


class OverlapScoresd(MapTransform):
    """Sums up a case by the voxels that its segmentation and the truth share, all structures together.

        Dice = 2 TP / (2 TP + FP + FN), IoU = TP / (TP + FP + FN), precision = TP / (TP + FP), recall = TP / (TP + FN)

    The row under ``summary`` has ``case``, ``dice``, ``iou``, ``precision``, ``recall``; one whose denominator is 0,
    such as the precision of an empty segmentation, is empty.

    Args:
        keys: segmentation ``(K, *spatial)`` of 0 and 1, one key.
        label_key: of the truth, of the same shape.

    Raises:
        InputError: the shapes differ.

    Example:
        >>> item = {"case": "a", "pred": torch.tensor([[1, 1, 0]]), "label": torch.tensor([[0, 1, 0]])}
        >>> OverlapScoresd("pred")(item)["summary"]
        {'case': 'a', 'dice': 0.666667, 'iou': 0.5, 'precision': 0.5, 'recall': 1.0}
    """

    def __init__(self, keys: str, label_key: str = "label") -> None:
        super().__init__(keys)
        self.label_key = label_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            found, truth = (
                torch.as_tensor(item[name]).as_subclass(torch.Tensor) > 0.5 for name in (key, self.label_key)
            )
            if found.shape != truth.shape:
                raise InputError(
                    f"Case {item['case']}: expected a truth of the segmentation's shape {tuple(found.shape)}, "
                    f"got {tuple(truth.shape)}."
                )
            both, ours, theirs = (int(mask.sum()) for mask in (found & truth, found, truth))
            item["summary"] = {
                "case": item["case"],
                "dice": _ratio(2 * both, ours + theirs),
                "iou": _ratio(both, ours + theirs - both),
                "precision": _ratio(both, ours),
                "recall": _ratio(both, theirs),
            }
        return item


def _ratio(part: int, whole: int) -> float | str:
    return round(part / whole, 6) if whole else ""
