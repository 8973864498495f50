"""What nobody labeled stays so through resampling, hardening and the scores of instances."""

from __future__ import annotations

import pytest
import torch

from common.metrics import InstanceMetrics
from common.transforms import HardLabeld, InstanceScoresd, ResizeSoftLabeld, slice_instances, without_unlabelled


def test_shares_are_not_mixed_with_what_is_unknown() -> None:
    label = torch.rand(2, 8, 8, generator=torch.Generator().manual_seed(0))
    whole = ResizeSoftLabeld("label", (4, 4))({"label": label})["label"]
    partly = label.clone()
    partly[:, :, 5:] = -1
    found = ResizeSoftLabeld("label", (4, 4))({"label": partly})["label"]
    assert (found[..., 2:] == -1).all()
    torch.testing.assert_close(found[..., :2], whole[..., :2])


@pytest.mark.parametrize("size", [(5, 7), (8, 3), (11, 13)])
def test_shares_are_those_of_the_area(size: tuple[int, int]) -> None:
    """PyTorch's ``area`` takes whole pixels, and would be off by up to 0.3 here."""
    label = torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    fine = label.repeat_interleave(size[0], 1).repeat_interleave(size[1], 2)  # in pixels that divide both
    expected = fine.reshape(1, size[0], 8, size[1], 8).mean((2, 4))
    found = ResizeSoftLabeld("label", size)({"label": label})["label"]
    torch.testing.assert_close(found, expected.float())


def test_hard_labels_keep_what_is_unknown() -> None:
    label = torch.tensor([[[0.0, 0.5, 0.51, 1.0, -1.0]]])
    assert HardLabeld("label")({"label": label})["label"].tolist() == [[[0, 0, 1, 1, -1]]]


def test_detections_where_nobody_labeled_are_neither_right_nor_wrong() -> None:
    label = torch.zeros(1, 8, 8, 1)
    label[0, 1:4, 1:4] = 1
    label[0, :, 5:] = -1
    true = slice_instances(label)[0]
    masks = torch.stack([true["masks"][0] > 0, torch.zeros(8, 8, dtype=torch.bool)])
    masks[1, 2:5, 6:] = True
    masks[0, 3, 4:7] = True  # one pixel wrong, two where nobody looked
    found = {
        "boxes": torch.tensor([[1.0, 1, 4, 7], [2, 6, 5, 8]]),
        "classes": torch.ones(2).long(),
        "scores": torch.tensor([0.9, 0.8]),
        "masks": masks,
    }
    row = InstanceScoresd("detections", 1)({"case": "a", "detections": [found], "label": label})["summary"]
    assert (row["detection_precision"], row["precision"], row["recall"]) == (1, 0.9, 1)
    metric = InstanceMetrics()
    metric([without_unlabelled(found, label[..., 0])], [true])
    assert metric.aggregate()["false"] == 0
    assert without_unlabelled(found, label[..., 0])["boxes"].tolist() == [[1, 1, 4, 5]]
    known = without_unlabelled(found | {"class_map": masks.any(0).byte()}, label[..., 0])["class_map"]
    assert known.sum() == 10 and not known[:, 5:].any()
