"""Where the runs of a table lie: in folders that are a function of what they were told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

BUNDLES = Path(__file__).parents[1] / "bundles"


def runs_folder(scale: str, bundle: str, overlays: Iterable[str], data: str | None, *values: Any) -> str:
    """The name of the folder of a table's runs.

    Two tables share it only if their runs are told the same: the values in the configuration files, whose comments do
    not count, the folder of the data, and the overrides. The code that ran is not in it.

    Args:
        scale: desk or paper, with which the name begins.
        bundle: whose configuration files are read.
        overlays: names of the files besides ``train.yaml``.
        data: folder of the data set; None for a generated one.
        values: of the table's specification, all that becomes overrides or data.

    Returns:
        The scale and ten hexadecimal digits.
    """
    configs = BUNDLES / bundle / "configs"
    files = [yaml.safe_load((configs / f"{name}.yaml").read_text(encoding="ascii")) for name in ("train", *overlays)]
    told = json.dumps([files, data, values], sort_keys=True)
    return f"{scale}-{hashlib.sha256(told.encode()).hexdigest()[:10]}"
