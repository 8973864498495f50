"""The one exception for a user's mistake, and how it is shown."""

from __future__ import annotations

import os
import sys
from types import TracebackType


class InputError(ValueError):
    """The user's input cannot be used.

    The message is one sentence that names the case or file, says what was expected and what came. On the command
    line only that sentence is printed and the exit code is 1; set ``FULL_TRACEBACK=1`` to see where it was raised.
    """


def find_input_error(error: BaseException | None) -> InputError | None:
    """The first `InputError` in the chain of causes of ``error``, or None. (MONAI's config parser wraps errors.)"""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, InputError):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def _show(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    found = find_input_error(error)
    if os.environ.get("FULL_TRACEBACK"):
        sys.__excepthook__(kind, error, traceback)
    elif isinstance(error, KeyboardInterrupt):
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)  # what shells expect after Ctrl-C; Python would exit with 1 from `python -m`
    elif found is None:
        sys.__excepthook__(kind, error, traceback)
    else:
        sys.stderr.write(f"Error: {found}\n")


if sys.excepthook is sys.__excepthook__:  # leave notebooks, debuggers and test runners their own
    sys.excepthook = _show
