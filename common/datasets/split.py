"""Which cases of a data set train, validate and test: by subject, and a function of names and seed alone."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from common.datasets.case_names import names_alike_in_two_sections, normalize_case
from common.datasets.dataset import Dataset
from common.datasets.given import whole_number
from common.datasets.splits import check_fractions, shuffled, stratified_split
from common.datasets.subject_split import split_subjects
from common.errors import InputError, counted, shown_names

Item = dict[str, Any]
SECTIONS = ("training", "validation", "test")
FRACTIONS = (0.7, 0.15, 0.15)


@dataclass(frozen=True)
class Split:
    """The items of each section.

    Attributes:
        training: items that are trained on.
        validation: items on which the best epoch is chosen, or the fold that is tested.
        test: items that are kept apart.
        origin: how the cases were split, a sentence.
        weights: of the training cases, those of weight 0 too, which are no longer in ``training``; empty without
            weights, see `common.datasets.case_weights`.
        left_out: names of the cases of weight 0, also of validation and test, where such cases stay.

    Example:
        >>> Split(origin="By hand.").training
        []
    """

    training: list[Item] = field(default_factory=list)
    validation: list[Item] = field(default_factory=list)
    test: list[Item] = field(default_factory=list)
    origin: str = ""
    weights: dict[str, float] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()

    @property
    def of_all_folds(self) -> list[Item]:
        """The cases from which one plan for all folds is made: whatever the fold, the same.

        Returns:
            Training and validation cases without those of weight 0.

        Example:
            >>> Split([{"case": "a"}], [{"case": "b"}, {"case": "c"}], left_out=frozenset("b")).of_all_folds
            [{'case': 'a'}, {'case': 'c'}]
        """
        return [item for item in self.training + self.validation if str(item["case"]) not in self.left_out]


def split_dataset(
    dataset: Dataset,
    seed: int = 0,
    fractions: Sequence[float] = FRACTIONS,
    counts: Mapping[str, int] | Sequence[int] | None = None,
    fold: int | None = None,
    num_folds: int = 5,
    file: str | os.PathLike[str] | None = None,
    stratify: bool = True,
) -> Split:
    """Splits the cases of a data set; no subject is in two sections.

    The first of these that applies decides:

    1. ``file``;
    2. ``fold`` where the data set has folds of its own (`Dataset.folds`, or ``fold`` in its items);
    3. the data set's own sections; with ``fold`` its training and validation cases are dealt to folds as below, and
       without, where it has no validation cases but others to test on, they are drawn by the share of ``fractions``;
    4. ``fold``: the subjects, ordered by SHA-256 of (seed, name), are dealt to ``num_folds`` folds, and this one
       validates;
    5. ``counts``: so many subjects. Those of the test depend on their number only, not on the seed;
    6. ``fractions`` of the subjects, see `stratified_split`.

    Where the ground truth (``label``) stands apart from what annotators did, since only some subjects have one or the
    items have annotators' ``regions``, counts and fractions of validation and test are taken from the subjects that
    have one, and cases without any region do not train. Cases that have regions alone are in no fold and train in all.

    Args:
        dataset: as `read_dataset` returns it.
        seed: another seed, another split.
        fractions: shares of training, validation and test subjects that sum to 1.
        counts: numbers of training, validation and test subjects, by section or in this order.
        fold: which fold validates, from 0.
        num_folds: number of folds, 2 to the number of subjects.
        file: JSON with a split: nnU-Net's ``splits_final.json``, of which ``fold`` chooses, or
            ``{"training": [case, …], "validation": […], "test": […]}``. Cases that it does not name are not used.
        stratify: balance ``stratum`` over the sections where the items have one.

    Returns:
        The split, each section sorted by case.

    Raises:
        InputError: the file cannot be understood or names a case that there is not; a section's subject is in another
            section too; fold, counts or fractions are out of range.

    Example:
        >>> items = tuple({"case": name, "subject": name, "image": name, "label": name} for name in "abcdefghij")
        >>> split = split_dataset(Dataset("plain", Path("/data"), items))
        >>> len(split.training), [item["case"] for item in split.test]
        (7, ['a', 'h'])
    """
    fold = None if fold is None else whole_number("fold", fold)
    num_folds = whole_number("num_folds", num_folds, least=2)  # also where it is not used
    check_fractions(fractions)
    items = list(dataset.items)
    own = {name: [item for item in items if item.get("section") == name] for name in SECTIONS}
    ignored = ""
    if counts is not None and (file is not None or fold is not None or any(own.values())):
        ignored = " The argument counts was not used."
    if file is not None:
        split = _from_file(dataset, Path(str(file)).expanduser(), fold)
    elif fold is not None and (dataset.folds or any("fold" in item for item in items)):
        split = _own_fold(dataset, own, fold)
    elif any(own.values()):
        split = _own_sections(own, seed, fractions, fold, num_folds, stratify)
    elif fold is not None:
        training, validation = _deal(items, fold, num_folds, seed, stratify)
        split = Split(
            training, validation, [], f"Fold {fold} of {num_folds} validates (seed {seed}), split by subject."
        )
    elif counts is not None:
        split = _by_counts(dataset, counts, seed, stratify)
    else:
        split = _by_fractions(items, fractions, seed, stratify)
    split = _joined([sorted(part, key=_case) for part in _sections(split)], split.origin + ignored)
    _check_subjects(dataset, split)
    return replace(split, origin=split.origin + _alike(split))


def _alike(split: Split) -> str:
    """A sentence on cases that may be of one subject although nothing says so."""
    parts = zip(SECTIONS, _sections(split), strict=True)
    own = {name: [_case(item) for item in part if _subject(item) == _case(item)] for name, part in parts}
    divided = names_alike_in_two_sections(own)
    if not divided:
        return ""
    first, section, second, other = divided[0]
    pairs = f" and {counted(len(divided) - 1, 'more such pair')}" if len(divided) > 1 else ""
    return (
        f" Each case counts as a subject of its own: {first} ({section}) and {second} ({other}){pairs} are in "
        "different sections; if they are of one patient, say so by subject_pattern (docs/data_sets.md#layouts)."
    )


def _case(item: Item) -> str:
    return str(item["case"])


def _sections(split: Split) -> tuple[list[Item], list[Item], list[Item]]:
    return split.training, split.validation, split.test


def _joined(parts: Sequence[list[Item]], origin: str) -> Split:
    training, validation, test = parts
    return Split(training, validation, test, origin)


def _subject(item: Item) -> str:
    return str(item.get("subject", item["case"]))


def _strata(items: Iterable[Item], stratify: bool) -> dict[str, str]:
    """Stratum of each subject; empty without one."""
    found: dict[str, set[str]] = defaultdict(set)
    for item in items:
        found[_subject(item)].add(str(item.get("stratum", "")) if stratify else "")
    return {subject: "+".join(sorted(strata)) for subject, strata in found.items()}


def _of(items: Iterable[Item], subjects: Iterable[str]) -> list[Item]:
    wanted = set(subjects)
    return [item for item in items if _subject(item) in wanted]


def _from_file(dataset: Dataset, path: Path, fold: int | None) -> Split:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as a split: {error}.") from error
    if isinstance(content, list):
        if fold is None:
            raise InputError(f"{path} holds {counted(len(content), 'fold')}: choose one by fold, from 0.")
        if not 0 <= fold < len(content):
            raise InputError(f"fold: {path} holds the folds 0 to {len(content) - 1}, got {fold}.")
        names, origin = _nnunet(content[fold], path), f"Fold {fold} of {path}."
    elif isinstance(content, dict) and content.keys() & {*SECTIONS, "testing"}:
        names = {name: _names(content.get(name, []), path) for name in SECTIONS}
        names["test"] = names["test"] or _names(content.get("testing", []), path)
        origin = f"As {path} says."
    else:
        raise InputError(
            f'{path} must hold {{"training": [case, …], "validation": […], "test": […]}} or nnU-Net\'s list of '
            '{"train": […], "val": […]}.'
        )
    return _named(dataset, names, origin, str(path))


def _nnunet(content: Any, path: Path) -> dict[str, list[str]]:
    if not isinstance(content, Mapping) or not {"train", "val"} <= content.keys():
        raise InputError(f'{path}: expected {{"train": [case, …], "val": [case, …]}} for each fold.')
    return {"training": _names(content["train"], path), "validation": _names(content["val"], path), "test": []}


def _names(entries: Any, path: Path) -> list[str]:
    if not isinstance(entries, list):
        raise InputError(f"{path}: expected lists of case names, got {entries!r}.")
    names: list[Any] = [entry.get("case") if isinstance(entry, Mapping) else entry for entry in entries]
    if not all(isinstance(name, str) for name in names):
        raise InputError(f"{path}: expected lists of case names, got {entries!r}.")
    return [normalize_case(name) for name in names]


def _named(dataset: Dataset, names: Mapping[str, list[str]], origin: str, source: str) -> Split:
    """The split that names of cases make."""
    items = {item["case"]: item for item in dataset.items}
    unknown = sorted({name for found in names.values() for name in found} - items.keys())
    if unknown:
        raise InputError(
            f"{source} names {counted(len(unknown), 'case')} that {dataset.root} does not hold: {shown_names(unknown)}."
        )
    named = [name for found in names.values() for name in set(found)]
    if twice := sorted({name for name in named if named.count(name) > 1}) if len(set(named)) < len(named) else []:
        raise InputError(f"{source}: {shown_names(twice)} would be in two sections.")
    parts = [[items[name] for name in dict.fromkeys(names[section])] for section in SECTIONS]
    rest = len(items) - len(named)
    test = [item for item in dataset.items if item.get("section") == "test"]
    if not parts[2] and test and not {item["case"] for item in test} & set(named):
        parts[2], rest = test, rest - len(test)
    return _joined(parts, origin + (f" Not named there and not used: {counted(rest, 'case')}." if rest else ""))


def _own_fold(dataset: Dataset, own: Mapping[str, list[Item]], fold: int) -> Split:
    if dataset.folds:
        if not 0 <= fold < len(dataset.folds):
            raise InputError(f"fold: {dataset.root} has the folds 0 to {len(dataset.folds) - 1}, got {fold}.")
        train, val = ([normalize_case(name) for name in dataset.folds[fold][part]] for part in ("train", "val"))
        names = {"training": train, "validation": val, "test": []}
        return _named(dataset, names, f"Fold {fold} of the data set's own {len(dataset.folds)}.", f"{dataset.root}")
    known = [item for item in dataset.items if item.get("section") != "test" and "fold" in item]
    numbers = sorted({item["fold"] for item in known})
    if fold not in numbers:
        raise InputError(f"fold: {dataset.root} has the folds {', '.join(map(str, numbers))}, got {fold}.")
    training = [item for item in known if item["fold"] != fold]
    validation = [item for item in known if item["fold"] == fold]
    rest = len(dataset.items) - len(known) - len(own["test"])
    origin = f"Fold {fold} of the data set's own {len(numbers)}."
    if rest:
        origin += f" Without a fold and not used: {counted(rest, 'case')}."
    return Split(training, validation, own["test"], origin)


def _own_sections(
    own: Mapping[str, list[Item]],
    seed: int,
    fractions: Sequence[float],
    fold: int | None,
    num_folds: int,
    stratify: bool,
) -> Split:
    training, validation, test = (own[name] for name in SECTIONS)
    origin = "The data set's own sections."
    if fold is not None:
        dealt = "training and validation" if validation else "training"
        training, validation = _deal(training + validation, fold, num_folds, seed, stratify)
        origin += f" Of its {dealt} cases fold {fold} of {num_folds} validates (seed {seed})."
    elif training and not validation:
        share, more, _ = check_fractions(fractions)
        kept, chosen = stratified_split(
            _strata(training, stratify), share / (share + more) if share + more else 1, seed
        )
        training, validation = _of(training, kept), _of(training, chosen)
        drawn = f"{len(chosen)} of {len(kept) + len(chosen)} subjects"
        origin += f" It has no validation cases: {drawn} of its training cases validate (seed {seed})."
    return Split(training, validation, test, origin)


def _deal(items: Sequence[Item], fold: int, num_folds: int, seed: int, stratify: bool) -> tuple[list[Item], list[Item]]:
    """The cases of the other folds, and of this one: subjects in the order of their strata are dealt in turn."""
    strata = _strata(filter(can_be_held_out, items), stratify)
    if len(strata) < 2:
        raise InputError(f"num_folds: expected at least two subjects that are dealt to folds, got {len(strata)}.")
    if not 2 <= num_folds <= len(strata):
        raise InputError(f"num_folds: expected 2 to {len(strata)}, the number of subjects, got {num_folds}.")
    if not 0 <= fold < num_folds:
        raise InputError(f"fold: expected 0 to {num_folds - 1} for {num_folds} folds, got {fold}.")
    ordered = sorted(shuffled(strata, seed), key=strata.__getitem__)  # stable: shuffled within each stratum
    chosen = set(ordered[fold::num_folds])
    training = [item for item in items if _subject(item) not in chosen and item.get("regions", True)]
    return training, list(filter(can_be_held_out, _of(items, chosen)))


def can_be_held_out(item: Item) -> bool:
    """Whether there is something to compare with: a label, and not annotators' regions alone."""
    return "label" in item or "regions" not in item


def _by_counts(dataset: Dataset, counts: Mapping[str, int] | Sequence[int], seed: int, stratify: bool) -> Split:
    if isinstance(counts, Mapping):
        numbers = {name: counts.get(name, 0) for name in SECTIONS}
        strange = sorted(map(str, counts.keys() - set(SECTIONS)))
    else:
        right = isinstance(counts, list | tuple) and len(counts) == len(SECTIONS)
        strange = [] if right else ["no three numbers"]
        numbers = dict(zip(SECTIONS, counts, strict=True)) if right else {}
    if strange or not all(isinstance(number, int) for number in numbers.values()):
        raise InputError(f"counts: expected whole numbers of training, validation and test subjects, got {counts!r}.")
    strata = _strata(dataset.items, stratify)
    items = list(dataset.items)
    known = _known(items, strata)
    if known is None:
        drawn = {section: split_subjects(strata, section, numbers, seed, dataset.root) for section in SECTIONS}
    else:  # only they can be compared with
        few = numbers | {"training": 0}
        drawn = {section: split_subjects(known, section, few, seed, dataset.root) for section in SECTIONS[1:]}
        rest = {subject: strata[subject] for subject in strata.keys() - {*drawn["validation"], *drawn["test"]}}
        many = {"training": numbers["training"], "validation": 0, "test": 0}
        drawn["training"] = split_subjects(rest, "training", many, seed, dataset.root)
        items = [item for item in items if item.get("regions", True) or _subject(item) not in drawn["training"]]
    parts = [_of(items, drawn[section]) for section in SECTIONS]
    listed = ", ".join(f"{numbers[name]} {name}" for name in SECTIONS)
    return _joined(
        parts, f"Cases are drawn by numbers of subjects (seed {seed}): {listed}; the test subjects are fixed."
    )


def _by_fractions(items: Sequence[Item], fractions: Sequence[float], seed: int, stratify: bool) -> Split:
    training, validation, test = check_fractions(fractions)
    strata = _strata(items, stratify)
    known = _known(items, strata)
    origin = (
        f"Training, validation and test cases are drawn by subject in the shares {training:.3g}, {validation:.3g} and "
        f"{test:.3g} (seed {seed})"
    )
    if known is not None:
        validated, tested = _from_known(known, len(strata), validation, test, seed)
        trained = strata.keys() - {*validated, *tested}
        origin += "; validation and test from the subjects that have a ground truth"
        items = [item for item in items if item.get("regions", True) or _subject(item) not in trained]
    else:
        rest, tested = stratified_split(strata, 1 - test, seed)
        share = training / (training + validation) if training + validation else 1.0
        kept, validated = stratified_split({subject: strata[subject] for subject in rest}, share, seed)
        trained = set(kept)
    return Split(_of(items, trained), _of(items, validated), _of(items, tested), f"{origin}.")


def _known(items: Sequence[Item], strata: Mapping[str, str]) -> dict[str, str] | None:
    """Subjects with a ground truth, where it stands apart from what annotators did; None where all are alike."""
    without = {_subject(item) for item in items if "label" not in item}
    if (without and without < strata.keys()) or any("regions" in item for item in items):
        return {subject: stratum for subject, stratum in strata.items() if subject not in without}
    return None


def _from_known(
    known: Mapping[str, str], total: int, validation: float, test: float, seed: int
) -> tuple[list[str], list[str]]:
    """Validation and test subjects, their shares of ``total`` taken from those that are known."""
    validated, tested = (max(round(share * total), 1) if share else 0 for share in (validation, test))
    if validated + tested > len(known) or validated + tested >= total:
        raise InputError(
            f"fractions: validation and test need {validated + tested} subjects with a ground truth, and training at "
            f"least one more subject, but only {len(known)} of {total} subjects have a ground truth: lower the "
            "fractions of validation and test."
        )
    first, rest = stratified_split(known, tested / max(len(known), 1), seed)
    second, _ = stratified_split({subject: known[subject] for subject in rest}, validated / max(len(rest), 1), seed)
    return second, first


def _check_subjects(dataset: Dataset, split: Split) -> None:
    sections: dict[str, str] = {}
    for name, part in zip(SECTIONS, _sections(split), strict=True):
        for subject in {_subject(item) for item in part}:
            if sections.setdefault(subject, name) != name:
                raise InputError(
                    f"{dataset.root}: the subject {subject} is in {sections[subject]} and in {name}; {split.origin}"
                )
