"""A distance of sets: zero for identical ones, symmetric, never negative, and the formula itself."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ignite.engine import Engine
from monai.handlers import IgniteMetricHandler
from monai.metrics import compute_dice, compute_iou

from common.errors import ArgumentError
from common.metrics import GeneralizedEnergyDistance, generalized_energy_distance


def masks(count: int, *spatial: int, seed: int = 0, classes: int = 2) -> torch.Tensor:
    return torch.randint(classes, (count, *spatial), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("distance, similarity", [("dice", compute_dice), ("iou", compute_iou)])
@pytest.mark.parametrize("spatial", [(4, 5), (2, 3, 2), (1, 9)])
def test_the_formula(distance: str, similarity, spatial: tuple[int, ...]):
    samples, labels = masks(4, *spatial), masks(3, *spatial, seed=1)

    def expectation(first: torch.Tensor, second: torch.Tensor) -> float:
        distances = [
            1 - similarity(a[None, None], b[None, None], ignore_empty=False).item() for a in first for b in second
        ]
        return sum(distances) / len(distances)

    expected = 2 * expectation(samples, labels) - expectation(samples, samples) - expectation(labels, labels)
    assert generalized_energy_distance(samples, labels, distance).item() == pytest.approx(expected, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 5), st.integers(2, 4), st.sampled_from(["dice", "iou"]))
def test_it_is_a_distance(seed: int, count: int, other: int, classes: int, distance: str):
    samples = masks(count, 2, 3, seed=seed, classes=classes)
    labels = masks(other, 2, 3, seed=seed + 1, classes=classes)
    value = generalized_energy_distance(samples, labels, distance).item()
    assert -1e-12 <= value <= 2
    assert generalized_energy_distance(labels, samples, distance).item() == pytest.approx(value, abs=1e-12)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    assert generalized_energy_distance(samples, samples[order], distance).item() == pytest.approx(0, abs=1e-12)
    twice = torch.cat((samples, samples))
    assert generalized_energy_distance(samples, twice, distance).item() == pytest.approx(0, abs=1e-12)


def test_known_values():
    empty, full = torch.zeros(1, 4), torch.ones(1, 4)
    assert generalized_energy_distance(empty, full) == 2
    assert generalized_energy_distance(empty, empty) == 0
    both = torch.cat((empty, full))
    # 2·1/2 − 0 − 1/2: half of the annotators are met, and the spread is missing
    assert generalized_energy_distance(empty, both).item() == pytest.approx(0.5)


def test_absent_annotators_do_not_count():
    samples, labels = masks(3, 4, 4), masks(2, 4, 4, seed=1)
    absent = torch.full((1, 4, 4), -1)
    expected = generalized_energy_distance(samples, labels)
    assert generalized_energy_distance(samples, torch.cat((labels[:1], absent, labels[1:]))) == expected
    assert generalized_energy_distance(samples, absent).isnan()
    assert generalized_energy_distance(samples[:0], labels).isnan()


def test_unlabeled_pixels_do_not_count():
    samples, labels = masks(3, 1, 12), masks(2, 1, 12, seed=1)
    expected = generalized_energy_distance(samples[..., :7], labels[..., :7])
    labels[..., 7:] = -1
    of_samples = [generalized_energy_distance(s[None], labels).item() for s in samples]
    shortened = [generalized_energy_distance(s[None, ..., :7], labels[..., :7]).item() for s in samples]
    assert of_samples == pytest.approx(shortened, abs=1e-12)
    assert expected.isfinite()


def test_the_metric_is_the_mean_over_images():
    samples, labels = masks(6, 4, 5).view(2, 3, 4, 5), masks(4, 4, 5, seed=1).view(2, 2, 4, 5)
    each = [generalized_energy_distance(s, y, "iou").item() for s, y in zip(samples, labels, strict=True)]
    metric = GeneralizedEnergyDistance("iou")
    assert metric(y_pred=samples, y=labels).flatten().tolist() == pytest.approx(each)
    assert metric.aggregate().item() == pytest.approx(sum(each) / 2)
    metric.reset()
    metric(y_pred=list(samples), y=list(labels))  # decollated
    metric(y_pred=samples[:1], y=torch.full_like(labels[:1], -1))  # nobody labeled it
    assert metric.aggregate().item() == pytest.approx(sum(each) / 2)
    assert metric.aggregate("none").shape == (3, 1)


def test_as_an_ignite_handler():
    engine = Engine(lambda engine, batch: batch)
    IgniteMetricHandler(GeneralizedEnergyDistance()).attach(engine, "ged")
    samples, labels = masks(3, 4, 5)[None], masks(2, 4, 5, seed=1)[None]
    engine.run([(samples, labels), (labels, labels)])
    expected = generalized_energy_distance(samples[0], labels[0]).item() / 2
    assert engine.state.metrics["ged"] == pytest.approx(expected)


def test_mistakes_are_named():
    with pytest.raises(ArgumentError, match="one spatial shape"):
        generalized_energy_distance(torch.zeros(2, 3, 3), torch.zeros(2, 3, 4))
    for make in (GeneralizedEnergyDistance, lambda distance: generalized_energy_distance(*2 * [masks(2, 3)], distance)):
        with pytest.raises(ArgumentError, match="expected dice or iou, got 'l2'"):
            make("l2")
    with pytest.raises(ArgumentError, match="expected y"):
        GeneralizedEnergyDistance()(y_pred=torch.zeros(1, 2, 3, 3))
