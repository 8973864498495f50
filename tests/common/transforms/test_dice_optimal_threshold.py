"""The threshold of a whole image, as post-processing of an inferred volume."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor, decollate_batch
from monai.transforms import Compose, RandomizableTrait

from common.decision import dice_optimal_partition, dice_optimal_segmentation, dice_optimal_threshold
from common.errors import ArgumentError
from common.noise import gaussian_marginal
from common.transforms import DiceOptimalThresholdd


def marginal() -> torch.Tensor:
    """An organ."""
    label = torch.zeros(1, 1, 24, 24, 24)
    label[:, 0, 4:18, 5:19, 6:18] = 1
    return gaussian_marginal(label, 0.04)[0]


def classes() -> torch.Tensor:
    """Background and two organs of different thickness that touch each other."""
    label = torch.zeros(1, 2, 24, 24, 24)
    label[:, 0, 4:18, 5:19, 6:18] = 1
    label[:, 1, 3:21, 10:12, 18:20] = 1
    organs = gaussian_marginal(label, 0.04)[0]
    return torch.cat([1 - organs.sum(0, keepdim=True), organs])


def test_the_threshold_is_that_of_the_whole_volume():
    item = DiceOptimalThresholdd("pred")({"pred": marginal(), "case": "case_1"})
    threshold, expected_dice = dice_optimal_threshold(marginal()[None])
    assert torch.equal(item["pred"], dice_optimal_segmentation(marginal()[None])[0])
    assert torch.equal(item["pred_threshold"], threshold[0])
    torch.testing.assert_close(item["pred_expected_dice"], expected_dice[0])
    assert item["pred_threshold"][0] < 0.5
    assert item["case"] == "case_1"
    beside = marginal()[:, :2]  # where the organ ends: an image of its own would have a mask
    assert not item["pred"][:, :2].any()
    assert DiceOptimalThresholdd("pred")({"pred": beside})["pred"].any()


def test_several_classes_give_one_class_map():
    item = DiceOptimalThresholdd("pred")({"pred": classes()})
    class_map, threshold = dice_optimal_partition(classes()[None])
    assert torch.equal(item["pred"], class_map[0].float())
    assert torch.equal(item["pred_threshold"], threshold[0])
    assert item["pred_threshold"][1] < item["pred_threshold"][0] < 0.5
    for k in (1, 2):
        mask, p = item["pred"][0] == k, classes()[k].double()
        expected = 2 * p[mask].sum() / (mask.sum() + p.sum())
        assert item["pred_expected_dice"][k - 1].item() == pytest.approx(expected.item(), rel=1e-9)
    with pytest.raises(ArgumentError, match="sum to 1"):
        DiceOptimalThresholdd("pred")({"pred": classes()[1:]})


def test_works_on_a_decollated_batch_and_keeps_metadata():
    affine = torch.diag(torch.tensor([1.0, 2.0, 3.0, 1.0]))
    batch = {"pred": MetaTensor(torch.stack([marginal(), marginal() ** 2]), affine=affine.repeat(2, 1, 1))}
    post = Compose([DiceOptimalThresholdd("pred")])
    first, second = (post(item) for item in decollate_batch(batch))
    assert isinstance(first["pred"], MetaTensor)
    assert torch.equal(first["pred"].affine, affine.double())
    assert torch.equal(second["pred_threshold"], dice_optimal_threshold(marginal()[None] ** 2)[0][0])
    assert not isinstance(first["pred_threshold"], MetaTensor)


def test_input_is_left_alone_and_arrays_serve():
    probabilities = marginal().numpy()
    before = probabilities.copy()
    item = DiceOptimalThresholdd(("pred", "other"), allow_missing_keys=True)({"pred": probabilities})
    np.testing.assert_array_equal(probabilities, before)
    assert torch.equal(item["pred"].as_tensor(), dice_optimal_segmentation(marginal()[None])[0])
    assert "other_threshold" not in item


def test_empty_map():
    item = DiceOptimalThresholdd("pred")({"pred": torch.zeros(1, 4, 4)})
    assert not item["pred"].any()
    assert item["pred_threshold"].tolist() == [0.5]


def test_it_is_deterministic_and_refuses_logits():
    assert not isinstance(DiceOptimalThresholdd("pred"), RandomizableTrait)
    with pytest.raises(ArgumentError, match="probabilities"):
        DiceOptimalThresholdd("pred")({"pred": torch.tensor([[-3.0, 3.0]])})
    with pytest.raises(KeyError):
        DiceOptimalThresholdd("pred")({})
