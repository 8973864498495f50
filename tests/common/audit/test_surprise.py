"""The surprise of a label: closed forms, what is expected of it, and what it must not depend on."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import bernoulli

from common.audit import structure_doubts, surprises


def maps(seed: int, classes: int = 3, shape: tuple[int, ...] = (5, 6)) -> np.ndarray:
    random = np.random.default_rng(seed)
    scores = np.exp(random.normal(size=(classes, *shape)))
    return scores / scores.sum(0)


@pytest.mark.parametrize("seed", range(3))
def test_doubts_by_the_formulas(seed: int) -> None:
    p = maps(seed)
    label = np.random.default_rng(seed).integers(0, 3, p.shape[1:])
    predicted = p.argmax(0)
    for index, (far, lost) in enumerate(structure_doubts(label, p), start=1):
        q, y, guess = p[index], label == index, predicted == index
        dice = [(2 * (q * one).sum() + 1) / (q.sum() + one.sum() + 1) for one in (y, guess)]
        assert far == pytest.approx(np.log((1 - dice[0]) / (1 - dice[1])))
        law = bernoulli(q)
        assert lost == pytest.approx(np.log((1 - law.logpmf(y).sum()) / (1 + law.entropy().sum())))


def test_a_label_of_the_networks_own_probabilities_has_the_loss_that_is_expected() -> None:
    """The mean of exp(l) over all labels of four pixels is 1, by enumeration."""
    p = np.array([0.2, 0.9, 0.6, 0.35])
    mean = 0.0
    for label in itertools.product((0, 1), repeat=4):
        chance = float(np.prod(np.where(label, p, 1 - p)))
        if any(label) or (p >= 0.5).any():
            mean += chance * float(np.exp(structure_doubts(np.array(label), np.stack([1 - p, p]))[0, 1]))
    assert mean == pytest.approx(1.0)


def test_the_prediction_itself_is_at_no_distance() -> None:
    p = maps(0)
    assert structure_doubts(p.argmax(0), p)[:, 0] == pytest.approx([0, 0])


def test_what_is_not_labeled_and_what_is_not_there_do_not_count() -> None:
    p = maps(1, classes=2)
    label = np.random.default_rng(1).integers(0, 2, p.shape[1:])
    padded = np.concatenate([p, np.full((2, 3, 6), 0.5)], axis=1)
    assert structure_doubts(np.concatenate([label, np.full((3, 6), -1)]), padded) == pytest.approx(
        structure_doubts(label, p)
    )
    absent = np.concatenate([p, np.zeros((1, *p.shape[1:]))])
    assert np.isnan(structure_doubts(label, absent)[1]).all()


def test_one_wrong_structure_of_several_is_the_most_surprising() -> None:
    """The second structure is hard in all cases, the first only in the last: that case comes first."""
    random = np.random.default_rng(0)
    doubts = [np.array([random.normal(0, 0.2, 2), random.normal(3, 1, 2)]) for _ in range(30)]
    doubts[-1][0] = 2.0
    found = surprises(doubts)
    assert found.argmax() == 29
    assert (
        surprises([one * 7 + 5 for one in doubts]).argsort().tolist() == found.argsort().tolist()
    )  # spreads above 0.1


def test_a_rare_structure_is_compared_with_its_own_kind() -> None:
    """Of 20 cases three have a second structure, as usual for it; a fourth case's is not."""
    absent = np.full((1, 2), np.nan)
    doubts = [np.concatenate([np.full((1, 2), 0.1 * (n % 3)), absent]) for n in range(20)]
    for n in range(3):
        doubts[n][1] = 1.0 + 0.05 * n
    assert surprises(doubts)[:3].max() < 5
    doubts[3][1] = 3.0
    assert surprises(doubts).argmax() == 3


def test_cases_without_structures_and_no_cases() -> None:
    assert np.isnan(surprises([np.full((2, 2), np.nan), np.zeros((2, 2))])).tolist() == [True, False]
    assert np.isnan(surprises([np.full((1, 2), np.nan)])).all()
    assert not len(surprises([]))
    assert surprises([np.ones((1, 2))]).tolist() == [0.0]
    assert surprises([np.zeros((1, 2)), np.array([[0.0, 0.0], [1.0, 1.0]])]).tolist() == [0.0, 0.0]
