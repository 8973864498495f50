"""Who is at work: MONAI hands its parser and its workflow to nothing that they build."""

from __future__ import annotations

import inspect
from typing import TypeVar

T = TypeVar("T")


def at_work(kind: type[T]) -> T | None:
    """The innermost object of a kind with a method on the call stack, or None.

    Example:
        >>> from monai.bundle import ConfigParser
        >>> parser = ConfigParser({"a": "$at_work(ConfigParser)"}, globals={**globals()})
        >>> parser.get_parsed_content("a") is parser, at_work(ConfigParser)
        (True, None)
    """
    frame = inspect.currentframe()
    while frame is not None:
        if isinstance(found := frame.f_locals.get("self"), kind):
            return found
        frame = frame.f_back
    return None
