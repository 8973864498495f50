"""Networks that know nothing of each other, and their mean."""

from __future__ import annotations

import pytest
import torch
from monai.inferers import SlidingWindowInferer

from common.errors import ArgumentError
from common.losses import EnsembleLoss
from common.networks import AnnotatorEnsemble, UNet


def small(spatial_dims: int = 2, annotators: int = 3) -> AnnotatorEnsemble:
    torch.manual_seed(0)
    return AnnotatorEnsemble([UNet(spatial_dims, 1, 4, features=(2, 4)) for _ in range(annotators)])


def image(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("spatial", [(6, 5), (1, 4), (4, 3, 2)])
@pytest.mark.parametrize("annotators", [1, 3])
def test_every_annotator_has_the_softmax_of_their_network(spatial: tuple[int, ...], annotators: int):
    network = small(len(spatial), annotators)
    (log_probs,) = network(image(2, 1, *spatial))
    assert log_probs.shape == (2, annotators, 4, *spatial)
    for r, backbone in enumerate(network.backbones):
        torch.testing.assert_close(log_probs[:, r], backbone(image(2, 1, *spatial)).log_softmax(1))


def test_the_mean_and_the_annotators():
    network, x = small(), image(2, 1, 8, 8)
    mean, annotators = network.segment_as_annotators(x)
    probabilities = network(x)[0].exp()
    torch.testing.assert_close(mean, sum(probabilities[:, r] for r in range(3)) / 3)
    torch.testing.assert_close(annotators, torch.cat([probabilities[:, r] for r in range(3)], 1))
    torch.testing.assert_close(network.segment(x), mean)


def test_each_network_learns_from_its_annotator_alone():
    network, x = small(), image(2, 1, 8, 8)
    labels = torch.stack([torch.full((2, 8, 8), r) for r in range(3)], 1)
    labels[:, 1] = -1
    before = [backbone.exit.conv.weight.clone() for backbone in network.backbones]
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    for _ in range(60):  # after 30 the means were 0.90 to 0.999 by the seed
        optimizer.zero_grad()
        EnsembleLoss()(*network(x), labels).backward()
        optimizer.step()
    probabilities = network(x)[0].exp()
    assert probabilities[:, 0, 0].mean() > 0.9
    assert probabilities[:, 2, 2].mean() > 0.9
    changed = [not torch.equal(a, b.exit.conv.weight) for a, b in zip(before, network.backbones, strict=True)]
    assert changed == [True, False, True]


def test_windows_can_be_blended():
    with torch.no_grad():
        mean, annotators = SlidingWindowInferer((8, 8), overlap=0.5)(image(1, 1, 12, 20), small().segment_as_annotators)
    assert mean.shape == (1, 4, 12, 20)
    torch.testing.assert_close(annotators.unflatten(1, (3, 4)).mean(1), mean)


def test_under_amp_everything_is_normalized_in_float32():
    with torch.autocast("cpu", torch.bfloat16):
        (log_probs,) = small()(image(1, 1, 8, 8))
    assert log_probs.dtype == torch.float32
    torch.testing.assert_close(log_probs.exp().sum(2), torch.ones(1, 3, 8, 8))
    assert small().double()(image(1, 1, 8, 8).double())[0].dtype == torch.float64


def test_torchscript():
    network, x = small().eval(), image(1, 1, 8, 8)
    script = torch.jit.script(network)
    torch.testing.assert_close(script(x)[0], network(x)[0])
    torch.testing.assert_close(script.segment(x), network.segment(x))
    torch.testing.assert_close(script.segment_as_annotators(x)[1], network.segment_as_annotators(x)[1])


def test_mistakes_are_named():
    with pytest.raises(ArgumentError, match="one per annotator, got 0"):
        AnnotatorEnsemble([])
    with pytest.raises(ArgumentError, match="backbones: expected different networks"):
        AnnotatorEnsemble([UNet(2, features=(2,))] * 2)
