"""The one exception for a user's mistake, and how commands show it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import TracebackType

__all__ = ["InputError", "find_input_error", "show_input_errors"]


class InputError(ValueError):
    """The user's input cannot be used: a file, a folder, an option of the command line, a value of a configuration.

    The message is one sentence that names the case or file, says what was expected and what came. A command prints only
    that sentence and ends with exit code 1, see `show_input_errors`; set ``FULL_TRACEBACK=1`` to see where it was
    raised. From Python it is an ordinary `ValueError`, with its traceback.

    Attributes:
        said_by_first: whether another process of the same training says the same sentence.
    """

    said_by_first = False


def find_input_error(error: BaseException | None) -> InputError | None:
    """The first `InputError` in the chain of causes of ``error``, or None. (MONAI's config parser wraps errors.)"""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, InputError):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def show_input_errors(explain: Callable[[BaseException], str | None] | None = None) -> None:
    """Lets an `InputError` end this process with its sentence alone, and Ctrl-C without a traceback.

    For commands: it replaces ``sys.excepthook``, unless somebody else (a notebook, a debugger, a test runner) has one
    of their own. PyTorch's, which only puts the number of the process in front of every line, does not count.

    Args:
        explain: says of an error that is no `InputError` what it means in one sentence, or None if it does not know.
    """

    def show(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        found = find_input_error(error)
        if os.environ.get("FULL_TRACEBACK"):
            sys.__excepthook__(kind, error, traceback)
        elif isinstance(error, KeyboardInterrupt):
            sys.stderr.write("Interrupted.\n")
            sys.exit(130)  # what shells expect after Ctrl-C; Python would exit with 1 from `python -m`
        elif found is not None:
            if not found.said_by_first:
                sys.stderr.write(f"Error: {found}\n")
        elif explain is not None and (sentence := explain(error)):
            sys.stderr.write(f"Error: {sentence}\n")
        else:
            sys.__excepthook__(kind, error, traceback)

    theirs = sys.excepthook is not sys.__excepthook__ and sys.excepthook.__module__ not in (
        "torch.distributed.distributed_c10d",
        __name__,
    )
    if not theirs:
        sys.excepthook = show
