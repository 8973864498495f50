"""`python -m monai.bundle run` in the test's own process."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from monai.bundle import run

BUNDLES = Path(__file__).parents[2] / "bundles"
EXPORTED = {"soft_label_apl": ["inference", "unet"]}  # detections of varying number cannot be exported


def exported_configs(bundle: str) -> list[str]:
    """Stems of the configuration files whose network can be exported."""
    return EXPORTED.get(bundle, ["inference"])


def copy_bundle(bundle: str, folder: Path) -> Path:
    """A bundle's files in a folder of bundles, without what somebody has trained in this checkout."""
    copy = folder / bundle
    for name in ("configs", "docs", "LICENSE"):
        (shutil.copytree if (BUNDLES / bundle / name).is_dir() else shutil.copy)(BUNDLES / bundle / name, copy / name)
    return copy


def run_bundle(bundle: str, verb: str, configs: list[str], **overrides: Any) -> None:
    """Runs a verb of a bundle on the CPU.

    Args:
        bundle: its folder's name.
        verb: training, evaluating, inferring, …
        configs: stems of its configuration files.
        overrides: of the configuration; ``bundle_root`` is by default the bundle's own folder.
    """
    folder = BUNDLES / bundle
    files = [str(folder / f"configs/{name}.yaml") for name in configs]
    values = {"bundle_root": str(folder), "device": torch.device("cpu"), **overrides}
    run(run_id=verb, config_file=files, **values)
