from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from warm_python import WarmPython

from common.command import call_command
from common.errors import InputError
from common.io.files import write_csv
from common.report.__main__ import COMMANDS


def command(*arguments: object) -> Any:
    return call_command(COMMANDS, [str(argument) for argument in arguments])


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Folders 07 and 1e3, which look like numbers."""
    for name in ("07", "1e3"):
        write_csv(tmp_path / name / "memorisation.csv", [{"epoch": 1, "noise_kind": "none", "dice_clean": 0.9}])
        write_csv(tmp_path / name / "metrics.csv", [{"epoch": 1, "nu_tilde": 0.1, "val_mean_dice": 0.9}])
    return tmp_path


def test_figures_of_runs(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs)
    assert command("memorisation", "07", "1e3", "--output", "a.png", "--highlight", "1e3") == "a.png"
    assert command("nu_path", "T-Loss:07", "--starts", "'ν̃ = 0':07 5:1e3", "--output", "b.png") == "b.png"
    assert (runs / "a.png").stat().st_size > 1000
    with Image.open(runs / "b.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 5


def test_overlay(tmp_path: Path) -> None:
    array = np.zeros((8, 8), dtype=np.uint8)
    array[2:5, 2:5] = 255
    Image.fromarray(array).save(tmp_path / "image.png")
    command("overlay", tmp_path / "image.png", tmp_path / "image.png", "--output", tmp_path / "overlay.png")
    assert (tmp_path / "overlay.png").exists()


def test_two_runs_with_one_name(runs: Path) -> None:
    with pytest.raises(InputError, match="two runs are called '07'"):
        command("memorisation", runs / "07", f"07:{runs / '1e3'}")


def test_a_missing_file_is_one_sentence(tmp_path: Path, warm_python: WarmPython) -> None:
    process = warm_python.start("-m", "common.report", "memorisation", str(tmp_path / "nowhere"), folder=tmp_path)
    assert process.wait(timeout=60) == 1
    assert process.output() == f"Error: {tmp_path / 'nowhere'} is no folder: expected the folder of a training run.\n"
