"""Proposals, heads and the whole of the improved Mask R-CNN, on networks small enough to train in the test."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.data.box_utils import box_iou, non_max_suppression
from torch import nn

from common.errors import InputError
from common.losses import SoftActivePassiveLoss, table_1_loss
from common.networks import IMaskRCNN, roi_align
from common.networks.box_head import BoxHead, SampledRegions
from common.networks.mask_head import MaskHead
from common.networks.mask_rcnn import PyramidBackbone
from common.networks.region_proposal import RegionProposalNetwork, box_loss, box_overlap, random_sampler

LOSSES = {"rpn_objectness", "rpn_box", "class", "box", "mask"}
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


def network(loss: nn.Module | None = None, **options) -> IMaskRCNN:
    torch.manual_seed(0)
    return IMaskRCNN(loss or SoftActivePassiveLoss(sigmoid=True), **SMALL | options)


def no_boxes(height: int, width: int) -> dict[str, torch.Tensor]:
    return {"boxes": torch.zeros(0, 4), "classes": torch.zeros(0), "masks": torch.zeros(0, height, width)}


def ellipses(seed: int, height: int = 64, width: int = 64, count: int = 2) -> tuple[torch.Tensor, dict]:
    """An image ``(3, H, W)`` with bright ellipses, soft at their borders; the first is of class 1, the next of 2 …"""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    image = 0.2 * torch.randn(3, height, width, generator=generator)
    masks, boxes = [], []
    for index in range(count):
        centre = torch.rand(2, generator=generator) * 14 + torch.tensor([12.0, 12 + 26 * index])
        radii = torch.rand(2, generator=generator) * 4 + 6
        masks.append((1.5 - ((rows - centre[0]) / radii[0]) ** 2 - ((columns - centre[1]) / radii[1]) ** 2).clamp(0, 1))
        image[index] += 2 * masks[-1]
        inside = (masks[-1] >= 0.5).nonzero()
        boxes.append(torch.cat((inside.min(0).values, inside.max(0).values + 1)).float())
    return image, {"boxes": torch.stack(boxes), "classes": torch.arange(1, count + 1), "masks": torch.stack(masks)}


def boxes_of(seed: int, count: int, extent: float = 60.0) -> torch.Tensor:
    corners = torch.rand(count, 2, 2, generator=torch.Generator().manual_seed(seed)).sort(1).values.flatten(1) * extent
    return corners + torch.tensor([0.0, 0, 2, 2])


# -- overlap, sampling ------------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 6), st.integers(0, 6))
def test_overlaps_are_those_of_monai(seed: int, count: int, others: int) -> None:
    first, second = boxes_of(seed, count), boxes_of(seed + 1, others)
    torch.testing.assert_close(box_overlap(first, second), box_iou(first, second))


def test_suppression_by_this_overlap_is_that_of_monai() -> None:
    boxes, scores = boxes_of(0, 60, 20.0), torch.rand(60, generator=torch.Generator().manual_seed(1))
    kept = non_max_suppression(boxes, scores, 0.5, box_overlap_metric=box_overlap)
    assert torch.equal(kept, non_max_suppression(boxes, scores, 0.5)) and 1 < len(kept) < 60


def test_negatives_are_drawn_at_random_not_the_hardest() -> None:
    labels, scores = torch.zeros(100, dtype=torch.long), torch.arange(100.0)
    torch.manual_seed(0)
    drawn = torch.stack([random_sampler(10, 0.5)([labels], scores)[1][0] for _ in range(400)])
    share = drawn.float().mean(0)
    assert (drawn.sum(1) == 5).all()
    assert share[:50].mean().item() == pytest.approx(share[50:].mean().item(), abs=0.01)


def test_positives_take_their_part_at_most() -> None:
    labels = torch.tensor([1] * 30 + [0] * 70)
    positive, negative = random_sampler(20, 0.25)([labels], torch.zeros(100))
    assert positive[0].sum() == 5 and negative[0].sum() == 15
    assert (labels[positive[0].bool()] == 1).all() and (labels[negative[0].bool()] == 0).all()


def test_box_loss_is_smooth_l1_over_all_samples() -> None:
    deltas, target = torch.tensor([[0.05, 0, 0, 2.0]]), torch.zeros(1, 4)
    assert box_loss(deltas, target, 5).item() == pytest.approx((0.5 * 0.05**2 * 9 + 2 - 1 / 18) / 5)
    assert box_loss(deltas[:0], target[:0], 0) == 0


# -- proposals --------------------------------------------------------------------------------------------------------


def proposal_network(**options) -> tuple[RegionProposalNetwork, list[torch.Tensor]]:
    torch.manual_seed(0)
    features = [torch.randn(2, 8, 16, 18), torch.randn(2, 8, 8, 9)]
    return RegionProposalNetwork(8, (4, 8), (8, 16), **options), features


def test_anchors_are_centred_on_the_features() -> None:
    rpn, features = proposal_network(aspect_ratios=(1.0,))
    fine, coarse = rpn._anchors(features)
    assert fine.shape == (16 * 18, 4) and coarse.shape == (8 * 9, 4)
    assert fine[0].tolist() == [-2, -2, 6, 6]  # 8 pixels around (2, 2)
    assert fine[1].tolist() == [-2, 2, 6, 10]  # the next along axis W
    assert coarse[9].tolist() == [4, -4, 20, 12]  # the next along axis H, 16 pixels around (12, 4)


def test_proposals_are_the_anchors_with_the_highest_scores_when_nothing_is_shifted() -> None:
    rpn, features = proposal_network(aspect_ratios=(1.0,), after_suppression=3)
    nn.init.zeros_(rpn.deltas.weight)
    proposals, losses = rpn(features, (64, 72))
    anchors = torch.cat(rpn._anchors(features))
    with torch.no_grad():
        scores = torch.cat([rpn.objectness(rpn.convolution(f).relu())[1].flatten() for f in features])
    best = anchors[scores.argmax()].clamp_min(0)
    assert losses == {}
    torch.testing.assert_close(proposals[1][0], best)
    assert all(p.shape == (3, 4) and not p.requires_grad for p in proposals)


def test_proposals_lie_in_the_image_and_do_not_overlap() -> None:
    rpn, features = proposal_network(overlap=0.3)
    for boxes in rpn(features, (61, 70))[0]:
        assert (boxes >= 0).all() and (boxes[:, 2] <= 61).all() and (boxes[:, 3] <= 70).all()
        assert box_overlap(boxes, boxes).fill_diagonal_(0).max() <= 0.3


def test_proposals_learn_where_a_box_is() -> None:
    rpn, features = proposal_network(after_suppression=1)
    truth = [torch.tensor([[8.0, 12, 24, 40]]), torch.tensor([[30.0, 30, 40, 44]])]
    optimizer = torch.optim.Adam(rpn.parameters(), 0.02)
    for _ in range(80):
        losses = rpn(features, (64, 72), truth)[1]
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
    found = rpn(features, (64, 72))[0]
    assert all(box_overlap(box, expected).item() > 0.5 for box, expected in zip(found, truth, strict=True))


def test_without_boxes_only_the_objectness_is_learned() -> None:
    rpn, features = proposal_network()
    losses = rpn(features, (64, 72), [torch.zeros(0, 4)] * 2)[1]
    assert losses["rpn_box"] == 0 and losses["rpn_objectness"] > 0.6
    sum(losses.values()).backward()
    assert all(parameter.grad is not None for parameter in rpn.parameters())


def test_as_many_anchor_sizes_as_levels() -> None:
    with pytest.raises(InputError, match=r"anchor_sizes: .*2 levels, got \[8\]"):
        RegionProposalNetwork(8, (4, 8), (8,))


# -- heads ------------------------------------------------------------------------------------------------------------


def test_regions_take_the_class_of_the_box_they_overlap() -> None:
    head = BoxHead(4, 3, (4,), samples=400)
    target = {"boxes": torch.tensor([[0.0, 0, 20, 20], [30, 30, 50, 50]]), "classes": torch.tensor([3, 1])}
    proposals = torch.tensor([[0.0, 0, 20, 24], [0, 0, 20, 45], [31, 31, 50, 50], [60, 60, 64, 64]])
    regions = head.sample([proposals, proposals], [target, no_boxes(64, 64)])
    got = {tuple(box.tolist()): (c.item(), m.item()) for box, c, m in zip(*regions[0], strict=True)}
    assert got[0.0, 0, 20, 24] == (3, 0) and got[31, 31, 50, 50] == (1, 1)
    assert got[0, 0, 20, 45][0] == got[60, 60, 64, 64][0] == 0
    assert got[0.0, 0, 20, 20] == (3, 0) and got[30, 30, 50, 50] == (1, 1)  # the true boxes are regions too
    assert len(regions[1].boxes) == 4 and (regions[1].classes == 0).all()


class Fixed(BoxHead):
    """A box head that answers what it is told."""

    answer: tuple[torch.Tensor, torch.Tensor]

    def forward(self, features, boxes):
        return self.answer


def test_the_box_head_learns_class_and_box_of_the_matched_truth() -> None:
    head = Fixed(4, 2, (4,), hidden=4)
    target = {"boxes": torch.tensor([[0.0, 0, 20, 20], [30, 30, 50, 56]]), "classes": torch.tensor([2, 1])}
    boxes = torch.tensor([[2.0, 0, 20, 18], [31, 33, 50, 50], [50, 0, 60, 9]])
    region = SampledRegions(boxes, torch.tensor([2, 1, 0]), torch.tensor([0, 1, 0]))
    deltas = torch.randn(3, 2, 4)
    deltas[0, 1] = head.coder.encode_single(target["boxes"][:1], region.boxes[:1])[0]
    deltas[1, 0] = head.coder.encode_single(target["boxes"][1:], region.boxes[1:2])[0]
    head.answer = 50 * torch.eye(3)[[2, 1, 0]], deltas
    perfect = head.losses([], [region], [target])
    assert perfect["class"] < 1e-6 and perfect["box"] < 1e-6
    deltas[1, 0, 2] += 1
    assert head.losses([], [region], [target])["box"].item() == pytest.approx((1 - 1 / 18) / 3, rel=1e-4)
    head.answer = torch.zeros(3, 3), deltas
    assert head.losses([], [region], [target])["class"].item() == pytest.approx(torch.tensor(3.0).log().item())


def test_detections_are_decoded_clipped_suppressed_and_sorted() -> None:
    head = Fixed(4, 2, (4,), hidden=4, score_threshold=0.1)
    proposals = torch.tensor([[0.0, 0, 20, 20], [1, 0, 20, 20], [40, 40, 70, 60], [5, 5, 9, 9]])
    logits = torch.tensor([[0.0, 2, 0], [0, 1, 4], [0, 0, 9], [9, 0, 0]])
    head.answer = logits, torch.zeros(4, 2, 4)
    (found,) = head.detect([], [proposals], (64, 64))
    assert found["classes"].tolist() == [2, 2, 1]
    torch.testing.assert_close(found["boxes"], torch.tensor([[40.0, 40, 64, 60], [1, 0, 20, 20], [0, 0, 20, 20]]))
    torch.testing.assert_close(found["scores"], logits.softmax(1)[[2, 1, 0], [2, 2, 1]])
    head.detections = 1
    assert len(head.detect([], [proposals], (64, 64))[0]["boxes"]) == 1


class Recorder(nn.Module):
    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        self.logits, self.target = logits, target
        return logits.sum()


def test_the_mask_loss_sees_the_soft_label_inside_the_region_and_the_channel_of_its_class() -> None:
    loss = Recorder()
    head = MaskHead(4, 3, (4,), loss, hidden=4, cells=7)
    masks = torch.zeros(2, 32, 32)
    masks[1, 8:16, 4:20] = 0.3
    regions = SampledRegions(
        torch.tensor([[8.0, 4, 16, 20], [0, 0, 8, 8], [0, 0, 16, 16]]), torch.tensor([3, 1, 0]), torch.tensor([1, 0, 0])
    )
    value = head.losses([torch.randn(1, 4, 8, 8)], [regions], [{"masks": masks}])["mask"]
    assert loss.logits.shape == loss.target.shape == (2, 1, 28, 28)
    torch.testing.assert_close(loss.target[0, 0, 4:-4, 2:-2], torch.full((20, 24), 0.3))
    assert (loss.target[1] == 0).all()
    value.backward()
    gradient = head.masks.weight.grad.flatten(1).abs().sum(1)
    assert gradient[0] > 0 and gradient[1] == 0 and gradient[2] > 0


@pytest.mark.parametrize("seed", [0, 1])
def test_active_passive_masks_do_not_go_empty(seed: int) -> None:
    """Without normalisation five of six such heads mark nothing and stay so: the loss is flat where it is sure."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    head = MaskHead(4, 1, (4,), table_1_loss("apl_soft_1_1_1", sigmoid=True), hidden=32, cells=7)
    optimizer = torch.optim.Adam(head.parameters(), 1e-3)
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    centres = torch.rand(4, 2, generator=generator) * 20 + 22
    masks = torch.stack([((rows - y) / 10) ** 2 + ((columns - x) / 8) ** 2 < 1 for y, x in centres.tolist()]).float()
    features = 1 + 0.5 * torch.randn(4, 4, 16, 16, generator=generator)
    features[:, 0] += 1.6 * nn.functional.avg_pool2d(masks[:, None], 4)[:, 0]
    boxes = torch.cat((centres - torch.tensor([14, 12]), centres + torch.tensor([14, 12])), 1)
    regions = [SampledRegions(box[None], torch.tensor([1]), torch.tensor([0])) for box in boxes]
    for _ in range(30):
        loss = head.losses([features], regions, [{"masks": 0.8 * mask[None]} for mask in masks])["mask"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    predicted = head([features], list(boxes[:, None]))[:, 0] > 0
    true = roi_align(masks[:, None], list(boxes[:, None]), (28, 28))[:, 0] >= 0.5
    assert 2 * (predicted & true).sum() / (predicted.sum() + true.sum()) > 0.85


def test_no_positive_region_is_no_mask_loss() -> None:
    head = MaskHead(4, 1, (4,), nn.BCEWithLogitsLoss(), hidden=4, cells=7)
    region = SampledRegions(torch.tensor([[0.0, 0, 8, 8]]), torch.tensor([0]), torch.tensor([0]))
    loss = head.losses([torch.randn(1, 4, 8, 8)], [region], [no_boxes(32, 32)])["mask"]
    assert loss == 0
    loss.backward()
    assert all(parameter.grad.abs().sum() == 0 for parameter in head.parameters())


# -- the whole --------------------------------------------------------------------------------------------------------


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
        for found in net(images):
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


def test_nothing_detected() -> None:
    net = network(score_threshold=0.999).eval()
    (found,) = net(torch.zeros(1, 3, 64, 64))
    assert {key: tuple(value.shape) for key, value in found.items()} == {
        "boxes": (0, 4), "classes": (0,), "scores": (0,), "masks": (0, 64, 64)
    }  # fmt: skip


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
        (found,) = net(image[None])
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
        (found,) = net(image[None])
    assert found["masks"].dtype == torch.float32


def test_weights_are_saved_and_loaded_whole() -> None:
    net = network().eval()
    other = network(layers=(1, 1, 1, 1))
    nn.init.zeros_(other.mask_head.masks.weight)
    other.load_state_dict(copy.deepcopy(net.state_dict()))
    image = ellipses(0)[0][None]
    (first,), (second,) = net(image), other.eval()(image)
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
    with pytest.raises(InputError, match=r"num_classes: .*got 0"):
        network(num_classes=0)
    with pytest.raises(InputError, match=r"images: .*got the shape \(3, 64, 64\)"):
        net(image)
    with pytest.raises(InputError, match=r"targets: .*1 images, got 2"):
        net(images, [target] * 2)
    for key in ("boxes", "classes", "masks"):
        with pytest.raises(InputError, match=r"targets of image 0: expected boxes \(N, 4\).*got"):
            net(images, [target | {key: target[key][:1]}])
    with pytest.raises(InputError, match=r"boxes of image 0: expected ends beyond starts"):
        net(images, [target | {"boxes": target["boxes"][:, [2, 1, 0, 3]]}])
    for classes in ([0, 1], [2, 3]):
        with pytest.raises(InputError, match=r"classes of image 0: expected 1 to 2"):
            net(images, [target | {"classes": torch.tensor(classes)}])
