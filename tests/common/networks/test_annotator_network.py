"""Heads whose columns sum to one and start near the identity, on whatever backbone."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.inferers import SlidingWindowInferer
from monai.networks.nets import BasicUNet, DynUNet, SegResNet, UNet
from torch import nn

from common.errors import ArgumentError
from common.losses import AnnotatorConfusionLoss
from common.networks import AnnotatorNetwork, ConfusionHead, GlobalConfusion

HEADS: dict[str, dict] = {
    "full": {},
    "rank 1": {"rank": 1},
    "rank 2": {"rank": 2},
    "hidden": {"hidden_channels": 3},
    "hidden, rank 2": {"hidden_channels": 3, "rank": 2},
    "identity": {"rank": 1, "add_identity": True},
}


def shaken(module: nn.Module, seed: int = 0, scale: float = 1.0) -> nn.Module:
    """With random parameters, as after training."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
    return module


def features(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def small_network(**arguments) -> AnnotatorNetwork:
    torch.manual_seed(0)
    backbone = UNet(2, 1, 6, channels=(4, 8), strides=(2,), num_res_units=1)
    return AnnotatorNetwork(backbone, **{"spatial_dims": 2, "feature_channels": 6, "num_classes": 3} | arguments)


@pytest.mark.parametrize("arguments", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("spatial", [(5, 4), (1, 6), (3, 4, 2), (1, 1, 2)])
def test_heads_give_matrices_whose_columns_sum_to_one(arguments: dict, spatial: tuple[int, ...]):
    head = shaken(ConfusionHead(len(spatial), 7, num_classes=4, num_annotators=3, **arguments))
    log_confusion = head(features(2, 7, *spatial))
    assert log_confusion.shape == (2, 3, 4, 4, *spatial)
    total = log_confusion.exp().sum(2)
    torch.testing.assert_close(total, torch.ones_like(total))


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 5), st.integers(1, 4), st.integers(0, 10**6), st.floats(0.1, 100))
def test_columns_sum_to_one_whatever_the_parameters(classes: int, annotators: int, seed: int, scale: float):
    heads = [
        ConfusionHead(2, 3, classes, annotators),
        ConfusionHead(2, 3, classes, annotators, rank=classes - 1),
        ConfusionHead(2, 3, classes, annotators, rank=1, add_identity=True),
        GlobalConfusion(classes, annotators),
    ]
    for head in heads:
        total = shaken(head, seed, scale)(features(1, 3, 2, 2, seed=seed)).exp().sum(2)
        torch.testing.assert_close(total, torch.ones_like(total), atol=1e-4, rtol=0)


def test_full_entries_are_a_map_each():
    head = shaken(ConfusionHead(2, 5, num_classes=3, num_annotators=2)).double()
    x = features(2, 5, 3, 4).double()
    weight, bias = head.entries.weight[..., 0, 0], head.entries.bias
    for r, i, j in [(0, 0, 0), (0, 1, 2), (1, 2, 1)]:
        column = [9 * r + 3 * row + j for row in range(3)]
        logits = torch.einsum("cf,bfhw->bchw", weight[column], x) + bias[column, None, None]
        torch.testing.assert_close(head(x)[:, r, i, j], logits.log_softmax(1)[:, i])


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_low_rank_is_the_softmax_of_the_product(rank: int):
    head = shaken(ConfusionHead(3, 5, num_classes=4, num_annotators=2, rank=rank)).double()
    x = features(2, 5, 2, 3, 2).double()
    both = head.entries(x).reshape(2, 2, 2, 4, rank, 2, 3, 2)
    logits = torch.einsum("brikxyz,brjkxyz->brijxyz", both[:, :, 0], both[:, :, 1])
    torch.testing.assert_close(head(x), logits.log_softmax(2))


@pytest.mark.parametrize("classes", [2, 3, 4, 7])
@pytest.mark.parametrize("accuracy", [0.6, 0.9, 0.99])
def test_the_start_has_the_accuracy_asked_for(classes: int, accuracy: float):
    heads = [
        ConfusionHead(2, 5, classes, 3, initial_accuracy=accuracy),
        ConfusionHead(2, 5, classes, 3, rank=classes - 1, initial_accuracy=accuracy),
        ConfusionHead(2, 5, classes, 3, rank=1, initial_accuracy=accuracy, add_identity=True),
        GlobalConfusion(classes, 3, initial_accuracy=accuracy),
    ]
    expected = torch.full((classes, classes), (1 - accuracy) / (classes - 1)).fill_diagonal_(accuracy)
    for head in heads:
        confusion = head(features(2, 5, 3, 3)).exp()
        torch.testing.assert_close(confusion, expected[..., None, None].expand_as(confusion))


@pytest.mark.parametrize("classes, rank", [(4, 2), (5, 2), (5, 3), (8, 2), (8, 5)])
def test_lower_ranks_start_with_the_largest_entry_on_the_diagonal(classes: int, rank: int):
    confusion = ConfusionHead(2, 5, classes, 1, rank=rank)(features(1, 5, 1, 1))[0, 0, :, :, 0, 0].exp()
    others = confusion.clone().fill_diagonal_(0)
    assert (confusion.diagonal() > others.amax(0) + 1e-3).all()
    assert (confusion.diagonal() > others.amax(1) + 1e-3).all()


def test_rank_1_starts_by_telling_background_from_foreground():
    confusion = ConfusionHead(2, 5, num_classes=4, num_annotators=1, rank=1)(features(1, 5, 1, 1))[0, 0, :, :, 0, 0]
    confusion = confusion.exp()
    assert confusion[0, 0] > 0.8
    assert confusion[0, 1:].max() < 0.05
    torch.testing.assert_close(confusion[1:, 1:], confusion[1, 1].expand(3, 3))


@pytest.mark.parametrize("arguments", [{}, {"rank": 2}, {"image_dependent": False}], ids=["full", "rank 2", "global"])
def test_the_start_can_be_uniform_and_still_learns(arguments: dict):
    network = small_network(num_annotators=2, initial_accuracy=1 / 3, **arguments)
    image, labels = features(2, 1, 8, 8), torch.zeros(2, 2, 8, 8)
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    log_confusion = network(image)[1]
    torch.testing.assert_close(log_confusion, torch.full_like(log_confusion, 1 / 3).log())
    for _ in range(3):
        optimizer.zero_grad()
        AnnotatorConfusionLoss(trace_weight=0)(*network(image), labels).backward()
        optimizer.step()
    assert network(image)[1][:, :, 0].exp().mean() > 0.4


@pytest.mark.parametrize("arguments", [*HEADS.values(), {"image_dependent": False}], ids=[*HEADS, "global"])
def test_every_parameter_learns(arguments: dict):
    network = small_network(num_annotators=4, **arguments)
    image, labels = features(2, 1, 16, 16), torch.randint(3, (2, 4, 16, 16), generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for _ in range(4):  # weights that start at 0 pass gradients on from the second step
        optimizer.zero_grad()
        loss = AnnotatorConfusionLoss()(*network(image), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        if "conv.bias" not in name:  # a bias before instance normalization has no effect
            assert (parameter.grad != 0).any(), name


def test_global_matrices_ignore_the_image():
    network = shaken(small_network(num_annotators=2, image_dependent=False))
    log_confusion = network(features(3, 1, 8, 8))[1]
    assert log_confusion.shape == (3, 2, 3, 3, 8, 8)
    torch.testing.assert_close(log_confusion, log_confusion[:1, ..., :1, :1].expand_as(log_confusion))
    assert sum(parameter.numel() for parameter in network.confusion.parameters()) == 2 * 3 * 3


BACKBONES: dict[str, Callable[[], tuple[int, nn.Module]]] = {
    "BasicUNet": lambda: (2, BasicUNet(2, 1, 6, features=(4, 4, 4, 4, 4, 4))),
    "UNet": lambda: (3, UNet(3, 1, 6, channels=(4, 8), strides=(2,))),
    "DynUNet": lambda: (2, DynUNet(2, 1, 6, [3, 3, 3], [1, 2, 2], [2, 2], [4, 8, 8])),
    "SegResNet": lambda: (2, SegResNet(2, 4, 1, 6, norm=("GROUP", {"num_groups": 2}))),
}


@pytest.mark.parametrize("make", BACKBONES.values(), ids=BACKBONES)
def test_backbones_of_monai(make: Callable[[], tuple[int, nn.Module]]):
    spatial_dims, backbone = make()
    network = AnnotatorNetwork(backbone, spatial_dims, feature_channels=6, num_classes=2, num_annotators=5)
    spatial = (32, 32) if spatial_dims == 2 else (8, 8, 8)
    log_probs, log_confusion = network(features(2, 1, *spatial))
    assert log_probs.shape == (2, 2, *spatial)
    assert log_confusion.shape == (2, 5, 2, 2, *spatial)
    torch.testing.assert_close(log_probs.exp().sum(1), torch.ones(2, *spatial))


def test_probabilities_of_truth_and_annotators():
    network = shaken(small_network(num_annotators=2)).eval()
    image = features(2, 1, 8, 8)
    log_probs, log_confusion = network(image)
    truth, annotators = network.segment_as_annotators(image)
    torch.testing.assert_close(truth, log_probs.exp())
    torch.testing.assert_close(network.segment(image), truth)
    product = torch.einsum("brijhw,bjhw->brihw", log_confusion.exp(), truth)
    torch.testing.assert_close(annotators, product.flatten(1, 2))


def test_windows_can_be_blended():
    network = shaken(small_network(num_annotators=2)).eval()
    with torch.no_grad():
        truth, annotators = SlidingWindowInferer((8, 8), overlap=0.5, mode="gaussian")(
            features(1, 1, 12, 20), network.segment_as_annotators
        )
    assert truth.shape == (1, 3, 12, 20)
    assert annotators.shape == (1, 6, 12, 20)
    torch.testing.assert_close(annotators.unflatten(1, (2, 3)).sum(2), torch.ones(1, 2, 12, 20))


@pytest.mark.parametrize("arguments", [{}, {"rank": 1}, {"image_dependent": False}], ids=["full", "rank 1", "global"])
def test_under_amp_everything_is_normalized_in_float32(arguments: dict):
    network = shaken(small_network(num_annotators=2, **arguments))
    labels = torch.zeros(1, 2, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        log_probs, log_confusion = network(features(1, 1, 8, 8))
        loss = AnnotatorConfusionLoss()(log_probs, log_confusion, labels)
    assert log_probs.dtype == log_confusion.dtype == loss.dtype == torch.float32
    torch.testing.assert_close(log_confusion.exp().sum(2), torch.ones(1, 2, 3, 8, 8))
    loss.backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


def test_the_state_can_be_saved():
    network, other = shaken(small_network(num_annotators=2), seed=1), small_network(num_annotators=2)
    other.load_state_dict(network.state_dict())
    image = features(1, 1, 8, 8)
    assert all(torch.equal(a, b) for a, b in zip(network(image), other(image), strict=True))


@pytest.mark.parametrize("arguments", [*HEADS.values(), {"image_dependent": False}], ids=[*HEADS, "global"])
def test_torchscript(arguments: dict):
    network = shaken(small_network(num_annotators=2, **arguments)).eval()
    script, image = torch.jit.script(network), features(1, 1, 8, 8)
    for ours, theirs in zip(network(image), script(image), strict=True):
        torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(script.segment(image), network.segment(image))
    torch.testing.assert_close(script.segment_as_annotators(image)[1], network.segment_as_annotators(image)[1])


def test_mistakes_are_named():
    with pytest.raises(ArgumentError, match="rank: expected None or 1 to 2 for 3 classes, got 3"):
        ConfusionHead(2, 4, num_classes=3, num_annotators=1, rank=3)
    for classes, annotators in [(1, 2), (2, 0)]:
        with pytest.raises(ArgumentError, match="two or more classes and one or more annotators"):
            ConfusionHead(2, 4, classes, annotators)
        with pytest.raises(ArgumentError, match="two or more classes and one or more annotators"):
            GlobalConfusion(classes, annotators)
    for accuracy in (0.0, 1.0, math.nan):
        with pytest.raises(ArgumentError, match="initial_accuracy"):
            GlobalConfusion(2, 2, accuracy)
    with pytest.raises(ArgumentError, match="add_identity: expected a rank"):
        ConfusionHead(2, 4, num_classes=3, num_annotators=1, add_identity=True)
    for arguments in ({"rank": 1}, {"hidden_channels": 4}, {"add_identity": True}):
        with pytest.raises(ArgumentError, match="image_dependent=False"):
            small_network(num_annotators=2, image_dependent=False, **arguments)


def test_a_backbone_of_other_features_is_named():
    network = small_network(num_annotators=2, feature_channels=5)
    with pytest.raises(ArgumentError, match=r"expected feature maps of shape \(1, 5, 8, 8\), got \(1, 6, 8, 8\)"):
        network(features(1, 1, 8, 8))
    network.backbone = nn.Conv2d(1, 5, 3)  # shrinks the image
    with pytest.raises(ArgumentError, match=r"got \(1, 5, 6, 6\)"):
        network(features(1, 1, 8, 8))
    network.backbone = nn.Identity()
    network.backbone.forward = lambda image: [image]
    with pytest.raises(ArgumentError, match="got list"):
        network(features(1, 1, 8, 8))
