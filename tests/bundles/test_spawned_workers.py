"""Where worker processes are spawned (macOS, Windows) they get their transforms by pickle."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from monai.bundle import ConfigParser

from common.datasets.plan import example_plan

OVERLAYS = {"soft_label_apl": ["unet", "hippocampus"]}  # with other transforms


@pytest.mark.parametrize("section", ["train", "validate"])
def test_transforms_can_be_pickled(bundle: Path, section: str, tiny: dict[str, Any], tmp_path: Path) -> None:
    for names in [["train"], *(["train", overlay] for overlay in OVERLAYS.get(bundle.name, []))]:
        parser = ConfigParser()
        parser.read_config([str(bundle / f"configs/{name}.yaml") for name in names])
        parser["dataset_dir"] = "unused"
        if "plan" in parser:
            parser["plan"] = replace(example_plan(), method={"neighbors": 1})  # of soft_label_apl
        transforms = parser.get_parsed_content(f"{section}#preprocessing")
        assert len(pickle.loads(pickle.dumps(transforms)).transforms) == len(transforms.transforms), names
