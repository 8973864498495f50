"""Thresholds are float64, which Apple's GPU has not: validation and post-processing decide there all the same."""

from __future__ import annotations

import pytest
import torch

from common.decision import decide, dice_optimal_partition, dice_optimal_segmentation
from common.methods import dice_optimal_maps
from common.transforms import DiceOptimalThresholdd
from tests.common.pretended_device import pretended

LOGITS = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("rule", ["dice_optimal", "half", 0.3])
@pytest.mark.parametrize("channels", [1, 3])
def test_decisions_are_those_of_the_cpu(rule: str | float, channels: int) -> None:
    probabilities = LOGITS.softmax(1)[:, 3 - channels :]
    expected = decide(probabilities, rule)
    with pretended("mps"):
        found = decide(probabilities.to("mps"), rule)
        devices = [value.device.type for value in found]
    assert devices == ["mps", "cpu", "cpu"]
    for value, other in zip(found, expected, strict=True):
        torch.testing.assert_close(value, other, rtol=0, atol=0, equal_nan=True)


def test_what_engines_call_decides_where_the_prediction_lies() -> None:
    probabilities = LOGITS.softmax(1)
    with pretended("mps"):
        here, logits = probabilities.to("mps"), LOGITS.to("mps")
        found = [
            DiceOptimalThresholdd("pred")({"pred": here[0]})["pred"],
            dice_optimal_maps({"pred": logits, "label": logits[:, :1]})[0],
            dice_optimal_partition(here)[0],
            dice_optimal_segmentation(here),
        ]
        assert [value.device.type for value in found] == ["mps"] * len(found)
    assert torch.equal(found[2], dice_optimal_partition(probabilities)[0])
    assert torch.equal(found[3], dice_optimal_segmentation(probabilities))
