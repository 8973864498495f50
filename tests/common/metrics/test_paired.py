"""Paired comparisons against every swap, and where chance alone acts."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import permutation_test

from common.errors import ArgumentError
from common.metrics import mean_interval, paired_permutation_test


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=7))
def test_paired_test_tries_every_swap(pairs: list[tuple[int, int]]) -> None:
    a, b = zip(*pairs, strict=True)
    differences = np.subtract(a, b)
    swaps = [abs(np.dot(signs, differences)) for signs in itertools.product((1, -1), repeat=len(pairs))]
    share = np.mean(np.array(swaps) >= abs(differences.sum()))
    assert paired_permutation_test(a, b) == pytest.approx(share)
    assert paired_permutation_test(b, a) == pytest.approx(share)


def test_paired_test_draws_swaps_of_many_subjects() -> None:
    rng = np.random.default_rng(0)
    subject = rng.normal(0, 10, 25)  # subjects differ far more than methods do
    a, b = subject + rng.normal(0, 1, 25), subject + rng.normal(0, 1, 25)
    p = paired_permutation_test(a, b)
    assert 0.05 < p <= 1
    assert paired_permutation_test(a, b) == p != paired_permutation_test(a, b, seed=1)
    assert paired_permutation_test(a, b, seed=1) == pytest.approx(p, abs=0.03)
    assert paired_permutation_test(a - 2, b) == pytest.approx(2 / 10_001), "no swap of 10,000 is as extreme"
    assert paired_permutation_test(a - 2, b, draws=100) == pytest.approx(2 / 101)


def test_differences_that_are_multiples_of_a_voxel_are_tied_exactly():
    """As of distances: against whole numbers, which have no rounding."""
    rng = np.random.default_rng(0)
    for _ in range(100):
        steps, unit = rng.choice([-2, -1, 0, 1, 2], int(rng.integers(3, 11))), rng.choice([0.7, 0.3, 0.1])
        b = unit * rng.integers(2, 9, len(steps))
        sums = np.array(list(itertools.product([-1, 1], repeat=len(steps)))) @ steps
        share = float(np.mean(np.abs(sums) >= abs(steps.sum())))
        assert paired_permutation_test(b + unit * steps, b) == pytest.approx(share), (steps, unit)


def test_paired_test_under_the_null_is_uniform() -> None:
    rng = np.random.default_rng(1)
    found = [paired_permutation_test(*rng.normal(size=(2, 12)), draws=200, seed=i) for i in range(200)]
    assert np.mean(np.array(found) < 0.25) == pytest.approx(0.25, abs=0.08)


@pytest.mark.parametrize(
    ("a", "b", "draws", "message"),
    [
        ([], [], 10, "same subjects.*0 and 0"),
        ([1.0, 2.0], [1.0], 10, "same subjects.*2 and 1"),
        ([1.0, math.nan], [1.0, 2.0], 10, "finite"),
        ([1.0, 2.0], [1.0, 2.0], 0, "draws.*0"),
    ],
)
def test_paired_test_mistakes(a: list[float], b: list[float], draws: int, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        paired_permutation_test(a, b, draws)


def test_a_paired_test_refuses_nan_where_scipys_own_finds_significance() -> None:
    """With one nan every statistic is nan, and SciPy counts none as as extreme: p = 0, of the finite pairs 0.5."""
    a, b = [0.5, 0.6, math.nan, 0.7], [0.4, 0.5, 0.6, 0.9]
    own = permutation_test((a, b), lambda x, y, axis: np.mean(np.subtract(x, y), axis=axis), permutation_type="samples")
    assert own.pvalue == 0.0, "should SciPy mend this, the guard may go"
    for pair in ((a, b), (b, a)):
        with pytest.raises(ArgumentError, match="finite values of every subject"):
            paired_permutation_test(*pair)


def test_interval_of_a_mean_covers_it() -> None:
    """Of 200 samples of 30 normal values, about 95 % of the intervals hold the mean; 88 % is four deviations off."""
    rng = np.random.default_rng(1)
    intervals = [mean_interval(rng.normal(0.3, 1.0, 30).tolist(), draws=400) for _ in range(200)]
    assert np.mean([low <= 0.3 <= high for low, high in intervals]) > 0.87
    with pytest.raises(ArgumentError, match="at least two finite values"):
        mean_interval([0.5])
