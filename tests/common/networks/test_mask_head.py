"""Masks of regions: their targets, their loss, and that they do not go empty."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from common.losses import table_1_loss
from common.networks import roi_align
from common.networks.box_head import SampledRegions
from common.networks.mask_head import MaskHead


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
    """Without normalization five of six such heads mark nothing and stay so: the loss is flat where it is sure."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    head = MaskHead(4, 1, (4,), table_1_loss("apl_soft_1_1_1", sigmoid=True), hidden=32, cells=7)
    optimizer = torch.optim.Adam(head.parameters(), 1e-3)
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    centers = torch.rand(4, 2, generator=generator) * 20 + 22
    masks = torch.stack([((rows - y) / 10) ** 2 + ((columns - x) / 8) ** 2 < 1 for y, x in centers.tolist()]).float()
    features = 1 + 0.5 * torch.randn(4, 4, 16, 16, generator=generator)
    features[:, 0] += 1.6 * nn.functional.avg_pool2d(masks[:, None], 4)[:, 0]
    boxes = torch.cat((centers - torch.tensor([14, 12]), centers + torch.tensor([14, 12])), 1)
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
    loss = head.losses([torch.randn(1, 4, 8, 8)], [region], [{"masks": torch.zeros(0, 32, 32)}])["mask"]
    assert loss == 0
    loss.backward()
    assert all(parameter.grad.abs().sum() == 0 for parameter in head.parameters())


def test_cells_that_nobody_labeled_are_no_target() -> None:
    seen: list[torch.Tensor] = []

    def loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        seen.append(target)
        return logits.sum()

    head = MaskHead(4, 1, (4,), loss, hidden=4, cells=7)  # type: ignore[arg-type]
    mask = torch.ones(1, 32, 32)
    mask[:, :, 10:] = -1
    region = SampledRegions(torch.tensor([[0.0, 0, 28, 28]]), torch.tensor([1]), torch.tensor([0]))
    head.losses([torch.randn(1, 4, 8, 8)], [region], [{"masks": mask}])
    (target,) = seen
    assert (target[..., :9] == 1).all() and (target[..., 10:] == -1).all()  # a cell for each pixel
    assert ((target == 1) | (target == -1)).all()
