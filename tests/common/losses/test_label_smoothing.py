"""SVLS and MLS against their formulas in loops and their closed forms."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from common.errors import ArgumentError
from common.losses import MarginLabelSmoothingLoss, SpatiallyVaryingLabelSmoothingLoss
from common.losses.label_smoothing import spatially_varying_smoothing

few = settings(max_examples=25, deadline=None)
LOSSES = [SpatiallyVaryingLabelSmoothingLoss, MarginLabelSmoothingLoss]
each_loss = pytest.mark.parametrize("make", LOSSES, ids=lambda make: make.__name__)
each_shape = pytest.mark.parametrize("spatial", [(5, 6), (3, 4, 5), (1, 4), (1, 1), (3, 1, 2)], ids=str)


def draw(seed: int, *shape: int, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def hard_label(seed: int, classes: int, *shape: int) -> torch.Tensor:
    indices = torch.randint(classes, shape, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.one_hot(indices, classes).movedim(-1, 1).double()


def kernel(dimensions: int, sigma: float) -> np.ndarray:
    """Gaussian whose center is the sum of its neighbors, normalized: the center is one half."""
    values = np.zeros([3] * dimensions)
    for offset in product((-1, 0, 1), repeat=dimensions):
        values[tuple(i + 1 for i in offset)] = math.exp(-sum(i * i for i in offset) / (2 * sigma**2))
    values[(1,) * dimensions] = values.sum() - 1
    return values / values.sum()


@each_shape
@pytest.mark.parametrize("sigma", [0.5, 1.0, 3.0])
def test_smoothing_is_a_correlation_with_the_kernel(spatial: tuple[int, ...], sigma: float) -> None:
    target = draw(0, 2, 3, *spatial).softmax(1)
    weights = kernel(len(spatial), sigma)
    assert weights[(1,) * len(spatial)] == pytest.approx(0.5)
    expected = np.stack([[ndimage.correlate(c, weights, mode="nearest") for c in one] for one in target.numpy()])
    torch.testing.assert_close(spatially_varying_smoothing(target, sigma), torch.from_numpy(expected))


@pytest.mark.parametrize("sigma", [0.2, 0.15, 0.02])
def test_of_a_narrow_kernel_the_nearest_neighbors_remain(sigma: float) -> None:
    """Half a pixel and half the mean of its four, also in float32 and where a pixel is not labeled."""
    target = torch.tensor([[[[0.0, 0, 1, 1], [0, 0, 1, 1], [0, -1, 1, 1]]]])
    expected = torch.tensor([[[[0, 1 / 8, 7 / 8, 1], [0, 1 / 6, 7 / 8, 1], [0, -1, 1, 1]]]])
    torch.testing.assert_close(spatially_varying_smoothing(target, sigma), expected, atol=1e-5, rtol=0)


@few
@given(st.integers(0, 2**31), st.floats(0.3, 5))
def test_smoothing_keeps_distributions_the_majority_and_flat_regions(seed: int, sigma: float) -> None:
    target = hard_label(seed, 4, 2, 7, 6)
    smooth = spatially_varying_smoothing(target, sigma)
    torch.testing.assert_close(smooth.sum(1), torch.ones(2, 7, 6, dtype=torch.float64))
    assert (smooth >= 0).all()
    assert (smooth.where(target > 0, 0).sum(1) >= 0.5 - 1e-12).all()
    flat = torch.ones(1, 1, 5, 5, dtype=torch.float64)
    torch.testing.assert_close(spatially_varying_smoothing(flat, sigma), flat)


@each_shape
@pytest.mark.parametrize("classes", [2, 4])
def test_values_of_spatially_varying_label_smoothing(spatial: tuple[int, ...], classes: int) -> None:
    logits, target = draw(0, 2, classes, *spatial, scale=3), hard_label(1, classes, 2, *spatial)
    smooth = spatially_varying_smoothing(target)
    expected = torch.nn.functional.cross_entropy(logits, smooth, reduction="none")
    loss = SpatiallyVaryingLabelSmoothingLoss(softmax=True, reduction="none")
    torch.testing.assert_close(loss(logits, target)[:, 0], expected)


@each_shape
@pytest.mark.parametrize(("margin", "weight"), [(10.0, 0.1), (1.0, 2.0), (0.0, 0.5)])
def test_values_of_margin_label_smoothing(spatial: tuple[int, ...], margin: float, weight: float) -> None:
    logits, target = draw(0, 2, 4, *spatial, scale=8), hard_label(1, 4, 2, *spatial)
    penalty = torch.zeros(2, *spatial, dtype=torch.float64)
    for b, *place in np.ndindex(2, *spatial):
        at = logits[(b, slice(None), *place)].tolist()
        penalty[(b, *place)] = sum(max(0.0, max(at) - one - margin) for one in at)
    expected = torch.nn.functional.cross_entropy(logits, target, reduction="none") + weight * penalty
    loss = MarginLabelSmoothingLoss(margin, weight, softmax=True, reduction="none")
    torch.testing.assert_close(loss(logits, target)[:, 0], expected)


def test_margin_acts_beyond_it_only() -> None:
    target = torch.tensor([[[1.0], [0.0]]])
    cross_entropy, loss = MarginLabelSmoothingLoss(weight=0, softmax=True), MarginLabelSmoothingLoss(softmax=True)
    for distance, penalty in ((9.9, 0.0), (10.0, 0.0), (12.0, 0.2)):
        logits = torch.tensor([[[distance], [0.0]]])
        assert (loss(logits, target) - cross_entropy(logits, target)).item() == pytest.approx(penalty, abs=1e-6)
    binary = torch.tensor([[[12.0]]])
    value = MarginLabelSmoothingLoss(sigmoid=True)(binary, torch.ones(1, 1, 1))
    assert value.item() == pytest.approx(0.2, abs=1e-5)


def test_the_loss_is_smallest_at_the_smoothed_label() -> None:
    target = draw(0, 1, 3, 5, 4).softmax(1)
    logits = spatially_varying_smoothing(target).log().requires_grad_()
    loss = SpatiallyVaryingLabelSmoothingLoss(softmax=True)
    value = loss(logits, target)
    value.backward()
    torch.testing.assert_close(logits.grad, torch.zeros_like(logits), rtol=0, atol=1e-12)
    assert value < loss(target.log(), target) < loss(torch.zeros_like(target), target)


@each_loss
@each_shape
def test_shapes_and_reductions(make: type, spatial: tuple[int, ...]) -> None:
    logits, target = draw(0, 2, 3, *spatial), hard_label(1, 3, 2, *spatial)
    values = make(softmax=True, reduction="none")(logits, target)
    assert values.shape == (2, 1, *spatial)
    torch.testing.assert_close(make(softmax=True)(logits, target), values.mean())
    torch.testing.assert_close(make(softmax=True, reduction="sum")(logits, target), values.sum())
    assert make(sigmoid=True, reduction="none")(logits, target).shape == (2, 3, *spatial)
    torch.testing.assert_close(make()(logits.softmax(1), target), values.mean())


@each_loss
def test_a_binary_problem_is_one_of_two_classes_and_channels_are_their_own(make: type) -> None:
    logits, target = draw(0, 2, 3, 4, 5, scale=8), (draw(1, 2, 3, 4, 5) > 0).double()
    loss = make(sigmoid=True, reduction="none")
    for c in range(3):
        alone, label = logits[:, [c]], target[:, [c]]
        two = torch.cat((alone, torch.zeros_like(alone)), 1)
        expected = make(softmax=True, reduction="none")(two, torch.cat((label, 1 - label), 1))
        torch.testing.assert_close(loss(logits, target)[:, [c]], expected)


@each_loss
def test_class_indices_are_made_one_hot(make: type) -> None:
    logits, target = draw(0, 2, 3, 4, 5), hard_label(1, 3, 2, 4, 5)
    indices = target.argmax(1, keepdim=True)
    torch.testing.assert_close(
        make(softmax=True, to_onehot_y=True)(logits, indices), make(softmax=True)(logits, target)
    )


@each_loss
def test_gradients(make: type) -> None:
    logits, target = draw(0, 2, 3, 3, 2, scale=6).requires_grad_(), hard_label(1, 3, 2, 3, 2)
    for options in ({"softmax": True}, {"sigmoid": True}):
        assert torch.autograd.gradcheck(lambda z, options=options: make(**options)(z, target), logits)


@each_loss
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_and_autocast_are_computed_in_float32(make: type, dtype: torch.dtype) -> None:
    logits, target = draw(0, 2, 3, 8, 8, scale=8).to(dtype), hard_label(1, 3, 2, 8, 8)
    expected = make(softmax=True)(logits.float(), target.float())
    with torch.autocast("cpu", torch.bfloat16):
        value = make(softmax=True)(logits, target)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, expected)


@each_loss
def test_saturated_pixels_are_finite(make: type) -> None:
    logits = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0]]).view(1, 2, 3).requires_grad_()
    value = make(softmax=True)(logits, torch.tensor([[0.0, 0.0, 1.0], [1.0, 1.0, 0.0]]).view(1, 2, 3))
    value.backward()
    assert value.isfinite() and logits.grad is not None and logits.grad.isfinite().all()


def test_wrong_parameters_are_named() -> None:
    for sigma in (0, -1, math.inf, math.nan):
        with pytest.raises(ArgumentError, match=f"sigma: .* got {sigma}"):
            SpatiallyVaryingLabelSmoothingLoss(sigma=sigma)
    for name in ("margin", "weight"):
        for value in (-0.1, math.inf, math.nan):
            with pytest.raises(ArgumentError, match=f"{name}: .* got {value}"):
                MarginLabelSmoothingLoss(**{name: value})
