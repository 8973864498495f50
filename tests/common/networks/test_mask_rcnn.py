"""The whole of the improved Mask R-CNN, on networks small enough to train in the test."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from monai.data import MetaTensor
from torch import nn

from common.errors import ArgumentError
from common.losses import SoftActivePassiveLoss, table_1_loss
from common.networks import IMaskRCNN, class_probabilities
from common.networks.mask_rcnn import PyramidBackbone, class_maps
from common.networks.region_proposal import box_overlap

LOSSES = {"rpn_objectness", "rpn_box", "class", "box", "mask"}
IMAGE = torch.zeros(1, 3, 64, 64)
DEFAULT_LOSS = SoftActivePassiveLoss(sigmoid=True)
SMALL = {
    "block": "basic",
    "layers": (1, 1, 1, 1),
    "features": (8, 8, 16, 16),
    "channels": 16,
    "hidden": 32,
    "proposals": 30,
    "anchor_samples": 32,
    "region_samples": 24,
    "mask_cells": 7,
}


def network(mask_loss: nn.Module | None = DEFAULT_LOSS, **options) -> IMaskRCNN:
    torch.manual_seed(0)
    return IMaskRCNN(mask_loss, **SMALL | options)


def no_boxes(height: int, width: int) -> dict[str, torch.Tensor]:
    return {"boxes": torch.zeros(0, 4), "classes": torch.zeros(0), "masks": torch.zeros(0, height, width)}


def ellipses(seed: int, height: int = 64, width: int = 64, count: int = 2) -> tuple[torch.Tensor, dict]:
    """An image ``(3, H, W)`` with bright ellipses, soft at their borders; the first is of class 1, the next of 2 …"""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    image = 0.2 * torch.randn(3, height, width, generator=generator)
    masks, boxes = [], []
    for index in range(count):
        center = torch.rand(2, generator=generator) * 14 + torch.tensor([12.0, 12 + 26 * index])
        radii = torch.rand(2, generator=generator) * 4 + 6
        masks.append((1.5 - ((rows - center[0]) / radii[0]) ** 2 - ((columns - center[1]) / radii[1]) ** 2).clamp(0, 1))
        image[index] += 2 * masks[-1]
        inside = (masks[-1] >= 0.5).nonzero()
        boxes.append(torch.cat((inside.min(0).values, inside.max(0).values + 1)).float())
    return image, {"boxes": torch.stack(boxes), "classes": torch.arange(1, count + 1), "masks": torch.stack(masks)}


def test_the_levels_of_the_pyramid() -> None:
    for block in ("basic", "bottleneck"):
        levels = PyramidBackbone(3, block, (1, 1, 1, 1), (4, 4, 8, 8), channels=6)(torch.zeros(2, 3, 64, 96))
        assert [tuple(level.shape) for level in levels] == [
            (2, 6, 16, 24), (2, 6, 8, 12), (2, 6, 4, 6), (2, 6, 2, 3), (2, 6, 1, 2)
        ]  # fmt: skip


@pytest.mark.parametrize("size", [(64, 64), (50, 71)], ids=str)
def test_shapes(size: tuple[int, int]) -> None:
    net = network(num_classes=2)
    pairs = [ellipses(seed, *size) for seed in (0, 1)]
    images = torch.stack([image for image, _ in pairs])
    losses = net(images, [target for _, target in pairs])
    assert set(losses) == LOSSES
    assert all(value.ndim == 0 and value.isfinite() and value >= 0 for value in losses.values())
    net.eval()
    with torch.no_grad():
        for found in net.detect(images):
            count = len(found["boxes"])
            assert count > 0
            assert found["masks"].shape == (count, *size)
            assert found["classes"].shape == found["scores"].shape == (count,)
            assert set(found["classes"].tolist()) <= {1, 2}
            assert (found["scores"].diff() <= 0).all()
            assert (found["masks"] >= 0).all() and (found["masks"] <= 1).all()
            assert (found["boxes"] >= 0).all() and (found["boxes"] <= torch.tensor(size * 2)).all()


def test_images_without_any_box() -> None:
    net = network()
    images = torch.stack([ellipses(0)[0], torch.zeros(3, 64, 64)])
    losses = net(images, [no_boxes(64, 64)] * 2)
    assert losses["box"] == losses["mask"] == losses["rpn_box"] == 0
    sum(losses.values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
    mixed = net(images, [ellipses(0, count=1)[1], no_boxes(64, 64)])
    assert mixed["mask"] > 0


def test_an_image_that_nobody_labeled_teaches_nothing() -> None:
    unlabeled = no_boxes(64, 64) | {"unlabeled": torch.ones(64, 64, dtype=torch.bool)}
    net = network()
    losses = net(torch.rand(2, 3, 64, 64), [unlabeled, unlabeled])
    assert {name: value.item() for name, value in losses.items()} == dict.fromkeys(LOSSES, 0.0)
    sum(losses.values(), torch.zeros(())).backward()
    heads = [*net.proposals.parameters(), *net.box_head.parameters(), *net.mask_head.parameters()]
    assert all(parameter.grad is not None and not parameter.grad.any() for parameter in heads)


def test_nothing_detected() -> None:
    net = network(score_threshold=0.999).eval()
    (found,) = net.detect(torch.zeros(1, 3, 64, 64))
    assert {key: tuple(value.shape) for key, value in found.items()} == {
        "boxes": (0, 4), "classes": (0,), "scores": (0,), "masks": (0, 64, 64)
    }  # fmt: skip


def test_called_with_images_alone_it_segments() -> None:
    images = torch.stack([ellipses(seed, 50, 71)[0] for seed in (0, 1)])
    net = network(num_classes=2, map_threshold=0.3, mask_loss=None).eval()
    with torch.no_grad():
        pred, found = net(images), net.detect(images)
    assert pred.shape == (2, 2, 50, 71)
    assert torch.equal(pred, class_probabilities(found, 2, 0.3)) and pred.max() > 0
    with torch.no_grad():
        segmented, scores = net.scored_segmentation(images).chunk(2, dim=1)
    assert torch.equal(segmented, pred) and torch.equal(scores > 0, pred > 0)
    assert set(scores[0].unique().tolist()) - {0.0} <= set(found[0]["scores"].tolist())
    assert (network(map_threshold=1.0).eval()(images) == 0).all()
    with pytest.raises(ArgumentError, match="mask_loss: expected a loss"):
        net(images, [no_boxes(50, 71)] * 2)


def train(net: IMaskRCNN, pairs: list, steps: int) -> list[float]:
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    torch.manual_seed(1)
    history = []
    for _ in range(steps):
        losses = net(torch.stack([image for image, _ in pairs]), [target for _, target in pairs])
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
        history.append(sum(losses.values()).item())
    return history


def test_a_seed_repeats_a_training() -> None:
    pairs = [ellipses(seed) for seed in (0, 1)]
    first, second = network(num_classes=2), network(num_classes=2)
    assert train(first, pairs, 3) == train(second, pairs, 3)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_it_learns_boxes_classes_and_soft_masks() -> None:
    pairs = [ellipses(seed) for seed in range(4)]
    net = network(table_1_loss("soft_bce", sigmoid=True), num_classes=2)
    train(net, pairs, 70)
    net.eval()
    overlaps, dice, errors = [], [], []
    for image, target in pairs:
        (found,) = net.detect(image[None])
        best = torch.stack([(found["classes"] == label).nonzero()[0, 0] for label in (1, 2)])
        assert (found["scores"][best] > 0.5).all()
        overlaps.append(box_overlap(found["boxes"][best], target["boxes"]).diagonal())
        predicted, true = found["masks"][best] >= 0.5, target["masks"] >= 0.5
        dice.append(2 * (predicted & true).sum((1, 2)) / (predicted.sum((1, 2)) + true.sum((1, 2))))
        errors.append((found["masks"][best] - target["masks"])[predicted & true].abs())
    assert torch.cat(overlaps).mean() > 0.6
    assert torch.cat(dice).mean() > 0.75
    assert torch.cat(errors).mean() < 0.2


def test_every_parameter_takes_part() -> None:
    net = network(num_classes=2, anchor_samples=2000)
    image, target = ellipses(0)
    sum(net(image[None].repeat(2, 1, 1, 1), [target] * 2).values()).backward()
    still = [name for name, p in net.named_parameters() if p.grad is None or p.grad.abs().sum() == 0]
    assert still == []


def test_mixed_precision() -> None:
    net = network()
    image, target = ellipses(0, count=1)
    with torch.autocast("cpu", torch.bfloat16):
        losses = net(image[None].repeat(2, 1, 1, 1), [target] * 2)
    assert all(value.dtype == torch.float32 and value.isfinite() for value in losses.values())
    sum(losses.values()).backward()
    assert all(p.grad.isfinite().all() for p in net.parameters())
    net.eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        (found,) = net.detect(image[None])
    assert found["masks"].dtype == torch.float32


def test_weights_are_saved_and_loaded_whole() -> None:
    net = network().eval()
    other = network(layers=(1, 1, 1, 1))
    nn.init.zeros_(other.mask_head.masks.weight)
    other.load_state_dict(copy.deepcopy(net.state_dict()))
    image = ellipses(0)[0][None]
    (first,), (second,) = net.detect(image), other.eval().detect(image)
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_meta_tensors_give_plain_tensors() -> None:
    net = network()
    image, target = ellipses(0, count=1)
    meta = {key: MetaTensor(value) for key, value in target.items()}
    losses = net(MetaTensor(image[None].repeat(2, 1, 1, 1)), [meta] * 2)
    assert all(type(value) is torch.Tensor for value in losses.values())


def test_wrong_inputs_are_named() -> None:
    net = network(num_classes=2)
    image, target = ellipses(0)
    images = image[None]
    with pytest.raises(ArgumentError, match=r"of the 4 layers of the Mask R-CNN, got \[4, 4, 4\]; .* configs/unet"):
        network(features=(4, 4, 4))
    with pytest.raises(ArgumentError, match=r"num_classes: .*got 0"):
        network(num_classes=0)
    with pytest.raises(ArgumentError, match=r"images: .*got the shape \(3, 64, 64\)"):
        net(image)
    with pytest.raises(ArgumentError, match=r"targets: .*1 images, got 2"):
        net(images, [target] * 2)
    for key in ("boxes", "classes", "masks"):
        with pytest.raises(ArgumentError, match=r"targets of image 0: expected boxes \(N, 4\).*got"):
            net(images, [target | {key: target[key][:1]}])
    with pytest.raises(ArgumentError, match=r"targets of image 0: expected unlabeled \(64, 64\), got \(3, 3\)"):
        net(images, [target | {"unlabeled": torch.zeros(3, 3)}])
    with pytest.raises(ArgumentError, match=r"boxes of image 0: expected ends beyond starts"):
        net(images, [target | {"boxes": target["boxes"][:, [2, 1, 0, 3]]}])
    for classes in ([0, 1], [2, 3]):
        with pytest.raises(ArgumentError, match=r"classes of image 0: expected 1 to 2"):
            net(images, [target | {"classes": torch.tensor(classes)}])


def test_only_masks_that_count_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The segmentation is that of all detections; masks below the threshold are not asked for."""
    torch.manual_seed(0)
    sizes = {"block": "basic", "layers": (1, 1, 1, 1), "features": (4, 4, 4, 4), "channels": 4, "hidden": 8}
    network = IMaskRCNN(num_classes=2, mask_cells=7, proposals=20, **sizes).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        every = network.detect(images)
        scores = torch.cat([one["scores"] for one in every])
        network.map_threshold = float(scores.median())
        asked = []
        probabilities = network.mask_head.probabilities
        monkeypatch.setattr(
            network.mask_head,
            "probabilities",
            lambda features, found: (
                asked.append([len(one["scores"]) for one in found]) or probabilities(features, found)
            ),
        )
        expected = torch.cat(class_maps(every, 2, network.map_threshold), 1)
        torch.testing.assert_close(network.scored_segmentation(images), expected, rtol=0, atol=1e-5)
        network.map_threshold = 1.1
        assert not network(images).any()
    counted = [int((one["scores"] >= scores.median()).sum()) for one in every]
    assert asked == [counted, [0, 0]] and 0 < sum(counted) < len(scores)


@pytest.mark.parametrize(
    "export",
    [torch.jit.script, lambda net: torch.jit.trace(net, IMAGE), lambda net: torch.export.export(net, (IMAGE,))],
    ids=["script", "trace", "export"],
)
def test_that_it_cannot_be_exported_is_one_sentence(export: Callable[[nn.Module], object]) -> None:
    with pytest.raises(ArgumentError, match=r"cannot be exported .* the U-Net of configs/unet\.yaml can\.$"):
        export(network().eval())
