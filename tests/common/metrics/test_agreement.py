"""Dice of pairs against MONAI's, and kappa against loops and a worked example."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics import DiceMetric, MeanIoU
from torch.nn import functional

from common.errors import ArgumentError
from common.metrics import fleiss_kappa, pairwise_dice, pairwise_similarity


def annotations(*shape: int, classes: int = 3, seed: int = 0, absent: float = 0.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, shape, generator=generator)
    return labels.where(torch.rand(shape, generator=generator) >= absent, -1)


@pytest.mark.parametrize("measure, metric", [("dice", DiceMetric), ("iou", MeanIoU)])
@pytest.mark.parametrize("spatial", [(6, 5), (3, 4, 2)])
def test_similarity_against_monai(measure: str, metric: type, spatial: tuple[int, ...]):
    ours, theirs = annotations(3, *spatial), annotations(2, *spatial, seed=1)
    expected = torch.zeros(3, 2, dtype=torch.float64)
    for i in range(3):
        for j in range(2):
            one_hot = [functional.one_hot(labels).movedim(-1, 0)[None] for labels in (ours[i], theirs[j])]
            expected[i, j] = metric(include_background=False)(*one_hot).double().mean()
    torch.testing.assert_close(pairwise_similarity(ours, theirs, measure), expected, atol=1e-6, rtol=0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(2, 4), st.floats(0, 0.6))
def test_pairwise_dice_is_symmetric_with_ones_on_the_diagonal(seed: int, raters: int, classes: int, absent: float):
    labels = annotations(raters, 3, 4, classes=classes, seed=seed, absent=absent)
    dice = pairwise_dice(labels)
    torch.testing.assert_close(dice, dice.T, equal_nan=True)
    assert dice.nan_to_num(0.5).aminmax()[0] >= 0 and dice.nan_to_num(0.5).aminmax()[1] <= 1
    rated = (labels >= 0).flatten(1).any(1)
    torch.testing.assert_close(dice.diagonal()[rated], torch.ones(int(rated.sum()), dtype=torch.float64))
    assert dice.diagonal()[~rated].isnan().all()


def test_only_pixels_that_both_have_labeled_count():
    first = torch.tensor([1, 1, 1, 0, 2, -1])
    second = torch.tensor([1, 0, -1, -1, 2, 2])
    # in the pixels 0, 1 and 4: class 1 has 2·1/(2 + 1), class 2 has 1
    assert pairwise_dice(torch.stack((first, second)))[0, 1].item() == pytest.approx((2 / 3 + 1) / 2)


def test_empty_labels_agree():
    dice = pairwise_dice(torch.tensor([[0, 0], [0, 0], [1, 0], [-1, -1]]))
    expected = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]]).double()
    torch.testing.assert_close(dice[:3, :3], expected)
    assert dice[3].isnan().all()
    assert (pairwise_dice(torch.zeros(2, 3, 3)) == 1).all()


WORKED_EXAMPLE = [  # subjects by categories, 14 raters: Wikipedia, "Fleiss' kappa", κ = 0.210
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]


def test_kappa_of_a_known_table():
    ratings = [[c for c, count in enumerate(row) for _ in range(count)] for row in WORKED_EXAMPLE]
    labels = torch.tensor(ratings).T.reshape(14, 2, 5)
    assert fleiss_kappa(labels).item() == pytest.approx(0.210, abs=5e-4)


def kappa_in_loops(labels: torch.Tensor) -> float:
    agreements, ratings = [], []
    for pixel in labels.flatten(1).T.tolist():
        given_classes = [c for c in pixel if c >= 0]
        if len(given_classes) < 2:
            continue
        ratings += given_classes
        pairs = [(a, b) for i, a in enumerate(given_classes) for j, b in enumerate(given_classes) if i != j]
        agreements.append(sum(a == b for a, b in pairs) / len(pairs))
    observed = sum(agreements) / len(agreements)
    expected = sum((ratings.count(c) / len(ratings)) ** 2 for c in set(ratings))
    return (observed - expected) / (1 - expected)


@pytest.mark.parametrize("absent", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("shape", [(4, 5, 6), (3, 2, 3, 4), (2, 1, 40)])
def test_kappa_in_loops(shape: tuple[int, ...], absent: float):
    labels = annotations(*shape, absent=absent)
    assert fleiss_kappa(labels).item() == pytest.approx(kappa_in_loops(labels), abs=1e-12)
    assert fleiss_kappa(labels.float()).item() == fleiss_kappa(labels).item()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 6), st.integers(1, 4))
def test_kappa_is_one_for_the_unanimous(seed: int, raters: int, classes: int):
    labels = annotations(1, 4, 4, classes=classes, seed=seed).expand(raters, -1, -1).clone()
    labels[0, 0] = -1
    assert fleiss_kappa(labels).item() == pytest.approx(1, abs=1e-12)


def test_kappa_is_about_zero_by_chance_and_negative_below():
    assert abs(fleiss_kappa(annotations(5, 100, 100)).item()) < 0.01
    assert fleiss_kappa(torch.tensor([[0, 1], [1, 0]])).item() == -1


def test_kappa_needs_two_labels_of_a_pixel():
    assert fleiss_kappa(torch.tensor([[0, 1, -1], [-1, -1, 1]])).isnan()
    assert fleiss_kappa(torch.zeros(1, 4)).isnan()
    assert fleiss_kappa(torch.full((3, 4), -1)).isnan()


def test_mistakes_are_named():
    with pytest.raises(ArgumentError, match="one spatial shape"):
        pairwise_similarity(torch.zeros(2, 3, 3), torch.zeros(2, 3, 4))
    with pytest.raises(ArgumentError, match="one spatial shape"):
        pairwise_dice(torch.zeros(3))
    with pytest.raises(ArgumentError, match="measure: expected dice or iou, got 'f1'"):
        pairwise_similarity(torch.zeros(1, 3), torch.zeros(1, 3), "f1")
    with pytest.raises(ArgumentError, match="labels"):
        fleiss_kappa(torch.zeros(3))
