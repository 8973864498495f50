"""Reliability against NumPy's histogram, and the calibration error that it must give."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import ArgumentError
from common.metrics import expected_calibration_error, reliability_bins


def draw(seed: int, *shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities ``(B, C, *spatial)`` and class indices ``(B, 1, *spatial)``."""
    generator = torch.Generator().manual_seed(seed)
    probabilities = (2 * torch.randn(shape, generator=generator)).softmax(1)
    return probabilities, torch.randint(shape[1], (shape[0], 1, *shape[2:]), generator=generator)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 20), st.sampled_from([(9,), (4, 5), (2, 3, 4)]))
def test_counts_and_means_of_every_bin(seed: int, bins: int, spatial: tuple[int, ...]) -> None:
    probabilities, target = draw(seed, 2, 3, *spatial)
    found = reliability_bins(probabilities, target, bins)
    for c in range(3):
        p, y = probabilities[:, c].flatten().double().numpy(), (target == c).flatten().numpy()
        bin_of = np.ceil(p * bins).clip(1) - 1
        for b in range(bins):
            inside = bin_of == b
            assert found.voxels[c, b] == inside.sum()
            if inside.any():
                assert found.confidence[c, b] == pytest.approx(p[inside].mean())
                assert found.accuracy[c, b] == pytest.approx(y[inside].mean())
            else:
                assert found.confidence[c, b].isnan() and found.accuracy[c, b].isnan()


@pytest.mark.parametrize("region", ["all", "foreground"])
def test_the_calibration_error_is_its_mean_gap(region: str) -> None:
    probabilities, target = draw(0, 1, 4, 8, 9)
    target[..., 0] = -1
    count, confidence, accuracy = reliability_bins(probabilities, target, 15, region)
    gap = (count * (accuracy - confidence).abs().nan_to_num()).sum(1) / count.sum(1)
    torch.testing.assert_close(gap, expected_calibration_error(probabilities, target, 15, region)[0])


def test_edges_belong_to_the_bin_below() -> None:
    found = reliability_bins(torch.tensor([[[0.0, 0.2, 0.4, 1.0]]]), torch.tensor([[[0, 0, 1, 1]]]), bins=5)
    assert found.voxels.tolist() == [[2, 1, 0, 0, 1]]


def test_nothing_to_count() -> None:
    found = reliability_bins(torch.zeros(0, 2, 3), torch.zeros(0, 1, 3))
    assert found.voxels.shape == (2, 15) and not found.voxels.any() and found.accuracy.isnan().all()


def test_mistakes() -> None:
    with pytest.raises(ArgumentError, match="bins"):
        reliability_bins(*draw(0, 1, 2, 3), bins=0)
    with pytest.raises(ArgumentError, match="region"):
        reliability_bins(*draw(0, 1, 2, 3), region="edge")
