"""Oracles: the sums of squares of ANOVA and Tukey's studentized range, written out in float64."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, studentized_range
from scipy.stats import f as f_distribution

from benchmarks.report.statistics import (
    compare_groups,
    compare_ranks,
    holm,
    known_mean,
    last_epochs_mean,
    mean_and_std,
)
from common.errors import InputError

GROUPS = {"A": [0.80, 0.82, 0.81, 0.85], "B": [0.90, 0.93, 0.91], "C": [0.79, 0.84]}
values = st.lists(st.floats(0.0, 1.0), min_size=2, max_size=5)


def pooled(groups: dict[str, list[float]]) -> tuple[float, int]:
    """Mean square and degrees of freedom within the groups."""
    within = sum((x - np.mean(group)) ** 2 for group in groups.values() for x in group)
    freedom = sum(map(len, groups.values())) - len(groups)
    return within / freedom, freedom


def of_three_seeds(mean: float, std: float) -> list[float]:
    """Three values with exactly this mean and sample standard deviation."""
    return [mean - std, mean, mean + std]


def test_last_epochs_of_text_rows() -> None:
    rows = [{"epoch": str(e), "val_mean_dice": "" if e % 2 else str(e / 100)} for e in range(1, 31)]
    assert last_epochs_mean(rows, "val_mean_dice") == pytest.approx(np.mean([0.22, 0.24, 0.26, 0.28, 0.30]))
    assert last_epochs_mean(rows[::-1], "val_mean_dice", epochs=2) == pytest.approx(0.30)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-10, 10), min_size=1, max_size=20), st.integers(1, 25))
def test_last_epochs_agree_with_a_slice(numbers: list[float], epochs: int) -> None:
    rows = [{"epoch": e, "m": number} for e, number in enumerate(numbers, start=1)]
    assert last_epochs_mean(rows, "m", epochs) == pytest.approx(np.mean(numbers[-epochs:]), abs=1e-12)


@pytest.mark.parametrize(
    ("rows", "epochs", "message"),
    [
        ([], 10, "'dice'.*no rows"),
        ([{"epoch": 1, "loss": 2.0}], 10, "'dice'.*epoch, loss"),
        ([{"epoch": 1, "dice": 0.5}, {"epoch": 2, "dice": ""}], 1, "last 1 epochs"),
        ([{"epoch": 1, "dice": 0.5}], 0, "at least 1"),
    ],
)
def test_last_epochs_without_values(rows: list[dict[str, float]], epochs: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        last_epochs_mean(rows, "dice", epochs)


def test_mean_and_std() -> None:
    mean, std = mean_and_std([0.85, 0.88, 0.94])
    assert mean == pytest.approx(0.89)
    assert std == pytest.approx(math.sqrt((0.04**2 + 0.01**2 + 0.05**2) / 2))
    assert mean_and_std([0.5])[0] == 0.5
    assert math.isnan(mean_and_std([0.5])[1])
    with pytest.raises(InputError, match="at least one value"):
        mean_and_std([])


def test_anova_against_sums_of_squares() -> None:
    everything = np.concatenate([*GROUPS.values()])
    between = sum(len(group) * (np.mean(group) - everything.mean()) ** 2 for group in GROUPS.values())
    mean_square, freedom = pooled(GROUPS)
    statistic = between / (len(GROUPS) - 1) / mean_square
    expected = f_distribution.sf(statistic, len(GROUPS) - 1, freedom)
    assert compare_groups(GROUPS).anova_p == pytest.approx(expected, rel=1e-9)


def test_tukey_against_the_studentized_range() -> None:
    comparison = compare_groups(GROUPS)
    mean_square, freedom = pooled(GROUPS)
    for a, b in itertools.permutations(GROUPS, 2):
        error = math.sqrt(mean_square / 2 * (1 / len(GROUPS[a]) + 1 / len(GROUPS[b])))
        statistic = abs(np.mean(GROUPS[a]) - np.mean(GROUPS[b])) / error
        assert comparison.tukey[a, b] == pytest.approx(studentized_range.sf(statistic, len(GROUPS), freedom), rel=1e-6)
    assert len(comparison.tukey) == 6


def test_the_best_is_significant_if_every_other_is_below() -> None:
    comparison = compare_groups(GROUPS)
    assert (comparison.best, comparison.best_is_significant) == ("B", True)
    close = compare_groups(GROUPS | {"D": [0.90, 0.92, 0.91]})
    assert (close.best, close.best_is_significant) == ("B", False)
    assert not compare_groups(GROUPS, level=1e-6).best_is_significant


def test_stars_need_anova_as_well() -> None:
    groups = {"A": [0.5, 0.6, 0.7], "B": [0.52, 0.61, 0.69], "C": [0.5, 0.59, 0.7]}
    comparison = compare_groups(groups)
    assert comparison.anova_p > 0.9
    assert not comparison.best_is_significant


@pytest.mark.parametrize(
    ("others", "method", "anova_p", "starred"),
    [
        # α = β = 0.7 in Tables 1 (ISIC) and 2 (Shenzhen) of the T-Loss paper; both carry a star there
        (
            [(0.691, 22), (0.698, 20), (0.695, 16), (0.691, 20), (0.688, 19), (0.696, 13), (0.693, 15), (0.689, 17)],
            (0.761, 6),
            0.0014,
            True,
        ),
        (
            [(0.807, 23), (0.823, 23), (0.818, 26), (0.821, 24), (0.822, 24), (0.818, 23), (0.824, 21), (0.821, 26)],
            (0.870, 31),
            0.21,
            False,
        ),
    ],
)
def test_printed_tables(
    others: list[tuple[float, int]], method: tuple[float, int], anova_p: float, starred: bool
) -> None:
    groups = {f"loss {i}": of_three_seeds(mean, std / 1000) for i, (mean, std) in enumerate(others)}
    comparison = compare_groups(groups | {"T-Loss": of_three_seeds(method[0], method[1] / 1000)})
    assert comparison.best == "T-Loss"
    assert comparison.anova_p == pytest.approx(anova_p, rel=0.05)
    assert comparison.best_is_significant == starred


@settings(max_examples=15, deadline=None)
@given(st.lists(values, min_size=2, max_size=3), st.floats(0.1, 10), st.floats(-5, 5))
def test_units_and_order_do_not_matter(samples: list[list[float]], scale: float, shift: float) -> None:
    assume(all(np.std(sample) > 1e-3 for sample in samples))
    groups = {str(i): sample for i, sample in enumerate(samples)}
    comparison = compare_groups(groups)
    moved = compare_groups({name: [scale * x + shift for x in groups[name]] for name in reversed(groups)})
    assert moved.anova_p == pytest.approx(comparison.anova_p, rel=1e-6, abs=1e-9)
    assert moved.tukey == pytest.approx(comparison.tukey, rel=1e-4, abs=1e-6)
    assert comparison.tukey["0", "1"] == comparison.tukey["1", "0"]


def test_groups_without_variance() -> None:
    comparison = compare_groups({"A": [0.9, 0.9], "B": [0.5, 0.5], "C": [0.5, 0.5]})
    assert (comparison.anova_p, comparison.tukey["A", "B"], comparison.tukey["B", "C"]) == (0.0, 0.0, 1.0)
    assert comparison.best_is_significant
    alike = compare_groups({"A": [0.5, 0.5], "B": [0.5, 0.5]})
    assert (alike.anova_p, alike.best, alike.best_is_significant) == (1.0, "A", False)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({}, "at least two methods.*none"),
        ({"T-Loss": [0.1, 0.2]}, "at least two methods.*T-Loss"),
        ({"T-Loss": [0.1, 0.2], "GCE": [0.1]}, "GCE needs values of at least two seeds.*1"),
        ({"T-Loss": [0.1, 0.2], "GCE": [0.1, math.nan]}, "GCE must be finite.*nan"),
    ],
)
def test_groups_that_cannot_be_compared(groups: dict[str, list[float]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare_groups(groups)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_was_not_measured_is_counted_and_no_part_of_a_mean(bad: float) -> None:
    assert known_mean([1.0, bad, 3.0, bad]) == (2.0, 2)
    mean, missing = known_mean([bad])
    assert math.isnan(mean) and missing == 1
    with pytest.raises(InputError, match="finite"):
        mean_and_std([1.0, bad])


def test_a_run_that_diverges_is_not_rated_by_the_epochs_before() -> None:
    rows = [{"epoch": "1", "m": "0.8"}, {"epoch": "2", "m": "nan"}, {"epoch": "3", "m": "0.9"}]
    assert math.isnan(last_epochs_mean(rows, "m", 2))
    assert last_epochs_mean(rows, "m", 1) == 0.9


def test_holm_of_four_tests() -> None:
    """Sorted 0.005, 0.01, 0.03, 0.04, times 4, 3, 2, 1 and never falling: R's p.adjust gives the same."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
    with pytest.raises(InputError, match="from 0 to 1"):
        holm([math.nan])


@pytest.mark.parametrize(("methods", "critical"), [(3, 2.343), (5, 2.728), (10, 3.164)])
def test_nemenyi_at_the_critical_difference(methods: int, critical: float) -> None:
    """Table 5(a) of Demšar: mean ranks that differ by CD = q √(k (k + 1) / 6N) have p = 0.05.

    Of N blocks the first two methods change places in some, so that their mean ranks differ by 1 − 2 share.
    """
    names = [f"m{number}" for number in range(methods)]
    blocks = []
    for block in range(40):
        order = [names[1], names[0], *names[2:]] if block < 10 else names
        blocks.append({name: -float(order.index(name)) for name in names})
    found = compare_ranks(blocks)
    difference = found.mean_ranks["m1"] - found.mean_ranks["m0"]
    assert difference == pytest.approx(0.5)
    limit = critical * math.sqrt(methods * (methods + 1) / (6 * 40))
    expected = studentized_range.sf(critical * math.sqrt(2) * difference / limit, methods, 1e6)
    assert found.nemenyi_p["m0", "m1"] == pytest.approx(expected, rel=1e-2)
    assert studentized_range.sf(critical * math.sqrt(2), methods, np.inf) == pytest.approx(0.05, abs=1e-3)


def test_friedman_is_that_of_the_sums_of_ranks() -> None:
    """12 / (N k (k + 1)) Σ R² − 3 N (k + 1) of the rank sums R, against χ² with k − 1 degrees of freedom."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(9, 4)) + np.arange(4) * 0.4
    sums = (4 - np.argsort(np.argsort(values, axis=1), axis=1)).sum(0)
    statistic = 12 / (9 * 4 * 5) * (sums**2).sum() - 3 * 9 * 5
    found = compare_ranks([dict(zip("abcd", row, strict=True)) for row in values.tolist()])
    assert found.friedman_p == pytest.approx(chi2.sf(statistic, 3))
    assert list(found.mean_ranks.values()) == pytest.approx(sums / 9)


def test_ranks_need_the_same_methods_everywhere() -> None:
    with pytest.raises(InputError, match="the same three or more methods"):
        compare_ranks([{"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 1.0, "b": 2.0, "d": 3.0}])
