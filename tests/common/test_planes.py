"""What is made of a volume plane by plane is what is made of it at once."""

from __future__ import annotations

import pytest
import torch

import common.planes
from common.audit.geometry import predicted_classes
from common.decision import decide
from common.fusion import most_probable_class
from common.planes import by_planes, largest_channel, planes
from common.transforms import CalibratedSoftmaxd, as_class_map


@pytest.fixture(params=[1, 50, 1 << 22])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Values at a time: a plane, a few, all."""
    monkeypatch.setattr(common.planes, "CHUNK", request.param)
    monkeypatch.setattr("common.decision.rules.BLOCK", request.param)
    return int(request.param)


@pytest.fixture
def probabilities() -> torch.Tensor:
    return torch.randn(3, 7, 5, 4, generator=torch.Generator().manual_seed(0)).softmax(0)


def test_planes_are_the_volume(chunk: int, probabilities: torch.Tensor) -> None:
    parts = list(planes(probabilities))
    assert torch.equal(torch.cat(parts, 1), probabilities)
    assert len(parts) == {1: 7, 50: 7, 1 << 22: 1}[chunk]
    assert torch.equal(by_planes(lambda part: part.amax(0), probabilities, torch.float32), probabilities.amax(0))
    assert torch.equal(largest_channel(probabilities).long(), probabilities.argmax(0))


def test_what_a_network_predicts_is_compared_exactly_and_votes_up_to_rounding() -> None:
    """The first of equal channels; in validation, decisions, masks and audits the same class."""
    nearly = torch.tensor([[0.5, 0.5, 0.3], [0.5 + 2**-23, 0.5, 0.3], [0.0, 0.0, 0.4]])
    expected = [1, 0, 2]
    assert largest_channel(nearly).tolist() == expected
    assert as_class_map(nearly)[0].tolist() == expected
    assert decide(nearly[None, ..., None], "half").class_map.flatten().tolist() == expected
    assert predicted_classes(nearly.numpy()).tolist() == expected
    assert most_probable_class(nearly).tolist() == [0, 0, 2]


def test_decisions_do_not_depend_on_the_chunk(chunk: int, probabilities: torch.Tensor) -> None:
    foreground = probabilities[1:]
    for rule, expected in (
        ("half", probabilities.argmax(0)),
        (0.4, torch.where(foreground.amax(0) >= 0.4, foreground.argmax(0) + 1, 0)),
    ):
        found = decide(probabilities[None], rule)
        assert torch.equal(found.class_map[0, 0].long(), expected)
        for k in (1, 2):
            chosen, marginal = expected == k, probabilities[k].double()
            dice = 2 * marginal[chosen].sum() / (chosen.sum() + marginal.sum())
            assert found.expected_dice[0, k - 1].item() == pytest.approx(dice.item(), rel=1e-12)


@pytest.mark.parametrize("given", ["logits", "probabilities"])
def test_a_temperature_does_not_depend_on_the_chunk(chunk: int, probabilities: torch.Tensor, given: str) -> None:
    values = probabilities if given == "probabilities" else probabilities.log()
    scaled = CalibratedSoftmaxd("pred", 2.0, probabilities=given == "probabilities")({"pred": values})["pred"]
    torch.testing.assert_close(scaled, (probabilities.log() / 2).softmax(0))


def test_probabilities_at_a_temperature_of_one_stay() -> None:
    values = torch.tensor([[0.25], [0.75]])
    assert torch.equal(CalibratedSoftmaxd("pred", probabilities=True)({"pred": values})["pred"], values)
