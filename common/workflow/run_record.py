"""What a run was: its configuration as MONAI merged it, and the environment in which it ran."""

from __future__ import annotations

import json
import logging
import os
import platform
import shlex
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import torch
import yaml
from monai.bundle import ConfigParser

from common.io.files import whole_file

logger = logging.getLogger(__name__)

CONFIGURATION_FILE = "configuration.yaml"
ENVIRONMENT_FILE = "environment.yaml"
METADATA_FILE = "metadata.json"  # where MONAI looks for it: beside the configuration


def environment(device: torch.device | None = None) -> dict[str, Any]:
    """Python, system, device, command line, and every installed package with its version.

    Example:
        >>> environment(torch.device("cpu"))["device"]
        'cpu'
    """
    device = device or torch.device("cpu")
    found: dict[str, Any] = {
        "command": shlex.join(sys.orig_argv),
        "folder": os.getcwd(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "device": str(device),
        "threads": torch.get_num_threads(),
    }
    if device.type == "cuda":
        found |= {"gpu": torch.cuda.get_device_name(device), "cuda": torch.version.cuda}
    packages: dict[str, str] = {}
    for folder in map(os.path.abspath, reversed(sys.path)):  # the first that has a package is the one that counts
        if os.path.exists(folder):
            packages |= _packages(folder, os.path.getmtime(folder))
    return found | {"packages": dict(sorted(packages.items(), key=lambda pair: pair[0].lower()))}


@lru_cache(maxsize=100)
def _packages(folder: str, changed: float) -> dict[str, str]:
    """Versions of the packages in a folder of `sys.path`, read again when the folder has changed."""
    metadata = (item.metadata for item in distributions(path=[folder]))
    return {fields["Name"]: fields["Version"] for fields in metadata}


def write_run_record(
    folder: str | os.PathLike[str], configuration: Mapping[str, Any] | None, device: torch.device | None = None
) -> None:
    """Writes what repeats a run: ``configuration.yaml``, the bundle's ``metadata.json``, and ``environment.yaml``.

    ``python -m monai.bundle run training --config_file <folder>/configuration.yaml``, typed in the folder that
    ``environment.yaml`` names, is the run again. Paths stay as they were given.

    Args:
        folder: folder in which the files are written.
        configuration: with files, overlays and overrides merged. One that holds Python objects, which only a caller
            from Python can put there, cannot be written: a warning names them. None writes the environment alone.
        device: device of the training.
    """
    _write_yaml(Path(folder, ENVIRONMENT_FILE), environment(device))
    if configuration is None:
        return
    content = dict(configuration)
    metadata = content.pop(ConfigParser.meta_key, None)
    try:
        _write_yaml(Path(folder, CONFIGURATION_FILE), content)
    except yaml.representer.RepresenterError as error:
        logger.warning("%s is not written: %s cannot be put in words.", Path(folder, CONFIGURATION_FILE), error.args[1])
        return
    if metadata:
        with whole_file(Path(folder, METADATA_FILE)) as partial:
            partial.write_text(json.dumps(metadata, indent=4) + "\n", encoding="utf-8")


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


for _kind in (torch.device, Path):
    _Dumper.add_multi_representer(_kind, lambda dumper, value: dumper.represent_str(str(value)))


def _write_yaml(path: Path, content: Mapping[str, Any]) -> None:
    with whole_file(path) as partial, partial.open("w", encoding="utf-8") as file:
        yaml.dump(dict(content), file, _Dumper, sort_keys=False, allow_unicode=True, width=120)
