"""What a user gives in place of what would be found out: of the right kind, or refused before an image is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from common.errors import InputError

__all__ = ["checked_given", "names_of", "whole_number"]


def checked_given(
    given: Mapping[str, Any], kinds: Mapping[str, tuple[str, Callable[[Any], Any]]] | None = None
) -> dict[str, Any]:
    """What is given for a `Plan`, in the form that a plan has.

    Args:
        given: by name of a `Plan`'s attribute; None is not given.
        kinds: by name, what is expected and what reads it. None: the attributes of a plan; ``OPTION_KINDS``: the other
            arguments of `make_plan`.

    Returns:
        What is given, lists as tuples, names as text.

    Raises:
        InputError: a plan has no such attribute, or a value is of another kind; the name, what was expected and what
            came are named.

    Example:
        >>> checked_given({"image_size": [64, 48], "annotators": [1, 2], "spacing": None})
        {'image_size': (64, 48), 'annotators': ('1', '2')}
    """
    given = {name: value for name, value in given.items() if value is not None}
    kinds = KINDS if kinds is None else kinds
    unknown = given.keys() - kinds.keys()
    if unknown:
        raise InputError(f"plan: expected known entries, got {', '.join(sorted(unknown))}.")
    found = {}
    for name, value in given.items():
        expected, read = kinds[name]
        try:
            found[name] = read(value)
        except (TypeError, ValueError) as error:
            raise InputError(f"{name}: expected {expected}, got {value!r}.") from error
    return found


def whole_number(name: str, value: Any, least: int = 0) -> int:
    """A whole number that a user gave.

    Args:
        name: of the argument, for the message.
        value: anything.
        least: the smallest that is allowed.

    Returns:
        The number.

    Raises:
        InputError: it is no whole number, or too small.

    Example:
        >>> whole_number("fold", 3)
        3
    """
    try:
        return _whole(value, least)
    except ValueError as error:
        raise InputError(f"{name}: expected a whole number from {least} up, got {value!r}.") from error


def names_of(name: str, value: Any) -> tuple[str, ...]:
    """Names that a user gave; numbers may be names.

    Args:
        name: of the argument, for the message.
        value: anything.

    Returns:
        The names.

    Raises:
        InputError: it is no list of names, or an empty one.

    Example:
        >>> names_of("annotators", ["AR", 2])
        ('AR', '2')
    """
    try:
        return _names(value)
    except ValueError as error:
        raise InputError(f"{name}: expected a list of names, got {value!r}.") from error


def _true_or_false(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _whole(value: Any, least: int = 1) -> int:
    if _number(value) % 1 or value < least:
        raise ValueError
    return int(value)


def _sides(*counts: int) -> Callable[[Any], tuple[int, ...]]:
    def read(value: Any) -> tuple[int, ...]:
        if not isinstance(value, list | tuple) or not value or (counts and len(value) not in counts):
            raise ValueError
        return tuple(map(_whole, value))

    return read


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple | Mapping) or not value:
        raise ValueError
    if any(isinstance(entry, bool) or not isinstance(entry, str | int) for entry in value):
        raise ValueError
    return tuple(map(str, value))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _sizes(value: Any) -> float | tuple[float, ...]:
    if isinstance(value, list | tuple) and len(value) in (2, 3):
        return tuple(map(_size, value))
    return _size(value)


def _size(value: Any) -> float:
    right = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not right or not (value > 0 or value == -1):
        raise ValueError
    return float(value)


def _above_zero(value: Any) -> float:
    number = _number(value)
    if number <= 0:
        raise ValueError
    return number


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError
    return float(value)


def _mapping(value: Any) -> dict[Any, Any]:
    if not isinstance(value, Mapping) or not value:
        raise ValueError
    return {name: _frozen(entry) for name, entry in value.items()}


def _normalization(value: Any) -> dict[Any, Any]:
    return {"kind": value} if isinstance(value, str) else _mapping(value)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


NAMES = ("a list of names", _names)
KINDS: dict[str, tuple[str, Callable[[Any], Any]]] = {  # name: what is expected, and what reads it
    "spatial_dims": ("2 or 3", _whole),
    "channels": ("a whole number from 1 up", _whole),
    "channel_names": NAMES,
    "class_names": NAMES,
    "annotators": NAMES,
    "orientation": ("three axis codes such as RAS", _text),
    "spacing": ("sides of a voxel in mm (−1: as they are)", _sizes),
    "image_size": ("two whole numbers above 0, width and height in pixels", _sides(2)),
    "patch_size": ("whole numbers above 0, one for each of the network's dimensions", _sides(2, 3)),
    "crop": ("random, center or label", _text),
    "normalization": ("a kind such as zscore, or a mapping with kind and its numbers", _normalization),
    "features": ("positive whole numbers, one for each resolution", _sides()),
    "method": ("a mapping of options of the method by name", _mapping),
}
COUNT = ("a whole number from 1 up", _whole)
OPTION_KINDS: dict[str, tuple[str, Callable[[Any], Any]]] = {  # of `make_plan`, beside the attributes of a plan
    "memory_gb": ("a number above 0", _above_zero),
    "batch_size": COUNT,
    "base_features": COUNT,
    "most_levels": COUNT,
    "least_levels": COUNT,
    "kept_tensors": COUNT,
    "confusion_maps": ("true or false", _true_or_false),
    "default_normalization": KINDS["normalization"],
    "default_method": KINDS["method"],
    "class_values": ("a mapping from names to values in the label files, or of these by annotator", _mapping),
    "class_colors": ("a mapping from names to colors such as #ff0000", _mapping),
    "ignore_value": ("a value in the label files", _frozen),
    "label_threshold": ("a number", _number),
}
