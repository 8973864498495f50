"""The bootstrap against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from common.errors import ArgumentError
from common.metrics import bootstrap_ratio


def test_intervals_are_those_of_scipy():
    generator = np.random.default_rng(0)
    below = generator.integers(5, 50, 30).astype(float)
    above = below * generator.random(30)
    found = bootstrap_ratio(above, below, samples=20000)
    expected = scipy.stats.bootstrap(
        (above, below),
        lambda a, b, axis: a.sum(axis) / b.sum(axis),
        paired=True,
        method="percentile",
        n_resamples=20000,
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert found.estimate == pytest.approx(above.sum() / below.sum())
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.004)
    assert bootstrap_ratio(above, below) == bootstrap_ratio(above, below)


def test_cases_without_a_value_do_not_count():
    assert bootstrap_ratio([1, np.nan, 3, 5], [1, 1, 1, 0]).estimate == 2
    assert all(np.isnan(bootstrap_ratio([1], [0])))
    one = bootstrap_ratio([1], [2])
    assert one.estimate == 0.5
    assert np.isnan([one.low, one.high]).all()
    with pytest.raises(ArgumentError, match="one for each of 1"):
        bootstrap_ratio([1], [1, 2])
    with pytest.raises(ArgumentError, match="samples, level"):
        bootstrap_ratio([1], [1], level=1)
