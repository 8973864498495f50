"""What every verb of a bundle checks before anything else: the overrides, the device and the folder of the results."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from pydoc import locate
from typing import Any

import torch
import yaml
from monai.bundle import ConfigParser, ConfigWorkflow, ReferenceResolver
from monai.bundle.config_item import ConfigComponent
from monai.bundle.utils import DEFAULT_EXP_MGMT_SETTINGS, ID_SEP_KEY, MERGE_KEY

from common.errors import InputError
from common.workflow.call_stack import at_work
from common.workflow.interruption import exit_on_termination
from common.workflow.mlflow_tracking import prepare_mlflow

__all__ = ["begin_run"]

SECTIONS = ("train", "validate")  # dictionaries whose keys mean nothing unless something refers to them
MLFLOW: Any = DEFAULT_EXP_MGMT_SETTINGS["mlflow"]
TRACKING = {"save_execute_config", *MLFLOW["configs"]}  # what `--tracking mlflow` adds
SEPARATOR = "#"  # as the command line has it


def begin_run() -> None:
    """First entry of every verb of a configuration: refuses in one sentence what MONAI would silently ignore.

    An override (`--key value`, an ``args_file``, a keyword of `ConfigWorkflow`) that no configuration file defines is
    accepted only where it has an effect: if something refers to it, if it is an argument of the component that it is
    given to, or if it is a mapping, a new choice in a menu such as ``losses``. Values must be of the kind that the
    configuration has: number, whole number, switch or list; the text "false", which Python holds true, becomes False.
    ``device`` must exist, ``output_dir`` must be a folder that can be written to. What ``--tracking mlflow`` needs is
    installed and made to fit, see `prepare_mlflow`.

    Raises:
        InputError: names the key, and the nearest one where a key is mistyped.
    """
    exit_on_termination()
    workflow = at_work(ConfigWorkflow)
    if workflow is None:  # not run by MONAI, so nothing was overridden
        return
    config: Any = workflow.parser.config
    files = _loaded(config, workflow.config_root_path)
    entries = {"imports", workflow.init_id, workflow.run_id, workflow.final_id, ConfigParser.meta_key} | TRACKING
    references = _references(config)
    for id, value in list(_walk(config)):
        if not any(id in file for file in files):
            if id not in entries:
                _check_key(id, value, workflow.parser, files, references)
        else:
            written = [file[id] for file in files if id in file]
            _check_kind(id, value, written)
            if isinstance(value, str) and any(isinstance(other, bool) for other in written):
                _set_switch(workflow.parser, id, value)
    prepare_mlflow(workflow.parser, workflow.run_id)
    _check_device(workflow.parser)
    if "output_dir" in workflow.parser:
        _check_writable("output_dir", workflow.parser.get_parsed_content("output_dir"))


def _loaded(config: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Of the configuration files in a folder, those that may be part of ``config``, each as id → value.

    An overlay that only replaces what another file defines cannot be told from one that was not read, so files come in
    the order of how much of them is in ``config``.
    """
    present = dict(_walk(config))
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
    content = {
        ReferenceResolver.normalize_id(str(key).removeprefix(MERGE_KEY)): value for key, value in content.items()
    }
    return list(content), dict(_walk(content))


def _walk(config: Any, id: str = "") -> Iterator[tuple[str, Any]]:
    """Id and value of each key of the dictionaries in a configuration."""
    if isinstance(config, dict | list):
        for _, sub_id, value in ReferenceResolver.iter_subconfigs(id, config):
            if isinstance(config, dict):
                yield sub_id, value
            if sub_id != ConfigParser.meta_key:
                yield from _walk(value, sub_id)


def _references(config: Mapping[str, Any]) -> set[str]:
    """What anything refers to, and all that it is a part of."""
    found = set()
    for name in (name for text in _texts(config) for name in ReferenceResolver.match_refs_pattern(text)):
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
    if id in references or key in ConfigComponent.non_arg_keys:
        return
    if above and ConfigComponent.is_instantiable(parser[above]):
        known = _arguments(parser, above)
        if known is None or key in known:
            return
        owner = f"{parser[above]['_target_']} has no such argument"
    elif any(ConfigComponent.is_instantiable(parser[parent]) for parent in parents):
        return  # part of a component's argument
    elif above and above not in SECTIONS and isinstance(value, dict):
        return
    else:
        ids = {other for file in files for other in file}
        known = [other.rpartition(ID_SEP_KEY)[2] for other in ids if other.rpartition(ID_SEP_KEY)[0] == above]
        owner = "nothing in this configuration uses such a key"
    near = get_close_matches(key, sorted(known), n=1)
    hint = f"; did you mean --{_shown(f'{above}::{near[0]}' if above else near[0])}?" if near else "."
    raise InputError(f"--{_shown(id)}: {owner}{hint}")


def _arguments(parser: ConfigParser, id: str) -> list[str] | None:
    """Names of the arguments of a component; None if it takes any, or does not say."""
    target: Any = ConfigComponent(parser[id], id, parser.locator).resolve_module_name()
    target = locate(target) if isinstance(target, str) else target
    try:
        parameters = inspect.signature(target).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    free = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    return None if free else [parameter.name for parameter in parameters]


def _check_kind(id: str, value: Any, written: list[Any]) -> None:
    """Raises if a value is of another kind than what the files have there."""
    if any(value is other or value == other for other in written if type(other) is type(value)):
        return
    if value is None or (isinstance(value, str) and value.startswith(("$", "@", "%"))):
        return
    problems = [_wrong_kind(id, value, other) for other in written]
    if problems and all(problems):
        raise InputError(f"--{_shown(id)}: expected {problems[0]}, got {value!r}.")


def _wrong_kind(id: str, value: Any, written: Any) -> str:
    """What was expected in place of ``value``, or an empty text."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(written, bool):
        right = isinstance(value, bool) or str(value).lower() in ("true", "false")
        return "" if right else "true or false"
    if isinstance(written, int | float) and isinstance(value, bool | str | list | tuple | dict):
        return f"a number such as {written}"
    if isinstance(written, int) and number and int(value) != value:
        return f"a whole number such as {written}"
    if isinstance(written, list) and (number or isinstance(value, bool | str)):
        return f"a list such as {written}" if len(str(written)) < 80 else "a list"
    if id.endswith("_dir") and (number or isinstance(value, bool)):
        return "a path (quote a name of digits twice: '\"2024\"')"
    return ""


def _set_switch(parser: ConfigParser, id: str, value: str) -> None:
    """Puts True or False in place of the text, without having everything parsed anew."""
    above, _, key = id.rpartition(ID_SEP_KEY)
    if value.lower() in ("true", "false"):  # and no expression
        parser[above][key] = value.lower() == "true"
        parser.ref_resolver.items[id].update_config(parser[id])


def _check_device(parser: ConfigParser) -> None:
    device = parser.get("device")
    if not isinstance(device, str | int) or str(device).startswith(("$", "@")):
        return
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(f"--device: {device!r} cannot be used here ({reason}).") from error


def _check_writable(name: str, folder: Any) -> None:
    path = Path(folder).absolute()
    nearest = next(parent for parent in (path, *path.parents) if parent.exists())
    if not nearest.is_dir():
        raise InputError(f"{name}: expected a folder for the results, but {nearest} is a file.")
    if not os.access(nearest, os.W_OK):
        raise InputError(f"{name}: {path} cannot be written to, {nearest} is read-only.")


def _shown(id: str) -> str:
    return id.replace(ID_SEP_KEY, SEPARATOR)
