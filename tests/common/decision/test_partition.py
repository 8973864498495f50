"""What the rule for classes that exclude each other loses against the best of all partitions."""

from __future__ import annotations

import itertools

import pytest
import torch

from common.decision import dice_optimal_partition, dice_optimal_segmentation
from common.errors import ArgumentError


def random_maps(count: int, voxels: int, concentration: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    gamma = torch._standard_gamma(torch.full((count, 3, voxels), concentration).double(), generator=generator)
    return gamma / gamma.sum(1, keepdim=True)


def mean_expected_dice(labels: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """Of label maps ``(N, voxels)`` under one map ``(3, voxels)``: 2 Σ s·p / (Σ s + Σ p), mean of both classes."""
    scores = []
    for c in (1, 2):
        chosen = (labels == c).double()
        scores.append(2 * (chosen @ p[c]) / (chosen.sum(1) + p[c].sum()))
    return torch.stack(scores).mean(0)


@pytest.mark.parametrize("concentration", [0.3, 1.0, 3.0])
@pytest.mark.parametrize(("voxels", "mean", "most"), [(3, 0.02, 0.3), (6, 0.006, 0.2), (8, 0.004, 0.2)])
def test_against_the_best_of_all_partitions(voxels: int, mean: float, most: float, concentration: float) -> None:
    every = torch.tensor(list(itertools.product(range(3), repeat=voxels)))
    maps = random_maps(100, voxels, concentration)
    labels, _ = dice_optimal_partition(maps)
    best = torch.stack([mean_expected_dice(every, p).max() for p in maps])
    ours = torch.cat([mean_expected_dice(label, p) for label, p in zip(labels, maps, strict=True)])
    argmax = torch.cat([mean_expected_dice(p.argmax(0)[None], p) for p in maps])
    loss = best - ours
    assert loss.min() > -1e-12 and loss.mean() < mean and loss.max() < most
    assert loss.mean() < (best - argmax).mean() / 3


def test_two_classes_are_the_thresholded_map() -> None:
    foreground = torch.rand(3, 1, 9, 7, generator=torch.Generator().manual_seed(0))
    labels, threshold = dice_optimal_partition(torch.cat([1 - foreground, foreground], 1))
    assert torch.equal(labels.float(), dice_optimal_segmentation(foreground))
    assert threshold.shape == (3, 1)


def test_no_voxel_is_in_two_classes_and_none_that_nobody_claims() -> None:
    maps = random_maps(20, 50, 1.0)
    labels, threshold = dice_optimal_partition(maps)
    claimed = maps[:, 1:] >= threshold[..., None] * (1 - 1e-12)
    assert torch.equal(labels[:, 0] > 0, claimed.any(1))
    chosen = claimed.gather(1, (labels.long() - 1).clamp_min(0))
    assert chosen[labels > 0].all()


def test_empty_maps_and_mistakes() -> None:
    nothing = torch.tensor([[[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]])
    assert not dice_optimal_partition(nothing)[0].any()
    with pytest.raises(ArgumentError, match="two or more classes, background first"):
        dice_optimal_partition(torch.zeros(1, 1, 4))
