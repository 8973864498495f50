"""Confusion matrices of annotators: read from an evaluation, and what is written in their figure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from common.errors import InputError
from common.io.files import write_csv
from common.report import confusion, draw_confusion_matrices, read_confusion
from common.report.__main__ import COMMANDS


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """What is drawn, instead of its file."""
    drawn: list[Figure] = []
    monkeypatch.setattr(confusion, "save_figure", lambda figure, path, **options: drawn.append(figure))
    return drawn


def matrices(count: int, classes: int = 2) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {f"R{r}": torch.rand(classes, classes, generator=generator).softmax(0) for r in range(count)}


def test_matrices_of_an_evaluation(tmp_path: Path) -> None:
    """In the order of the file's classes; a class that was never found is unknown."""
    rows = [
        {"annotator": name, "written": i, "true": j, "probability": "" if j == "cyst" else value}
        for name, value in (("AR", 0.75), ("BM", 0.25))
        for i in ("tissue", "cyst")
        for j in ("tissue", "cyst")
    ]
    write_csv(tmp_path / "confusion.csv", rows)
    found, classes = read_confusion(tmp_path / "confusion.csv")
    assert classes == ["tissue", "cyst"] and list(found) == ["AR", "BM"]
    torch.testing.assert_close(found["AR"], torch.tensor([[0.75, torch.nan], [0.75, torch.nan]]), equal_nan=True)


def test_the_command_draws_an_evaluation(tmp_path: Path) -> None:
    entries = [{"annotator": "AR", "written": i, "true": j, "probability": 0.5} for i in "01" for j in "01"]
    write_csv(tmp_path / "confusion.csv", entries)
    path = COMMANDS["confusion"](str(tmp_path), output=str(tmp_path / "a.png"))
    assert Image.open(path).width == 1400
    write_csv(tmp_path / "confusion.csv", [{"annotator": "AR", "probability": 0.5}])
    with pytest.raises(InputError, match=r"confusion.csv must have rows with the columns annotator, written, true"):
        COMMANDS["confusion"](str(tmp_path))
    write_csv(tmp_path / "confusion.csv", [entries[0] | {"written": "3"}])
    with pytest.raises(InputError, match=r"confusion.csv: '3' is written but never true; expected 0\.$"):
        COMMANDS["confusion"](str(tmp_path))
    with pytest.raises(InputError, match=r"none/confusion\.csv"):
        COMMANDS["confusion"](str(tmp_path / "none"))


@pytest.mark.parametrize("count, classes", [(1, 2), (3, 2), (7, 4), (2, 9)])
def test_matrices_are_drawn(count: int, classes: int, tmp_path: Path) -> None:
    estimate = matrices(count, classes)
    path = draw_confusion_matrices(estimate, tmp_path / "figure.png", {"R0": torch.eye(classes)})
    with Image.open(path) as picture:
        assert picture.width == 1400
        assert np.asarray(picture.convert("L")).std() > 5


def test_cells_show_the_written_class_by_row(figures: list[Figure]) -> None:
    matrix = torch.tensor([[0.9, 0.3], [0.1, 0.7]], requires_grad=True)
    draw_confusion_matrices({"AR": matrix}, "unused.png", classes=["background", "lesion"])
    (panel,) = figures[0].axes
    cells = {text.get_position(): text.get_text() for text in panel.texts}
    assert cells == {(0, 0): "0.90", (1, 0): "0.30", (0, 1): "0.10", (1, 1): "0.70"}  # (true, written)
    assert panel.get_title() == "AR"
    assert [tick.get_text() for tick in panel.get_yticklabels()] == ["background", "lesion"]
    assert figures[0].get_supylabel() == "Written class"


def test_true_matrices_stand_below_and_unknown_cells_say_so(figures: list[Figure]) -> None:
    true = torch.eye(2)
    true[:, 0] = torch.nan
    draw_confusion_matrices(matrices(3), "unused.png", truth={"R1": true})
    shown = [panel for panel in figures[0].axes if panel.get_visible()]
    assert [panel.get_title() for panel in shown] == ["R0", "R1", "R2", ""]
    assert [text.get_text() for text in shown[3].texts] == ["?", "0.00", "?", "1.00"]
    assert shown[3].get_position().y0 < shown[1].get_position().y0
    assert shown[3].get_position().x0 == pytest.approx(shown[1].get_position().x0)


def test_mistaken_matrices_are_named(tmp_path: Path) -> None:
    path = tmp_path / "figure.png"
    with pytest.raises(InputError, match="at least one annotator"):
        draw_confusion_matrices({}, path)
    with pytest.raises(InputError, match="true matrices of R0, R1, got one of XY"):
        draw_confusion_matrices(matrices(2), path, {"XY": torch.eye(2)})
    with pytest.raises(InputError, match=r"R0: expected a matrix of 2 × 2 classes, got \(3, 3\)"):
        draw_confusion_matrices(matrices(2), path, {"R0": torch.eye(3)})
    with pytest.raises(InputError, match="classes: expected 2 names, got 1"):
        draw_confusion_matrices(matrices(2), path, classes=["one"])
