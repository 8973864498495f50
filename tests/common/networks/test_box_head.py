"""Class and box of each proposal."""

from __future__ import annotations

import pytest
import torch

from common.networks.box_head import BoxHead, SampledRegions


def test_regions_take_the_class_of_the_box_they_overlap() -> None:
    head = BoxHead(4, 3, (4,), samples=400)
    target = {"boxes": torch.tensor([[0.0, 0, 20, 20], [30, 30, 50, 50]]), "classes": torch.tensor([3, 1])}
    proposals = torch.tensor([[0.0, 0, 20, 24], [0, 0, 20, 45], [31, 31, 50, 50], [60, 60, 64, 64]])
    none = {"boxes": torch.zeros(0, 4), "classes": torch.zeros(0)}
    regions = head.sample([proposals, proposals], [target, none])
    got = {tuple(box.tolist()): (c.item(), m.item()) for box, c, m in zip(*regions[0], strict=True)}
    assert got[0.0, 0, 20, 24] == (3, 0) and got[31, 31, 50, 50] == (1, 1)
    assert got[0, 0, 20, 45][0] == got[60, 60, 64, 64][0] == 0
    assert got[0.0, 0, 20, 20] == (3, 0) and got[30, 30, 50, 50] == (1, 1)  # the true boxes are regions too
    assert len(regions[1].boxes) == 4 and (regions[1].classes == 0).all()


def test_regions_that_may_hold_what_nobody_labeled_are_left_out() -> None:
    head = BoxHead(4, 3, (4,), samples=400)
    unlabeled = torch.zeros(64, 64, dtype=torch.bool)
    unlabeled[:, 32:] = True
    target = {"boxes": torch.tensor([[0.0, 24, 20, 44]]), "classes": torch.tensor([2]), "unlabeled": unlabeled}
    proposals = torch.tensor([[0.0, 0, 9, 9], [40, 40, 50, 50], [30, 24, 50, 40], [30, 20, 50, 42]])
    regions = head.sample([proposals], [target])[0]
    got = {tuple(box.tolist()): int(number) for box, number in zip(regions.boxes, regions.classes, strict=True)}
    assert got == {(0.0, 24, 20, 44): 2, (0.0, 0, 9, 9): 0, (30, 20, 50, 42): 0}


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
