"""Overlaps, sampling, and proposals of boxes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data.box_utils import box_iou, non_max_suppression
from torch import nn

from common.errors import ArgumentError
from common.networks.region_proposal import (
    POSSIBLE,
    RegionProposalNetwork,
    box_loss,
    box_overlap,
    random_sampler,
    unlabeled_share,
)


def boxes_of(seed: int, count: int, extent: float = 60.0) -> torch.Tensor:
    corners = torch.rand(count, 2, 2, generator=torch.Generator().manual_seed(seed)).sort(1).values.flatten(1) * extent
    return corners + torch.tensor([0.0, 0, 2, 2])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 6), st.integers(0, 6))
def test_overlaps_are_those_of_monai(seed: int, count: int, others: int) -> None:
    first, second = boxes_of(seed, count), boxes_of(seed + 1, others)
    torch.testing.assert_close(box_overlap(first, second), box_iou(first, second))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 8))
def test_shares_without_a_label_are_those_of_counting(seed: int, count: int) -> None:
    unlabeled = torch.rand(24, 40, generator=torch.Generator().manual_seed(seed)) < 0.3
    boxes = (boxes_of(seed, count) - 10).mul(4).round() / 4  # some leave the image; quarters of pixels are counted
    fine = unlabeled.repeat_interleave(4, 0).repeat_interleave(4, 1)
    expected = []
    for top, left, bottom, right in (4 * boxes).long().clamp_min(0).tolist():
        part = fine[top:bottom, left:right]
        expected.append(part.float().mean().item() if part.numel() else 0.0)
    torch.testing.assert_close(unlabeled_share(boxes, unlabeled), torch.tensor(expected), rtol=0, atol=1e-5)


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


def proposal_network(**options) -> tuple[RegionProposalNetwork, list[torch.Tensor]]:
    torch.manual_seed(0)
    features = [torch.randn(2, 8, 16, 18), torch.randn(2, 8, 8, 9)]
    return RegionProposalNetwork(8, (4, 8), (8, 16), **options), features


def test_anchors_are_centered_on_the_features() -> None:
    rpn, features = proposal_network(aspect_ratios=(1.0,))
    fine, coarse = rpn.anchor_boxes(features)
    assert fine.shape == (16 * 18, 4) and coarse.shape == (8 * 9, 4)
    assert fine[0].tolist() == [-2, -2, 6, 6]  # 8 pixels around (2, 2)
    assert fine[1].tolist() == [-2, 2, 6, 10]  # the next along axis W
    assert coarse[9].tolist() == [4, -4, 20, 12]  # the next along axis H, 16 pixels around (12, 4)


def test_proposals_are_the_anchors_with_the_highest_scores_when_nothing_is_shifted() -> None:
    rpn, features = proposal_network(aspect_ratios=(1.0,), after_suppression=3)
    nn.init.zeros_(rpn.deltas.weight)
    proposals, losses = rpn(features, (64, 72))
    anchors = torch.cat(rpn.anchor_boxes(features))
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
    with pytest.raises(ArgumentError, match=r"anchor_sizes: .*2 levels, got \[8\]"):
        RegionProposalNetwork(8, (4, 8), (8,))


def test_where_nobody_labeled_nothing_is_background() -> None:
    """Anchors there are in no loss; with a label everywhere, all may be."""
    network = RegionProposalNetwork(4, strides=(8,), anchor_sizes=(16,), samples=1000)
    features, boxes = [torch.zeros(1, 4, 8, 8)], [torch.tensor([[4.0, 4, 20, 20]])]
    unlabeled = torch.zeros(64, 64, dtype=torch.bool)
    unlabeled[:, 32:] = True
    seen: list[torch.Tensor] = []
    sampler = network.sampler

    def sampled(labels: list[torch.Tensor], scores: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        found = sampler(labels, scores)
        seen.append(torch.cat(network.anchor_boxes(features))[found[1][0].bool()])
        return found

    object.__setattr__(network, "sampler", sampled)
    network(features, (64, 64), boxes, [unlabeled])
    network(features, (64, 64), boxes)
    partly, whole = seen
    assert 0 < len(partly) < len(whole) and unlabeled_share(partly, unlabeled).max() < 0.15
    possible = whole[unlabeled_share(whole, unlabeled) < 0.15]
    assert len(possible) == len(partly)


def test_anchors_that_match_an_object_overlap_it_by_the_share_that_is_left_out() -> None:
    """So that an anchor with less of an unlabeled object is hardly ever one that would match it."""
    network = RegionProposalNetwork(4, (4, 8, 16, 32), anchor_sizes=(8, 16, 32, 64))
    levels = network.anchor_boxes([torch.zeros(1, 4, 128 // stride, 128 // stride) for stride in network.strides])
    every, positions = torch.cat(levels), [len(level) // network.shapes for level in levels]
    overlaps = []
    for seed in range(100):
        corner = torch.rand(2, generator=torch.Generator().manual_seed(seed)) * 80
        sides = 6 + torch.rand(2, generator=torch.Generator().manual_seed(seed + 1000)) * 40
        truth = torch.cat((corner, corner + sides))[None]
        match = network.matcher(truth, every, positions, network.shapes)[1]
        overlaps.append(box_overlap(truth, every[match >= 0])[0])
    assert (torch.cat(overlaps) < POSSIBLE).float().mean() < 0.01 < (torch.cat(overlaps) < 0.5).float().mean()


def test_without_any_label_there_is_nothing_to_learn() -> None:
    network = RegionProposalNetwork(4, strides=(8,), anchor_sizes=(16,))
    nothing, everywhere = torch.zeros(0, 4), torch.ones(64, 64, dtype=torch.bool)
    _, losses = network([torch.rand(1, 4, 8, 8)], (64, 64), [nothing], [everywhere])
    assert losses["rpn_objectness"].item() == losses["rpn_box"].item() == 0
    sum(losses.values(), torch.zeros(())).backward()
    assert all(parameter.grad is not None and not parameter.grad.any() for parameter in network.parameters())
