"""Figures of label noise: read from any label, one column per level, refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from benchmarks.report.noise_levels import CLEAN, draw_dice_by_noise_level, draw_noise_levels
from benchmarks.report.tables import summarize_runs
from common.errors import InputError


def has_color(path: Path, color: str) -> bool:
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return bool((np.abs(pixels - np.array(list(bytes.fromhex(color[1:])))).sum(axis=2) < 10).any())


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    mask = np.zeros((20, 30), dtype=np.uint8)
    mask[5:15, 8:22] = 255
    Image.fromarray(mask).save(tmp_path / "label.png")
    return tmp_path / "label.png"


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    mask = np.zeros((12, 10, 8), dtype=np.uint8)
    mask[3:9, 2:8, 2:6] = 2
    nib.save(nib.Nifti1Image(mask, np.diag([-1.0, 1.0, 3.0, 1.0])), tmp_path / "label.nii.gz")
    return tmp_path / "label.nii.gz"


@pytest.mark.parametrize("kind", ["picture", "volume"])
def test_noise_levels(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = draw_noise_levels(request.getfixturevalue(kind), tmp_path / "figure.png", levels=[0, 0.05], samples=2)
    assert has_color(path, CLEAN), "the clean label is outlined"
    again = draw_noise_levels(request.getfixturevalue(kind), tmp_path / "again.png", levels=[0, 0.05], samples=2)
    other = draw_noise_levels(request.getfixturevalue(kind), tmp_path / "other.png", [0, 0.05], samples=2, seed=1)
    assert path.read_bytes() == again.read_bytes() != other.read_bytes()


def test_mistakes(picture: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one noise level"):
        draw_noise_levels(picture, tmp_path / "figure.png", levels=[])
    with pytest.raises(InputError, match="cannot be read"):
        draw_noise_levels(tmp_path / "missing.png", tmp_path / "figure.png")
    Image.new("L", (4, 4)).save(tmp_path / "empty.png")
    with pytest.raises(InputError, match="got an empty one"):
        draw_noise_levels(tmp_path / "empty.png", tmp_path / "figure.png")


@pytest.mark.parametrize("organs", [["aorta", "esophagus"], [None]])
def test_dice_by_noise_level(organs: list[str | None], tmp_path: Path) -> None:
    runs = [
        {
            "method": method,
            "setting": ({"organ": organ} if organ else {}) | {"a": a},
            "seed": seed,
            "value": 0.9 - a - 0.01 * seed,
        }
        for method in ("CE at 1/2", "CE Dice-optimal")
        for organ in organs
        for a in (0.0, 0.03)
        for seed in (0, 1)
    ]
    path = draw_dice_by_noise_level(summarize_runs(runs, "Dice"), tmp_path / "figure.png")
    assert has_color(path, "#0072B2") and has_color(path, "#D55E00")


def test_dice_needs_noise_levels(tmp_path: Path) -> None:
    results = summarize_runs([{"method": "m", "setting": {"alpha": 0.1}, "seed": 0, "value": 1.0}], "Title")
    with pytest.raises(InputError, match="Title: expected settings with the noise level a"):
        draw_dice_by_noise_level(results, tmp_path / "figure.png")
