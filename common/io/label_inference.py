"""What the values of a data set's label files mean, by rules that are said: one sentence for each decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from common.errors import InputError, shown_names
from common.io.class_numbers import (
    Classes,
    color_code,
    names_of_classes,
    numbers_of_colors,
    numbers_of_values,
)
from common.io.label_meaning import MOST_KEPT, LabelMeaning, LabelObservation, total_counts

__all__ = ["drawn_values", "ignored_value", "infer_label_meaning", "is_smoothed"]

IGNORED = 255  # that many data sets write at the rim of objects
WHITE = 255
MOST_GRAY_CLASSES = 32  # more gray values that do not follow each other are a picture, not a label
WINDOW = 9  # gray levels
SMOOTH = 0.95  # of the pixels between 0 and the largest value at borders: these are smoothed, no classes
SHOWN = 8
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
    ignore = ignored_value(meaning.ignore)
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
    ignore = ignored_value(ignore_value)
    found = {value: count for value, count in total_counts(observations).items() if value != ignore}
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


def ignored_value(ignore: int | str | None) -> int | None:
    """The value of what was not labeled, as a number.

    Args:
        ignore: ``ignore_value`` of labels that are not colored; None for none.

    Raises:
        InputError: it is no whole number.

    Example:
        >>> ignored_value("255")
        255
    """
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
    unlabeled = () if ignored is None else (f"The color {ignored} in label files means not labeled (ignore_value).",)
    return LabelMeaning(colors=colors, ignore=ignored), (*unlabeled, f"The color {note} (class_colors).")


def _refuse_colors(observations: Sequence[LabelObservation]) -> None:
    colored = [observed for observed in observations if observed.kind == "color"]
    if colored:
        found = [color for color, _ in total_counts(colored).most_common(SHOWN)]
        example = ", ".join(f"'name{place}': '{color}'" for place, color in enumerate(found))
        raise InputError(
            f"{colored[0].path}: labels are colored ({_some(found)}), and it is not known which class each color is; "
            f"give --class_colors \"{{{example}}}\", and what is not labeled, if anything, as --ignore_value '#rrggbb'."
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
    below = [seen.path for seen in observations if 0 < max(drawn_values(seen, ignore), default=0) <= threshold]
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
        drawn = drawn_values(exact, ignore)
        if drawn and (max(drawn) <= largest / 2 or (len(drawn) > 1 and not is_smoothed(exact, drawn))):
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
        note = "Every label is empty." if found else "Nothing is labeled in any file."
        return {0: 0, 1: 1, WHITE: 1}, note
    if len(drawn) == 1:
        return {0: 0, drawn[0]: 1}, f"Labels are masks: 0 is background, {drawn[0]} is foreground."
    alone = all(len([value for value in observed.counts if value > 0]) < 2 for observed in observations)
    if alone and drawn == [1, WHITE]:
        return {0: 0, 1: 1, WHITE: 1}, "Labels are masks: 0 is background, 1 or 255 is foreground, as the file has it."
    if drawn == list(range(1, len(drawn) + 1)):
        return {0: 0, **{value: value for value in drawn}}, f"Label values are class indices from 0 to {drawn[-1]}."
    gaps = np.diff([0, *drawn])
    if drawn[-1] == IGNORED and (gaps[-1] > 2 * gaps[:-1].max() or drawn[:-1] == list(range(1, len(drawn)))):
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


def drawn_values(observed: LabelObservation, ignore: int | None) -> list[int]:
    """The values of a file that are neither background nor ignored, sorted.

    Args:
        observed: the file.
        ignore: value of what was not labeled.

    Example:
        >>> drawn_values(LabelObservation("a.png", "gray", {0: 9, 2: 3, 1: 1, 255: 2}, (3, 5)), 255)
        [1, 2]
    """
    return sorted(value for value in observed.counts if value > 0 and value != ignore)


def is_smoothed(observed: LabelObservation, drawn: Sequence[int]) -> bool:
    """Whether the values between 0 and the largest are those of a mask's border, as where a mask was resized.

    Args:
        observed: the file.
        drawn: its `drawn_values`.
    """
    return len(drawn) > 2 and observed.smooth > SMOOTH * observed.between


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
