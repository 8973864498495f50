"""What a label loses on another grid."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from benchmarks.resampled_labels import RULES, way_and_back


def ball() -> MetaTensor:
    axes = torch.meshgrid(*(torch.arange(24.0) for _ in range(3)), indexing="ij")
    inside = sum((axis - 12.2) ** 2 for axis in axes) < 64
    return MetaTensor(inside.float()[None], affine=torch.diag(torch.tensor([2.0, 2.0, 2.0, 1.0])))


def test_on_its_own_grid_nothing_is_lost() -> None:
    for rule in RULES:
        assert way_and_back(ball(), (2.0, 2.0, 2.0), rule, 2) == (1.0, pytest.approx(0, abs=1e-6))


def test_shares_lose_less_than_the_nearest_voxel() -> None:
    found = {rule: way_and_back(ball(), (2.08, 2.08, 2.08), rule, 2) for rule in RULES}
    assert found["shares"][0] > found["nearest"][0] + 0.01
    assert abs(found["shares"][1]) < abs(found["nearest"][1]) / 2
