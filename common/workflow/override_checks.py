"""Overrides of a configuration (``--key value``): what has no effect, or is of another kind, is refused by name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from monai.bundle import ConfigParser, ConfigWorkflow

from common.errors import InputError, find_input_error
from common.workflow.monai_internals import (
    ID_SEP_KEY,
    MERGE_KEY,
    NON_ARGUMENT_KEYS,
    argument_names,
    given_overrides,
    is_component,
    normalize_id,
    referenced_ids,
    replace_value,
    tracking_keys,
    walk_configuration,
)

__all__ = ["check_overrides", "shown"]

SECTIONS = ("train", "validate")  # dictionaries whose keys mean nothing unless something refers to them
SEPARATOR = "#"  # as the command line has it
NULL = ("null", "None", "~")
PATHS = ("_dir", "_root", "weights", "split_file")  # endings of the keys whose values are paths
SWITCHES = ("amp",)  # switches whose value in the files is an expression
FILES = ("weights", "case_weights", "split_file")  # of one file
NULLABLE = ("overlap", "num_folds")  # numbers that may be null


def check_overrides(workflow: ConfigWorkflow) -> None:
    """Refuses what MONAI would silently ignore, and puts the values of the others into the form that is meant.

    - The texts ``null``, ``None`` and ``~``, and None itself, which MONAI drops, become null.
    - The texts ``true`` and ``false`` become switches where the configuration has one.
    - Whole numbers become text where the configuration has text: annotators may be called 1, 2 and 3.
    - A path is taken literally, also with a ``#``, which MONAI reads as a separator.

    Raises:
        InputError: names the key, and the nearest one where a key is mistyped.
    """
    parser: Any = workflow.parser
    given = given_overrides()
    dropped = [id for id, value in given.items() if value is None]
    for id in dropped:
        if id in parser:
            replace_value(parser, id, None)
    config = parser.config
    files = _loaded(config, workflow.config_root_path)
    entries = {"imports", workflow.init_id, workflow.run_id, workflow.final_id, ConfigParser.meta_key}
    entries |= tracking_keys()
    references = _references(config)
    for id in dropped:
        if id not in parser and not is_component(parser.get(id.rpartition(ID_SEP_KEY)[0], None)):
            _check_key(id, None, parser, files, references)
    for id, value in list(walk_configuration(config)):
        if id not in parser:
            continue  # a part of what has become null
        if not any(id in file for file in files):
            if id not in entries:
                _check_key(id, value, parser, files, references)
            continue
        written = [file[id] for file in files if id in file]
        if any(_same(value, other) for other in written):
            continue
        if isinstance(value, str) and value in NULL:
            _check_kind(id, None, written)
            replace_value(parser, id, None)
            continue
        if id.endswith(PATHS) and isinstance(value, str):
            _check_path(parser, id, value, given.get(id))
            continue
        _check_kind(id, value, written)
        meant = _as_meant(id, value, written)
        if not _same(meant, value):
            replace_value(parser, id, meant)


def _loaded(config: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Of the configuration files in a folder, those that may be part of ``config``, each as id → value.

    An overlay that only replaces what another file defines cannot be told from one that was not read, so files come in
    the order of how much of them is in ``config``.
    """
    present = dict(walk_configuration(config))
    paths = [path for suffix in ConfigParser.suffixes for path in folder.glob(f"*.{suffix}")]
    files = [_definitions(path, path.stat().st_mtime_ns) for path in paths]
    loaded = [ids for tops, ids in files if tops and all(top in present for top in tops)]
    return sorted(loaded, key=lambda ids: -sum(_same(value, present.get(id)) for id, value in ids.items()))


def _same(value: Any, other: Any) -> bool:
    return type(value) is type(other) and value == other


@lru_cache
def _definitions(path: Path, mtime_ns: int) -> tuple[list[str], dict[str, Any]]:
    """Of a file the ids at its top, and every id with its value."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # JSON is YAML
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), loader)
    except (OSError, ValueError, yaml.YAMLError):  # not one of those that MONAI has read
        content = None
    if not isinstance(content, dict):
        return [], {}
    content = {normalize_id(str(key).removeprefix(MERGE_KEY)): value for key, value in content.items()}
    return list(content), dict(walk_configuration(content))


def _references(config: Mapping[str, Any]) -> set[str]:
    """What anything refers to, and all that it is a part of."""
    found = set()
    for name in (name for text in _texts(config) for name in referenced_ids(text)):
        parts = name.split(ID_SEP_KEY)
        found |= {ID_SEP_KEY.join(parts[: length + 1]) for length in range(len(parts))}
    return found


def _texts(config: Any) -> Iterator[str]:
    if isinstance(config, str):
        yield config
    elif isinstance(config, dict | list):
        for value in config.values() if isinstance(config, dict) else config:
            yield from _texts(value)


def _check_key(id: str, value: Any, parser: ConfigParser, files: list[dict[str, Any]], references: set[str]) -> None:
    """Raises if a key that no file defines has no effect."""
    above, _, key = id.rpartition(ID_SEP_KEY)
    parents = [ID_SEP_KEY.join(id.split(ID_SEP_KEY)[:length]) for length in range(1, id.count(ID_SEP_KEY) + 1)]
    if id in references or key in NON_ARGUMENT_KEYS:
        return
    if above and is_component(parser.get(above)):
        known = argument_names(parser, above)
        if known is None or key in known:
            return
        owner = f"{parser[above]['_target_']} has no such argument"
    elif any(is_component(parser[parent]) for parent in parents):
        return  # part of a component's argument
    elif any(id in file and file[id] is None for id in parents for file in files):
        return  # part of a mapping where there was nothing, such as --class_values
    elif above and above not in SECTIONS and isinstance(value, dict):
        return
    else:
        ids = {other for file in files for other in file}
        known = [other.rpartition(ID_SEP_KEY)[2] for other in ids if other.rpartition(ID_SEP_KEY)[0] == above]
        owner = "nothing in this configuration uses such a key"
    near = get_close_matches(key, sorted(known), n=1)
    hint = f"; did you mean --{shown(f'{above}::{near[0]}' if above else near[0])}?" if near else "."
    raise InputError(f"--{shown(id)}: {owner}{hint}")


def _check_path(parser: ConfigParser, id: str, value: str, given: Any) -> None:
    """Raises if a path is taken for an expression in vain; puts back a ``#``, which MONAI has replaced by ``::``.

    A ``~`` that no shell has replaced, as in quotes or in an ``args_file``, is the home folder.
    """
    if value.startswith(("$", "@")):
        try:
            parser.get_parsed_content(id)
        except Exception as error:
            if find_input_error(error):
                raise
            raise InputError(
                f"--{shown(id)}: {value!r} is read as an expression, which fails; a folder of that name is './{value}'."
            ) from error
    elif isinstance(given, str) and SEPARATOR in given:
        literal = repr(given).replace(SEPARATOR, "\\x23").replace("@", "\\x40")
        replace_value(parser, id, f"${literal}")
    elif value.startswith("~"):
        replace_value(parser, id, os.path.expanduser(value))
    elif ID_SEP_KEY in value and not Path(value).exists() and Path(value.replace(ID_SEP_KEY, SEPARATOR)).exists():
        raise InputError(f"--{shown(id)}: MONAI reads # in {value.replace(ID_SEP_KEY, SEPARATOR)} as ::, rename it.")


def _check_kind(id: str, value: Any, written: list[Any]) -> None:
    """Raises if a value is of another kind than what the files have there."""
    numbers = [other for other in written if isinstance(other, int | float) and not isinstance(other, bool)]
    if value is None and numbers and len(numbers) == len(written) and id not in NULLABLE:
        raise InputError(f"--{shown(id)}: expected a number such as {numbers[0]}, got None.")
    if value is None or (isinstance(value, str) and value.startswith(("$", "@", "%"))):
        return
    path = id.endswith(PATHS) and isinstance(value, bool | int | float)
    if path or (id in FILES and not isinstance(value, str | os.PathLike)):
        raise InputError(f"--{shown(id)}: expected a path (quote a name of digits twice: '\"2024\"'), got {value!r}.")
    if any(other is None for other in written):
        return  # what takes it knows its kind; the file that says more, such as hippocampus.yaml, need not be read
    mappings = [other for other in written if isinstance(other, dict)] if isinstance(value, dict) else []
    problems = [_wrong_kind(id, value, other) for other in mappings or written]
    if problems and all(problems):
        raise InputError(f"--{shown(id)}: expected {problems[0]}, got {value!r}.")


def _wrong_kind(id: str, value: Any, written: Any) -> str:
    """What was expected in place of ``value``, or an empty text."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(written, bool) or id in SWITCHES:
        right = isinstance(value, bool) or str(value).lower() in ("true", "false")
        return "" if right else "true or false"
    if isinstance(written, int | float) and isinstance(value, bool | str | list | tuple | dict):
        return f"a number such as {written}"
    if isinstance(written, int) and number and value % 1 != 0:  # of inf and nan it is nan
        return f"a whole number such as {written}"
    if isinstance(written, list) and (number or isinstance(value, bool | str)):
        return f"a list such as {written}" if len(str(written)) < 80 else "a list"
    name = isinstance(written, str) and not written.startswith(("$", "@", "%"))
    if name and ID_SEP_KEY not in id and isinstance(value, list | tuple):
        return f"a single value such as {written}"
    if isinstance(written, dict) and isinstance(value, dict) and not is_component(value):
        lost = sorted(str(key) for key in written.keys() - value.keys())
        if lost:
            one = f"--{shown(id)}{SEPARATOR}{next(iter(value), 'key')}"
            return f"a whole mapping, with {lost[0]} too (single entries are named one by one: {one})"
    return ""


def _as_meant(id: str, value: Any, written: list[Any]) -> Any:
    """A value of the command line in the form of those in the files."""
    if id in SWITCHES or any(isinstance(other, bool) for other in written):
        return str(value).lower() == "true" if str(value).lower() in ("true", "false") else value
    names = [other for other in written if isinstance(other, str) and not other.startswith(("$", "@", "%"))]
    if names and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    lists = [other for other in written if isinstance(other, list) and other]
    if lists and all(isinstance(entry, str) for entry in lists[0]) and isinstance(value, list | tuple):
        return [str(entry) if type(entry) is int else entry for entry in value]
    return value


def shown(id: str) -> str:
    """An id as it is typed.

    Example:
        >>> shown("train::trainer")
        'train#trainer'
    """
    return id.replace(ID_SEP_KEY, SEPARATOR)
