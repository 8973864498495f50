"""How the instances found in a volume fit the true ones, case by case."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

from monai.transforms import MapTransform

from common.metrics import InstanceMetrics
from common.transforms.cases import case_name
from common.transforms.instances import slice_instances, slices_of
from common.transforms.unlabeled import without_unlabelled

__all__ = ["InstanceScoresd"]


class InstanceScoresd(MapTransform):
    """Sums up a case by the columns of Table I, see `common.metrics.InstanceMetrics`, over its slices.

    The row under ``summary`` has ``case`` and all values of the metric; one that is not defined, such as the recall of
    a case without lesions, is empty.

    Args:
        keys: one, of a list of detections, one for each slice.
        num_classes: K.
        label_key: of the ground truth ``(K, H, W, S)``, or of a picture ``(K, H, W)``; pixels of −1, that nobody
            labeled, do not count.
        score_threshold: from which on a detection counts, other than in average precision.

    Example:
        >>> import torch
        >>> from common.transforms import DetectInstancesd
        >>> item = {"case": "a", "pred": torch.ones(1, 4, 4, 1), "label": torch.ones(1, 4, 4, 1)}
        >>> row = InstanceScoresd("detections", 1)(DetectInstancesd("pred")(item))["summary"]
        >>> row["case"], row["dice"]
        ('a', 1.0)
    """

    def __init__(self, keys: str, num_classes: int, label_key: str = "label", score_threshold: float = 0.5) -> None:
        super().__init__(keys)
        self.label_key = label_key
        self.metrics = InstanceMetrics(num_classes, score_threshold)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            self.metrics.reset()
            label = item[self.label_key]
            found = [without_unlabelled(*pair) for pair in zip(item[key], slices_of(label), strict=True)]
            self.metrics(found, slice_instances(label))
            values = self.metrics.aggregate()
            item["summary"] = {
                "case": case_name(item),
                **{name: "" if math.isnan(value) else round(value, 6) for name, value in values.items()},
            }
        return item
