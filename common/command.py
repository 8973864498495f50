"""A function as a command: its arguments as options, a mistake as one sentence."""

from __future__ import annotations

import inspect
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import fire

from common.errors import InputError, show_input_errors

__all__ = ["check_options", "run_command"]


def run_command(command: Callable[..., Any] | Mapping[str, Callable[..., Any]]) -> None:
    """Runs a function with the arguments of this process, as Python Fire reads them.

    Fire says that there is no such option only after the function has run without it, with other results than were
    asked for; here it is said before.

    SIGTERM ends it with code 143, by way of an exception as Ctrl-C does: what was begun is cleaned up.

    Args:
        command: the function, or functions by the name that comes first.

    Raises:
        InputError: as `check_options`; shown as one sentence.
    """
    show_input_errors()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that `finally` is reached
    arguments = sys.argv[1:]
    named = command.get(arguments[0]) if isinstance(command, Mapping) and arguments else command
    if named is not None and not isinstance(named, Mapping):
        check_options(named, arguments)
    fire.Fire(command)


def check_options(function: Callable[..., Any], arguments: Sequence[str]) -> None:
    """Refuses an option that a function does not have.

    Args:
        function: whose arguments are the options.
        arguments: of the command; what comes after ``--`` is for Fire.

    Raises:
        InputError: names the option, and the nearest one.

    Example:
        >>> check_options(lambda output: None, ["--output=a.png", "--", "--help"])
    """
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = {parameter.name for parameter in parameters} | {"help"}
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    for text in own:
        name = text[2:].split("=")[0].replace("-", "_")
        if text.startswith("--") and name not in known and name.removeprefix("no") not in known:
            near = get_close_matches(name, sorted(known), n=1)
            hint = f"did you mean --{near[0]}?" if near else f"expected one of --{', --'.join(sorted(known))}."
            raise InputError(f"--{name}: there is no such option; {hint}")
