"""Values that arrive from the command line: switches written as text, choices by name."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from common.errors import InputError


def as_bool(name: str, value: bool | str) -> bool:
    """A switch as a bool. The command line hands ``--resume false`` over as the text "false", which Python holds true.

    Args:
        name: name of the switch, for messages.
        value: a bool, or "true" or "false" in any case.

    Returns:
        The bool.

    Raises:
        InputError: anything else.

    Example:
        >>> as_bool("resume", "false")
        False
    """
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise InputError(f"{name} is a switch: expected true or false, got {value!r}.")


def choose(name: str, options: Mapping[str, Any], kind: str = "option") -> Any:
    """The option of that name, e.g. the loss that ``--loss_name gce`` asks for.

    Args:
        name: name of the option.
        options: what can be chosen, by name.
        kind: what is chosen, for messages.

    Returns:
        The value of ``options`` under that name.

    Raises:
        InputError: there is no such option; the message lists the names and the nearest one.

    Example:
        >>> choose("gce", {"gce": 1, "mae": 2}, kind="loss_name")
        1
    """
    if name in options:
        return options[name]
    near = get_close_matches(str(name), options, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise InputError(f"{kind}: expected one of {', '.join(options)}, got {name!r}{hint}.")
