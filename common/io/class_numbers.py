"""Numbers of classes: what a user says of the values, or colors, that stand for them in label files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from common.errors import InputError
from common.io.label_meaning import LabelMeaning

__all__ = ["classes_of", "contradicted_meanings", "general_and_own", "names_of_classes", "with_own_classes"]

Classes = Mapping[str, Any] | Sequence[int]


def general_and_own(classes: Classes | None) -> tuple[Classes | None, dict[str, Mapping[str, Any]]]:
    """What is said of everybody's labels, and what of those of single annotators.

    Args:
        classes: ``class_values`` or ``class_colors``; under an annotator's name stands a mapping of the same kind.

    Returns:
        The values, or colors, of the classes, None if there are none; by annotator their own.

    Example:
        >>> general_and_own({"liver": 1, "tumor": 2, "chris": {"tumor": 1, "liver": 2}})
        ({'liver': 1, 'tumor': 2}, {'chris': {'tumor': 1, 'liver': 2}})
    """
    if not isinstance(classes, Mapping):
        return classes, {}
    own = {str(name): value for name, value in classes.items() if isinstance(value, Mapping)}
    return {name: value for name, value in classes.items() if not isinstance(value, Mapping)} or None, own


def with_own_classes(class_values: Classes | None, class_colors: Mapping[str, Any] | None = None) -> dict[str, str]:
    """The annotators whose labels have values, or colors, of their own.

    Args:
        class_values, class_colors: as of `infer_annotator_meanings`.

    Returns:
        By annotator which of the two arguments says it.

    Example:
        >>> with_own_classes({"liver": 1, "chris": {"liver": 2}})
        {'chris': 'class_values'}
    """
    said = {"class_values": class_values, "class_colors": class_colors}
    return {who: argument for argument, classes in said.items() for who in general_and_own(classes)[1]}


def classes_of(
    annotator: str,
    class_values: Classes | None,
    class_colors: Mapping[str, Any] | None = None,
    names: Sequence[str] = (),
) -> tuple[Classes | None, Mapping[str, Any] | None]:
    """The values, or colors, of the classes in an annotator's label files.

    Args:
        annotator: name; empty for a label of nobody, such as the ground truth.
        class_values, class_colors: as of `infer_annotator_meanings`.
        names: of the classes, background first, where neither names those of everybody.

    Returns:
        ``class_values`` and ``class_colors`` for this annotator alone; those of an annotator's own are in the order in
        which everybody's classes are.

    Raises:
        InputError: an annotator's own are not those of the same classes, or are no such values.

    Example:
        >>> classes_of("chris", {"liver": 1, "tumor": 2, "chris": {"tumor": 1, "liver": 2}})
        ({'liver': 2, 'tumor': 1}, None)
    """
    (values, own_values), (colors, own_colors) = general_and_own(class_values), general_and_own(class_colors)
    if annotator in own_colors:
        return None, _own(annotator, own_colors[annotator], "class_colors", class_values, class_colors, names)
    if annotator in own_values:
        return _own(annotator, own_values[annotator], "class_values", class_values, class_colors, names), None
    return values, colors  # type: ignore[return-value]


def _own(
    annotator: str,
    classes: Mapping[str, Any],
    argument: str,
    class_values: Classes | None,
    class_colors: Mapping[str, Any] | None,
    names: Sequence[str],
) -> dict[str, Any]:
    """An annotator's own classes, in the order of everybody's."""
    order = names_of_classes(class_values, class_colors, names)
    zero, parse = ("#000000", color_code) if argument == "class_colors" else (0, _whole)
    try:
        parsed = _parsed(classes, parse)
        _numbered(classes, zero, parse)
    except InputError as error:
        raise InputError(f"{argument} of {annotator}: {str(error).removeprefix(f'{argument}: ')}") from error
    what = argument.removeprefix("class_")
    if not order:
        raise InputError(f"{argument} of {annotator}: expected the {what} of the others by name of the class, too.")
    if set(map(str, classes)) | {order[0]} != set(order):
        raise InputError(
            f"{argument} of {annotator}: expected the {what} of {', '.join(order[1:])}, and of {order[0]} where it is "
            f"not {zero}, got those of {', '.join(map(str, classes)) or 'no class'}."
        )
    background = _background(parsed, zero)
    if background is not None and str(background) != order[0]:  # 0 is another class than the background
        raise InputError(
            f"{argument} of {annotator}: expected {zero} to be {order[0]}, as class 0 is called, got it for "
            f"{background}; call class 0 background if it has another value there."
        )
    return {str(name): classes[name] for name in sorted(classes, key=lambda name: order.index(str(name)))}


def names_of_classes(
    class_values: Classes | None, class_colors: Mapping[str, Any] | None = None, names: Sequence[str] = ()
) -> list[str]:
    """The names of classes in the order of their indices, which need not be the order in which they are given.

    Args:
        class_values: value or values of each class, by name; a list of values has no names.
        class_colors: color or colors of each class, by name, in place of the values.
        names: that go before those which single annotators alone are given.

    Returns:
        Names, background first, also where it was not named; empty if neither is given.

    Raises:
        InputError: values are no whole numbers, or colors no such text.

    Example:
        >>> names_of_classes({"tumor": 255, "rest": 0}), names_of_classes({"cup": 1})
        (['rest', 'tumor'], ['background', 'cup'])
    """
    (values, own_values), (colors, own_colors) = general_and_own(class_values), general_and_own(class_colors)
    if not colors and not values:
        if names or not (own_values or own_colors):
            return [*map(str, names)] if own_values or own_colors else []
        values, colors = next(iter(own_values.values()), None), None if own_values else next(iter(own_colors.values()))
    classes, zero, parse = (colors, "#000000", color_code) if colors else (values, 0, _whole)
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
    names: Sequence[str] = (),
) -> dict[str, tuple[Any, Any]]:
    """What is said of label files that are not read by it, but by meanings that were found out before.

    Args:
        meanings: by annotator.
        class_values, class_colors, ignore_value, label_threshold: see `infer_annotator_meanings`; None says nothing.
        names: of the classes, background first, where single annotators alone are given values.

    Returns:
        By argument the part of the first meaning that is otherwise, and what was given, in the form of a meaning; where
        annotators have values of their own the annotator stands behind the argument, ``class_values of chris``.

    Raises:
        InputError: values are no whole numbers, or colors no such text; or as `classes_of`.

    Example:
        >>> contradicted_meanings({"": LabelMeaning({0: 0, 255: 1})}, {"rest": 0, "tumor": 255}, ignore_value=9)
        {'ignore_value': (None, 9)}
    """
    found: dict[str, tuple[Any, Any]] = {}
    own = with_own_classes(class_values, class_colors)
    apart = bool(own) or len({str(meaning.values or meaning.colors) for meaning in meanings.values()}) > 1
    for who in (who for who in own if who not in meanings):
        found.setdefault(f"annotators in {own[who]}", (sorted(name for name in meanings if name), who))
    for who, meaning in meanings.items():
        classes, painted = classes_of(who, class_values, class_colors, names)
        values, _ = numbers_of_values(classes, None) or ({}, "")
        colors = numbers_of_colors(painted) if painted else {}
        for name, known, given in (("class_values", meaning.values, values), ("class_colors", meaning.colors, colors)):
            if given and not given.items() <= (known or {}).items():
                found.setdefault(f"{name} of {who}" if apart and who else name, (known, given))
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
    if own := general_and_own(classes)[1]:
        raise InputError(
            f"{'class_values' if parse is _whole else 'class_colors'}: expected one of each class, as the labels are "
            f"of one annotator, got those of {', '.join(own)}."
        )
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
