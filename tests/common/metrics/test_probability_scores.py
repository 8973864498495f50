"""Scores against float64 loops and MONAI-free closed forms, and which of them a calibrated oracle passes."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import ArgumentError
from common.metrics import (
    BrierScore,
    NegativeLogLikelihood,
    TopLabelCalibrationError,
    brier_score,
    expected_calibration_error,
    negative_log_likelihood,
    top_label_calibration_error,
)

FUNCTIONS = {
    TopLabelCalibrationError: top_label_calibration_error,
    BrierScore: brier_score,
    NegativeLogLikelihood: negative_log_likelihood,
}
REGIONS = ("all", "foreground", "prediction", "union")
VOXELS, BINS = 200_000, 15
CHANCE = 0.5 * math.sqrt(BINS / VOXELS)  # at most the expectation of an error that is chance alone: Σ √(n_b/4) / N


def draw(seed: int, classes: int, ignored: float = 0.2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    p = (2 * torch.randn(2, max(classes, 2), 6, 7, generator=generator)).softmax(1)
    y = torch.randint(max(classes, 2), (2, 1, 6, 7), generator=generator).float()
    y[torch.rand(y.shape, generator=generator) < ignored] = -1
    return (p[:, 1:] if classes == 1 else p), y


def loop(p: torch.Tensor, y: torch.Tensor, region: str) -> list[tuple[float, float, float]]:
    """The three scores of each image, voxel by voxel."""
    found = []
    for values, labels in zip(p.double().flatten(2).tolist(), y.flatten(1).long().tolist(), strict=True):
        gaps, squares, logs = [0.0] * BINS, [], []
        for *probabilities, label in zip(*values, labels, strict=True):
            pair = probabilities if len(probabilities) > 1 else [1 - probabilities[0], probabilities[0]]
            best = pair.index(max(pair))
            chosen = {"all": True, "foreground": label > 0, "prediction": best > 0, "union": label > 0 or best > 0}
            if label < 0 or not chosen[region]:
                continue
            gaps[math.ceil(pair[best] * BINS) - 1] += (best == label) - pair[best]
            squares.append(sum((q - (k == label)) ** 2 for k, q in enumerate(pair)))
            logs.append(-math.log(pair[label]))
        n = len(logs) or math.nan
        found.append((sum(map(abs, gaps)) / n, sum(squares) / n, sum(logs) / n))
    return found


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 4), st.sampled_from(REGIONS), st.booleans(), st.sampled_from([0.0, 0.2]))
def test_scores_are_those_of_a_loop(seed: int, classes: int, region: str, one_hot: bool, ignored: float) -> None:
    p, y = draw(seed, classes, ignored)
    target = y
    if one_hot and classes > 1:
        target = torch.stack([(y[:, 0] == k).float() for k in range(classes)], 1)
        target[(y < 0).expand_as(target)] = -1
    found = [function(p, target, region=region)[:, 0].tolist() for function in FUNCTIONS.values()]
    np.testing.assert_allclose(np.transpose(found), loop(p, y, region), atol=1e-5)
    if (target >= 0).all() and (target <= 1).all():
        assert found == [function(p, target.bool(), region=region)[:, 0].tolist() for function in FUNCTIONS.values()]


@pytest.mark.parametrize("make", FUNCTIONS)
def test_metrics_are_means_over_images_that_have_a_value(make: type) -> None:
    p, y = draw(0, 3)
    y[1] = 0  # no foreground there
    metric = make(region="foreground")
    metric(p, y)
    assert metric.aggregate().item() == pytest.approx(FUNCTIONS[make](p[:1], y[:1], region="foreground").item())
    with pytest.raises(ArgumentError, match="region: expected one of all, foreground, prediction, union, got 'band'"):
        make(region="band")


def test_a_certain_mistake_has_a_finite_likelihood() -> None:
    assert negative_log_likelihood(torch.ones(1, 1, 2), torch.zeros(1, 1, 2)).item() == pytest.approx(24 * math.log(2))
    with pytest.raises(ArgumentError, match=r"bins: .* got 0"):
        top_label_calibration_error(torch.ones(1, 1, 2), torch.zeros(1, 1, 2), bins=0)
    with pytest.raises(ArgumentError, match=r"bins: .* got 0"):
        TopLabelCalibrationError(bins=0)


@cache
def oracle() -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of three classes, mostly background, and labels that are drawn from their probabilities."""
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(1, 3, VOXELS, generator=generator)
    logits[:, 0] += 3
    p = logits.softmax(1)[0].double()
    u = torch.rand(VOXELS, dtype=torch.float64, generator=generator)
    return logits, (u > p[0]).float().add(u > p[0] + p[1])[None, None]


def scores(temperature: float, region: str) -> dict[str, float]:
    logits, label = oracle()
    p = (logits / temperature).softmax(1)
    return {
        "top": float(top_label_calibration_error(p, label, region=region)),
        "class": float(expected_calibration_error(p, label, region=region)[0, 1:].mean()),
        "brier": float(brier_score(p, label, region)),
        "nll": float(negative_log_likelihood(p, label, region)),
    }


@pytest.mark.parametrize("region", ["all", "prediction"])
def test_the_oracle_passes_where_the_label_does_not_choose_the_voxels(region: str) -> None:
    right, sharp, soft = (scores(temperature, region) for temperature in (1.0, 0.8, 1.25))
    size = float((oracle()[0].argmax(1) > 0).float().mean()) if region == "prediction" else 1.0
    assert max(right["top"], right["class"]) < 2 * CHANCE / math.sqrt(size) < 0.02
    for name in right:
        assert right[name] < min(sharp[name], soft[name]), "and whoever is too sure or too unsure is worse"


@pytest.mark.parametrize("region", ["foreground", "union"])
def test_the_oracle_fails_where_the_label_chooses_the_voxels(region: str) -> None:
    right, soft = (scores(temperature, region) for temperature in (1.0, 2.0))
    assert min(right["top"], right["class"]) > 0.1
    for name in ("top", "brier", "nll"):  # the paper's measure too: half as sure looks better than right
        assert soft[name] < right[name] - 0.03


def test_the_papers_measure_is_passed_where_foreground_and_background_are_alike() -> None:
    """Two classes, as many voxels of p as of 1 − p: at confidence c a share of c of the foreground is right."""
    generator = torch.Generator().manual_seed(0)
    p = (4 * torch.randn(1, 1, VOXELS, generator=generator)).sigmoid()
    label = (torch.rand(p.shape, generator=generator) < p).float()
    size = float(label.mean())
    assert float(top_label_calibration_error(p, label, region="foreground")) < 2 * CHANCE / math.sqrt(size)
    # one structure against the rest: every voxel is foreground, and the error is the mean of 1 − p
    ours = float(expected_calibration_error(p, label, region="foreground"))
    assert ours == pytest.approx(float((1 - p[label == 1]).mean()), abs=1e-6) and ours > 0.1


def test_near_the_labels_boundary_the_oracle_seems_too_sure() -> None:
    """A border at u ~ logistic(0, 3): p = σ(x/3) at every x. The nearer to the drawn border, the more is uncertain."""
    generator = torch.Generator().manual_seed(0)
    u = 3 * torch.rand(4000, 1, dtype=torch.float64, generator=generator).clamp(1e-6, 1 - 1e-6).logit()
    x = torch.arange(-40, 41)
    p, label = torch.sigmoid(x / 3.0).expand(len(u), -1)[None, None], (x > u).float()[None, None]
    assert float(top_label_calibration_error(p, label)) < 0.01
    errors = []
    for radius in (2, 5, 10):
        band = label.masked_fill(((x - u).abs() > radius)[None, None], -1)
        errors.append(float(top_label_calibration_error(p, band)))
        assert float(expected_calibration_error(p, band)) == pytest.approx(errors[-1], abs=0.01)
    assert errors[0] > 0.1 > errors[1] > 0.05 > errors[2] > 0.01
    band = label.masked_fill(((x - u).abs() > 2)[None, None], -1)
    assert float(negative_log_likelihood(torch.sigmoid(x / 6.0).expand_as(p), band)) < float(
        negative_log_likelihood(p, band)
    )
