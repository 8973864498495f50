"""Stratified splits and balanced draws: complete, proportional, and a function of names and seed alone."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.datasets import split_dataset
from common.datasets.dataset import Dataset
from common.datasets.splits import stratified_split
from common.datasets.subject_split import balanced_draw

STRATA = st.dictionaries(st.text(min_size=1, max_size=6), st.sampled_from("abc"), max_size=40)


@settings(max_examples=60, deadline=None)
@given(STRATA, st.floats(0.05, 0.95), st.integers(0, 5))
def test_every_case_is_on_one_side_in_its_strata_share(strata, fraction, seed):
    first, second = stratified_split(strata, fraction, seed)
    assert sorted(first + second) == sorted(strata)
    least, most = (1, len(strata) - 1) if len(strata) > 1 else (0, 1)
    assert len(first) == min(max(math.ceil(fraction * len(strata) - 0.5), least), most)
    for stratum, size in Counter(strata.values()).items():
        assert abs(sum(strata[case] == stratum for case in first) - len(first) * size / len(strata)) < 1


def test_what_strata_round_does_not_add_up():
    """0.15 of four is a case of each stratum: three strata with one for each of two sections were half of all."""
    items = tuple({"case": f"{number}", "subject": f"{number}", "stratum": number % 3} for number in range(12))
    for seed in range(20):
        split = split_dataset(Dataset("plain", Path("/data"), items), seed=seed, fractions=(0.7, 0.15, 0.15))
        assert [len(part) for part in (split.training, split.validation, split.test)] == [8, 2, 2]
        assert max(Counter(item["stratum"] for item in split.test).values()) == 1
    tested = {tuple(stratified_split({str(n): str(n) for n in range(20)}, 0.85, seed)[1]) for seed in range(10)}
    assert len(tested) == 10  # strata of one case: the seed decides, too


def test_many_small_strata_have_the_share_together():
    """One of every pair would be half of all cases, and nothing would be left to validate."""
    strata = {f"{number}{twin}": str(number) for number in range(20) for twin in "ab"}
    first, second = stratified_split(strata, 0.85)
    assert (len(first), len(second)) == (34, 6)
    items = tuple({"case": case, "subject": case, "stratum": stratum} for case, stratum in strata.items())
    split = split_dataset(Dataset("plain", Path("/data"), items), fractions=(0.7, 0.15, 0.15))
    assert [len(part) for part in (split.training, split.validation, split.test)] == [28, 6, 6]
    alone = {f"{number}": str(number) for number in range(20)}
    assert [len(part) for part in stratified_split(alone, 0.85)] == [17, 3]
    assert stratified_split({"a": "0", "b": "0"}, 0.99) == stratified_split({"a": "", "b": ""}, 0.99)


@settings(max_examples=30, deadline=None)
@given(STRATA, st.randoms(use_true_random=False))
def test_the_order_of_listing_does_not_matter(strata, random):
    shuffled = list(strata.items())
    random.shuffle(shuffled)
    assert stratified_split(dict(shuffled), 0.7) == stratified_split(strata, 0.7)


def test_the_split_is_the_same_for_ever():
    strata = {f"case_{number}": str(number % 2) for number in range(10)}
    assert stratified_split(strata, 0.7, seed=0)[1] == ["case_0", "case_2", "case_9"]


def test_seeds_give_different_splits():
    strata = dict.fromkeys(map(str, range(20)), "")
    assert len({tuple(stratified_split(strata, 0.5, seed)[0]) for seed in range(10)}) == 10


@pytest.mark.parametrize(("fraction", "expected"), [(0.0, ([], ["a", "b"])), (1.0, (["a", "b"], []))])
def test_the_limits_take_nothing_or_all(fraction, expected):
    assert stratified_split({"a": "0", "b": "0"}, fraction) == expected


def test_no_cases_give_no_cases():
    assert stratified_split({}, 0.7) == ([], [])


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text("abcdef", min_size=1), st.sampled_from("xyz"), max_size=25), st.integers(0, 25))
def test_every_group_has_its_share_up_to_one(groups, count):
    count = min(count, len(groups))
    drawn = balanced_draw(groups, count)
    assert len(set(drawn)) == len(drawn) == count
    sizes, taken = Counter(groups.values()), Counter(groups[name] for name in drawn)
    for group, size in sizes.items():
        assert abs(taken[group] - count * size / len(groups)) <= 1.0
    assert drawn == balanced_draw(dict(reversed(groups.items())), count)
