"""Splits of a data set that depend on nothing but its case names and a seed."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping


def stratified_split(strata: Mapping[str, str], fraction: float, seed: int = 0) -> tuple[list[str], list[str]]:
    """Splits cases in two, with the same share of every stratum on both sides.

    Within a stratum the cases are ordered by SHA-256 of (seed, name) and the first ``round(fraction · n)`` are taken,
    at least one for each side where n ≥ 2. The split is therefore the same on every machine, for every library version
    and for every order of listing.

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
    members = defaultdict(list)
    for case, stratum in strata.items():
        members[stratum].append(case)
    first: list[str] = []
    second: list[str] = []
    for cases in members.values():
        cases.sort(key=lambda case: hashlib.sha256(f"{seed}/{case}".encode(errors="surrogateescape")).digest())
        count = round(fraction * len(cases))
        if len(cases) > 1 and 0 < fraction < 1:
            count = min(max(count, 1), len(cases) - 1)
        first += cases[:count]
        second += cases[count:]
    return sorted(first), sorted(second)
