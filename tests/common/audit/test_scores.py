"""Scores of a case: closed forms, and what they must not depend on."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import norm

from common.audit import (
    border_probabilities,
    case_scores,
    certainty,
    drawn_probabilities,
    entropy_corrected,
    likelihood_ratio,
    signed_distance,
    soft_dice,
    softmin,
)

EPSILON = 1e-3


def sure(label: np.ndarray, num_classes: int = 2) -> np.ndarray:
    return np.stack([label == index for index in range(num_classes)]).astype(np.float32)


@pytest.mark.parametrize("displaced", [-6, -1, 0, 2, 5])
def test_likelihood_ratio_of_a_straight_border(displaced: int) -> None:
    """A border between voxels 19 and 20 of 40, 1.5 mm each, drawn `displaced` voxels off, against the formula."""
    spacing, s, size = 1.5, 2.0, 40
    position = np.arange(size)
    label = (position >= 20 + displaced).astype(np.int16)
    prediction = (position >= 20).astype(np.int16)
    inside = norm.cdf((position - 19.5) * spacing / s)
    share = (label.mean() + prediction.mean()) / 2
    prior = np.where(label == 1, share, 1 - share)
    drawn = (1 - EPSILON) * np.where(label == 1, inside, 1 - inside) + EPSILON * prior
    expected = np.log(drawn / prior).sum() / -np.log(prior).sum()
    found = likelihood_ratio(label, sure(prediction), [spacing], s)
    assert found == pytest.approx(expected, abs=1e-5)


def test_an_unsure_network_says_what_its_probabilities_say() -> None:
    """At p = ½ everywhere w = 1: P(y) is ½, whatever the border."""
    label = (np.arange(30).reshape(5, 6) % 3 == 0).astype(np.int16)
    half = np.full((2, 5, 6), 0.5, np.float32)
    share = label.mean() / 2  # the prediction is background
    prior = np.where(label == 1, share, 1 - share)
    expected = np.log(((1 - EPSILON) / 2 + EPSILON * prior) / prior).sum() / -np.log(prior).sum()
    assert likelihood_ratio(label, half, [1.0, 1.0], 0.1) == pytest.approx(expected, abs=1e-5)


def test_probabilities_of_several_classes_sum_to_one() -> None:
    random = np.random.default_rng(0)
    maps = random.dirichlet([0.3] * 4, size=(9, 8, 5)).transpose(3, 0, 1, 2).astype(np.float32)
    drawn = drawn_probabilities(maps, [1.0, 1.5, 4.0], 1.2, np.array([0.7, 0.1, 0.1, 0.1]))
    np.testing.assert_allclose(drawn.sum(0), 1.0, atol=1e-5)
    assert drawn.min() >= EPSILON * 0.1 * (1 - 1e-5)


def test_border_probabilities_of_three_classes_in_a_row() -> None:
    """Φ(d/s) of each class by hand, scaled to sum to 1."""
    prediction = np.repeat([0, 1, 2], 4)
    position = np.arange(12) + 0.5
    distance = np.stack([4 - position, np.minimum(position - 4, 8 - position), position - 8])
    expected = norm.cdf(distance / 1.5)
    found = border_probabilities(prediction, 3, [1.0], 1.5)
    np.testing.assert_allclose(found, expected / expected.sum(0), atol=1e-6)


def test_signed_distance_against_all_pairs_of_voxels() -> None:
    random = np.random.default_rng(1)
    mask = random.random((6, 5, 4)) < 0.4
    spacing = np.array([1.0, 1.5, 3.0])
    centers = np.stack(np.nonzero(np.ones_like(mask)), axis=1) * spacing
    found = signed_distance(mask, list(spacing)).ravel()
    for place, inside in enumerate(mask.ravel()):
        apart = centers[mask.ravel() != inside] - centers[place]
        length = np.linalg.norm(apart, axis=1)
        nearest = apart[length <= length.min() + 1e-9]  # several may be nearest, with halves of their own
        halves = (nearest**2 * spacing / 2).sum(1) / length.min() ** 2
        allowed = (length.min() - halves) * (1 if inside else -1)
        assert np.abs(allowed - found[place]).min() < 1e-5


def test_what_is_not_labeled_does_not_count() -> None:
    random = np.random.default_rng(2)
    label = (random.random((12, 10)) < 0.5).astype(np.int16)
    maps = random.dirichlet([1, 1], size=(12, 10)).transpose(2, 0, 1).astype(np.float32)
    hidden = label.copy()
    hidden[:, 7:] = -1
    for score in (soft_dice, softmin, entropy_corrected):
        assert score(hidden, maps) == pytest.approx(score(label[:, :7], maps[..., :7]), abs=1e-6), score
    changed = label.copy()
    changed[:, 7:] = 1 - changed[:, 7:]
    changed[:, 7:] = np.where(hidden[:, 7:] < 0, -1, changed[:, 7:])
    first, second = (case_scores(one, maps, [1.0, 1.0], 1.0) for one in (hidden, changed))
    assert first == second


def test_empty_surroundings_do_not_count() -> None:
    prediction = np.zeros((34, 34), np.int16)
    prediction[12:18, 13:18] = 1
    label = np.roll(prediction, 2, axis=0)
    padded = [np.pad(one, 30) for one in (label, prediction)]
    scores = [
        case_scores(drawn, sure(predicted), [1.0, 2.0], 0.8)["score"]
        for drawn, predicted in ((label, prediction), padded)
    ]
    assert scores[0] == pytest.approx(scores[1], rel=1e-6)


def test_a_label_further_off_scores_less() -> None:
    prediction = np.zeros((40, 40), np.int16)
    prediction[10:25, 12:28] = 1
    scores = [
        case_scores(np.roll(prediction, steps, axis=0), sure(prediction), [1.0, 1.0], 1.0)["score"]
        for steps in (0, 1, 3, 6, 10)
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.8
    assert scores[-1] < 0


def test_empty_label_and_empty_prediction() -> None:
    nothing, object_ = np.zeros((16, 16), np.int16), np.zeros((16, 16), np.int16)
    object_[4:10, 4:10] = 1
    assert case_scores(nothing, sure(nothing), [1.0, 1.0], 1.0)["score"] == 1.0
    assert case_scores(nothing, sure(object_), [1.0, 1.0], 1.0)["score"] < 0
    assert case_scores(object_, sure(nothing), [1.0, 1.0], 1.0)["score"] < 0.2
    assert math.isnan(likelihood_ratio(np.full((4, 4), -1), sure(np.zeros((4, 4))), [1.0, 1.0], 1.0))


def test_softmin_is_that_of_cleanlab() -> None:
    """Its formula by SciPy: the scores weighted by softmax((1 − score) / T)."""
    random = np.random.default_rng(3)
    maps = random.dirichlet([1, 1, 1], size=(7, 6)).transpose(2, 0, 1)
    label = random.integers(0, 3, (7, 6))
    own = np.take_along_axis(maps, label[None], axis=0).ravel()
    assert softmin(label, maps, 0.1) == pytest.approx(own @ softmax((1 - own) / 0.1), rel=1e-10)


def test_entropy_corrected_is_zero_to_expect() -> None:
    """Over all labels of three voxels, weighted by their probability."""
    maps = np.array([[0.9, 0.4, 0.25], [0.1, 0.6, 0.75]])
    total = 0.0
    for labels in itertools.product((0, 1), repeat=3):
        probability = np.prod([maps[drawn, voxel] for voxel, drawn in enumerate(labels)])
        total += probability * entropy_corrected(np.array(labels), maps)
    assert total == pytest.approx(0.0, abs=1e-6)


def test_certainty_is_the_soft_dice_of_the_prediction() -> None:
    random = np.random.default_rng(4)
    maps = random.dirichlet([1, 1, 1], size=(8, 8)).transpose(2, 0, 1)
    assert certainty(maps) == pytest.approx(soft_dice(maps.argmax(0), maps), rel=1e-9)
