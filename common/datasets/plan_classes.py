"""The classes of a plan: what the values in label files mean, and what the classes are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from common.datasets.dataset import Dataset
from common.errors import InputError
from common.io.annotator_meanings import general_meaning, infer_annotator_meanings
from common.io.checks import NOT_LABELED
from common.io.class_numbers import general_and_own, names_of_classes, with_own_classes
from common.io.label_inference import infer_label_meaning
from common.io.label_meaning import LabelMeaning, LabelObservation

__all__ = ["classes_of_labels", "default_class_names", "label_meanings"]

Observed = Mapping[str, Sequence[LabelObservation]]


def default_class_names(count: int) -> tuple[str, ...]:
    """Names of classes that nobody names.

    Args:
        count: of classes, background included.

    Returns:
        The background first.

    Example:
        >>> default_class_names(2), default_class_names(3)
        (('background', 'foreground'), ('background', 'class_1', 'class_2'))
    """
    return ("background", "foreground") if count == 2 else ("background", *(f"class_{k}" for k in range(1, count)))


def classes_of_labels(
    dataset: Dataset,
    seen: Observed,
    annotators: Sequence[str],
    asked: Mapping[str, Any],
    said: dict[str, Any],
    notes: list[str],
    faults: list[str] | None,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Meaning of the labels by annotator, and the names of the classes.

    Args:
        dataset: of the training cases.
        seen: what their label files hold, by annotator.
        annotators: names of those whose labels are used.
        asked: values of the plan that are not to be found out, such as ``class_names``.
        said: of the label values: ``class_values``, ``class_colors``, ``ignore_value`` and ``label_threshold``.
        notes: where the sentences on what was decided go.
        faults: where those on labels that cannot be used go; None: the first is raised.

    Returns:
        `LabelMeaning` as JSON by annotator, under ``""`` that of no annotator; names, background first.

    Raises:
        InputError: there is no label, its values cannot be understood, or nothing in any of them is labeled.
    """
    meanings = label_meanings(dataset, seen, annotators, said, notes, faults)
    if not meanings:
        raise InputError(f"{dataset.root}: expected labels of the training cases, got none.")
    count = max(meaning.num_classes for meaning in meanings.values())
    known = _named_values(dataset, dataset.ignore_value if said["ignore_value"] is None else said["ignore_value"])
    by_value = [known.get(value, "background") for value in sorted({0, *known})] if known else []
    named = names_of_classes(said["class_values"], said["class_colors"], by_value)
    names: Sequence[str] | None = asked.get("class_names")
    if names is None:
        names = named or by_value or default_class_names(count)
    elif with_own_classes(said["class_values"], said["class_colors"]) and list(map(str, names)) != named:
        raise InputError(
            f"class_names: expected {', '.join(named)}, as the classes of which annotators have values of their own "
            f"are called, got {', '.join(map(str, names))}."
        )
    if len(names) < count:
        raise InputError(f"class_names: expected {count} names, background included, got {list(names)}.")
    if len(set(names)) < len(names):
        raise InputError(f"class_names: expected different names, got {list(names)}.")
    notes += _without_a_voxel(seen, meanings, names)
    return {name: meaning.to_json() for name, meaning in meanings.items()}, tuple(map(str, names))


def label_meanings(
    dataset: Dataset,
    seen: Observed,
    annotators: Sequence[str],
    said: Mapping[str, Any],
    notes: list[str] | None = None,
    faults: list[str] | None = None,
) -> dict[str, LabelMeaning]:
    """What the values in label files mean, by annotator, under ``""`` those of no annotator; of `classes_of_labels`.

    Args:
        dataset, seen, annotators, said, notes, faults: as of `classes_of_labels`.

    Returns:
        The meanings; of annotators who labeled nothing that was read only if all others mean the same, or if single
        annotators are given values of their own: then everybody's values are said, and ``""`` is among them, too.

    Raises:
        InputError: values cannot be understood.
    """
    notes = [] if notes is None else notes
    ignore = dataset.ignore_value if said["ignore_value"] is None else said["ignore_value"]
    known = _named_values(dataset, ignore)
    rules = {
        **said,
        "class_names": known,
        "ignore_value": ignore,
        "class_values": dict(said["class_values"] or {}) or None,
    }
    meanings: dict[str, LabelMeaning] = {}
    drawn: dict[str, Sequence[LabelObservation]] = {
        name: observed for name, observed in seen.items() if name in annotators
    }
    own = with_own_classes(rules["class_values"], rules["class_colors"])
    general = {name: general_and_own(rules[name])[0] for name in ("class_values", "class_colors")} if own else {}
    if own:
        drawn |= {name: () for name in annotators if name not in seen}
        rules["annotators"] = annotators
    elif drawn and "" in seen:  # where some drew classes, a ground truth of one of them alone is that class, too
        drawn[""] = seen[""]
    if drawn or own:
        meanings, found = _understood(infer_annotator_meanings, drawn, rules, faults)
        notes += found
    rules = {name: value for name, value in rules.items() if name != "annotators"} | general
    if own and (usual := general_meaning(**rules)) is not None:
        if usual.colors is None and usual.ignore is None and any(one.ignore == -1 for one in meanings.values()):
            usual = replace(usual, ignore=NOT_LABELED)
        meanings[""] = usual
    elif own and "" in seen:
        raise InputError(
            f"{next(iter(own.values()))}: expected those of the ground truth, too, under the names of the classes, got "
            f"those of {', '.join(own)} alone."
        )
    silent = [name for name in annotators if name not in meanings and name not in seen]
    by_others = [meaning for name, meaning in meanings.items() if name]
    if silent and len({str(meaning.to_json()) for meaning in by_others}) == 1:
        meanings |= dict.fromkeys(silent, by_others[0])
        notes.append(f"{', '.join(silent)} labeled none of the training cases that were read; values mean the same.")
    if "" in seen and "" not in drawn:
        one, found = _understood(_one_meaning, {"": seen[""]}, rules, faults)
        meanings |= one
        notes += found
    if not meanings and known and any(item.get("regions") for item in dataset.items):
        order = sorted({0, *known})  # only other cases have a ground truth
        meanings[""] = LabelMeaning({value: index for index, value in enumerate(order)}, ignore=ignore)
    return meanings


def _named_values(dataset: Dataset, ignore: Any) -> dict[int, str] | None:
    """Names that the data set gives to values of its labels, without those of what was not labeled."""
    unlabeled = {str(ignore), str(NOT_LABELED)}
    return {value: name for value, name in (dataset.class_names or {}).items() if str(value) not in unlabeled} or None


def _without_a_voxel(seen: Observed, meanings: Mapping[str, LabelMeaning], names: Sequence[str]) -> list[str]:
    """A note on the classes that no training label has, where others are there; that nothing is labeled is refused."""
    observed = [(one, meaning) for name, meaning in meanings.items() for one in seen.get(name, ())]
    if not observed or any(meaning.values is None for _, meaning in observed):
        return []
    drawn: set[int] = set()
    for one, meaning in observed:
        if meaning.threshold is not None:
            return []
        known = [(value, index) for value, index in (meaning.values or {}).items() if value != meaning.ignore]
        drawn |= {index for value, index in known if one.counts.get(value)}
    if not drawn:
        first, meaning = observed[0]
        raise InputError(
            f"{first.path}: expected labels, but every voxel of all {len(observed)} label files of the training cases "
            f"has the value {meaning.ignore if meaning.ignore is not None else -1}, not labeled."
        )
    absent = [name for index, name in enumerate(names) if index and index not in drawn]
    if not absent or len(absent) == len(names) - 1:  # without any label it is said that all are empty
        return []
    verb = "is" if len(absent) == 1 else "are"
    return [f"{', '.join(absent)} {verb} in no label of the training cases, so that it cannot be learned."]


Meanings = tuple[dict[str, LabelMeaning], tuple[str, ...]]


def _one_meaning(observations: Mapping[str, Sequence[LabelObservation]], **said: Any) -> Meanings:
    meaning, notes = infer_label_meaning(observations[""], **said)
    return {"": meaning}, notes


def _understood(
    infer: Callable[..., Meanings],
    observations: Mapping[str, Sequence[LabelObservation]],
    said: Mapping[str, Any],
    faults: list[str] | None,
) -> Meanings:
    """The meanings; if need be, and ``faults`` is given, without the files that are not understood by themselves."""
    try:
        return infer(observations, **said)
    except InputError:
        if faults is None:
            raise
        wrong: list[str] = []
        kept = {
            name: [one for one in seen if _is_clear(partial(infer, {name: [one]}, **said), wrong)]
            for name, seen in observations.items()
        }
        if not wrong or not all(kept[name] for name, seen in observations.items() if seen):
            raise
        found = infer(kept, **said)
        faults += wrong
        return found


def _is_clear(infer: Callable[[], Meanings], faults: list[str]) -> bool:
    try:
        infer()
    except InputError as error:
        faults.append(str(error))
        return False
    return True
