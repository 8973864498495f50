"""Test, validation and training subjects: exact numbers, the test subjects fixed, every set balanced over groups."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping

from common.datasets.splits import shuffled
from common.errors import InputError

TEST_SEED = 0  # the test subjects are the same whatever the seed of the run


def balanced_draw(groups: Mapping[str, str], count: int, seed: int = 0) -> list[str]:
    """So many subjects, of every group the same share up to one.

    Within a group of n the subjects are ordered by SHA-256 of (seed, name); the k-th stands at (k + ½)/n, and those
    that stand first over all groups are taken. The draw is the same on every machine and for every order of listing,
    and a smaller one is a part of a larger one.

    Args:
        groups: group of each subject, by name.
        count: 0 … number of subjects.
        seed: another seed, another draw.

    Returns:
        Names, sorted.

    Example:
        >>> balanced_draw({"a1": "a", "a2": "a", "b1": "b", "b2": "b"}, count=2)
        ['a1', 'b2']
    """
    members = defaultdict(list)
    order = shuffled(groups, seed)
    for name in order:
        members[groups[name]].append(name)
    place = {name: (k + 0.5) / len(names) for names in members.values() for k, name in enumerate(names)}
    return sorted(sorted(order, key=place.__getitem__)[:count])  # stable: equal places in the shuffled order


def split_subjects(
    groups: Mapping[str, str],
    section: str,
    numbers: Mapping[str, int],
    seed: int,
    dataset: str | os.PathLike[str],
) -> list[str]:
    """The subjects of one section.

    The test subjects are drawn first, with a seed of their own, so they depend on their number only; then validation
    and training subjects from the others by ``seed``.

    Args:
        groups: group of each subject (pathology, scanner), by name.
        section: ``"training"``, ``"validation"`` or ``"test"``.
        numbers: of subjects in each section.
        seed: of the validation and training subjects.
        dataset: what messages call the data set, usually its folder.

    Returns:
        Names, sorted; empty if the section's number is 0.

    Raises:
        InputError: there is no such section, a number is negative, or there are fewer subjects than asked for.

    Example:
        >>> split_subjects(dict.fromkeys("abcd", ""), "test", {"training": 1, "validation": 1, "test": 2}, 7, "x")
        ['b', 'c']
    """
    if section not in ("training", "validation", "test"):
        raise InputError(f"section must be 'training', 'validation' or 'test', got {section!r}.")
    wrong = [f"num_{name} is {number}" for name, number in numbers.items() if number < 0]
    if wrong:
        raise InputError(f"Numbers of subjects must be at least 0, but {', '.join(wrong)}.")
    if sum(numbers.values()) > len(groups):
        asked = " + ".join(f"{numbers[name]} {name}" for name in ("training", "validation", "test"))
        raise InputError(
            f"{dataset} holds {len(groups)} subjects, but {asked} subjects are {sum(numbers.values())}: "
            "lower the numbers of training, validation or test subjects."
        )
    rest = dict(groups)
    for name, draw_seed in (("test", TEST_SEED), ("validation", seed), ("training", seed)):
        drawn = balanced_draw(rest, numbers[name], draw_seed)
        if name == section:
            break
        rest = {subject: group for subject, group in rest.items() if subject not in set(drawn)}
    return drawn
