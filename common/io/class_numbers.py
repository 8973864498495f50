"""Numbers of classes: what a user says of the values, or colors, that stand for them in label files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from common.errors import InputError
from common.io.label_meaning import LabelMeaning

__all__ = ["contradicted_meanings", "names_of_classes"]

Classes = Mapping[str, Any] | Sequence[int]


def names_of_classes(class_values: Classes | None, class_colors: Mapping[str, Any] | None = None) -> list[str]:
    """The names of classes in the order of their indices, which need not be the order in which they are given.

    Args:
        class_values: value or values of each class, by name; a list of values has no names.
        class_colors: color or colors of each class, by name, in place of the values.

    Returns:
        Names, background first, also where it was not named; empty if neither is given.

    Raises:
        InputError: values are no whole numbers, or colors no such text.

    Example:
        >>> names_of_classes({"tumor": 255, "rest": 0}), names_of_classes({"cup": 1})
        (['rest', 'tumor'], ['background', 'cup'])
    """
    classes, zero, parse = (class_colors, "#000000", color_code) if class_colors else (class_values, 0, _whole)
    if not isinstance(classes, Mapping) or not classes:
        return []
    parsed = _parsed(classes, parse)
    background = _background(parsed, zero)
    return [*(["background"] if background is None else []), *map(str, _background_first(parsed, background))]


def contradicted_meanings(
    meanings: Mapping[str, LabelMeaning],
    class_values: Classes | None = None,
    class_colors: Mapping[str, Any] | None = None,
    ignore_value: int | str | None = None,
    label_threshold: float | None = None,
) -> dict[str, tuple[Any, Any]]:
    """What is said of label files that are not read by it, but by meanings that were found out before.

    Args:
        meanings: by annotator.
        class_values, class_colors, ignore_value, label_threshold: see `infer_label_meaning`; None says nothing.

    Returns:
        By argument the part of the first meaning that is otherwise, and what was given, in the form of a meaning.

    Raises:
        InputError: values are no whole numbers, or colors no such text.

    Example:
        >>> contradicted_meanings({"": LabelMeaning({0: 0, 255: 1})}, {"rest": 0, "tumor": 255}, ignore_value=9)
        {'ignore_value': (None, 9)}
    """
    found: dict[str, tuple[Any, Any]] = {}
    values, _ = numbers_of_values(class_values, None) or ({}, "")
    colors = numbers_of_colors(class_colors) if class_colors else {}
    for meaning in meanings.values():
        for name, known, given in (("class_values", meaning.values, values), ("class_colors", meaning.colors, colors)):
            if given and not given.items() <= (known or {}).items():
                found.setdefault(name, (known, given))
        if ignore_value is not None and str(meaning.ignore).lower() != str(ignore_value).lower().replace("::", "#"):
            found.setdefault("ignore_value", (meaning.ignore, ignore_value))
        if None not in (label_threshold, meaning.threshold) and meaning.threshold != label_threshold:
            found.setdefault("label_threshold", (meaning.threshold, label_threshold))
    return found


def numbers_of_values(class_values: Classes | None, names: Any = None) -> tuple[dict[int, int], str] | None:
    """Class index by value, and which of the two arguments says it; None if neither does."""
    if class_values is not None:
        if isinstance(class_values, Mapping):
            return _numbered(class_values, 0, _whole), "class_values"
        if isinstance(class_values, str) or not isinstance(class_values, Iterable):
            raise InputError(f"class_values: expected values by name, or a list of values, got {class_values!r}.")
        return {_whole(value): index for index, value in enumerate(class_values)}, "class_values"
    if names:
        values = {_whole(value) for value in (names if isinstance(names, Mapping) else range(len(names)))}
        return {value: index for index, value in enumerate(sorted({0, *values}))}, "class_names"
    return None


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).lstrip("-").isdigit():
        raise InputError(f"class_values: expected whole numbers, got {value!r}.")
    return int(value)


def numbers_of_colors(class_colors: Mapping[str, Any]) -> dict[str, int]:
    """Class index by color ``"#rrggbb"``."""
    return _numbered(class_colors, "#000000", color_code)


def color_code(value: Any) -> str:
    """A color as ``"#rrggbb"``, in lower case."""
    text = str(value).lower().replace("::", "#")  # MONAI reads # as :: wherever it stands in a configuration
    if len(text) != 7 or text[0] != "#" or any(letter not in "0123456789abcdef" for letter in text[1:]):
        raise InputError(f"class_colors: expected colors such as '#ff0000', got {value!r}.")
    return text


def _numbered(classes: Mapping[str, Any], zero: Any, parse: Any) -> dict[Any, int]:
    """Class index by value; class 0 is ``background``, or the class of the value ``zero``, or else not among them."""
    parsed = _parsed(classes, parse)
    background = _background(parsed, zero)
    numbered: dict[Any, int] = {}
    for index, name in enumerate(_background_first(parsed, background), start=int(background is None)):
        for value in parsed[name]:
            if value in numbered:
                raise InputError(f"class {name}: expected a value that no other class has, got {value}.")
            numbered[value] = index
    return numbered if zero in numbered or background is not None else {zero: 0, **numbered}


def _parsed(classes: Mapping[str, Any], parse: Any) -> dict[str, list[Any]]:
    return {
        name: [parse(one) for one in (value if isinstance(value, list | tuple) else [value])]
        for name, value in classes.items()
    }


def _background(parsed: Mapping[str, Sequence[Any]], zero: Any) -> str | None:
    named = next((name for name in parsed if str(name).lower() == "background"), None)
    return named or next((name for name, values in parsed.items() if zero in values), None)


def _background_first(names: Iterable[str], background: str | None) -> list[str]:
    return sorted(names, key=lambda name: name != background)
