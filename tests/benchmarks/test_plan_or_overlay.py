"""What the comparison of plans with overlays leaves to the plan, and its Dice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.plan_or_overlay import TRIALS, case_dice, draw_split, own_plan


def test_what_the_overlay_says_of_the_plan_is_found_out() -> None:
    left = {trial.bundle: own_plan(trial) for trial in TRIALS}
    assert left["t_loss"] == {"features": None, "image_size": None}
    assert set(left["marginal_thresholding"]) == {
        *("crop", "features", "orientation", "patch_size", "spacing", "spatial_dims")
    }
    assert left["soft_label_apl"]["normalization"] is None


def test_dice_of_a_case(tmp_path: Path) -> None:
    mask, label = np.zeros((2, 8), np.uint8), np.zeros((2, 8), np.uint8)
    mask[0, :4], label[0, 2:6] = 1, 1
    label[1, 0] = 2
    paths = []
    for name, values in (("mask", mask), ("label", label)):
        paths.append(tmp_path / f"{name}.png")
        Image.fromarray(values).save(paths[-1])
    assert case_dice(*paths, classes=2) == [0.5, 0.0]
    assert case_dice(*paths, classes=1) == [2 * 2 / (4 + 5)]
    assert np.isnan(case_dice(*paths, classes=3)[2])


def test_test_cases_are_those_of_every_seed(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    for index in range(90):
        for folder in ("images", "masks"):
            (tmp_path / folder / f"CHNCXR_{index:04d}_{index % 2}.png").touch()
    first, second = (draw_split(TRIALS[0], tmp_path, seed) for seed in (0, 1))
    assert first["test"] == second["test"] and first["training"] != second["training"]
    names = [name for part in first.values() for name in part]
    assert len(names) == len(set(names)) == sum(TRIALS[0].counts)
