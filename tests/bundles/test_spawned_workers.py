"""Where worker processes are spawned (macOS, Windows) they get their transforms by pickle."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from monai.bundle import ConfigParser

CONFIGS = {
    "bwcr": [["train"]],
    "disentangling_annotators": [["train"]],
    "marginal_thresholding": [["train"]],
    "soft_label_apl": [["train"], ["train", "raters"], ["train", "hippocampus"]],
    "t_loss": [["train"]],
}


@pytest.mark.parametrize("section", ["train", "validate"])
def test_transforms_can_be_pickled(bundle: Path, section: str) -> None:
    for names in CONFIGS[bundle.name]:
        parser = ConfigParser()
        parser.read_config([str(bundle / f"configs/{name}.yaml") for name in names])
        parser["dataset_dir"] = "unused"
        transforms = parser.get_parsed_content(f"{section}#preprocessing")
        assert len(pickle.loads(pickle.dumps(transforms)).transforms) == len(transforms.transforms), names
