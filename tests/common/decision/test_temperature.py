"""Temperatures against a grid of likelihoods, closed forms, and labels drawn at a known temperature."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.decision import fit_temperature
from common.errors import ArgumentError


def drawn(temperature: float, classes: int, *shape: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits ``(2, C, *shape)``, and labels that come from their softmax at that temperature."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(2, classes, *shape, generator=generator)
    p = (logits / temperature).softmax(1).movedim(1, -1).flatten(0, -2)
    labels = torch.multinomial(p, 1, generator=generator).view(2, 1, *shape)
    return logits, labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("shape", [(100, 100), (20, 25, 40)])
def test_a_known_temperature_is_found(temperature: float, shape: tuple[int, ...]) -> None:
    assert fit_temperature(*drawn(temperature, 3, *shape)) == pytest.approx(temperature, rel=0.05)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 4))
def test_no_other_temperature_is_more_likely(seed: int, classes: int) -> None:
    logits, labels = drawn(1.5, classes, 6, 5, seed=seed)

    def loss(temperature: float) -> float:
        z = logits.double().movedim(1, -1).reshape(-1, classes).numpy() / temperature
        own = z[np.arange(len(z)), labels.flatten().numpy()]
        return float(np.mean(np.log(np.exp(z - own[:, None]).sum(1))))

    found = fit_temperature(logits, labels)
    assert all(loss(found) <= loss(found * factor) + 1e-12 for factor in (0.5, 0.9, 0.999, 1.001, 1.1, 2))


@settings(max_examples=10, deadline=None)
@given(st.floats(0.2, 5))
def test_scaled_logits_scale_the_temperature(factor: float) -> None:
    logits, labels = drawn(1.2, 3, 12, 12)
    expected = factor * fit_temperature(logits, labels)
    assert fit_temperature(factor * logits.double(), labels) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_one_channel_is_the_foreground(dtype: torch.dtype) -> None:
    logits = torch.full((1, 1, 2, 2), 2.0, dtype=dtype)
    labels = torch.tensor([[[[1, 1], [1, 0]]]])
    assert fit_temperature(logits, labels) == pytest.approx(2 / math.log(3), rel=1e-5)
    both = torch.cat((torch.zeros_like(logits), logits), 1)
    assert fit_temperature(both, labels) == pytest.approx(2 / math.log(3), rel=1e-5)


def test_unlabeled_voxels_do_not_count_and_blocks_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, labels = drawn(2.0, 3, 30, 30)
    expected = fit_temperature(logits, labels)
    more, none = torch.cat((logits, 50 * logits)), torch.cat((labels, torch.full_like(labels, -1)))
    assert fit_temperature(more, none) == pytest.approx(expected, rel=1e-6)
    monkeypatch.setattr("common.decision.temperature.BLOCK", 7)
    assert fit_temperature(logits, labels) == pytest.approx(expected, rel=1e-6)


def test_labels_without_a_likeliest_temperature_end_at_the_limits() -> None:
    logits = torch.tensor([[[3.0, -3.0]]])
    assert fit_temperature(logits, torch.tensor([[[1, 0]]])) < 1
    assert fit_temperature(logits, torch.tensor([[[0, 1]]])) == pytest.approx(100, rel=1e-3)


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (torch.zeros(0, 2, 3), torch.zeros(0, 1, 3), "at least one labeled voxel"),
        (torch.zeros(1, 2, 3), -torch.ones(1, 1, 3), "at least one labeled voxel"),
        (torch.zeros(1, 2, 3), torch.zeros(1, 1, 4), r"\(1, 2, 3\) and \(1, 1, 4\)"),
        (torch.zeros(1, 2, 3), torch.full((1, 1, 3), 2), "below 2, got 2"),
        (torch.full((1, 2, 3), math.nan), torch.zeros(1, 1, 3), "finite"),
    ],
)
def test_mistakes(logits: torch.Tensor, labels: torch.Tensor, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        fit_temperature(logits, labels)
