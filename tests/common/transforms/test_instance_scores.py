"""The row of a case in the table of an evaluation."""

from __future__ import annotations

import torch

from common.metrics import InstanceMetrics
from common.transforms import DetectInstancesd, InstanceScoresd, slice_instances


def volume(seed: int) -> torch.Tensor:
    """One-hot of two structures, of which a voxel has one or none."""
    values = torch.rand(8, 7, 4, generator=torch.Generator().manual_seed(seed))
    return torch.stack([values > 0.7, values < 0.3]).float()


def test_a_row_is_the_metric_of_the_cases_slices_and_pixels_are_those_of_the_volume() -> None:
    pred, label = volume(0), volume(1)
    item = DetectInstancesd("pred")({"case": "a/b", "pred": pred, "label": label})
    row = InstanceScoresd("detections", 2)(item)["summary"]
    assert row.pop("case") == "a/b"
    metrics = InstanceMetrics(2)
    metrics(item["detections"], slice_instances(label))
    assert row == {name: round(value, 6) for name, value in metrics.aggregate().items()}
    both = float((pred * label).sum())
    assert row["precision"] == round(both / float(pred.sum()), 6)
    assert row["recall"] == round(both / float(label.sum()), 6)
    assert row["iou"] == round(both / float((pred + label).clamp(max=1).sum()), 6)
    assert row["dice"] == round(2 * both / float((pred + label).sum()), 6)


def test_cases_do_not_mix() -> None:
    scores, find = InstanceScoresd("detections", 2), DetectInstancesd("pred")
    scores(find({"case": "a", "pred": volume(0), "label": volume(1)}))
    perfect = scores(find({"case": "b", "pred": volume(2), "label": volume(2)}))["summary"]
    assert perfect["dice"] == perfect["detection_recall"] == 1 and perfect["mask_ap75"] == 1


def test_what_is_not_defined_is_empty() -> None:
    item = DetectInstancesd("pred")({"case": "a", "pred": torch.zeros(1, 4, 4, 2), "label": torch.zeros(1, 4, 4, 2)})
    row = InstanceScoresd("detections", 1)(item)["summary"]
    assert {name: row[name] for name in ("mask_ap50", "recall", "dice", "precision")} == {
        "mask_ap50": "", "recall": "", "dice": "", "precision": 0.0
    }  # fmt: skip
