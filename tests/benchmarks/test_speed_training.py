"""Tables of how fast bundles train and how time and memory grow, on data that take no time, in this process."""

from __future__ import annotations

import contextlib
import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import speed_growth, speed_training
from common.datasets import read_dataset
from common.io import read_label_values


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path, names = tmp_path / "page.md", ("speed_training", "speed_growth")
    path.write_text("".join(f"<!-- results:{name} -->\n<!-- /results:{name} -->\n" for name in names))
    return path


def test_a_training_is_measured_against_a_bare_loop(tmp_path: Path, document: Path) -> None:
    output, threads = tmp_path / "a.json", torch.get_num_threads()
    speed_training.main(["t_loss"], rounds=2, steps=2, output=str(output), document=str(document))
    torch.set_num_threads(threads)
    found = json.loads(output.read_text())["bundles"]["t_loss"]
    assert len(found["step_ms"]) == len(found["bare_step_ms"]) == 2 and min(found["bare_step_ms"]) > 0
    (row,) = [line for line in document.read_text(encoding="utf-8").splitlines() if line.startswith("| t_loss |")]
    assert row.endswith(f"{speed_training.cells(found)[-1]} |")
    speed_training.main([], rounds=2, steps=2, output=str(output), document=str(document))
    torch.set_num_threads(threads)
    assert json.loads(output.read_text())["bundles"] == {"t_loss": found}, "what is not measured anew keeps its place"


def test_the_ratio_is_of_samples_per_second() -> None:
    found = {"step_ms": [10.0, 20.0, 40.0], "bare_step_ms": [9.0, 10.0, 30.0]}
    assert speed_training.cells(found) == ["20", "10", "0.750 (0.400)"]


def test_growth_is_measured(tmp_path: Path, document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def here(code: str) -> dict[str, float]:
        started, said = time.time(), io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(code, {})
        lines = said.getvalue().splitlines()
        found: dict[str, Any] = json.loads(lines[-1]) if lines else {}
        return {**found, "started": started - 1}

    monkeypatch.setattr(speed_growth, "in_process", here)
    for name, value in {"BUNDLES": ["t_loss"], "STEPS": 5, "LONG_EPOCH": 2}.items():
        monkeypatch.setattr(speed_growth, name, value)
    growth = {"cases": [12], "classes": [2, 3], "annotators": [2], "sizes": [8]}
    speed_growth.main(runs=1, growth=growth, output=str(tmp_path / "a.json"), document=str(document))
    found = json.loads((tmp_path / "a.json").read_text())
    assert {axis: list(found[axis]["by"]) for axis in ("cases", "sizes")} == {"cases": ["12"], "sizes": ["t_loss"]}
    row = found["cases"]["by"]["12"]
    assert row["empty_cache_seconds"] > 0 and 0 < row["listing_ms"] < 1000 and row["over_imports"] > 0
    assert list(found["classes"]["by"]["t_loss"]) == ["2", "3"] and found["classes"]["by"]["t_loss"]["3"] > 0
    rows = [line.split(" | ")[0] for line in document.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    steps = [f"| CPU ms of a step, {axis}" for axis in ("classes", "annotators")]
    assert rows == [
        *("| cases", "| :---", "| 12", steps[0], "| :---", "| t_loss", steps[1], "| :---"),
        *("| disentangling_annotators", "| soft_label_apl", "| CPU s, MB over start", "| :---", "| t_loss"),
    ]


def test_the_pictures_have_their_classes_and_annotators(tmp_path: Path) -> None:
    dataset = read_dataset(speed_growth.write_pictures(tmp_path / "a", 3, 32, classes=2, annotators=2))
    assert len(dataset.items) == 3 and len(dataset.annotators) == 2
    (first, *_) = read_dataset(speed_growth.write_pictures(tmp_path / "b", 1, 32, classes=8)).items
    assert read_label_values(first["label"]).unique().tolist() == list(range(8))
