"""Calibration errors against float64 loops, MONAI's metric and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ignite.engine import Engine
from monai.data import MetaTensor, decollate_batch
from monai.handlers import IgniteMetricHandler
from monai.metrics import CalibrationErrorMetric, CumulativeIterationMetric
from monai.networks import one_hot

from common.errors import ArgumentError
from common.metrics import (
    ExpectedCalibrationError,
    ThresholdedAdaptiveCalibrationError,
    expected_calibration_error,
    thresholded_adaptive_calibration_error,
)

few = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**31)
FUNCTIONS = [expected_calibration_error, thresholded_adaptive_calibration_error]
METRICS = [ExpectedCalibrationError, ThresholdedAdaptiveCalibrationError]
each_function = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
each_metric = pytest.mark.parametrize("make", METRICS, ids=lambda m: m.__name__)


def draw(seed: int, *shape: int, levels: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities ``(B, C, *spatial)``, with ``levels`` full of ties, and class indices ``(B, 1, *spatial)``."""
    generator = torch.Generator().manual_seed(seed)
    classes = max(2, shape[1])
    logits = 2 * torch.randn(shape[0], classes, *shape[2:], generator=generator)
    probabilities = logits.softmax(1)[:, -shape[1] :]
    if levels is not None:
        probabilities = (probabilities * levels).round() / levels
    return probabilities, torch.randint(classes, (shape[0], 1, *shape[2:]), generator=generator)


def adaptive_by_definition(p: np.ndarray, y: np.ndarray, bins: int, threshold: float) -> float:
    """Every value R times, so that R bins of n are exactly equal; tied values share their labels."""
    p, y = p[p > np.float32(threshold)].astype(float), y[p > np.float32(threshold)].astype(float)
    if len(p) == 0:
        return math.nan
    y = np.array([y[p == value].mean() for value in p])
    order = np.argsort(p)
    p, y = (np.repeat(values[order], bins).reshape(bins, -1) for values in (p, y))
    return float(np.abs(y.mean(1) - p.mean(1)).mean())


def expected_by_definition(p: np.ndarray, y: np.ndarray, bins: int) -> float:
    p, error = p.astype(float), 0.0
    for b in range(bins):
        inside = (p > b / bins) & (p <= (b + 1) / bins) | ((b == 0) & (p == 0))
        if inside.any():
            error += inside.mean() * abs(y[inside].mean() - p[inside].mean())
    return error


@few
@given(seeds, st.integers(1, 4), st.integers(1, 20), st.sampled_from([None, 3, 40]), st.sampled_from([0, 0.01, 0.3]))
def test_adaptive_error_is_that_of_the_definition(seed, classes, bins, levels, threshold):
    for shape in ((2, classes, 6, 5), (1, classes, 3, 4, 2), (1, classes, 1, 1)):
        p, label = draw(seed, *shape, levels=levels)
        error = thresholded_adaptive_calibration_error(p, label, bins, threshold)
        assert error.shape == shape[:2] and error.dtype == torch.float64
        for b, k in np.ndindex(*shape[:2]):
            hot = (label[b, 0] == (k if classes > 1 else 1)).numpy().ravel()
            expected = adaptive_by_definition(p[b, k].numpy().ravel(), hot, bins, threshold)
            assert error[b, k].item() == pytest.approx(expected, abs=1e-9, nan_ok=True)


@few
@given(seeds, st.integers(1, 4), st.integers(1, 20), st.booleans())
def test_expected_error_is_that_of_the_definition(seed, classes, bins, on_edges):
    for shape in ((2, classes, 6, 5), (1, classes, 3, 4, 2), (1, classes, 1, 1)):
        p, label = draw(seed, *shape, levels=bins if on_edges else None)
        error = expected_calibration_error(p, label, bins)
        for b, k in np.ndindex(*shape[:2]):
            hot = (label[b, 0] == (k if classes > 1 else 1)).numpy().ravel()
            values = p[b, k].double()
            values = (values * bins).round() / bins if on_edges else values
            expected = expected_by_definition(values.numpy().ravel(), hot, bins)
            assert error[b, k].item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("shape", [(2, 3, 12, 9), (1, 4, 6, 5, 4), (3, 1, 8, 8)], ids=str)
@pytest.mark.parametrize("bins", [1, 10, 13, 15])
@pytest.mark.parametrize("on_edges", [False, True])
def test_expected_error_is_monais(shape, bins, on_edges):
    p, label = draw(0, *shape, levels=bins if on_edges else None)
    hot = one_hot(label, shape[1]) if shape[1] > 1 else label.float()
    for background in (True, False):
        theirs = CalibrationErrorMetric(bins, include_background=background)
        ours = ExpectedCalibrationError(bins, include_background=background)
        torch.testing.assert_close(ours(p, label).float(), theirs(p, hot), rtol=0, atol=1e-6)
        torch.testing.assert_close(ours.aggregate().float(), theirs.aggregate(), rtol=0, atol=1e-6)


def test_adaptive_error_without_ties_is_that_of_sorting_and_splitting():
    p, label = draw(0, 1, 3, 25, 30)
    for k in range(3):
        above = p[0, k][p[0, k] > 0.01]
        keep = len(above) // 15 * 15
        lowest_kept = above.sort().values[len(above) - keep]
        mask = (p[0, k] >= lowest_kept)[None, None]
        values, hot = p[0, k][mask[0, 0]].double().numpy(), (label[0, 0] == k)[mask[0, 0]].numpy()
        parts = np.array_split(np.argsort(values), 15)
        expected = np.mean([abs(hot[part].mean() - values[part].mean()) for part in parts])
        error = thresholded_adaptive_calibration_error(p[:, [k]], (label == k).long().where(mask, -1))
        assert error.item() == pytest.approx(expected, abs=1e-9)


@few
@given(seeds, st.sampled_from([None, 4]))
def test_order_of_voxels_does_not_matter(seed, levels):
    p, label = draw(seed, 1, 3, 40, levels=levels)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(seed))
    for function in FUNCTIONS:
        torch.testing.assert_close(function(p[..., order], label[..., order]), function(p, label), rtol=1e-12, atol=0)


@each_function
def test_closed_forms(function):
    half = torch.full((1, 1, 10), 0.5)
    right = torch.tensor([[[0, 1] * 5]])
    assert function(half, right).item() == pytest.approx(0, abs=1e-12)
    assert function(half, torch.ones(1, 1, 10)).item() == 0.5
    assert function(torch.full((1, 1, 10), 0.25), right).item() == 0.25
    certain = right.float().clamp_min(0.02)
    assert function(certain, right).item() == pytest.approx(0.01, abs=1e-7)
    assert function(1 - right.float(), right).item() == 1


def test_values_up_to_the_threshold_do_not_count():
    p, label = torch.tensor([[[0.01, 0.01, 0.5, 0.5]]]), torch.tensor([[[1, 1, 1, 0]]])
    assert thresholded_adaptive_calibration_error(p, label, threshold=0.01).item() == pytest.approx(0, abs=1e-12)
    assert thresholded_adaptive_calibration_error(p, label, bins=2, threshold=0).item() == pytest.approx(0.495)
    assert thresholded_adaptive_calibration_error(p, label, threshold=0.6).isnan()


@each_function
def test_indices_and_one_hot_are_alike(function):
    for shape in ((2, 3, 5, 4), (1, 2, 3, 4, 5)):
        p, label = draw(1, *shape)
        label[0, 0, 0] = -1
        hot = one_hot(label.clamp_min(0), shape[1])
        hot[:, :, 0][:1] = -1
        for region in ("all", "foreground"):
            expected = function(p, label, region=region)
            for dtype in (torch.int8, torch.int64, torch.float32):
                torch.testing.assert_close(function(p, label.to(dtype), region=region), expected)
                torch.testing.assert_close(function(p, hot.to(dtype), region=region), expected)
    binary, label = draw(1, 2, 1, 30)
    torch.testing.assert_close(function(binary, label.bool()), function(binary, label))


@each_function
def test_region_is_what_is_left_without_the_others(function):
    p, label = draw(2, 1, 3, 60)
    label[..., :20] = -1
    torch.testing.assert_close(function(p, label), function(p[..., 20:], label[..., 20:]))
    foreground = label[0, 0] > 0
    expected = function(p[..., foreground], label[..., foreground])
    torch.testing.assert_close(function(p, label, region="foreground"), expected)
    assert not torch.allclose(expected, function(p, label))
    binary, label = draw(2, 1, 1, 60)
    expected = function(binary[..., label[0, 0] == 1], label[..., label[0, 0] == 1])
    torch.testing.assert_close(function(binary, label, region="foreground"), expected)


@each_function
def test_each_image_has_its_own_region(function):
    p, label = draw(3, 3, 2, 30)
    label[0], label[1, :, :10] = -1, -1
    error = function(p, label)
    assert error[0].isnan().all()
    torch.testing.assert_close(error[1], function(p[1:2, :, 10:], label[1:2, :, 10:])[0])
    torch.testing.assert_close(error[2], function(p[2:], label[2:])[0])


@each_function
def test_nothing_to_count_is_nan(function):
    p, label = draw(0, 1, 3, 4, 4)
    assert function(p, torch.full_like(label, -1)).isnan().all()
    assert function(p, torch.zeros_like(label), region="foreground").isnan().all()
    assert function(torch.zeros(2, 3, 0), torch.zeros(2, 1, 0)).isnan().all()
    assert function(torch.zeros(0, 3, 4), torch.zeros(0, 1, 4)).shape == (0, 3)


@each_function
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_probabilities_of_any_precision(function, dtype):
    p, label = draw(0, 1, 3, 20, 20)
    torch.testing.assert_close(function(p.to(dtype), label), function(p.to(dtype).float(), label))
    torch.testing.assert_close(function(MetaTensor(p), MetaTensor(label)), function(p, label))


@each_function
def test_rounding_is_forgiven_and_the_input_left_alone(function):
    p, label = torch.tensor([[[-0.005, 0.5, 1.005]]]), torch.tensor([[[0, 1, 1]]])
    before = p.clone()
    torch.testing.assert_close(function(p, label), function(p.clamp(0, 1), label))
    assert torch.equal(p, before)


def test_sums_of_many_voxels_are_exact():
    p = torch.full((1, 1, 3_000_000), 0.1)
    label = (torch.arange(3_000_000) % 10 == 0).long()[None, None]
    for function in FUNCTIONS:
        assert function(p, label).item() < 1e-8  # float32 sums are off by 1e-3


@each_metric
def test_metric_accumulates_and_reduces(make):
    metric = make()
    assert isinstance(metric, CumulativeIterationMetric)
    batches = [draw(seed, 2, 3, 6, 6) for seed in range(3)]
    batches[0][0][0, 1], batches[0][1][0] = 0.0, -1  # an image without labels
    errors = torch.cat([metric(p, label) for p, label in batches])
    torch.testing.assert_close(metric.aggregate("none"), errors, equal_nan=True)
    assert metric.aggregate().item() == pytest.approx(errors[1:].mean(1).mean().item())
    torch.testing.assert_close(metric.aggregate("mean_batch"), errors[1:].mean(0), check_dtype=False)
    value, count = make(get_not_nans=True, reduction="mean_batch"), len(errors) - 1
    for p, label in batches:
        value(p, label)
    assert value.aggregate()[1].tolist() == [count] * 3
    metric.reset()
    with pytest.raises(ArgumentError, match="at least one image"):
        metric.aggregate()


@each_metric
def test_metric_takes_decollated_items_and_leaves_out_the_background(make):
    p, label = draw(0, 3, 4, 5, 5)
    items = decollate_batch({"p": p, "label": label})
    expected = make()(p, label)
    torch.testing.assert_close(make()([i["p"] for i in items], [i["label"] for i in items]), expected)
    torch.testing.assert_close(make(include_background=False)(p, label), expected[:, 1:])
    binary, binary_label = draw(0, 2, 1, 5, 5)
    assert make(include_background=False)(binary, binary_label).shape == (2, 1)
    foreground = make(region="foreground")(p, label)
    assert foreground.shape == expected.shape and not torch.allclose(foreground, expected)


@each_metric
def test_metric_works_as_a_handler(make):
    data = [draw(seed, 2, 3, 6, 6) for seed in range(2)]
    engine = Engine(lambda _, batch: batch)
    IgniteMetricHandler(make()).attach(engine, "calibration")
    engine.run(data)
    expected = torch.cat([make()(p, label) for p, label in data]).mean()
    assert engine.state.metrics["calibration"] == pytest.approx(expected.item())


def test_arguments_reach_the_functions():
    p, label = draw(0, 1, 3, 8, 8)
    metric = ThresholdedAdaptiveCalibrationError(bins=4, threshold=0.2)
    torch.testing.assert_close(metric(p, label), thresholded_adaptive_calibration_error(p, label, 4, 0.2))
    torch.testing.assert_close(ExpectedCalibrationError(bins=4)(p, label), expected_calibration_error(p, label, 4))
    assert not torch.allclose(metric(p, label), ThresholdedAdaptiveCalibrationError()(p, label))


@each_metric
def test_wrong_arguments_are_named(make):
    for options, message in (
        ({"bins": 0}, "bins: .* got 0"),
        ({"region": "band"}, "region: expected one of all, foreground, prediction, union, got 'band'"),
        ({"reduction": "average"}, "reduction: .* got 'average'"),
    ):
        with pytest.raises(ArgumentError, match=message):
            make(**options)
    with pytest.raises(ArgumentError, match="expected y"):
        make()(torch.zeros(1, 1, 4))


@pytest.mark.parametrize("threshold", [-0.1, 1, math.nan])
def test_wrong_thresholds_are_named(threshold):
    with pytest.raises(ArgumentError, match=f"threshold: .* got {threshold}"):
        ThresholdedAdaptiveCalibrationError(threshold=threshold)
    with pytest.raises(ArgumentError, match=f"threshold: .* got {threshold}"):
        thresholded_adaptive_calibration_error(torch.zeros(1, 1, 4), torch.zeros(1, 1, 4), threshold=threshold)


@each_function
def test_wrong_tensors_are_named(function):
    label = torch.zeros(1, 1, 4)
    for value in (-0.1, 1.1, math.nan):
        with pytest.raises(ArgumentError, match="probabilities: expected values from 0 to 1"):
            function(torch.full((1, 3, 4), value), label)
    with pytest.raises(ArgumentError, match=r"class indices below 3.* got 3"):
        function(torch.zeros(1, 3, 4), label + 3)
    with pytest.raises(ArgumentError, match=r"class indices below 2.* got 2"):
        function(torch.zeros(1, 1, 4), label + 2)
    with pytest.raises(ArgumentError, match=r"0 and 1.* got 2"):
        function(torch.zeros(1, 3, 4), torch.full((1, 3, 4), 2))
    for soft in (label + 0.5, torch.full((1, 3, 4), 0.5)):
        with pytest.raises(ArgumentError, match="target: expected whole numbers, got fractions"):
            function(torch.zeros(1, 3, 4), soft)
    with pytest.raises(ArgumentError, match=r"got \(1, 3, 4\) and \(1, 2, 4\)"):
        function(torch.zeros(1, 3, 4), torch.zeros(1, 2, 4))
    with pytest.raises(ArgumentError, match=r"got \(3, 4\) and \(3, 4\)"):
        function(torch.zeros(3, 4), torch.zeros(3, 4))
    with pytest.raises(ArgumentError, match=r"bins: .* got 0"):
        function(torch.zeros(1, 3, 4), label, bins=0)
