"""Annotators who seem to use other numbers for the same classes, as they would agree if these were exchanged."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from common.checking.examine import CaseRecord
from common.datasets.plan import Plan
from common.datasets.plan_classes import default_class_names
from common.errors import counted
from common.io.checks import Finding

__all__ = ["find_other_numbers"]

OTHER_NUMBERS = "other numbers"
AGREE = 0.5  # Dice of two classes of different numbers, above which they may be one
DIFFER = 0.1  # Dice of each with the class of the same number, below which they are not

Overlaps = Mapping[tuple[int, int], int]


class Exchanged(NamedTuple):
    """A class of one annotator that is where another has a class of another number."""

    own: int
    other: int
    dice: float


def find_other_numbers(records: Sequence[CaseRecord], plan: Plan) -> None:
    """Adds a finding for each annotator whose numbers mean other classes than those of the other annotators, it seems.

    Of two annotators a class of one and a class of another number of the other are compared over all cases that both
    labeled. It is said where their Dice is above 0.5 and both have, with the class of their own number, one below 0.1;
    not of a class that two of the other annotator's lie in, as no other number makes these one, nor of a single class
    in a single case, which two may see differently. Of an annotator the first case that shows it has the finding, which
    names the exchanged numbers.

    Args:
        records: of all sections.
        plan: of the training, which says which class a value became.
    """
    if plan.binary:
        return
    overlaps: dict[tuple[str, str], Counter] = defaultdict(Counter)
    cases: Counter = Counter()
    for record in records:
        for pair, counts in record.overlaps.items():
            overlaps[pair].update(counts)
            cases[pair] += 1
    exchanged = {pair: found for pair, counts in overlaps.items() if (found := _exchanged(counts))}
    exchanged = {pair: found for pair, found in exchanged.items() if len(found) > 1 or cases[pair] > 1}
    while exchanged:
        times = Counter(name for pair in exchanged for name in pair)
        labeled = {name: sum(name in record.annotators for record in records) for name in times}
        who = max(reversed(times), key=lambda name: (times[name], -labeled[name]))  # who differs from most
        own = {pair: found for pair, found in exchanged.items() if who in pair}
        exchanged = {pair: found for pair, found in exchanged.items() if who not in pair}
        pair, pairing = next(iter(own.items()))
        others = [name for one in own for name in one if name != who]
        turned = [one if pair[0] == who else Exchanged(one.other, one.own, one.dice) for one in pairing]
        first = next(record for record in records if _shows(record.overlaps.get(pair, {}), pairing))
        message = _sentence(who, others, sorted(turned), cases[pair], plan)
        first.findings.append(Finding(OTHER_NUMBERS, message, False, first.case.annotators.get(who, "")))


def _exchanged(counts: Overlaps) -> list[Exchanged]:
    first: Counter = Counter()
    second: Counter = Counter()
    for (one, other), count in counts.items():
        first[one] += count
        second[other] += count

    def dice(one: int, other: int) -> float:
        total = first[one] + second[other]
        return 2 * counts.get((one, other), 0) / total if total else 0.0

    found = [
        Exchanged(one, other, dice(one, other))
        for one, other in counts
        if one > 0 and other > 0 and one != other and dice(one, other) > AGREE
    ]
    times = Counter(("own", pair.own) for pair in found) + Counter(("other", pair.other) for pair in found)
    return sorted(
        pair
        for pair in found
        if dice(pair.own, pair.own) < DIFFER
        and dice(pair.other, pair.other) < DIFFER
        and times["own", pair.own] == times["other", pair.other] == 1  # else one draws whole what the other parts
    )


def _shows(counts: Overlaps, pairing: Sequence[Exchanged]) -> bool:
    return any(counts.get((one.own, one.other)) for one in pairing)


def _sentence(who: str, others: Sequence[str], pairing: Sequence[Exchanged], cases: int, plan: Plan) -> str:
    listed = ", ".join(
        f"{_value(plan, who, one.own)} lies where {others[0]} has {_value(plan, others[0], one.other)} "
        f"(Dice {one.dice:.2f})"
        for one in pairing
    )
    also = f", and so for {', '.join(others[1:])}" if len(others) > 1 else ""
    return (
        f"{who} seems to use other numbers than {others[0]}: in {counted(cases, 'case')} that both labeled, "
        f"{who}'s {listed}{also}; if so, give class_values with a mapping for {who} "
        "(docs/data_sets.md#annotators-whose-numbers-differ)"
    )


def _value(plan: Plan, who: str, index: int) -> str:
    """The value of a class in an annotator's files, with its name if it has one."""
    meaning = plan.labels.get(who) or plan.labels.get("", {})
    values = meaning.get("values") or meaning.get("colors") or {}
    shown = " or ".join(str(value) for value, of in values.items() if of == index)
    named = plan.class_names != default_class_names(plan.num_classes)
    return f"{shown} ({plan.class_names[index]})" if named else shown
