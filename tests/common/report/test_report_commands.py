from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import fire
import numpy as np
import pytest
from PIL import Image

from common.errors import InputError
from common.io.files import write_csv
from common.report import summarise_runs
from common.report.__main__ import COMMANDS


def command(*arguments: object) -> Any:
    return fire.Fire(COMMANDS, command=[str(argument) for argument in arguments])


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Folders 07 and 1e3, which look like numbers."""
    for name in ("07", "1e3"):
        write_csv(tmp_path / name / "memorisation.csv", [{"epoch": 1, "noise_kind": "none", "dice_clean": 0.9}])
        write_csv(tmp_path / name / "metrics.csv", [{"epoch": 1, "nu_tilde": 0.1, "val_mean_dice": 0.9}])
    return tmp_path


@pytest.fixture
def results(tmp_path: Path) -> Path:
    made = [{"method": "T-Loss", "setting": {"alpha": 0.7}, "seed": seed, "value": 0.87 + seed} for seed in (0, 1)]
    (tmp_path / "t_loss.json").write_text(json.dumps(summarise_runs(made, "Dice")), encoding="utf-8")
    return tmp_path / "t_loss.json"


def test_figures_of_runs(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs)
    assert command("memorisation", "07", "1e3", "--output", "a.png", "--highlight", "1e3") == "a.png"
    assert command("nu_path", "T-Loss:07", "--starts", "'ν̃ = 0':07 5:1e3", "--output", "b.png") == "b.png"
    assert (runs / "a.png").stat().st_size > 1000
    with Image.open(runs / "b.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 5


def test_figure_and_table_of_results(results: Path, tmp_path: Path) -> None:
    assert "**1.370 ± 0.707**" in command("table", results)
    command("dice", results, "--output", tmp_path / "dice.png")
    assert (tmp_path / "dice.png").exists()


def test_documents_are_updated_and_checked(results: Path, tmp_path: Path) -> None:
    document = tmp_path / "README.md"
    document.write_text("<!-- results:t_loss --><!-- /results:t_loss -->", encoding="utf-8")
    with pytest.raises(InputError, match=r"README\.md must show the numbers of .*t_loss\.json"):
        command("table", results, document, "--check")
    assert command("table", results, document).endswith("README.md: updated")
    assert "1.370 ± 0.707" in document.read_text(encoding="utf-8")
    assert command("table", results, document, "--check").endswith("README.md: up to date")


def test_overlay(tmp_path: Path) -> None:
    array = np.zeros((8, 8), dtype=np.uint8)
    array[2:5, 2:5] = 255
    Image.fromarray(array).save(tmp_path / "image.png")
    command("overlay", tmp_path / "image.png", tmp_path / "image.png", "--output", tmp_path / "overlay.png")
    assert (tmp_path / "overlay.png").exists()


def test_two_runs_with_one_name(runs: Path) -> None:
    with pytest.raises(InputError, match="two runs are called '07'"):
        command("memorisation", runs / "07", f"07:{runs / '1e3'}")


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "common.report", "memorisation", str(tmp_path / "nowhere")]
    result = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == f"Error: {tmp_path / 'nowhere'} is no folder: expected the folder of a training run.\n"
