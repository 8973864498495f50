"""Figures of annotators: what is written in them, and that they are drawn."""

from __future__ import annotations

from pathlib import Path

import fire
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from benchmarks.disentangling_annotators_table import mean_matrices
from benchmarks.report import annotators
from benchmarks.report.__main__ import COMMANDS
from benchmarks.report.annotators import draw_validation
from common.errors import InputError
from common.io.files import write_csv


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """What is drawn, instead of its file."""
    drawn: list[Figure] = []
    monkeypatch.setattr(annotators, "save_figure", lambda figure, path, **options: drawn.append(figure))
    return drawn


def matrices(count: int, classes: int = 2) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {f"R{r}": torch.rand(classes, classes, generator=generator).softmax(0) for r in range(count)}


@pytest.mark.parametrize("names", [("background", "cyst", "nodule"), ("0", "1", "2")])
def test_matrices_of_evaluations_with_names_and_with_numbers(names: tuple[str, ...], tmp_path: Path) -> None:
    """As evaluations write them now, and as earlier ones have."""
    seeds = [matrices(2, 3), matrices(1, 3)]
    for seed, found in enumerate(seeds):
        folder = tmp_path / f"seed{seed}/evaluation"
        folder.mkdir(parents=True)
        rows = [
            {"annotator": name, "written": i, "true": j, "probability": float(matrix[names.index(i), names.index(j)])}
            for name, matrix in found.items()
            for i in names
            for j in names
        ]
        write_csv(folder / "confusion.csv", rows)
    mean = mean_matrices(tmp_path)
    torch.testing.assert_close(mean["R0"], (seeds[0]["R0"] + seeds[1]["R0"]) / 2)
    torch.testing.assert_close(mean["R1"], seeds[0]["R1"])


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, Path]:
    for weight in ("0", "0.1", "0.9"):
        rows = [{"epoch": e, "val_mean_dice": "" if e == 2 else float(weight) + e / 10} for e in (1, 2, 3)]
        write_csv(tmp_path / weight / "metrics.csv", rows)
    return {weight: tmp_path / weight for weight in ("0", "0.1", "0.9")}


def test_validation_over_epochs(runs: dict[str, Path], figures: list[Figure]) -> None:
    draw_validation(runs, "unused.png")
    (panel,) = figures[0].axes
    assert [line.get_label() for line in panel.lines] == ["0", "0.1", "0.9"]
    np.testing.assert_allclose(panel.lines[1].get_xydata(), [[1, 0.2], [3, 0.4]])
    brightness = [sum(line.get_color()[:3]) for line in panel.lines]
    assert brightness == sorted(brightness, reverse=True)
    assert figures[0].legends[0].get_title().get_text() == "Trace weight"
    assert panel.get_ylabel() == "Dice on validation set"


def test_validation_of_two_metrics(figures: list[Figure], tmp_path: Path) -> None:
    rows = [{"epoch": e, "val_mean_dice": e / 10, "val_cm_error": 1 / e} for e in (1, 2)]
    write_csv(tmp_path / "metrics.csv", rows)
    draw_validation({"0.1": tmp_path}, "unused.png", ["val_mean_dice", "val_cm_error"])
    dice, error = figures[0].axes
    assert (dice.get_ylabel(), error.get_ylabel()) == ("Dice on validation set", "Error of the matrices")
    np.testing.assert_allclose(error.lines[0].get_xydata(), [[1, 1], [2, 0.5]])


def test_validation_command(runs: dict[str, Path], tmp_path: Path) -> None:
    arguments = [*(f"λ = {weight}:{folder}" for weight, folder in runs.items()), "--output", str(tmp_path / "a.png")]
    assert fire.Fire(COMMANDS, command=["validation", *arguments]) == str(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_validation_file_and_mistakes(runs: dict[str, Path], tmp_path: Path) -> None:
    assert draw_validation(runs, tmp_path / "figure.png").stat().st_size > 1000
    with pytest.raises(InputError, match="it lacks val_ged"):
        draw_validation(runs, tmp_path / "figure.png", metric="val_ged")
    with pytest.raises(InputError, match="at least one run"):
        draw_validation({}, tmp_path / "figure.png")
