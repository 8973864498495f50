"""The probability that a label is wrong, against frequencies in simulated data sets."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from common.audit import wrong_probabilities


def simulated(random: np.random.Generator, cases: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Surprises of a data set of its own spread and tail, and which labels are wrong."""
    wrong = random.random(cases) < share
    x = random.standard_normal(cases)
    tail = random.exponential(random.uniform(0.5, 2.5), cases)
    x += np.where(random.random(cases) < random.uniform(0, 0.2), tail, 0)
    x = np.where(wrong, random.uniform(6, 14) + random.uniform(1, 2) * random.standard_normal(cases), x)
    return random.uniform(-1, 2) + random.uniform(0.8, 2.5) * x, wrong


def test_probabilities_are_frequencies() -> None:
    """Of labels with a probability of at least 0.9 the stated share is wrong; of those below 0.1 next to none is."""
    random = np.random.default_rng(0)
    sets = [simulated(random, 100, share) for share in (0.0, 0.05, 0.15, 0.3) for _ in range(6)]
    found = np.concatenate([wrong_probabilities(surprises) for surprises, _ in sets])
    wrong = np.concatenate([one for _, one in sets])
    high, low = found >= 0.9, found < 0.1
    assert wrong[high].mean() == pytest.approx(found[high].mean(), abs=0.05)
    assert wrong[low].mean() < 0.02
    assert found.sum() == pytest.approx(wrong.sum(), rel=0.15)
    assert (found[wrong] >= 0.5).mean() > 0.85


def test_no_errors_in_none_out() -> None:
    """At most 2 % of right labels are suspected, also with a tail of cases that the network handles badly."""
    random = np.random.default_rng(1)
    shares = [(wrong_probabilities(simulated(random, 120, 0.0)[0]) >= 0.5).mean() for _ in range(10)]
    assert np.mean(shares) <= 0.01 and max(shares) <= 0.05


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_wrong_labels_do_not_hide_each_other(share: float) -> None:
    random = np.random.default_rng(0)
    right = 1.6 * random.standard_normal(300)
    wrong = random.uniform(10, 25, round(300 * share))
    found = wrong_probabilities(np.concatenate([right, wrong]))
    assert (found[:300] >= 0.5).mean() <= 0.01 and found[300:].min() >= 0.5


def test_what_lies_beyond_everything_is_wrong_for_certain() -> None:
    right = np.random.default_rng(0).standard_normal(100)
    assert wrong_probabilities([*right, 12.0, 300.0])[-1] > 0.8


def test_a_label_that_fits_better_than_all_others_is_not_wrong() -> None:
    right = np.random.default_rng(0).standard_normal(20)
    assert wrong_probabilities([*right, -9.0, 20.0])[:-1].max() < 0.1


def test_a_larger_surprise_is_never_less_probably_wrong() -> None:
    surprises = np.concatenate([np.linspace(-2, 2, 30), [12.0, 20.0, 50.0]])
    found = wrong_probabilities(surprises)
    assert (np.diff(found[np.argsort(surprises)]) >= 0).all() and found[-1] > 0.8
    assert not len(wrong_probabilities([]))
    assert np.isfinite(wrong_probabilities([1.0, 1.0, 1.0])).all()


def test_errors_that_do_not_stand_apart_are_ranked_first_and_not_flagged() -> None:
    """A quarter of the labels, each of them more surprising than any right one: the page says to look at the first."""
    right = norm.ppf((np.arange(30) + 0.5) / 30)
    wrong = np.linspace(3, 5, 10)
    found = wrong_probabilities([*right, *wrong])
    assert found[:30].max() < found[30:].min() and found.max() < 0.5
