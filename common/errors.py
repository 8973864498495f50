"""The exceptions for a user's input and for a programmer's argument, and how commands show them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType

__all__ = [
    "ArgumentError",
    "InputError",
    "SentenceError",
    "causes",
    "counted",
    "find_input_error",
    "first_line",
    "reason_of",
    "show_input_errors",
    "shown_names",
]

SHOWN_NAMES = 5


class SentenceError(ValueError):
    """What `InputError` and `ArgumentError` have in common: the message is one sentence, expected and got.

    A command prints only that sentence and ends with exit code 1, see `show_input_errors`; set ``FULL_TRACEBACK=1`` to
    see where it was raised. From Python it is an ordinary `ValueError`, with its traceback.

    Attributes:
        said_by_first: whether another process of the same training says the same sentence.

    Example:
        >>> try:
        ...     raise InputError("seed: expected a whole number, got 1.5.")
        ... except SentenceError as error:
        ...     print(error)
        seed: expected a whole number, got 1.5.
    """

    said_by_first = False


class InputError(SentenceError):
    """The user's input cannot be used: a file, a folder, an option of the command line, a value of a configuration.

    The sentence names the case or file.

    Example:
        >>> find_input_error(InputError("a.nii: expected a volume, got a picture."))
        InputError('a.nii: expected a volume, got a picture.')
    """


class ArgumentError(SentenceError):
    """An argument of a function or class cannot be used: a tensor's shape, a number out of its range.

    Losses, metrics, networks, fusion, decision and noise, which read no files, raise nothing else. Whoever knows the
    case or file to which the argument belongs says so in an `InputError`.

    Example:
        >>> isinstance(ArgumentError("label: expected (N, 1, H, W), got (3, 4)."), ValueError)
        True
    """


def counted(number: int, noun: str) -> str:
    """A number of things, as a message has it.

    Args:
        number: of the things, at least 0.
        noun: one of them, in words whose plural ends in s.

    Returns:
        Number and noun.

    Example:
        >>> counted(1, "case"), counted(0, "case")
        ('1 case', '0 cases')
    """
    return f"{number} {noun}{'s' * (number != 1)}"


def shown_names(names: Iterable[object], most: int = SHOWN_NAMES) -> str:
    """The first names or values, as a message has them.

    Args:
        names: of cases or files, or values; any number of them.
        most: how many are shown.

    Returns:
        The names with commas, and an ellipsis if there are more.

    Example:
        >>> shown_names(["a", "b"]), shown_names("abcdef"), shown_names([1, 2, 3], most=2)
        ('a, b', 'a, b, c, d, e, …', '1, 2, …')
    """
    listed = [*map(str, names)]
    return ", ".join(listed[:most]) + (", …" if len(listed) > most else "")


def find_input_error(error: BaseException | None) -> SentenceError | None:
    """The first `SentenceError` in the chain of causes of an error.

    MONAI's config parser wraps what is raised while it builds an object into errors of its own.

    Args:
        error: that was caught; None has no cause.

    Returns:
        The `SentenceError`, or None if there is none in the chain.

    Example:
        >>> error = RuntimeError("Failed to instantiate.")
        >>> error.__cause__ = InputError("seed: expected a whole number, got 1.5.")
        >>> print(find_input_error(error))
        seed: expected a whole number, got 1.5.
    """
    return next((cause for cause in causes(error) if isinstance(cause, SentenceError)), None)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, what caused it, and so on.

    Args:
        error: the last of the chain; None yields nothing.

    Yields:
        Each error of the chain once, the last first.

    Example:
        >>> list(causes(ValueError("a")))
        [ValueError('a')]
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__


def first_line(error: BaseException) -> str:
    r"""What an error says first, without a period, to be part of a sentence.

    Args:
        error: any.

    Returns:
        The first line of its message, at most 160 characters; the name of its class if it has no message.

    Example:
        >>> first_line(ValueError("It failed."))
        'It failed'
    """
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160].rstrip(". ")


def reason_of(error: BaseException) -> str:
    r"""All that an error says, in one line without a period, to be part of a sentence.

    Args:
        error: any.

    Returns:
        Its message; the name of its class if it has none.

    Example:
        >>> reason_of(ValueError("It\nfailed."))
        'It failed'
    """
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def show_input_errors(explain: Callable[[BaseException], str | None] | None = None) -> None:
    """Lets a `SentenceError` end this process with its sentence alone, and Ctrl-C without a traceback.

    For commands: it replaces ``sys.excepthook``, unless somebody else (a notebook, a debugger, a test runner) has one
    of their own. PyTorch's, which only puts the number of the process in front of every line, does not count.

    Args:
        explain: says of an error that is no `SentenceError` what it means in one sentence, or None if it does not know.

    Example:
        >>> from contextlib import redirect_stderr
        >>> before, sys.excepthook = sys.excepthook, sys.__excepthook__
        >>> show_input_errors()
        >>> with redirect_stderr(sys.stdout):
        ...     sys.excepthook(InputError, InputError("seed: expected a whole number, got 1.5."), None)
        Error: seed: expected a whole number, got 1.5.
        >>> sys.excepthook = before
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
