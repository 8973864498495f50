"""Probabilities of logits that are divided by a temperature, of one channel and of several."""

from __future__ import annotations

import pytest
import torch

from common.errors import InputError
from common.transforms import CalibratedSoftmaxd


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_one_channel_is_the_foreground_against_zero(temperature: float) -> None:
    logit = torch.randn(1, 4, 5, generator=torch.Generator().manual_seed(0))
    one = CalibratedSoftmaxd("pred", temperature)({"pred": logit})["pred"]
    two = CalibratedSoftmaxd("pred", temperature)({"pred": torch.cat((torch.zeros_like(logit), logit))})["pred"]
    torch.testing.assert_close(one, (logit / temperature).sigmoid())
    torch.testing.assert_close(one[0], two[1])
    torch.testing.assert_close(two.sum(0), torch.ones(4, 5))


def test_the_logits_of_probabilities_are_their_logarithms() -> None:
    logits = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0))
    expected = CalibratedSoftmaxd("pred", 2.0)({"pred": logits})["pred"]
    scaled = CalibratedSoftmaxd("pred", 2.0, probabilities=True)({"pred": logits.softmax(0)})["pred"]
    torch.testing.assert_close(scaled, expected)
    certain = torch.tensor([[0.0, 0.5], [1.0, 0.5]])
    kept = CalibratedSoftmaxd("pred", 3.0, probabilities=True)({"pred": certain})["pred"]
    torch.testing.assert_close(kept, certain)


def test_wrong_temperatures_are_named() -> None:
    for temperature in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="temperature: expected a positive number"):
            CalibratedSoftmaxd("pred", temperature)


def test_an_average_of_probabilities_has_no_temperature() -> None:
    """Of logits the ensemble has divided by them already; of probabilities nobody has."""
    probabilities = torch.tensor([[0.2], [0.8]])
    averaged = CalibratedSoftmaxd("pred", (2.0, 3.0))({"pred": probabilities.log()})["pred"]
    torch.testing.assert_close(averaged, probabilities)
    one = CalibratedSoftmaxd("pred", (1.0, 1.0), probabilities=True)({"pred": probabilities})["pred"]
    torch.testing.assert_close(one, probabilities)
    with pytest.raises(InputError, match="has no temperature of its own"):
        CalibratedSoftmaxd("pred", (1.0, 3.0), probabilities=True)
