"""Spatial STAPLE against its two steps with windows cut out voxel by voxel, and against STAPLE."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from scipy.ndimage import convolve, gaussian_filter

from common.errors import ArgumentError
from common.fusion import majority_vote, spatial_staple, staple
from common.fusion.staple_spatial import local_column, window_sum

SEED = st.integers(0, 10**6)


def random_labels(seed: int, annotators: int, classes: int, *spatial: int, absent: float = 0.2) -> torch.Tensor:
    """Annotators of different skill, who are absent at random voxels."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, classes, spatial)
    labels = np.stack(
        [
            np.where(generator.random(spatial) < skill, truth, generator.integers(0, classes, spatial))
            for skill in generator.uniform(0.4, 0.95, annotators)
        ]
    )
    return torch.from_numpy(np.where(generator.random(labels.shape) < absent, -1, labels))


def windows(size: tuple[int, ...], half: tuple[int, ...]) -> dict[tuple[int, ...], tuple[slice, ...]]:
    return {x: tuple(slice(max(0, c - h), c + h + 1) for c, h in zip(x, half, strict=True)) for x in np.ndindex(*size)}


@settings(max_examples=15, deadline=None)
@given(
    SEED,
    st.integers(1, 3),
    st.integers(2, 3),
    st.tuples(st.integers(0, 3), st.integers(0, 6)),
    st.sampled_from([0.0, 0.05, 1.0]),
    st.integers(1, 3),
    st.booleans(),
)
@example(692, 3, 3, (0, 1), 0.0, 3, False)
@example(692, 3, 2, (0, 1), 0.0, 3, True)
@example(692, 2, 3, (0, 1), 0.0, 3, True)
def test_against_windows_at_every_voxel(
    seed: int,
    annotators: int,
    classes: int,
    half: tuple[int, int],
    global_weight: float,
    iterations: int,
    prior_of_voxels: bool,
):
    labels = random_labels(seed, annotators, classes, 4, 5)
    said = labels.numpy()
    prior = None
    if prior_of_voxels:
        prior = torch.from_numpy(np.random.default_rng(seed).dirichlet(np.ones(classes), (4, 5))).movedim(-1, 0)
    start = staple(labels, classes, prior)
    result = spatial_staple(labels, half, global_weight, classes, prior, tolerance=0, max_iterations=iterations)

    def local_matrices(w: np.ndarray) -> np.ndarray:
        a = np.zeros((annotators, classes, classes, 4, 5))
        for (x, window), r, j in itertools.product(windows((4, 5), half).items(), range(annotators), range(classes)):
            near, mass = said[r][window], w[j][window]
            weight = global_weight * near.size
            total = weight + mass[near >= 0].sum()
            for i in range(classes):
                everywhere = float(start.confusion[r, i, j])
                count = mass[near == i].sum() + weight * everywhere
                a[r, i, j][x] = count / total if total > 2**-52 else everywhere
        return a

    everywhere = start.prior.expand(classes, 4, 5).numpy().copy()
    if not prior_of_voxels:  # what annotators say near each voxel, and in the whole image
        labeled = (said >= 0).any(0)
        shares = np.stack([(said == j).sum(0) for j in range(classes)]) / np.maximum((said >= 0).sum(0), 1)
        for x, window in windows((4, 5), half).items():
            near, weight = labeled[window], global_weight * labeled[window].size
            if near.sum() + weight:
                near_shares = np.array([share[window][near].sum() for share in shares])
                everywhere[(slice(None), *x)] = (weight * everywhere[(slice(None), *x)] + near_shares) / (
                    weight + near.sum()
                )
    w = start.probabilities.numpy()
    for _ in range(result.iterations):
        a = local_matrices(w)
        joint = everywhere.copy()
        for x in np.ndindex(4, 5):
            for j in range(classes):
                joint[j][x] *= math.prod(a[r, said[r][x], j][x] for r in range(annotators) if said[r][x] >= 0)
        w = joint / joint.sum(0)
    np.testing.assert_allclose(result.probabilities, w, atol=1e-9)
    np.testing.assert_allclose(result.local_confusion, local_matrices(w), atol=1e-9)


@pytest.mark.parametrize("dust", [0.0, 5e-324, 1e-300, 1e-17])
def test_a_class_of_less_than_rounding_is_not_near(dust: float):
    """What remains of a class where it is impossible depends on the way of computing: no result may rest on it."""
    label = torch.tensor([0, 1, 0, 0])
    probability = torch.tensor([dust, dust, 0.0, 1.0], dtype=torch.float64)
    column = torch.tensor([0.25, 0.75], dtype=torch.float64)
    local = torch.stack(local_column(label, probability, column, torch.zeros(4, dtype=torch.float64), [0]))
    assert local.tolist() == [[0.25, 0.25, 0.25, 1.0], [0.75, 0.75, 0.75, 0.0]]


@settings(max_examples=20, deadline=None)
@given(SEED, st.lists(st.tuples(st.integers(1, 7), st.integers(0, 9)), min_size=1, max_size=3))
def test_window_sum_is_a_convolution_with_ones(seed: int, sides: list[tuple[int, int]]):
    size, half = zip(*sides, strict=True)
    values = np.random.default_rng(seed).random(size)
    expected = convolve(values, np.ones([2 * h + 1 for h in half]), mode="constant")
    np.testing.assert_allclose(window_sum(torch.from_numpy(values), half), expected, atol=1e-12)


def test_sums_of_zeros_are_zero():
    values = torch.zeros(40, dtype=torch.float64)
    values[:10] = torch.rand(10, generator=torch.Generator().manual_seed(0)).double()
    assert window_sum(values, [3])[13:].eq(0).all()


@settings(max_examples=15, deadline=None)
@given(SEED, st.integers(1, 4), st.integers(2, 3), st.sampled_from([(30,), (6, 7), (3, 4, 5)]))
def test_with_a_window_that_holds_the_image_it_is_staple(
    seed: int, annotators: int, classes: int, spatial: tuple[int, ...]
):
    labels = random_labels(seed, annotators, classes, *spatial)
    expected = staple(labels, classes)
    if not expected.converged:
        return
    result = spatial_staple(labels, half_window=10**6, num_classes=classes)
    assert (result.iterations, result.converged) == (1, True)
    torch.testing.assert_close(result.probabilities, expected.probabilities, atol=1e-4, rtol=0)
    everywhere = expected.confusion.view(annotators, classes, classes, *[1] * len(spatial))
    torch.testing.assert_close(result.local_confusion, everywhere.expand_as(result.local_confusion), atol=1e-4, rtol=0)


@settings(max_examples=10, deadline=None)
@given(SEED, st.integers(1, 4), st.integers(0, 3))
def test_columns_sum_to_one_and_order_does_not_matter(seed: int, annotators: int, half: int):
    labels = random_labels(seed, annotators, 3, 4, 5, 3)
    result = spatial_staple(labels, half, num_classes=3, max_iterations=5)
    assert result.local_confusion.shape == (annotators, 3, 3, 4, 5, 3)
    ones = torch.ones(1, dtype=torch.float64)
    torch.testing.assert_close(result.probabilities.sum(0), ones.expand(4, 5, 3))
    torch.testing.assert_close(result.local_confusion.sum(1), ones.expand(annotators, 3, 4, 5, 3))
    torch.testing.assert_close(result.confusion.sum(1), ones.expand(annotators, 3))

    backwards = spatial_staple(labels.flip(0), half, num_classes=3, max_iterations=5)
    torch.testing.assert_close(backwards.probabilities, result.probabilities, atol=1e-6, rtol=0)
    turned = spatial_staple(labels.transpose(1, 3), half, num_classes=3, max_iterations=5)
    torch.testing.assert_close(turned.probabilities.transpose(1, 3), result.probabilities, atol=1e-6, rtol=0)


def noisy(truth: np.ndarray, rates: list[np.ndarray], seed: int) -> torch.Tensor:
    generator = np.random.default_rng(seed)
    return torch.from_numpy(np.stack([truth ^ (generator.random(truth.shape) < rate) for rate in rates]))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_sees_where_annotators_err_and_staple_cannot(seed: int):
    truth = gaussian_filter(np.random.default_rng(seed).standard_normal((48, 48)), 2) > 0
    left = np.full((48, 48), 0.05)
    left[:, :24] = 0.4
    labels = noisy(truth, [left, left[:, ::-1]] * 3, seed)
    result = spatial_staple(labels)
    assert result.converged

    def error(fused: torch.Tensor) -> float:
        return float((fused.numpy() != truth).mean())

    error_of_staple = error(staple(labels).probabilities.argmax(0))
    assert error(result.probabilities.argmax(0)) < 0.75 * min(error_of_staple, error(majority_vote(labels)))
    accuracy = torch.stack([result.local_confusion[:, one, one].mean(1) for one in (0, 1)]).mean(0)
    assert (accuracy[::2, :20] < 0.75).all()
    assert (accuracy[::2, 28:] > 0.8).all()
    assert (accuracy[1::2, :20] > 0.8).all()


@pytest.mark.parametrize("radius", [20, 45])
def test_an_object_larger_than_a_window_is_not_hollowed_out(radius: int):
    """Three annotators, each of whom errs in a third of the image; where all of them agree nothing is turned around."""
    rows, columns = np.indices((128, 160))
    distance = np.hypot(rows - 64, columns - 80)
    truth = distance < radius + 2 * np.sin(5 * np.arctan2(rows - 64, columns - 80))
    labels = noisy(truth, [np.where(columns * 3 // 160 == third, 0.3, 0.02) for third in range(3)], 0)
    fused = spatial_staple(labels).probabilities.argmax(0).numpy()
    agreed = (labels == labels[0]).all(0).numpy()
    assert (fused == labels[0].numpy())[agreed].all()
    overlap = 2 * (fused & truth).sum() / (fused.sum() + truth.sum())
    assert overlap > (0.6 if radius == 20 else 0.9)
    hollow = spatial_staple(labels, prior=[0.9, 0.1]).probabilities.argmax(0).numpy()
    assert (hollow != labels[0].numpy())[agreed].any(), "the prior of the whole image"


def test_it_does_not_lose_where_errors_are_the_same_everywhere():
    truth = gaussian_filter(np.random.default_rng(3).standard_normal((48, 48)), 2) > 0
    labels = noisy(truth, [np.full((48, 48), rate) for rate in (0.05, 0.1, 0.2, 0.3)], 3)
    errors = [
        float((probabilities.argmax(0).numpy() != truth).mean())
        for probabilities in (spatial_staple(labels).probabilities, staple(labels).probabilities)
    ]
    assert errors[0] <= errors[1] + 0.01


def test_unanimous_and_absent_annotators():
    truth = torch.randint(0, 3, (6, 7), generator=torch.Generator().manual_seed(0))
    result = spatial_staple(truth.expand(4, 6, 7), half_window=1)
    assert torch.equal(result.probabilities.argmax(0), truth)
    assert result.probabilities.amax(0).min() > 1 - 1e-12
    everywhere = torch.eye(3, dtype=torch.float64)[..., None, None].expand(3, 3, 6, 7)
    for matrices in result.local_confusion:
        torch.testing.assert_close(matrices, everywhere)

    labels = random_labels(5, 3, 3, 6, 7)
    expected = spatial_staple(labels, 2, num_classes=3)
    result = spatial_staple(torch.cat([labels, torch.full_like(labels[:1], -1)]), 2, num_classes=3)
    torch.testing.assert_close(result.probabilities, expected.probabilities)
    torch.testing.assert_close(result.local_confusion[:3], expected.local_confusion)
    assert torch.equal(result.local_confusion[3], everywhere)


@pytest.mark.parametrize("shape", [(1, 1), (3, 0), (2, 4, 0), (4, 1, 1, 1)])
def test_empty_and_size_one(shape: tuple[int, ...]):
    result = spatial_staple(MetaTensor(torch.ones(shape)))
    assert result.probabilities.shape == (2, *shape[1:])
    assert result.local_confusion.shape == (shape[0], 2, 2, *shape[1:])
    assert result.probabilities[1].eq(1).all()
    assert type(result.probabilities) is type(result.local_confusion) is torch.Tensor


def test_without_labels_there_is_only_the_prior():
    result = spatial_staple(torch.full((2, 3, 3), -1), prior=[1, 3], global_weight=0)
    torch.testing.assert_close(result.probabilities[1], torch.full((3, 3), 0.75, dtype=torch.float64))
    assert result.local_confusion.isfinite().all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"half_window": -1}, "half_window"),
        ({"half_window": 2.5}, "half_window: expected a whole number.*got 2.5"),
        ({"half_window": [1, 2, 3]}, "one for each axis"),
        ({"global_weight": -0.1}, "global_weight"),
        ({"global_weight": float("inf")}, "global_weight"),
        ({"tolerance": float("nan")}, "tolerance"),
        ({"max_iterations": 0}, "max_iterations"),
        ({"prior": [1.0]}, "prior"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, object], message: str):
    with pytest.raises(ArgumentError, match=message):
        spatial_staple(torch.zeros(2, 4, 4), **arguments)  # type: ignore[arg-type]
