"""What makes a training the one that it is: its configuration without what may change when it is resumed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser

from common.workflow.monai_internals import tracking_keys

__all__ = ["MAY_CHANGE", "differences", "training_definition"]

MAY_CHANGE = (
    *("max_epochs", "val_interval", "resume", "overwrite", "weights"),  # how long, how often, and from where
    *("bundle_root", "ckpt_dir", "output_dir"),  # places
    *("device", "amp", "compile", "num_workers", "backend", "timeout"),  # machines and processes
    *("check", "imports", "initialize", "finalize", "checking", "preparing", "training", "run", "demo"),  # no training
)
PARTS_THAT_MAY_CHANGE = {  # of these sections
    "train": ("handlers", "dataloader"),
    "validate": ("handlers", "dataloader"),
    "dataset_dir": ("folder",),
}


def training_definition(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """What defines a training, as plain JSON: the merged configuration without `MAY_CHANGE`.

    Places, devices, processes, the number of epochs and how often is validated may change when a training is resumed;
    handlers and data loaders are left out because overlays of several processes and trackers change them (what they
    are set to stands in keys of its own, such as ``batch_size``). ``dataset_dir`` is part of it.

    Args:
        configuration: as MONAI merged it, with files, overlays and overrides.

    Returns:
        A dictionary of plain values. An object from Python, which has no text, is named by its type.

    Example:
        >>> training_definition({"seed": 0, "image_size": (8, 8), "device": "cpu"})
        {'seed': 0, 'image_size': [8, 8]}
    """
    left_out = {*MAY_CHANGE, ConfigParser.meta_key, *tracking_keys()}
    found = {}
    for key, value in configuration.items():
        if key not in left_out:
            parts = PARTS_THAT_MAY_CHANGE.get(key, ())
            found[key] = {k: v for k, v in value.items() if k not in parts} if isinstance(value, Mapping) else value
    return json.loads(json.dumps(found, default=_text))


def _text(value: Any) -> str:
    return str(value) if isinstance(value, Path | torch.device | torch.dtype) else f"<{type(value).__qualname__}>"


def differences(old: Any, new: Any, key: str = "") -> dict[str, tuple[Any, Any]]:
    """Keys, as they are typed, at which two definitions differ, with both values; what one lacks is None.

    Example:
        >>> differences({"seed": 0, "a": {"b": 1}}, {"seed": 0, "a": {"b": 2}})
        {'a#b': (1, 2)}
    """
    if isinstance(old, dict) and isinstance(new, dict):
        found: dict[str, tuple[Any, Any]] = {}
        for name in {**old, **new}:
            found |= differences(old.get(name), new.get(name), f"{key}#{name}" if key else name)
        return found
    return {} if old == new and isinstance(old, bool) == isinstance(new, bool) else {key: (old, new)}
