"""Runs of the annotators' bundle with small networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bundle_runs import BUNDLES, run_bundle

CONFIGS = BUNDLES / "disentangling_annotators/configs"
ANNOTATORS = ["AR", "HS", "SG"]
SMALL = {"image_size": [16, 16], "features": [4, 8], "feature_channels": 4, "annotators": ANNOTATORS}
LEFT_OUT = "left out"  # of SMALL


def bundle_run(verb: str, configs: list[str], folder: Path, **overrides: Any) -> None:
    places = {"output_dir": str(folder), "ckpt_dir": str(folder)}
    sizes = SMALL if "train" in configs else {"feature_channels": 4}
    values = {name: value for name, value in {**sizes, **places, **overrides}.items() if value != LEFT_OUT}
    run_bundle("disentangling_annotators", verb, configs, **values)
