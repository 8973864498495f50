"""Consistency against the paper's formula in loops, and that what is not valid leaves no trace."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from scipy.spatial.distance import cosine, jensenshannon
from scipy.special import softmax

from common.errors import ArgumentError
from common.losses import LogitConsistencyLoss
from common.losses.logit_consistency import DISTANCES

few = settings(max_examples=25, deadline=None)
each_distance = pytest.mark.parametrize("distance", DISTANCES)
each_shape = pytest.mark.parametrize("spatial", [(4, 5), (3, 4, 2), (1, 1), (1, 3, 1)], ids=str)

ORACLES = {
    "squared_difference": lambda z, other: sum((a - b) ** 2 for a, b in zip(z, other, strict=True)),
    "jensen_shannon": lambda z, other: jensenshannon(softmax(z), softmax(other)) ** 2,
    "cosine": cosine,
}


def draw(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return 3 * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def by_loops(distance: str, logits: torch.Tensor, other: torch.Tensor, weight=None, valid=None) -> float:
    total, count = 0.0, 0
    for b, *place in np.ndindex(len(logits), *logits.shape[2:]):
        at = (b, slice(None), *place)
        if valid is None or valid[(b, 0, *place)]:
            factor = 1.0 if weight is None else weight[(b, 0, *place)].item()
            total += factor * ORACLES[distance](logits[at].numpy(), other[at].numpy())
            count += 1
    return total / max(count, 1)


@each_distance
@each_shape
def test_values_of_the_formula(distance: str, spatial: tuple[int, ...]) -> None:
    logits, other = draw(0, 2, 3, *spatial), draw(1, 2, 3, *spatial)
    weight = draw(2, 2, 1, *spatial).abs()
    valid = draw(3, 2, 1, *spatial) > -1
    loss = LogitConsistencyLoss(distance)
    for options in ({}, {"weight": weight}, {"valid": valid}, {"weight": weight, "valid": valid}):
        expected = by_loops(distance, logits, other, **options)
        assert loss(logits, other, **options).item() == pytest.approx(expected, rel=1e-10, abs=1e-12)


def test_paper_is_the_default_and_sums_over_classes() -> None:
    ones, zeros = torch.ones(1, 4, 3, 3), torch.zeros(1, 4, 3, 3)
    assert LogitConsistencyLoss()(ones, zeros) == 4
    assert LogitConsistencyLoss()(ones[:, :1], zeros[:, :1]) == 1


@few
@given(st.integers(0, 2**31), st.sampled_from(list(DISTANCES)))
def test_symmetric_and_zero_for_equal_logits(seed: int, distance: str) -> None:
    logits, other, loss = draw(seed, 1, 4, 3, 3), draw(seed + 1, 1, 4, 3, 3), LogitConsistencyLoss(distance)
    torch.testing.assert_close(loss(logits, other), loss(other, logits))
    assert loss(logits, other) > 0
    assert loss(logits, logits).item() == pytest.approx(0, abs=1e-12)


def test_bounds_of_the_other_distances() -> None:
    away = torch.tensor([[1e4, -1e4], [-1e4, 1e4]]).view(1, 2, 2)
    assert LogitConsistencyLoss("jensen_shannon")(away, -away).item() == pytest.approx(math.log(2))
    assert LogitConsistencyLoss("cosine")(away, -away).item() == pytest.approx(2)
    shifted = away + 7
    torch.testing.assert_close(LogitConsistencyLoss("jensen_shannon")(away, shifted), torch.tensor(0.0))


@each_distance
def test_gradients_flow_into_both_views(distance: str) -> None:
    logits, other = draw(0, 2, 3, 2, 2).requires_grad_(), draw(1, 2, 3, 2, 2).requires_grad_()
    weight, valid = draw(2, 2, 1, 2, 2).abs(), draw(3, 2, 1, 2, 2) > -1
    loss = LogitConsistencyLoss(distance)
    assert torch.autograd.gradcheck(lambda a, b: loss(a, b, weight, valid), (logits, other))
    first, second = torch.autograd.grad(loss(logits, other, weight, valid), (logits, other))
    assert first.abs().sum() > 0 and second.abs().sum() > 0
    assert (first.abs().sum(1, keepdim=True) > 0).equal(valid)


@each_distance
@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e30])
def test_what_is_not_valid_leaves_no_trace(distance: str, bad: float) -> None:
    logits, other = draw(0, 2, 3, 4, 4, dtype=torch.float32), draw(1, 2, 3, 4, 4, dtype=torch.float32)
    valid = draw(2, 2, 1, 4, 4) > 0
    expected = LogitConsistencyLoss(distance)(logits, other, valid=valid)
    spoiled = logits.where(valid, bad).requires_grad_()
    weight = torch.ones(2, 1, 4, 4).where(valid, bad)
    value = LogitConsistencyLoss(distance)(spoiled, other, weight, valid)
    value.backward()
    torch.testing.assert_close(value.detach(), expected)
    assert spoiled.grad is not None and spoiled.grad.isfinite().all()
    assert not spoiled.grad.where(~valid, 0).any()


@each_distance
def test_without_a_valid_pixel_it_is_zero(distance: str) -> None:
    logits = draw(0, 2, 3, 4, 4).requires_grad_()
    value = LogitConsistencyLoss(distance)(logits, draw(1, 2, 3, 4, 4), valid=torch.zeros(2, 1, 4, 4))
    value.backward()
    assert value == 0 and logits.grad is not None and not logits.grad.any()
    assert LogitConsistencyLoss(distance)(torch.zeros(0, 3, 4, 4), torch.zeros(0, 3, 4, 4)) == 0


@each_distance
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_computed_in_float32(distance: str, dtype: torch.dtype) -> None:
    logits, other = ((100 * draw(seed, 1, 3, 4, 4)).to(dtype) for seed in (0, 1))  # float16 cannot hold their squares
    loss = LogitConsistencyLoss(distance)
    expected = loss(logits.float(), other.float())
    assert expected.isfinite()
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(logits, other, torch.ones(1, 1, 4, 4, dtype=dtype))
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, expected)


@each_distance
def test_equal_and_saturated_logits_have_finite_gradients(distance: str) -> None:
    logits = torch.tensor([[1e4, 0.0, 0.0], [-1e4, 0.0, 0.0]]).view(1, 2, 3).requires_grad_()
    other = torch.tensor([[-1e4, 0.0, 1.0], [1e4, 0.0, 2.0]]).view(1, 2, 3).requires_grad_()
    value = LogitConsistencyLoss(distance)(logits, other)
    value.backward()
    assert value.isfinite()
    for grad in (logits.grad, other.grad):
        assert grad is not None and grad.isfinite().all()


def test_meta_tensors_give_a_plain_tensor() -> None:
    logits = MetaTensor(torch.ones(1, 2, 3, 3))
    assert type(LogitConsistencyLoss()(logits, logits, MetaTensor(torch.ones(1, 1, 3, 3)))) is torch.Tensor


def test_refuses() -> None:
    with pytest.raises(ArgumentError, match="one of squared_difference, jensen_shannon, cosine, got 'euclidean'"):
        LogitConsistencyLoss("euclidean")
    z = torch.zeros(2, 3, 4, 4)
    with pytest.raises(ArgumentError, match=r"got \(2, 3, 4, 4\) and \(2, 3, 4, 5\)"):
        LogitConsistencyLoss()(z, torch.zeros(2, 3, 4, 5))
    with pytest.raises(ArgumentError, match=r"batch, channel"):
        LogitConsistencyLoss()(torch.zeros(3, 4), torch.zeros(3, 4))
    for name in ("weight", "valid"):
        with pytest.raises(ArgumentError, match=rf"{name}: expected the shape \(2, 1, 4, 4\), got \(2, 4, 4\)"):
            LogitConsistencyLoss()(z, z, **{name: torch.ones(2, 4, 4)})
    for distance in ("jensen_shannon", "cosine"):
        with pytest.raises(ArgumentError, match="two or more channels"):
            LogitConsistencyLoss(distance)(z[:, :1], z[:, :1])
