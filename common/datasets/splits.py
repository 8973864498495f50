"""Splits of a data set that depend on nothing but its case names and a seed."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from common.errors import InputError


def stratified_split(strata: Mapping[str, str], fraction: float, seed: int = 0) -> tuple[list[str], list[str]]:
    """Splits cases in two, with the same share of every stratum on both sides.

    The first part has c = ⌈fraction · N − ½⌉ of all N cases, and at least one on each side where there are two.
    One stratum after the other, of n cases after s others, gets the first R(s + n) − R(s) of its cases, with
    R(x) = ⌊x c / N + ½⌋: within one of its share, however small it is, while the sum is c. Cases, and strata by their
    first case, are ordered by SHA-256 of (seed, name). The split is the same on every machine, for every library
    version and for every order of listing.

    Args:
        strata: stratum of each case, by case name.
        fraction: share of the first part, in [0, 1].
        seed: another seed, another split.

    Returns:
        The names of the first and of the second part, each sorted; both empty for no cases.

    Example:
        >>> stratified_split({"a_0": "0", "b_0": "0", "c_1": "1", "d_1": "1"}, fraction=0.5)
        (['b_0', 'c_1'], ['a_0', 'd_1'])
    """
    by_stratum = defaultdict(list)
    for case in shuffled(strata, seed):
        by_stratum[strata[case]].append(case)
    total = len(strata)
    count = math.ceil(fraction * total - 0.5)
    if total > 1 and 0 < fraction < 1:
        count = min(max(count, 1), total - 1)
    first: list[str] = []
    second: list[str] = []
    for cases in by_stratum.values():
        seen = len(first) + len(second)
        share = (2 * (seen + len(cases)) * count + total) // (2 * total) - len(first)
        first += cases[:share]
        second += cases[share:]
    return sorted(first), sorted(second)


def check_fractions(fractions: Sequence[float]) -> tuple[float, float, float]:
    """The shares of training, validation and test.

    Args:
        fractions: three numbers of 0 or more.

    Returns:
        The three.

    Raises:
        InputError: they are not three shares that sum to 1.

    Example:
        >>> check_fractions([0.5, 0.25, 0.25])
        (0.5, 0.25, 0.25)
    """
    right = isinstance(fractions, list | tuple) and all(type(share) in (int, float) for share in fractions)
    if not right or len(fractions) != 3 or min(fractions) < 0 or not abs(sum(fractions) - 1) <= 1e-6:
        raise InputError(f"fractions: expected three shares that sum to 1, got {fractions!r}.")
    return fractions[0], fractions[1], fractions[2]


def shuffled(cases: Iterable[str], seed: int) -> list[str]:
    return sorted(cases, key=lambda case: hashlib.sha256(f"{seed}/{case}".encode(errors="surrogateescape")).digest())
