"""A function as a command of the shell: its arguments are the options, its docstring is the help; and what its process
may use of the machine."""

from __future__ import annotations

import argparse
import inspect
import multiprocessing
import os
import re
import signal
import sys
import textwrap
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Any, NoReturn, get_args, get_origin, get_type_hints

from common.errors import show_input_errors

__all__ = [
    *("POSITIONAL", "REQUIRED", "available_cores", "call_command", "end_with_parent", "listed", "make_parser"),
    *("read_words", "run_command", "threads_of_each"),
]

POSITIONAL = "positional"  # bundle: Annotated[str, POSITIONAL] is given without its name
REQUIRED = "required"  # output: Annotated[str | None, REQUIRED] = None must be given, although it has a default
WIDTH = 80  # columns of a help
EXIT_CODES = """\
exit codes:
  0  done
  1  the input, or a part of it, cannot be used; a sentence says why
  2  the command is not understood, and nothing was run
  130, 143  ended by Ctrl-C or SIGTERM"""

Function = Callable[..., Any]


def run_command(command: Function | Mapping[str, Function]) -> None:
    """Runs a function with the arguments of this process, and prints the texts that it returns.

    SIGTERM ends it with code 143, by way of an exception as Ctrl-C does: what was begun is cleaned up.

    Args:
        command: the function, or several by the name that comes first.

    Example:
        At the end of the module of the function:

            if __name__ == "__main__":
                run_command(fuse)
    """
    show_input_errors()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that `finally` is reached
    result = call_command(command, sys.argv[1:])
    for line in [result] if isinstance(result, str) else result or ():
        print(line)


def end_with_parent() -> None:
    """Lets this process, which another one started by `multiprocessing`, end when that one has ended, even if killed.

    A process of a pool waits for work forever otherwise.
    """
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def available_cores() -> int:
    """Cores that this process may use, which on a cluster are fewer than the machine has.

    Returns:
        A number, at least 1.
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_of_each(runs: int) -> int:
    """Threads for each of several runs side by side: their share of the cores, at most ``OMP_NUM_THREADS``.

    Args:
        runs: how many there are, at least 1.

    Returns:
        A number, at least 1.

    Example:
        >>> threads_of_each(10**6)
        1
    """
    share = max(1, available_cores() // runs)
    said = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(share, int(said)) if said.isdigit() and int(said) else share


def call_command(command: Function | Mapping[str, Function], words: Sequence[str]) -> Any:
    """Calls a function with the words of a command line.

    Args:
        command: the function, or several by the name that comes first.
        words: of the command line, without the name of the command.

    Returns:
        What the function returns.

    Raises:
        SystemExit: as `read_words`.

    Example:
        >>> call_command({"join": lambda *names: "-".join(names)}, ["join", "a", "b"])
        'a-b'
    """
    verb = ""
    if isinstance(command, Mapping):
        menu = _menu(command)
        if not words or words[0] in ("-h", "--help"):
            menu.print_help()
            menu.exit()
        verb, *words = words
        if verb not in command:
            menu.error(f"{verb}: expected one of {', '.join(command)}{_near(verb, command)}")
        command = command[verb]
    bound = read_words(command, words, verb)
    return command(*bound.args, **bound.kwargs)


def read_words(function: Function, words: Sequence[str], verb: str = "") -> inspect.BoundArguments:
    """The arguments of a function that the words of a command line stand for.

    ``--some_name value``, ``--some_name=value`` and ``--some-name value`` are its argument ``some_name``. Values of a
    list have blanks or commas between them. A function with ``**options`` gets all others too, read as MONAI's own
    commands read theirs.

    Args:
        function: as for `make_parser`.
        words: of the command line, without the name of the command.
        verb: as for `make_parser`.

    Returns:
        The arguments that were given.

    Raises:
        SystemExit: of code 2 after one sentence on stderr, or of code 0 after the help.

    Example:
        >>> def scale(image: str, sizes: Sequence[int] = (1,), **options: Any) -> None:
        ...     '''Scales.'''
        >>> read_words(scale, ["--image", "a.png", "--sizes", "3", "4", "--max-epochs=60"]).arguments
        {'image': 'a.png', 'sizes': [3, 4], 'options': {'max_epochs': 60}}
    """
    parser = make_parser(function, verb)
    parameters = inspect.signature(function).parameters
    further = [name for name, one in parameters.items() if one.kind is one.VAR_KEYWORD]
    known = [name for name in parameters if name not in further]
    own: list[str] = []
    others: dict[str, Any] = {}
    waiting = ""  # an option for MONAI that may have a value
    for word in words:
        name, equals, value = word.partition("=")
        name = name[2:].replace("-", "_")
        if not word.startswith("--"):
            if waiting:
                others[waiting] = _as_monai(word)
            else:
                own.append(word)
            waiting = ""
        elif name in (*known, "help"):
            own.append(f"--{name}{equals}{value}")
            waiting = ""
        elif further:
            others[name] = _as_monai(value) if equals else True
            waiting = "" if equals else name
        else:
            parser.error(f"--{name}: there is no such option{_near(name, known, '--')}")
    given = vars(parser.parse_intermixed_args(own))
    return inspect.BoundArguments(inspect.signature(function), given | dict.fromkeys(further, others))  # type: ignore[arg-type]


def make_parser(function: Function, verb: str = "") -> argparse.ArgumentParser:
    """The options of a function with their help, from its signature and its docstring.

    Args:
        function: with a type hint for each argument. ``Args`` of the docstring describe them; its ``Example`` is shown.
        verb: its name, where the command has several.

    Returns:
        The parser; its result has only what was given.

    Example:
        >>> def scale(factor: float = 2.0) -> None:
        ...     '''Scales.
        ...
        ...     Args:
        ...         factor: above 0.
        ...     '''
        >>> "--factor FACTOR  above 0. (default: 2.0)" in make_parser(scale).format_help()
        True
    """
    about, meanings, examples = _documentation(function)
    parser = _Parser(_program(function, verb), about, examples)
    needed = [parser.prog]
    hints = get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        marks = getattr(hints.get(name), "__metadata__", ())
        several = parameter.kind is parameter.VAR_POSITIONAL
        required = several or parameter.default is parameter.empty or REQUIRED in marks
        text = _with_default(meanings.get(name, ""), None if required else parameter)
        if parameter.kind is parameter.VAR_KEYWORD:
            parser.add_argument("--KEY", help=text, metavar="VALUE")
        elif several or POSITIONAL in marks:
            word = name.upper()
            parser.add_argument(name, help=text, metavar=word, nargs="+" if several else None if required else "?")
            needed.append(f"{word} ..." if several else word if required else f"[{word}]")
        else:
            hint = hints[name].__origin__ if marks else hints[name]
            parser.add_argument(f"--{name}", help=text, required=required, **(reading := _reading(hint)))
            needed += [f"--{name} {name.upper()}{' ...' * ('alone' in reading)}"] * required
    words = [word.replace(" ", "\xa0") for word in (*needed, "[options]")]  # no line ends within an option
    parser.usage = _filled(" ".join(words), WIDTH - len("usage: "), " " * 4).replace("\xa0", " ")
    return parser


def listed(value: str | Sequence[str]) -> list[str]:
    """Several values, in a list or in one text with commas between them; a path that exists is one value.

    Args:
        value: the text, or the list, whose entries are taken as they are.

    Returns:
        Each value as text.

    Example:
        >>> listed("AR, HS"), listed(["AR", "a,b"])
        (['AR', 'HS'], ['AR', 'a,b'])
    """
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [str(one) for one in value]
    text = str(value)
    return [text] if os.path.exists(os.path.expanduser(text)) else [one.strip() for one in text.split(",")]


class _Parser(argparse.ArgumentParser):
    def __init__(self, prog: str, about: str, examples: str) -> None:
        super().__init__(
            prog=prog,
            description=about,
            epilog=f"examples:\n{textwrap.indent(examples, '  ')}\n\n{EXIT_CODES}" if examples else EXIT_CODES,
            formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=22, width=WIDTH),
            allow_abbrev=False,
            argument_default=argparse.SUPPRESS,
        )

    def error(self, message: str) -> NoReturn:
        message = message.removeprefix("argument ")
        self.exit(2, f"Error: {message}{'' if message.endswith('?') else f'; see {self.prog} --help.'}\n")


def _menu(commands: Mapping[str, Function]) -> _Parser:
    """The verbs of a command, a line each."""
    module = inspect.getmodule(next(iter(commands.values())))
    parser = _Parser(_program(next(iter(commands.values()))), _paragraphs(inspect.getdoc(module) or ""), "")
    parser.usage = f"{parser.prog} VERB ... (VERB --help lists its options)"
    verbs = parser.add_argument_group("verbs")
    for name, function in commands.items():
        verbs.add_argument(name, help=_documentation(function)[0].split("\n\n")[0])
    return parser


def _program(function: Function, verb: str = "") -> str:
    """What was typed before the options."""
    name = function.__module__
    if name == "__main__":
        name = getattr(sys.modules[name].__spec__, "name", name)
    return f"python -m {name.removesuffix('.__main__')} {verb}".strip()


def _documentation(function: Function) -> tuple[str, dict[str, str], str]:
    """Description, meaning of each argument, and examples, as a docstring has them, without its markup."""
    about, *rest = re.split(r"^(Args|Returns|Raises|Example):\n", inspect.getdoc(function) or "", flags=re.MULTILINE)
    sections = {name: textwrap.dedent(text).replace("`", "") for name, text in zip(rest[::2], rest[1::2], strict=True)}
    entries = re.split(r"^\**(\w+): ", sections.get("Args", ""), flags=re.MULTILINE)
    meanings = {name: " ".join(text.split()) for name, text in zip(entries[1::2], entries[2::2], strict=True)}
    return _paragraphs(about), meanings, sections.get("Example", "").strip()


def _paragraphs(text: str) -> str:
    return "\n\n".join(_filled(one.replace("`", "")) for one in text.strip().split("\n\n"))


def _filled(text: str, width: int = WIDTH, indent: str = "") -> str:
    return textwrap.fill(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _with_default(meaning: str, parameter: inspect.Parameter | None) -> str:
    """The meaning of an argument with its default, unless it says that itself; no parameter, no default."""
    if parameter is None or "default" in meaning:
        shown = ""
    else:
        default = parameter.default
        text = str(default).lower() if isinstance(default, bool) else "none" if default in (None, "", ()) else default
        shown = f" (default: {text})"
    return f"{meaning}{shown}".replace("%", "%%")


def _reading(hint: Any) -> dict[str, Any]:
    """What argparse needs to read an argument of a type, or of one of several types."""
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    lists = [kind for kind in kinds if get_origin(kind) is Sequence]
    if lists:
        read = READERS.get(get_args(lists[0])[0], str)
        alone = any(kind in kinds for kind in (str, int, float))
        return {
            "nargs": "+",
            "action": _Values,
            "type": lambda text: [read(one) for one in _split(text)],
            "alone": alone,
        }
    if bool in kinds:
        return {"nargs": "?", "const": True, "type": _switch, "metavar": "true|false"}
    if {int, str} <= set(kinds):
        return {"type": _whole_or_text}
    return {"type": next((READERS[kind] for kind in kinds if kind in READERS), str)}


class _Values(argparse.Action):
    """A list of lists as one list; where the argument may be a value alone, one value is not in a list."""

    def __init__(self, *args: Any, alone: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self.alone = alone

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option: str | None = None) -> None:
        found = [value for word in values for value in word]
        setattr(namespace, self.dest, found[0] if self.alone and len(found) == 1 else found)


def _split(text: str) -> list[str]:
    """Values with commas between them, also in the brackets of a list."""
    literal = _as_monai(text) if text.startswith(("[", "(")) else None
    return listed(literal if isinstance(literal, list | tuple) else text)


def _as_monai(text: str) -> Any:
    """A value as ``python -m monai.bundle run`` reads it: a literal of Python, or text."""
    from fire.parser import DefaultParseValue

    return DefaultParseValue(text)


def _switch(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"expected true or false, got {text!r}")
    return text.lower() == "true"


def _whole(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}")
    return int(text)


def _whole_or_text(text: str) -> int | str:
    return _whole(text) if re.match(r"[+-]?[0-9.]", text) else text


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None


READERS: dict[Any, Callable[[str], Any]] = {int: _whole, float: _number, Any: _as_monai}


def _near(name: str, known: Iterable[str], dashes: str = "") -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean {dashes}{near[0]}?" if near else ""
