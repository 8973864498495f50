"""The posterior of the truth given the label, in closed form, and the Dice to expect."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from common.audit import border_probabilities, share_without_regard, truth_given_label
from common.audit.cases import case_scores

G = 1e-3


def test_closed_form_of_two_classes() -> None:
    """Bayes' rule voxel by voxel along a line, with Φ(d/s) and the prevalence by hand."""
    p = np.array([0.1, 0.2, 0.3, 0.8, 0.9, 0.9])
    label = np.array([0, 0, 1, 1, 1, 1])
    slip = norm.cdf(-np.abs(np.arange(6) - 2.5) * 2.0 / 3.0)
    prior = np.array([2 + 3, 4 + 3]) / 12
    own = np.where(label == 1, p, 1 - p)

    def drawn(g: float) -> tuple[np.ndarray, np.ndarray]:
        chance = g * prior[label]
        return own * ((1 - g) * (1 - slip) + chance), (1 - own) * ((1 - g) * slip + chance)

    g = minimize_scalar(lambda g: -np.log(sum(drawn(g))).sum(), bounds=(G, 1), method="bounded").x
    right, wrong = drawn(g)
    found = truth_given_label(label, np.stack([1 - p, p]), [2.0], 3.0)
    assert found.share == pytest.approx(g, abs=2e-3)
    np.testing.assert_allclose(found.false_label, wrong / (right + wrong), atol=2e-3)
    foreground = np.where(label == 1, right, wrong) / (right + wrong)
    assert found.expected_dice == pytest.approx(2 * foreground[2:].sum() / (4 + foreground.sum()), abs=2e-3)


def test_several_classes_by_loops() -> None:
    random = np.random.default_rng(0)
    maps = random.dirichlet([0.4] * 3, size=(20, 7)).transpose(2, 0, 1).astype(np.float32)
    label = random.integers(-1, 3, (20, 7))
    found = truth_given_label(label, maps, [1.0, 1.5], 0.8)
    q = border_probabilities(maps.argmax(0), 3, [1.0, 1.5], 0.8).astype(float)
    known = label >= 0
    pi = np.bincount(label[known], minlength=3) + np.bincount(maps.argmax(0)[known], minlength=3)
    pi = pi / pi.sum()
    for place in np.ndindex(*label.shape):
        y, here = label[place], q[(slice(None), *place)]
        if y < 0:
            assert found.false_label[place] == 0
            continue
        slip = 1 - here.max()
        likely = []
        for k in range(3):
            others = sum(here[j] for j in range(3) if j != k)
            b = 1 - slip if k == y else slip * here[y] / max(others, 1e-7)
            likely.append(maps[(k, *place)] * ((1 - found.share) * b + found.share * pi[y]))
        assert found.false_label[place] == pytest.approx(1 - likely[y] / sum(likely), abs=1e-4)


def test_share_is_that_of_labels_thrown_in() -> None:
    """Of 40,000 voxels 20 % are labeled by a coin: the share comes out within 4 standard errors of a proportion."""
    random = np.random.default_rng(1)
    prior = np.full(40_000, 0.5)
    right = np.where(random.random(40_000) < 0.2 * 0.5, 0.02, 0.98)
    right = np.where(random.random(40_000) < 0.02, 1 - right, right)
    assert share_without_regard(right, prior) == pytest.approx(0.2, abs=4 * 2 * math.sqrt(0.1 * 0.9 / 40_000))
    assert share_without_regard(np.ones(9), np.full(9, 0.5)) == G
    assert share_without_regard(np.zeros(9), np.full(9, 0.5)) > 0.999


def test_a_missing_structure_is_false_and_a_shaky_border_is_not() -> None:
    truth = np.zeros((60, 60), int)
    truth[5:35, 5:35] = 1
    truth[45:55, 45:55] = 1
    maps = np.stack([np.where(truth == 0, 0.998, 0.002), np.where(truth == 1, 0.998, 0.002)])
    label = truth.copy()
    label[45:, 45:] = 0
    label[35, 10:30] = 1  # a voxel further out
    false = truth_given_label(label, maps, [1.0, 1.0], 1.0).false_label
    assert false[47:53, 47:53].min() > 0.9 and false[45:55, 45:55].mean() > 0.7
    assert false[35, 10:30].mean() > 3 * false[20:30, 20:30].max()
    assert false[20:30, 20:30].max() < 0.01 and false[:4].max() < 0.05


def test_expected_dice_by_drawing_truths() -> None:
    """Truths are drawn from the model, labels from the truths: the mean Dice is what is expected, within 1 %."""
    random = np.random.default_rng(2)
    p = np.clip(1.15 - np.hypot(*np.mgrid[-20:21, -20:21]) / 18, 0.02, 0.98)
    maps = np.stack([1 - p, p]).astype(np.float32)
    q = border_probabilities((p > 0.5).astype(int), 2, [1.0, 1.0], 1.5)
    slip = 1 - q.max(0)
    dice, expected = [], []
    for _ in range(60):
        truth = random.random(p.shape) < p
        label = truth ^ (random.random(p.shape) < slip)
        dice.append(2 * (truth & label).sum() / (truth.sum() + label.sum()))
        expected.append(truth_given_label(label.astype(int), maps, [1.0, 1.0], 1.5).expected_dice)
    assert np.mean(expected) == pytest.approx(np.mean(dice), abs=0.01)


def test_nothing_labeled_and_nothing_there() -> None:
    sure = np.stack([np.ones((5, 5)), np.zeros((5, 5))]).astype(np.float32)
    nothing = truth_given_label(np.full((5, 5), -1), sure, [1.0, 1.0], 1.0)
    assert math.isnan(nothing.expected_dice) and not nothing.false_label.any()
    empty = truth_given_label(np.zeros((5, 5), int), sure, [1.0, 1.0], 1.0)
    assert empty.expected_dice == 1.0 and not empty.false_label.any()
    object_ = np.zeros((5, 5), int)
    object_[2:4, 2:4] = 1
    scores = case_scores(object_, sure, [1.0, 1.0], 0.5)
    assert scores["expected_dice"] < 0.2
    assert scores["share_without_regard"] > 0.1
