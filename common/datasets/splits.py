"""Splits of a data set that depend on nothing but its case names and a seed."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

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


def fold_of(cases: Iterable[str], section: str, fold: int, num_folds: int, seed: int = 0) -> list[str]:
    """The cases of one section when ``num_folds`` equal parts take turns as test set.

    The cases are ordered by SHA-256 of (seed, name) and dealt to the folds in turn: sizes differ by one at most.

    Args:
        cases: names.
        section: ``"validation"`` for the part that is tested, ``"training"`` for all others.
        fold: which part is tested, 0 … num_folds − 1.
        num_folds: at least 2, at most the number of cases.
        seed: another seed, other parts.

    Returns:
        Names, sorted.

    Raises:
        InputError: there is no such section or fold.

    Example:
        >>> sorted(fold_of("abcdef", "validation", 0, 3) + fold_of("abcdef", "training", 0, 3))
        ['a', 'b', 'c', 'd', 'e', 'f']
    """
    if section not in ("training", "validation"):
        raise InputError(f"section must be 'training' or 'validation', got {section!r}.")
    ordered = shuffled(cases, seed)
    if not 2 <= num_folds <= len(ordered):
        raise InputError(f"num_folds: expected 2 to {len(ordered)}, the number of cases, got {num_folds}.")
    if not 0 <= fold < num_folds:
        raise InputError(f"fold: expected 0 to {num_folds - 1} for {num_folds} folds, got {fold}.")
    tested = set(ordered[fold::num_folds])
    return sorted(tested if section == "validation" else set(ordered) - tested)


def shuffled(cases: Iterable[str], seed: int) -> list[str]:
    return sorted(cases, key=lambda case: hashlib.sha256(f"{seed}/{case}".encode(errors="surrogateescape")).digest())
