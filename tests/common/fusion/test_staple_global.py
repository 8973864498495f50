"""STAPLE against expectation maximization voxel by voxel, and what must hold of any such estimate."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from numpy.typing import NDArray
from scipy.special import logsumexp

from common.errors import ArgumentError
from common.fusion import estimate_confusion, mean_label, staple

Array = NDArray[np.float64]
SEEDS = st.integers(0, 10**6)


def random_labels(seed: int, annotators: int, classes: int, *spatial: int, absent: float = 0.2) -> torch.Tensor:
    """Annotators of different skill, who are absent at random voxels."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, classes, spatial)
    labels = np.stack(
        [
            np.where(generator.random(spatial) < skill, truth, generator.integers(0, classes, spatial))
            for skill in generator.uniform(0.2, 0.95, annotators)
        ]
    )
    return torch.from_numpy(np.where(generator.random(labels.shape) < absent, -1, labels))


def by_voxel(labels: torch.Tensor, classes: int, prior: Array | None, iterations: int) -> tuple[Array, Array, Array]:
    """W, A and the prior by the two steps as they are printed, with products of probabilities at every voxel."""
    said = labels.flatten(1).tolist()
    voxels = range(len(said[0]))
    w = np.zeros((classes, len(voxels)))
    for x in voxels:
        present = [one[x] for one in said if one[x] >= 0]
        for j in range(classes):
            w[j, x] = present.count(j) / len(present) if present else 0
    if prior is None:
        prior = w.sum(1) / w.sum()
    prior = np.broadcast_to(prior.reshape(classes, -1), w.shape)
    a = np.tile(np.eye(classes), (len(said), 1, 1))
    for _ in range(iterations):
        for r, one in enumerate(said):
            for j in range(classes):
                mass = sum(w[j, x] for x in voxels if one[x] >= 0)
                for i in range(classes):
                    if mass > 0:
                        a[r, i, j] = sum(w[j, x] for x in voxels if one[x] == i) / mass
        for x in voxels:
            joint = [
                prior[j, x] * math.prod(a[r, one[x], j] for r, one in enumerate(said) if one[x] >= 0)
                for j in range(classes)
            ]
            w[:, x] = np.array(joint) / sum(joint)
    return w.reshape(classes, *labels.shape[1:]), a, prior


def log_likelihood(labels: torch.Tensor, confusion: torch.Tensor, prior: torch.Tensor) -> float:
    said = labels.flatten(1).numpy()
    with np.errstate(divide="ignore"):
        log_joint = np.repeat(np.log(prior.numpy().reshape(-1, 1)), said.shape[1], axis=1)
        for one, matrix in zip(said, np.log(confusion.numpy()), strict=True):
            log_joint += np.where(one >= 0, matrix[one].T, 0)
    return float(logsumexp(log_joint, axis=0).sum())


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(1, 5), st.integers(2, 4), st.integers(1, 6), st.sampled_from(["labels", "classes", "voxels"]))
def test_against_the_steps_at_every_voxel(seed: int, annotators: int, classes: int, iterations: int, kind: str):
    labels = random_labels(seed, annotators, classes, 5, 4)
    generator = np.random.default_rng(seed)
    prior = None
    if kind != "labels":
        prior = generator.uniform(0.1, 1, (classes, 5, 4) if kind == "voxels" else (classes,))
        prior /= prior.sum(0)
    given_prior = None if prior is None else torch.from_numpy(3 * prior)  # any scale will do
    result = staple(labels, classes, given_prior, tolerance=0, max_iterations=iterations)
    probabilities, confusion, used = by_voxel(labels, classes, prior, result.iterations)
    assert result.iterations == iterations or result.converged
    np.testing.assert_allclose(result.probabilities, probabilities, atol=1e-10)
    np.testing.assert_allclose(result.confusion, confusion, atol=1e-10)
    np.testing.assert_allclose(
        result.prior.expand(classes, 5, 4), used.reshape(classes, 5, 4) + np.zeros((classes, 5, 4)), atol=1e-12
    )


@pytest.mark.parametrize(
    ("annotators", "classes", "voxels"),
    [(5, 4, 200), (12, 3, 200), (20, 2, 300), (45, 2, 100), (3, 300, 40)],
    ids=["table", "halves", "sorted", "more digits than 64 bits", "many classes"],
)
def test_patterns_of_many_annotators_and_classes(annotators: int, classes: int, voxels: int):
    labels = random_labels(annotators, annotators, classes, voxels)
    result = staple(labels, classes, tolerance=0, max_iterations=2)
    probabilities, confusion, _ = by_voxel(labels, classes, None, 2)
    np.testing.assert_allclose(result.probabilities, probabilities, atol=1e-10)
    np.testing.assert_allclose(result.confusion, confusion, atol=1e-10)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(2, 5), st.integers(2, 3))
def test_the_likelihood_only_rises(seed: int, annotators: int, classes: int):
    labels = random_labels(seed, annotators, classes, 40)
    results = [staple(labels, classes, tolerance=0, max_iterations=k) for k in range(1, 12)]
    likelihoods = [log_likelihood(labels, result.confusion, result.prior) for result in results]
    assert (np.diff(likelihoods) >= -1e-9).all()
    assert likelihoods[-1] > likelihoods[0] - 1e-9


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.integers(1, 5), st.integers(2, 4))
def test_columns_sum_to_one_and_names_do_not_matter(seed: int, annotators: int, classes: int):
    labels = random_labels(seed, annotators, classes, 6, 7)
    generator = torch.Generator().manual_seed(seed)
    result = staple(labels, classes, tolerance=0, max_iterations=10)
    ones = torch.ones(1, dtype=torch.float64)
    torch.testing.assert_close(result.probabilities.sum(0), ones.expand(6, 7))
    torch.testing.assert_close(result.confusion.sum(1), ones.expand(annotators, classes))

    order = torch.randperm(annotators, generator=generator)
    other = staple(labels[order], classes, tolerance=0, max_iterations=10)
    torch.testing.assert_close(other.probabilities, result.probabilities, atol=1e-9, rtol=0)
    torch.testing.assert_close(other.confusion, result.confusion[order], atol=1e-9, rtol=0)

    name = torch.randperm(classes, generator=generator)
    renamed = torch.where(labels < 0, -1, name[labels.clamp_min(0)])
    other = staple(renamed, classes, tolerance=0, max_iterations=10)
    torch.testing.assert_close(other.probabilities[name], result.probabilities, atol=1e-9, rtol=0)
    torch.testing.assert_close(other.confusion[:, name][..., name], result.confusion, atol=1e-9, rtol=0)


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.integers(1, 4))
def test_an_absent_annotator_is_as_if_left_out(seed: int, annotators: int):
    labels = random_labels(seed, annotators, 3, 50)
    expected = staple(labels, 3, tolerance=0, max_iterations=10)
    result = staple(torch.cat([labels, torch.full_like(labels[:1], -1)]), 3, tolerance=0, max_iterations=10)
    torch.testing.assert_close(result.probabilities, expected.probabilities, atol=1e-9, rtol=0)
    torch.testing.assert_close(result.confusion[:-1], expected.confusion, atol=1e-9, rtol=0)
    assert torch.equal(result.confusion[-1], torch.eye(3, dtype=torch.float64))


@pytest.mark.parametrize("annotators", [1, 2, 5])
def test_unanimous_annotators_are_certain(annotators: int):
    truth = torch.randint(0, 3, (4, 5, 6), generator=torch.Generator().manual_seed(0))
    for one in (truth, torch.zeros_like(truth), torch.full_like(truth, 2)):
        result = staple(one.expand(annotators, 4, 5, 6), 3)
        assert torch.equal(result.probabilities.argmax(0), one)
        assert result.probabilities.amax(0).min() > 1 - 1e-12
        assert torch.equal(result.confusion, torch.eye(3, dtype=torch.float64).expand(annotators, 3, 3))
        assert result.converged


def test_a_blank_and_an_all_wrong_annotator_are_seen_through():
    generator = np.random.default_rng(0)
    truth = generator.random(20_000) < 0.3
    good = [truth ^ (generator.random(len(truth)) < 0.02) for _ in range(3)]
    labels = torch.from_numpy(np.stack([*good, np.zeros_like(truth), ~truth]))
    result = staple(labels)
    assert result.converged
    assert (result.probabilities.argmax(0).numpy() != truth).mean() < 0.005
    torch.testing.assert_close(result.confusion[3], torch.tensor([[1.0, 1.0], [0.0, 0.0]], dtype=torch.float64))
    assert torch.diagonal(result.confusion[4]).max() < 0.01


def test_simulated_annotators_are_recovered():
    generator = np.random.default_rng(1)
    truth = generator.choice(3, 200_000, p=[0.6, 0.3, 0.1])
    columns = generator.dirichlet([1, 1, 1], (5, 3)).transpose(0, 2, 1) * 0.4 + 0.6 * np.eye(3)
    labels = np.stack(
        [(generator.random(len(truth)) > matrix.cumsum(0)[:, truth]).sum(0).clip(max=2) for matrix in columns]
    )
    labels[4, ::2] = -1
    result = staple(torch.from_numpy(labels), prior=[0.6, 0.3, 0.1])
    assert result.converged
    np.testing.assert_allclose(result.confusion, columns, atol=0.02)
    assert (result.probabilities.argmax(0).numpy() == truth).mean() > 0.93
    calibrated = result.probabilities.amax(0).mean() - (result.probabilities.argmax(0).numpy() == truth).mean()
    assert abs(float(calibrated)) < 0.01


def test_without_labels_there_is_only_the_prior():
    absent = torch.full((3, 4), -1)
    result = staple(absent, 4)
    assert torch.equal(result.probabilities, torch.full((4, 4), 0.25, dtype=torch.float64))
    assert torch.equal(result.confusion, torch.eye(4, dtype=torch.float64).expand(3, 4, 4))
    result = staple(absent, prior=[3, 1])
    torch.testing.assert_close(result.probabilities[:, 0], torch.tensor([0.75, 0.25], dtype=torch.float64))


def test_a_spatial_prior_decides_where_annotators_disagree():
    labels = torch.tensor([[0, 1, 0, 1, 0, 1], [0, 1, 0, 1, 1, 0]])
    foreground = torch.tensor([0.5, 0.5, 0.5, 0.5, 0.9, 0.1])
    result = staple(labels, prior=torch.stack([1 - foreground, foreground]))
    assert result.probabilities.argmax(0).tolist() == [0, 1, 0, 1, 1, 0]
    same = staple(labels, prior=torch.tensor([0.7, 0.3])[:, None].expand(2, 6))
    torch.testing.assert_close(same.probabilities, staple(labels, prior=[0.7, 0.3]).probabilities)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 4), st.integers(1, 3))
def test_impossible_priors_never_give_nan(seed: int, annotators: int, classes: int):
    labels = random_labels(seed, annotators, classes, 12)
    generator = torch.Generator().manual_seed(seed)
    certain = torch.nn.functional.one_hot(torch.randint(0, classes, (12,), generator=generator), classes).T
    for prior in (certain, torch.eye(classes)[0]):
        result = staple(labels, classes, prior)
        assert result.probabilities.isfinite().all()
        assert result.confusion.isfinite().all()
        torch.testing.assert_close(result.probabilities, prior.double().view(classes, -1).expand(classes, 12))
    with_rare_labels = staple(torch.cat([labels, torch.zeros(annotators, 3000, dtype=torch.long)], dim=1), classes + 2)
    assert with_rare_labels.probabilities.isfinite().all()


@pytest.mark.parametrize("shape", [(1, 1), (3, 0), (2, 4, 0), (4, 1, 1, 1)])
@pytest.mark.parametrize("prior", ["labels", "classes", "voxels"])
def test_empty_and_size_one(shape: tuple[int, ...], prior: str):
    values = {"labels": None, "classes": torch.ones(2), "voxels": torch.ones(2, *shape[1:])}[prior]
    result = staple(torch.ones(shape), prior=values)
    assert result.probabilities.shape == (2, *shape[1:])
    assert result.confusion.shape == (shape[0], 2, 2)
    assert result.probabilities[1].eq(1).all()
    assert result.converged


def test_two_and_three_dimensions_agree_and_the_input_stays():
    labels = random_labels(0, 4, 3, 60)
    before = labels.clone()
    expected = staple(labels)
    for spatial in ((6, 10), (3, 4, 5)):
        result = staple(MetaTensor(labels.view(4, *spatial).float()))
        assert torch.equal(result.probabilities, expected.probabilities.view(3, *spatial))
        assert torch.equal(result.confusion, expected.confusion)
        assert type(result.probabilities) is torch.Tensor
        assert result.probabilities.dtype == result.confusion.dtype == torch.float64
    assert torch.equal(labels, before)


def test_it_stops_at_the_tolerance_or_the_last_iteration():
    labels = random_labels(3, 5, 2, 500)
    converged = staple(labels, tolerance=1e-9)
    assert converged.converged
    before = staple(labels, max_iterations=converged.iterations - 1, tolerance=0)
    assert (before.iterations, before.converged) == (converged.iterations - 1, False)
    assert (converged.confusion - before.confusion).abs().max() <= 1e-9


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_confusion_of_known_truth_counts_labels(seed: int):
    labels = random_labels(seed, 3, 3, 8, 5)
    truth = torch.randint(0, 3, (8, 5), generator=torch.Generator().manual_seed(seed))
    confusion = estimate_confusion(labels, torch.nn.functional.one_hot(truth, 3).movedim(-1, 0).float())
    for r in range(3):
        for j in range(3):
            there = labels[r][(truth == j) & (labels[r] >= 0)]
            expected = [(there == i).double().mean() if len(there) else float(i == j) for i in range(3)]
            torch.testing.assert_close(confusion[r, :, j], torch.tensor(expected, dtype=torch.float64))
    mean = mean_label(labels, 3) * (labels >= 0).any(0)
    torch.testing.assert_close(estimate_confusion(labels, mean), staple(labels, 3, max_iterations=1).confusion)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prior": [0.5, 0.25, 0.25]}, "prior: expected 2 numbers, one for each class"),
        ({"prior": torch.ones(2, 5)}, r"got the shape \(2, 5\)"),
        ({"prior": [-0.5, 1.5]}, "from 0 up"),
        ({"prior": [0.0, 0.0]}, "positive"),
        ({"prior": [float("nan"), 1.0]}, "finite"),
        ({"prior": [float("inf"), 1.0]}, "finite"),
        ({"tolerance": -1e-3}, "tolerance"),
        ({"max_iterations": 0}, "max_iterations"),
        ({"num_classes": 1}, "classes 0 to 0"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, object], message: str):
    with pytest.raises(ArgumentError, match=message):
        staple(torch.tensor([[0, 1, 1, 0], [0, 1, 0, 0]]), **arguments)  # type: ignore[arg-type]


def test_probabilities_of_another_size_are_refused():
    with pytest.raises(ArgumentError, match=r"size \(4,\), got \(5,\)"):
        estimate_confusion(torch.zeros(1, 4), torch.zeros(2, 5))
