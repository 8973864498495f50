"""What an evaluation measures is what inference writes for the same images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from bundle_runs import BUNDLES
from data_kinds import drawn, save_volume
from monai.bundle import ConfigParser


def test_validation_images_are_not_extended(bundle: Path, tmp_path: Path) -> None:
    """Else what is predicted beside an image would count, which no mask has."""
    for index in range(4):
        image, label = drawn((20, 27, 3), index, 2)
        for folder, values in (("images", image), ("AR", label), ("HS", label)):
            save_volume(tmp_path / f"{folder}/{index}.nii.gz", values, np.eye(4))
    values = {"bundle_root": str(tmp_path), "dataset_dir": str(tmp_path), "patch_size": [32, 32], "cache": "none"}
    values |= {"spatial_dims": 2, "spacing": [1.0, 1.0, -1.0], "num_workers": 0}

    def parser_of(*names: str, **others: Any) -> ConfigParser:
        parser = ConfigParser()
        parser.read_config([str(BUNDLES / bundle.name / f"configs/{name}.yaml") for name in names])
        for name, value in (values | others).items():
            parser[name] = value
        return parser

    plan = parser_of("train").get_parsed_content("plan")
    parser = parser_of("train", "evaluate", **{"plan": plan, "split#trained": False})
    item = parser.get_parsed_content("split").training[0]
    sizes = {name: parser.get_parsed_content(f"{name}#preprocessing")(item) for name in ("train", "validate")}
    extended, whole = (
        {key: tuple(value.shape[1:]) for key, value in sizes[name].items() if isinstance(value, torch.Tensor)}
        for name in ("train", "validate")
    )
    assert set(extended.values()) == {(32, 32, 3)} and {"image", "label"} & set(extended)
    assert set(whole.values()) == {(20, 27, 3)} and {"image", "label"} & set(whole)


def test_the_same_network_is_evaluated_and_inferred(bundle: Path) -> None:
    """Else an average of several trainings would segment otherwise than was measured, as with their temperatures."""
    configs = [yaml.safe_load((bundle / f"configs/{name}.yaml").read_text()) for name in ("evaluate", "inference")]
    evaluated, inferred = (config["network"] for config in configs)
    assert evaluated == inferred
    if "temperatures" in inferred:
        assert configs[0]["divisor"] == configs[1]["divisor"]
        assert configs[0]["temperature"] is configs[1]["temperature"] is None


def test_both_compute_in_what_amp_says(bundle: Path) -> None:
    train, inference = (
        yaml.safe_load((bundle / f"configs/{name}.yaml").read_text()) for name in ("train", "inference")
    )
    assert train["validate"]["inferer"]["amp"] == inference["inferer"]["amp"] == "@amp"


def test_both_see_the_same_windows(bundle: Path) -> None:
    evaluate, inference = (
        yaml.safe_load((bundle / f"configs/{name}.yaml").read_text()) for name in ("evaluate", "inference")
    )
    assert evaluate["overlap"] == inference["overlap"]
    assert evaluate["validate#inferer#overlap"] == inference["inferer"]["overlap"] == "@overlap"
