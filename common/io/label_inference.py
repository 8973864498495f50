"""What the values of a data set's label files mean, by rules that are said: one sentence for each decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from common.errors import InputError, shown_names
from common.io.class_numbers import (
    Classes,
    classes_of,
    color_code,
    names_of_classes,
    numbers_of_colors,
    numbers_of_values,
    with_own_classes,
)
from common.io.label_meaning import MOST_KEPT, LabelMeaning, LabelObservation, total_counts

__all__ = ["general_meaning", "infer_annotator_meanings", "infer_label_meaning"]

IGNORED = 255  # that many data sets write at the rim of objects
WHITE = 255
MOST_GRAY_CLASSES = 32  # more gray values that do not follow each other are a picture, not a label
WINDOW = 9  # gray levels
SMOOTH = 0.95  # of the pixels between 0 and the largest value at borders: these are smoothed, no classes
SHOWN = 8
NOTHING = LabelObservation("", "gray", {}, ())  # where values are said, and nobody has used them yet
_some = partial(shown_names, most=SHOWN)


def infer_label_meaning(
    observations: Sequence[LabelObservation],
    class_names: Mapping[int, str] | Sequence[str] | None = None,
    ignore_value: int | str | None = None,
    class_values: Classes | None = None,
    class_colors: Mapping[str, Any] | None = None,
    label_threshold: float | None = None,
) -> tuple[LabelMeaning, tuple[str, ...]]:
    """The meaning of label values, from what a data set or its user says, else from the values that occur.

    In this order: ``class_colors``; ``class_values``; ``class_names``; masks of 0 and one other value; lossy masks,
    foreground above half of the largest value; class indices 0 … K − 1; other gray values as classes in their order.

    Args:
        observations: of all label files (`observe_label`).
        class_names: of the classes by value in the files, or in the order of values 0, 1, …
        ignore_value: value, or color ``"#rrggbb"``, of what was not labeled.
        class_values: value of each class by name, or values by name (``{"background": 0, "disc": [1, 2]}``), or one
            value for each class in order. Class 0 is ``background``, or else the one of value 0.
        class_colors: the same with colors ``"#rrggbb"``; class 0 is ``background``, or else black.
        label_threshold: of gray masks, such as probability maps: what exceeds it is foreground. Masks of 0 and one
            other value do not need it and are read as they are.

    Returns:
        The meaning, and what was decided, a sentence each.

    Raises:
        InputError: values or colors that are given are not understood, or files hold what none of the rules
            explains; the sentence says which option is needed.

    Example:
        >>> seen = LabelObservation("a.png", "gray", {0: 9, 255: 3}, (3, 4), distinct=2)
        >>> meaning, notes = infer_label_meaning([seen])
        >>> dict(meaning.values), notes[0]
        ({0: 0, 255: 1}, 'Labels are masks: 0 is background, 255 is foreground.')
    """
    if not observations:
        raise InputError("label meaning: expected at least one label file, got none.")
    if class_colors is not None:
        return _from_colors(observations, class_colors, ignore_value)
    meaning, notes = _from_values(observations, class_names, ignore_value, class_values, label_threshold)
    ignore = _value(meaning.ignore)
    if ignore is not None and (meaning.values or {}).get(ignore) == 0:
        raise InputError(
            f"ignore_value: {ignore} is the value of the background, so no background would be left; give another "
            "ignore_value, or another value for the background by class_values."
        )
    return meaning, notes


def _from_values(
    observations: Sequence[LabelObservation],
    class_names: Mapping[int, str] | Sequence[str] | None,
    ignore_value: int | str | None,
    class_values: Classes | None,
    label_threshold: float | None,
) -> tuple[LabelMeaning, tuple[str, ...]]:
    _refuse_colors(observations)
    found = {value: count for value, count in total_counts(observations).items() if value != _value(ignore_value)}
    ignore = _value(ignore_value)
    notes: list[str] = []
    if ignore is None and -1 in found:
        del found[-1]
        ignore = -1
        notes.append("The value -1 in label files means not labeled.")
    elif ignore is not None:
        notes.append(f"The value {ignore} in label files means not labeled (ignore_value).")
    if any(observed.kind == "palette" for observed in observations):
        notes.append("Label pictures with a palette are read by their indices, not by their colors.")
    if label_threshold is not None and len({value for value in found if value}) > 1:
        return _by_threshold(observations, found, label_threshold, ignore, notes)
    given = numbers_of_values(class_values, class_names)
    if given is not None:
        values, said = given
        _refuse_others(observations, values, ignore, said)
        names = _names_by_class(class_values, class_names, values)
        return LabelMeaning(values, ignore=ignore), (*notes, f"{_listed(values, names)} ({said}).")
    if any(observed.lossy for observed in observations):
        return _lossy(observations, found, ignore, notes)
    values, note = _by_values(observations, found)
    return LabelMeaning(values, ignore=ignore), (*notes, note)


def infer_annotator_meanings(
    observations: Mapping[str, Sequence[LabelObservation]], annotators: Sequence[str] = (), **said: Any
) -> tuple[dict[str, LabelMeaning], tuple[str, ...]]:
    """The meaning of each annotator's values, on their own where all drew masks, together where some drew classes.

    One annotator's masks may hold 255 where those of another hold 1 or 2. Where an annotator uses several classes,
    values mean the same for all of them, or else a file that lacks a class would be misunderstood. If an annotator uses
    other values, or colors, ``class_values`` or ``class_colors`` has a mapping of them under the annotator's name.

    Args:
        observations: by annotator; of one who is given values and has labeled nothing there may be none.
        annotators: names of further ones, who have labeled nothing that was read.
        **said: as for `infer_label_meaning`, ``{"liver": 1, "tumor": 2, "chris": {"tumor": 1, "liver": 2}}``.

    Returns:
        The meaning by annotator, and what was decided.

    Raises:
        InputError: as `infer_label_meaning`; there is no such annotator; an annotator's own are not those of the same
            classes; or it is not known which classes the values of the others are.

    Example:
        >>> seen = {"A": [LabelObservation("a.png", "gray", {0: 9, 255: 1}, (5, 2))]}
        >>> infer_annotator_meanings(seen)[0]["A"].values
        {0: 0, 255: 1}
    """
    if own := with_own_classes(said.get("class_values"), said.get("class_colors")):
        return _with_own(observations, own, annotators, said)
    colored = said.get("class_colors") is not None  # what is ignored is then a color, too
    ignore = None if colored else _value(said.get("ignore_value"))
    fixed = any(said.get(name) is not None for name in ("class_names", "class_values", "class_colors"))
    apart = said.get("label_threshold") is not None
    drawn = {
        name: {value for value in total_counts(seen) if value not in (0, -1, ignore)}
        for name, seen in observations.items()
    }
    lossy = any(observed.lossy for seen in observations.values() for observed in seen)
    if apart or (not fixed and (lossy or all(len(values) < 2 for values in drawn.values()))):
        meanings: dict[str, LabelMeaning] = {}
        notes: list[str] = []
        for name, seen in observations.items():
            meanings[name], decided = infer_label_meaning(seen, **said)
            notes += [f"Annotator {name}: {note[0].lower()}{note[1:]}" for note in decided]
        return meanings, tuple(notes)
    meaning, decided = infer_label_meaning([one for seen in observations.values() for one in seen], **said)
    return dict.fromkeys(observations, meaning), decided


def general_meaning(**said: Any) -> LabelMeaning | None:
    """What values mean in the labels of those who have none of their own, by what is said of them alone.

    Args:
        **said: as for `infer_annotator_meanings`.

    Returns:
        The meaning; None if nothing is said of them.

    Raises:
        InputError: values or colors are not understood.

    Example:
        >>> general_meaning(class_values={"liver": 1, "tumor": 2, "chris": {"tumor": 1, "liver": 2}}).values
        {0: 0, 1: 1, 2: 2}
    """
    said = _of(said, "")
    given = [said.get(name) for name in ("class_names", "class_values", "class_colors")]
    return infer_label_meaning([NOTHING], **said)[0] if any(given) else None


def _of(said: Mapping[str, Any], who: str) -> dict[str, Any]:
    """What is said of one annotator's labels."""
    names = said.get("class_names")
    if isinstance(names, Mapping):
        names = [names.get(value, "background") for value in sorted({0, *names})]
    values, colors = classes_of(who, said.get("class_values"), said.get("class_colors"), names or ())
    return {**said, "class_values": values, "class_colors": colors}


def _with_own(
    observations: Mapping[str, Sequence[LabelObservation]],
    own: Mapping[str, str],
    annotators: Sequence[str],
    said: dict[str, Any],
) -> tuple[dict[str, LabelMeaning], tuple[str, ...]]:
    """Each of ``own`` by their own values, the others together."""
    known = list(dict.fromkeys([*observations, *annotators]))
    if strangers := [who for who in own if who not in known]:
        raise InputError(
            f"{own[strangers[0]]}: expected the names of classes, or of annotators with a mapping each "
            f"({', '.join(known) or 'there are none'}), but there is no {', '.join(strangers)}."
        )
    others = {who: seen for who, seen in observations.items() if who not in own}
    if others and general_meaning(**said) is None:
        raise InputError(
            f"{next(iter(own.values()))}: expected those of {', '.join(others)}, too, under the name of each or, for "
            f"all of them, under the names of the classes, got those of {', '.join(own)} alone."
        )
    meanings, notes = infer_annotator_meanings(others, **_of(said, "")) if others else ({}, ())
    for who in (who for who in observations if who in own):
        rules = _of(said, who)
        meanings[who], decided = infer_label_meaning(observations[who] or [NOTHING], **rules)
        if meanings[who].threshold is None:
            classes = rules["class_colors"] or rules["class_values"]
            listed = ", ".join(f"{name} is {_several(value)}" for name, value in classes.items())
            decided = (*decided[:-1], f"{who}: {listed} ({own[who]}).")
        notes = (*notes, *decided)
    if any(meaning.ignore == -1 for meaning in meanings.values()):  # as where everybody's values mean the same
        meanings = {
            who: replace(meaning, ignore=-1) if meaning.ignore is None and meaning.colors is None else meaning
            for who, meaning in meanings.items()
        }
    return {who: meanings[who] for who in observations}, tuple(dict.fromkeys(notes))


def _several(value: Any) -> str:
    return " or ".join(str(one).replace("::", "#") for one in (value if isinstance(value, list | tuple) else [value]))


def _value(ignore: int | str | None) -> int | None:
    try:
        return None if ignore is None else int(ignore)
    except (TypeError, ValueError):
        raise InputError(
            f"ignore_value: expected a whole number, or with class_colors a color, got {ignore!r}."
        ) from None


def _from_colors(
    observations: Sequence[LabelObservation], class_colors: Mapping[str, Any], ignore: int | str | None
) -> tuple[LabelMeaning, tuple[str, ...]]:
    colors = numbers_of_colors(class_colors)
    ignored = None if ignore is None else color_code(ignore)
    for observed in observations:
        if observed.lossy:
            raise InputError(f"{observed.path}: expected exact colors, but JPEG changes them.")
        if observed.kind == "volume":
            raise InputError(f"{observed.path}: expected a picture as class_colors are given, got a volume.")
        seen = set(observed.counts)
        if observed.kind == "palette":
            seen = {observed.palette[index] for index in observed.counts}
        elif observed.kind == "gray":
            seen = {"#" + f"{value:02x}" * 3 for value in observed.counts}
        strange = sorted(seen - {*colors, ignored})
        if strange:
            raise InputError(f"{observed.path}: expected the colors {_some(colors)}, got {_some(strange)}.")
    names = names_of_classes(None, class_colors)
    note = "; ".join(f"{color} is class {index}, {names[index]}" for color, index in colors.items())
    return LabelMeaning(colors=colors, ignore=ignored), (f"The color {note} (class_colors).",)


def _refuse_colors(observations: Sequence[LabelObservation]) -> None:
    colored = [observed for observed in observations if observed.kind == "color"]
    if colored:
        found = [color for color, _ in total_counts(colored).most_common(SHOWN)]
        example = ", ".join(f"'name{place}': '{color}'" for place, color in enumerate(found))
        raise InputError(
            f"{colored[0].path}: labels are colored ({_some(found)}), and it is not known which class each color is; "
            f'give --class_colors "{{{example}}}".'
        )


def _refuse_others(
    observations: Sequence[LabelObservation], values: Mapping[int, int], ignore: int | None, said: str
) -> None:
    for observed in observations:
        strange = sorted(set(observed.counts) - {*values, ignore, -1})
        if strange:
            raise InputError(
                f"{observed.path}: expected the values {_some(values)} that {said} gives, got {_some(strange)}; "
                "declare them by class_values or ignore_value."
            )


def _by_threshold(
    observations: Sequence[LabelObservation],
    found: Mapping[int, int],
    threshold: float,
    ignore: int | None,
    notes: Sequence[str],
) -> tuple[LabelMeaning, tuple[str, ...]]:
    largest = max(found)
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold < largest:
        raise InputError(
            f"label_threshold: expected a number from 0 to below {largest}, the largest value of the gray labels, got "
            f"{threshold!r}."
        )
    note = f"Gray masks: values above {threshold:g} are foreground, as label_threshold says."
    below = [seen.path for seen in observations if 0 < max(_drawn(seen, ignore), default=0) <= threshold]
    if below:
        note += f" Empty by that, though not 0 everywhere: {_some(below)}."
    return LabelMeaning({0: 0, largest: 1}, ignore=ignore, threshold=float(threshold)), (*notes, note)


def _lossy(
    observations: Sequence[LabelObservation], found: Mapping[int, int], ignore: int | None, notes: Sequence[str]
) -> tuple[LabelMeaning, tuple[str, ...]]:
    path = next(observed.path for observed in observations if observed.lossy)
    if any(observed.lossy and ignore in observed.counts for observed in observations):
        raise InputError(
            f"{path} and others: expected masks of two values, as JPEG does not hold the value {ignore} of what is not "
            "labeled exactly; save the labels as PNG."
        )
    largest = max(found, default=0)
    if largest <= 1:
        return LabelMeaning({0: 0, 1: 1}, ignore=ignore), (*notes, "Every label is empty, or holds 0 and 1.")
    middle = {value: count for value, count in found.items() if largest / 4 < value <= largest * 3 / 4}
    peak = max((sum(middle.get(value + step, 0) for step in range(WINDOW)) for value in middle), default=0)
    colored = sum(count for value, count in found.items() if value > largest / 4)
    if peak > 0.1 * colored and peak > 0.5 * sum(middle.values()):
        raise InputError(
            f"{path} and others: expected JPEG masks of two values, got more than two (up to {largest}); JPEG does not "
            "hold class values exactly, save the labels as PNG."
        )
    for exact in (observed for observed in observations if not observed.lossy):
        drawn = _drawn(exact, ignore)
        if drawn and (max(drawn) <= largest / 2 or (len(drawn) > 1 and exact.smooth <= SMOOTH * exact.between)):
            raise InputError(
                f"{exact.path}: expected a mask of 0 and {largest} as the JPEG masks, such as {path}, got the values "
                f"{_some([0, *drawn])}; JPEG does not hold values exactly, save all labels as PNG with the same values."
            )
    note = f"JPEG masks: values above {largest / 2:g}, half of the largest value, are foreground."
    return LabelMeaning({0: 0, largest: 1}, ignore=ignore, threshold=largest / 2), (*notes, note)


def _by_values(observations: Sequence[LabelObservation], found: Mapping[int, int]) -> tuple[dict[int, int], str]:
    largest = max(observations, key=lambda observed: observed.distinct)
    if largest.distinct > MOST_KEPT:
        raise InputError(
            f"{largest.path}: expected a label with a few class values, got {largest.distinct} different values, as if "
            "it were an image."
        )
    negative = sorted(value for value in found if value < 0)
    if negative:
        raise InputError(f"{_holder(observations, negative[0])}: expected values from 0 up, got {_some(negative)}.")
    drawn = sorted(value for value in found if value)
    if not drawn:
        return {0: 0, 1: 1, WHITE: 1}, "Every label is empty."
    if len(drawn) == 1:
        return {0: 0, drawn[0]: 1}, f"Labels are masks: 0 is background, {drawn[0]} is foreground."
    alone = all(len([value for value in observed.counts if value > 0]) < 2 for observed in observations)
    if alone and drawn == [1, WHITE]:
        return {0: 0, 1: 1, WHITE: 1}, "Labels are masks: 0 is background, 1 or 255 is foreground, as the file has it."
    if drawn == list(range(1, len(drawn) + 1)):
        return {0: 0, **{value: value for value in drawn}}, f"Label values are class indices from 0 to {drawn[-1]}."
    if drawn[-1] == IGNORED and drawn[:-1] == list(range(1, len(drawn))):
        raise InputError(
            f"{_holder(observations, IGNORED)}: labels hold the values {_some([0, *drawn[:-1]])} and 255, which may be "
            "a class or mean not labeled: give --ignore_value 255, or --class_values with the values of all classes."
        )
    if len(drawn) >= MOST_GRAY_CLASSES:
        raise InputError(
            f"{largest.path}: expected class values, got {len(drawn) + 1} values with gaps from 0 to {drawn[-1]}, as "
            "if it were an image; give --class_values with the value of each class, or for a gray mask "
            "--label_threshold, above which it is foreground."
        )
    between, smooth = (sum(getattr(seen, name) for seen in observations) for name in ("between", "smooth"))
    if len(drawn) > 2 and smooth > SMOOTH * between:
        path = next(seen.path for seen in observations if seen.smooth)
        raise InputError(
            f"{path}: expected class values, got {_some([0, *drawn])}, of which those between 0 and {drawn[-1]} lie at "
            "borders, as if masks were smoothed there (anti-aliasing); give --label_threshold "
            f"{drawn[-1] / 2:g}, above which a pixel is foreground, or --class_values with the value of each class."
        )
    values = {value: index for index, value in enumerate([0, *drawn])}
    return values, f"Label values have gaps and are numbered in their order: {_listed(values)}."


def _drawn(observed: LabelObservation, ignore: int | None) -> list[int]:
    """The values of a file that are neither background nor ignored."""
    return sorted(value for value in observed.counts if value > 0 and value != ignore)


def _holder(observations: Sequence[LabelObservation], value: int) -> str:
    return next(observed.path for observed in observations if value in observed.counts)


def _names_by_class(
    class_values: Classes | None, class_names: Mapping[int, str] | Sequence[str] | None, values: Mapping[int, int]
) -> dict[int, str]:
    """The name of each class that was given one, by its index."""
    if class_values is not None:
        return dict(enumerate(names_of_classes(class_values)))
    if isinstance(class_names, Mapping):
        return {values[int(value)]: name for value, name in class_names.items()}
    return dict(enumerate(class_names or ()))


def _listed(values: Mapping[int, int], names: Mapping[int, str] | None = None) -> str:
    shown = {index: f", {name}" for index, name in (names or {}).items()}
    parts = [f"value {value} is class {index}{shown.get(index, '')}" for value, index in list(values.items())[:SHOWN]]
    return "V" + "; ".join(parts)[1:] + ("; …" if len(values) > SHOWN else "")
