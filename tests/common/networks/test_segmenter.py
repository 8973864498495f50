"""One forward for training, validation and inference."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from common.errors import ArgumentError
from common.fusion import majority_vote
from common.networks import AnnotatorEnsemble, AnnotatorNetwork, ProbabilisticUNet, Segmenter, UNet
from common.networks.segmenter import OUTPUTS, READOUTS, matrices_of_vote, vote

CLASSES, ANNOTATORS = 3, 4


def annotator_network(spatial_dims: int = 2) -> AnnotatorNetwork:
    torch.manual_seed(0)
    backbone = UNet(spatial_dims, out_channels=5, features=(4, 8))
    network = AnnotatorNetwork(backbone, spatial_dims, 5, CLASSES, ANNOTATORS)
    for parameter in network.confusion.parameters():  # away from the start, where all annotators are alike
        nn.init.normal_(parameter)
    return network


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_confusion_output_is_consistent(spatial_dims: int) -> None:
    """The annotators' part is the product of the matrices and the truth, as `segment_as_annotators` gives it."""
    network, image = annotator_network(spatial_dims), torch.rand(2, 1, *[8] * spatial_dims)
    everything = Segmenter(network, "confusion").eval()(image)
    truth, annotators, confusion = everything.split([CLASSES, ANNOTATORS * CLASSES, ANNOTATORS * CLASSES**2], 1)
    torch.testing.assert_close(truth, network.segment(image))
    torch.testing.assert_close(annotators, network.segment_as_annotators(image)[1])
    matrices = confusion.unflatten(1, (ANNOTATORS, CLASSES, CLASSES))
    product = (matrices * truth[:, None, None]).sum(3)
    torch.testing.assert_close(annotators.unflatten(1, (ANNOTATORS, CLASSES)), product)


@pytest.mark.parametrize("output", ["truth", "annotators"])
def test_every_network_fits(output: str) -> None:
    backbones = [UNet(2, out_channels=CLASSES, features=(4, 8)) for _ in range(ANNOTATORS)]
    samples = ProbabilisticUNet(2, 1, CLASSES, features=(4, 8), num_samples=5)
    for network, count in ((annotator_network(), 4), (AnnotatorEnsemble(backbones), 4), (samples, 5)):
        probabilities = Segmenter(network, output).eval()(torch.rand(2, 1, 8, 8))
        maps = 1 + (count if output == "annotators" else 0)
        assert probabilities.shape == (2, CLASSES * maps, 8, 8)
        torch.testing.assert_close(probabilities.unflatten(1, (maps, CLASSES)).sum(2), torch.ones(2, maps, 8, 8))


def test_training_passes_the_networks_output_through() -> None:
    network, image = annotator_network().train(), torch.rand(2, 1, 8, 8)
    log_probs, log_confusion = Segmenter(network).train()(image)
    assert log_probs.shape == (2, CLASSES, 8, 8)
    assert log_confusion.shape == (2, ANNOTATORS, CLASSES, CLASSES, 8, 8)
    labels = torch.randint(CLASSES, (2, ANNOTATORS, 8, 8))
    output = Segmenter(ProbabilisticUNet(2, 1, CLASSES, features=(4, 8))).train()(image, labels)
    assert [len(part) for part in output] == [2, 2, 2] and (output[2] >= 0).all()


@pytest.mark.parametrize("output", ["truth", "annotators", "confusion"])
def test_vote_is_the_majority_of_the_predicted_annotators(output: str) -> None:
    network, image = annotator_network(), torch.rand(2, 1, 8, 8)
    voted = Segmenter(network, output, "vote").eval()(image)
    labels = network.segment_as_annotators(image)[1].unflatten(1, (ANNOTATORS, CLASSES)).argmax(2)
    for shares, written in zip(voted[:, :CLASSES], labels, strict=True):
        torch.testing.assert_close(shares.argmax(0), majority_vote(written, CLASSES))
    predicted = Segmenter(network, output).eval()(image)[:, CLASSES : CLASSES * (1 + ANNOTATORS)]
    torch.testing.assert_close(voted[:, CLASSES : CLASSES * (1 + ANNOTATORS)], predicted)


@pytest.mark.parametrize("output", ["truth", "annotators", "confusion"])
def test_mean_of_the_predicted_annotators(output: str) -> None:
    network, image = annotator_network(), torch.rand(2, 1, 8, 8)
    found = Segmenter(network, output, "mean").eval()(image)
    predicted = network.segment_as_annotators(image)[1]
    torch.testing.assert_close(found[:, :CLASSES], predicted.unflatten(1, (ANNOTATORS, CLASSES)).mean(1))
    if output != "truth":
        torch.testing.assert_close(found[:, CLASSES : CLASSES * (1 + ANNOTATORS)], predicted)
    torch.testing.assert_close(torch.jit.script(Segmenter(network, output, "mean").eval())(image), found)


@pytest.mark.parametrize("readout", READOUTS)
def test_the_mean_beside_the_truth(readout: str) -> None:
    """The truth as it is read, and behind it what says where the network is unsure; of several networks too."""
    network, image = annotator_network(), torch.rand(2, 1, 8, 8)
    members = [Segmenter(one, "mean", readout).eval() for one in (network, annotator_network())]
    for found in (members[0], Segmenter.ensemble(members).eval()):
        both = found(image)
        truth, mean = both.split(CLASSES, 1)
        torch.testing.assert_close(truth, Segmenter(found.network, "truth", readout).eval()(image))
        annotators = found.network.segment_as_annotators(image)[1].unflatten(1, (ANNOTATORS, CLASSES))
        torch.testing.assert_close(mean, sum(annotators[:, r] for r in range(ANNOTATORS)) / ANNOTATORS)


@pytest.mark.parametrize("readout", ["vote", "mean"])
def test_matrices_of_the_vote(readout: str) -> None:
    """They map the elected class to each predicted annotator, have columns that sum to 1, and the largest trace."""
    network, image = annotator_network(), torch.rand(2, 1, 8, 8)
    everything = Segmenter(network, "confusion", readout).eval()(image)
    shares, annotators, confusion = everything.split([CLASSES, ANNOTATORS * CLASSES, ANNOTATORS * CLASSES**2], 1)
    annotators = annotators.unflatten(1, (ANNOTATORS, CLASSES))
    matrices = confusion.unflatten(1, (ANNOTATORS, CLASSES, CLASSES))
    truth = torch.nn.functional.one_hot(shares.argmax(1), CLASSES).movedim(-1, 1).float()
    torch.testing.assert_close((matrices * truth[:, None, None]).sum(3), annotators)
    torch.testing.assert_close(matrices.sum(2), torch.ones_like(annotators))
    traces = [
        matrices_of_vote(torch.zeros_like(shares).index_fill_(1, torch.tensor([c]), 1.0), annotators.round())
        .diagonal(dim1=2, dim2=3)
        .sum((1, -1))
        for c in range(CLASSES)
    ]
    elected = matrices_of_vote(shares, annotators.round()).diagonal(dim1=2, dim2=3).sum((1, -1))
    certain = annotators.round().sum(2).eq(1).all(1)  # every annotator is sure of one class
    assert certain.any()
    assert (elected >= torch.stack(traces).amax(0) - 1e-5)[certain].all()


def test_vote_of_one_annotator_is_its_class() -> None:
    probabilities = torch.rand(2, 1, CLASSES, 5)
    torch.testing.assert_close(vote(probabilities).argmax(1), probabilities[:, 0].argmax(1))


@pytest.mark.parametrize(("argument", "value"), [("output", "everything"), ("readout", "guess")])
def test_exceptions(argument: str, value: str) -> None:
    with pytest.raises(ArgumentError, match=value):
        Segmenter(nn.Identity(), **{argument: value})


def test_one_state_behind_two_outputs() -> None:
    """Training and validation hold one network in two wrappers."""
    network = annotator_network()
    first, second = Segmenter(network), Segmenter(network, "annotators")
    assert first.state_dict().keys() == second.state_dict().keys()
    with torch.no_grad():
        network.truth.weight.add_(1)
    assert torch.equal(first.network.truth.weight, second.network.truth.weight)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize(
    ("kind", "output"),
    [
        *(("annotators", output) for output in OUTPUTS),
        *((kind, output) for kind in ("ensemble", "samples") for output in OUTPUTS if output != "confusion"),
    ],
)
def test_torchscript_is_the_evaluation_mode(kind: str, output: str, readout: str) -> None:
    backbones = [UNet(2, out_channels=CLASSES, features=(4, 8)) for _ in range(2)]
    networks = {
        "annotators": annotator_network(),
        "ensemble": AnnotatorEnsemble(backbones),
        "samples": ProbabilisticUNet(2, 1, CLASSES, features=(4, 8), num_samples=5),
    }
    segmenter, image = Segmenter(networks[kind], output, readout).eval(), torch.rand(2, 1, 8, 8)
    scripted = torch.jit.script(segmenter)
    assert scripted.state_dict().keys() >= segmenter.state_dict().keys()
    torch.testing.assert_close(scripted(image), segmenter(image), rtol=0, atol=1e-6)
