"""Every touch of MONAI's insides: what its public interface does not offer, in one place.

Everything else in `common` uses MONAI by its documented interface. ``tests/common/workflow/test_monai_internals.py``
has a test for each function here, which fails with the name of what MONAI changed.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from pydoc import locate
from types import FrameType
from typing import Any, TypeVar

from monai.bundle import ConfigParser, ConfigWorkflow, ReferenceResolver
from monai.bundle.config_item import ConfigComponent, ConfigExpression
from monai.bundle.scripts import load as bundle_load
from monai.bundle.scripts import run as bundle_run
from monai.bundle.utils import DEFAULT_EXP_MGMT_SETTINGS, ID_SEP_KEY, MERGE_KEY
from monai.utils import ensure_tuple

__all__ = [
    "ID_SEP_KEY",
    "MERGE_KEY",
    "NON_ARGUMENT_KEYS",
    "argument_names",
    "change_component",
    "given_files",
    "given_overrides",
    "is_component",
    "is_expression",
    "is_monai_command",
    "loaded_weights",
    "normalize_id",
    "parsed_items",
    "referenced_ids",
    "replace_value",
    "running_parser",
    "running_workflow",
    "tracking_keys",
    "walk_configuration",
]

T = TypeVar("T")

NON_ARGUMENT_KEYS = ConfigComponent.non_arg_keys  # of a component: _target_, _disabled_, …


def is_monai_command() -> bool:
    """Whether this process is a command ``python -m monai.bundle``, and no program of somebody else.

    Example:
        >>> is_monai_command()
        False
    """
    return getattr(sys.modules.get("__main__"), "__package__", None) == "monai.bundle"


def running_workflow() -> ConfigWorkflow | None:
    """The workflow that is being run: MONAI does not hand it to what it builds."""
    return _find_self(ConfigWorkflow)


def running_parser() -> ConfigParser | None:
    """The parser that is building something at the moment, or None.

    Example:
        >>> parser = ConfigParser({"a": "$running_parser()"}, globals={**globals()})
        >>> parser.get_parsed_content("a") is parser, running_parser()
        (True, None)
    """
    return _find_self(ConfigParser)


def given_overrides() -> dict[str, Any]:
    """Id → value of the overrides that ``monai.bundle.run`` was called with, as MONAI got them: with None and ``#``.

    Empty if something else runs the workflow.
    """
    return {normalize_id(key): value for key, value in _given("override", {}).items()}


def given_files() -> list[str]:
    """The configuration files that ``monai.bundle.run`` was called with, as they were given.

    Empty if something else runs the workflow, or if an ``args_file`` says more than the call.
    """
    files = None if _given("args_file") is not None else _given("config_file")
    return [str(path) for path in ensure_tuple(files)] if files is not None else []


def _given(argument: str, default: Any = None) -> Any:
    """An argument of the ``monai.bundle.run`` on the call stack; the default without such a call."""
    return next((frame.f_locals[argument] for frame in _frames() if frame.f_code is bundle_run.__code__), default)


def loaded_weights() -> Path | None:
    """The file that ``monai.bundle.load`` is loading, or None: it does not tell the configuration where the bundle is.

    Example:
        >>> loaded_weights() is None
        True
    """
    return next(
        (Path(frame.f_locals["full_path"]) for frame in _frames() if frame.f_code is bundle_load.__code__), None
    )


def _frames() -> Iterator[FrameType]:
    frame = inspect.currentframe()
    while frame is not None:
        yield frame
        frame = frame.f_back


def _find_self(kind: type[T]) -> T | None:
    """The innermost object of a kind one of whose methods is on the call stack."""
    return next((found for frame in _frames() if isinstance(found := frame.f_locals.get("self"), kind)), None)


def normalize_id(key: str) -> str:
    """The id of a key as the command line has it: ``a#b`` is ``a::b``.

    Example:
        >>> normalize_id("a#b")
        'a::b'
    """
    return ReferenceResolver.normalize_id(key)


def is_component(config: Any) -> bool:
    """Whether a part of a configuration is something to build, with ``_target_``.

    Example:
        >>> is_component({"_target_": "a"}), is_component({})
        (True, False)
    """
    return ConfigComponent.is_instantiable(config)


def is_expression(value: Any) -> bool:
    """Whether MONAI evaluates a value: text that starts with ``$``.

    Example:
        >>> is_expression("$1 + 1"), is_expression("1 + 1")
        (True, False)
    """
    return ConfigExpression.is_expression(value)


def walk_configuration(config: Any, id: str = "") -> Iterator[tuple[str, Any]]:
    """Id and value of each key of the dictionaries in a configuration, at any depth.

    Example:
        >>> list(walk_configuration({"a": {"b": 1}}))
        [('a', {'b': 1}), ('a::b', 1)]
    """
    if isinstance(config, dict | list):
        for _, sub_id, value in ReferenceResolver.iter_subconfigs(id, config):
            if isinstance(config, dict):
                yield sub_id, value
            if sub_id != ConfigParser.meta_key:
                yield from walk_configuration(value, sub_id)


def referenced_ids(text: str) -> list[str]:
    """What a text of a configuration refers to.

    Example:
        >>> referenced_ids("$@a::b + 1")
        ['a::b']
    """
    return list(ReferenceResolver.match_refs_pattern(text))


def argument_names(parser: ConfigParser, id: str) -> list[str] | None:
    """Names of the arguments of a component; None if it takes any, or does not say."""
    target: Any = ConfigComponent(parser[id], id, parser.locator).resolve_module_name()
    target = locate(target) if isinstance(target, str) else target
    try:
        parameters = inspect.signature(target).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    free = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    return None if free else [parameter.name for parameter in parameters]


def tracking_keys() -> set[str]:
    """Top-level keys that ``--tracking mlflow`` adds to a configuration."""
    settings: Any = DEFAULT_EXP_MGMT_SETTINGS["mlflow"]
    return {"save_execute_config", *settings["configs"]}


def parsed_items(parser: ConfigParser) -> dict[str, Any]:
    """Id and content of everything in a configuration that MONAI has parsed, entries of lists included."""
    return {id: item.get_config() for id, item in parser.ref_resolver.items.items()}


def replace_value(parser: ConfigParser, id: str, value: Any) -> None:
    """Puts a value into a configuration that is being run, without having the rest parsed anew.

    What was built from the rest of the configuration is kept. Nothing must have been built from the value yet.
    """
    above, _, key = id.rpartition(ID_SEP_KEY)
    parser[above][key] = value  # the configuration of what it is a part of is the same object
    items, resolved = parser.ref_resolver.items, parser.ref_resolver.resolved_content
    for known in [known for known in items if known == id or known.startswith(id + ID_SEP_KEY)]:
        del items[known]
        resolved.pop(known, None)
    parser._do_parse(config=value, id=id)


def change_component(parser: ConfigParser, id: str, **changes: Any) -> None:
    """New arguments of a component that is an entry of a list, in a copy of its configuration.

    A copy, because MONAI puts its own defaults into the configuration, for all runs the same.
    """
    parent, index = ReferenceResolver.split_id(id, last=True)
    settings = parser[parent][int(index)] = parser[id] | changes
    items = parser.ref_resolver.items
    items[id] = ConfigComponent(config=settings, id=id, locator=parser.locator)
    for key, value in changes.items():
        if is_expression(value):
            items[f"{id}{ID_SEP_KEY}{key}"] = ConfigExpression(
                config=value, id=f"{id}{ID_SEP_KEY}{key}", globals=parser.globals
            )
