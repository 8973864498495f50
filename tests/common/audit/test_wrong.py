"""The probability that a label is wrong, against frequencies in simulated data sets."""

from __future__ import annotations

import numpy as np
import pytest

from common.audit import wrong_probabilities


def simulated(random: np.random.Generator, cases: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Scores of a data set of its own spread and tail, and which labels are wrong."""
    wrong = random.random(cases) < share
    deficit = random.uniform(-2.5, -1.5) + random.uniform(0.15, 0.5) * random.standard_normal(cases)
    tail = random.exponential(random.uniform(0.1, 0.6), cases)
    deficit += np.where(random.random(cases) < random.uniform(0, 0.2), tail, 0)
    deficit = np.where(wrong, 0.15 + 0.3 * random.standard_normal(cases), deficit)
    return 1 - np.exp(deficit), wrong


def test_probabilities_are_frequencies() -> None:
    """Of labels with a probability of at least 0.9 the stated share is wrong; of those below 0.1 next to none is."""
    random = np.random.default_rng(0)
    sets = [simulated(random, 100, share) for share in (0.0, 0.05, 0.15, 0.3) for _ in range(6)]
    found = np.concatenate([wrong_probabilities(scores) for scores, _ in sets])
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
    right = 1 - 0.1 * np.exp(0.3 * random.standard_normal(300))
    wrong = random.uniform(-1, 0.1, round(300 * share))
    found = wrong_probabilities(np.concatenate([right, wrong]))
    assert (found[:300] >= 0.5).mean() <= 0.01 and found[300:].min() >= 0.5


def test_a_worse_score_is_never_less_probably_wrong() -> None:
    scores = np.concatenate([np.linspace(0.8, 0.95, 30), [0.2, -0.3, -5.0]])
    found = wrong_probabilities(scores)
    assert (np.diff(found[np.argsort(-scores)]) >= 0).all() and found[-1] > 0.8
    assert not len(wrong_probabilities([]))
    assert np.isfinite(wrong_probabilities([1.0, 1.0, 1.0])).all()
