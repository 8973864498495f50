"""Several networks in the place of one: means of probabilities, of annotators, and votes of these."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from common.errors import ArgumentError
from common.networks import (
    AnnotatorEnsemble,
    AnnotatorMixture,
    AnnotatorNetwork,
    Ensemble,
    ProbabilisticUNet,
    Segmenter,
    UNet,
    averaged,
    ensemble_of,
)
from common.networks.segmenter import vote

IMAGE = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def backbones(count: int, channels: int) -> list[torch.nn.Module]:
    found = []
    for seed in range(count):
        torch.manual_seed(seed)
        found.append(UNet(2, out_channels=channels, features=(4, 8)).double().eval())
    return found


def annotator_networks(count: int) -> list[torch.nn.Module]:
    """Whose matrices depend on the pixel."""
    found: list[torch.nn.Module] = []
    for backbone in backbones(count, 4):
        network = AnnotatorNetwork(backbone, 2, feature_channels=4, num_classes=3, num_annotators=4).double()
        torch.nn.init.normal_(network.confusion.entries.weight)
        found.append(network.eval())
    return found


@pytest.mark.parametrize(("options", "function"), [("sigmoid", torch.sigmoid), ("softmax", lambda z: z.softmax(1))])
def test_logits_of_the_mean_probability(options: str, function) -> None:
    members, temperatures = backbones(3, 3), (0.5, 1.0, 2.0)
    ensemble = Ensemble(members, temperatures=temperatures, **{options: True})
    expected = sum(function(member(IMAGE) / t) for member, t in zip(members, temperatures, strict=True)) / 3
    torch.testing.assert_close(function(ensemble(IMAGE)), expected)
    torch.testing.assert_close(function(averaged(ensemble, lambda member: member(IMAGE))), expected)
    assert (expected - function(sum(member(IMAGE) for member in members) / 3)).abs().max() > 1e-3, "no mean of logits"


def test_networks_that_give_probabilities_and_input_that_stays() -> None:
    values = torch.rand(1, 2, 3)
    kept = values.clone()
    torch.testing.assert_close(Ensemble([torch.nn.Identity(), torch.nn.Identity()])(values), kept)
    assert torch.equal(values, kept), "an identity's output is its input"


def test_logits_of_certain_networks_are_finite_and_half_precision_is_not_kept() -> None:
    for options in ({"sigmoid": True}, {"softmax": True}):
        found = Ensemble([torch.nn.Identity()] * 2, **options)(torch.tensor([[[1e4], [-1e4]]], dtype=torch.float16))
        assert found.dtype == torch.float32 and found.isfinite().all()


def test_a_mixture_is_the_mean_of_the_joint_distribution() -> None:
    members = annotator_networks(3)
    log_truth, log_confusion = AnnotatorMixture(members)(IMAGE)
    pairs = [[part.exp() for part in member(IMAGE)] for member in members]
    truth = sum(p for p, _ in pairs) / 3
    joint = sum(a * p[:, None, None] for p, a in pairs) / 3  # written i, true j
    torch.testing.assert_close(log_truth.exp(), truth)
    torch.testing.assert_close(log_confusion.exp(), joint / truth[:, None, None])
    torch.testing.assert_close(log_confusion.exp().sum(2), torch.ones_like(joint[:, :, 0]))


@pytest.mark.parametrize("output", ["truth", "annotators", "confusion"])
def test_a_segmenter_of_several_networks(output: str) -> None:
    members = [Segmenter(member, output, "estimate").eval() for member in annotator_networks(2)]
    found = ensemble_of(members).eval()(IMAGE)
    expected = (members[0](IMAGE) + members[1](IMAGE)) / 2
    plain = 3 if output == "truth" else 3 + 12  # truth and annotators; matrices are weighted by the truth
    torch.testing.assert_close(found[:, :plain], expected[:, :plain])


def test_a_vote_is_held_of_the_averaged_annotators() -> None:
    networks = annotator_networks(2)
    found = ensemble_of([Segmenter(member, "truth", "vote").eval() for member in networks]).eval()(IMAGE)
    annotators = sum(member.segment_as_annotators(IMAGE)[1] for member in networks) / 2
    torch.testing.assert_close(found, vote(annotators.unflatten(1, (4, 3))))


def test_networks_of_an_annotator_each() -> None:
    members = [AnnotatorEnsemble(pair) for pair in pairwise(backbones(3, 2))]
    truth, annotators = AnnotatorMixture(members).segment_as_annotators(IMAGE)
    torch.testing.assert_close(truth, sum(member.segment(IMAGE) for member in members) / 2)
    torch.testing.assert_close(annotators, sum(member.segment_as_annotators(IMAGE)[1] for member in members) / 2)


def test_what_cannot_be_averaged() -> None:
    samples = AnnotatorMixture([ProbabilisticUNet(2, 1, 2, (4, 8)).double() for _ in range(2)])
    assert samples.segment(IMAGE).shape == (2, 2, 8, 8)
    with pytest.raises(ArgumentError, match="samples of several probabilistic U-Nets cannot be averaged"):
        samples.segment_as_annotators(IMAGE)
    for members, options in (([], {}), ([torch.nn.Identity()], {"temperatures": [1.0, 2.0]})):
        with pytest.raises(ArgumentError, match="networks and a temperature for each"):
            Ensemble(members, **options)
    with pytest.raises(ArgumentError, match="at most one of them"):
        Ensemble([torch.nn.Identity()], sigmoid=True, softmax=True)
    with pytest.raises(ArgumentError, match="at least one network"):
        AnnotatorMixture([])
