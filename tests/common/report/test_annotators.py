"""Figures of annotators: what is written in them, and that they are drawn."""

from __future__ import annotations

from pathlib import Path

import fire
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from common.errors import InputError
from common.io.files import write_csv
from common.report import annotators, draw_annotators, draw_confusion_matrices, draw_validation
from common.report.__main__ import COMMANDS
from common.report.drawing import CLEAN, NOISY, PREDICTION


def has_colour(path: Path, colour: str) -> bool:
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return bool((np.abs(pixels - np.array(list(bytes.fromhex(colour[1:])))).sum(axis=2) < 10).any())


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """What is drawn, instead of its file."""
    drawn: list[Figure] = []
    monkeypatch.setattr(annotators, "save_figure", lambda figure, path, **options: drawn.append(figure))
    return drawn


def matrices(count: int, classes: int = 2) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {f"R{r}": torch.rand(classes, classes, generator=generator).softmax(0) for r in range(count)}


def square(low: int, high: int, value: int = 1, size: tuple[int, int] = (40, 60)) -> np.ndarray:
    mask = np.zeros(size, dtype=np.uint8)
    mask[low:high, low:high] = value
    return mask


def certain(mask: np.ndarray, classes: int = 2) -> np.ndarray:
    """Probabilities (L, H, W) of 0.9 for what is marked."""
    marked = np.arange(classes)[:, None, None] == mask
    return np.where(marked, 0.9, 0.1 / (classes - 1))


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


@pytest.mark.parametrize("colour", [False, True])
def test_annotators_are_drawn(colour: bool, tmp_path: Path) -> None:
    image = np.random.default_rng(0).normal(size=(40, 60, 3) if colour else (40, 60))
    labels = {"AR": square(10, 30), "HS": square(12, 28, 2)}
    predictions = {"AR": certain(square(11, 30), 3), "HS": certain(square(12, 28, 2), 3)}
    path = draw_annotators(image, labels, predictions, square(8, 32), tmp_path / "figure.png")
    for shade in (CLEAN, NOISY, PREDICTION):
        assert has_colour(path, shade)


def test_annotators_say_who_marked_what(figures: list[Figure]) -> None:
    label = square(10, 30)
    labels = {"AR": label, "HS": None, "SG": 0 * label}
    predictions = {"AR": certain(square(10, 20)), "HS": certain(label), "SG": certain(0 * label)}
    draw_annotators(np.zeros((40, 60)), labels, predictions, label, "unused.png")
    panels = np.array(figures[0].axes[:12]).reshape(3, 4)
    assert [panel.get_title() for panel in panels[0]] == ["Image", "AR", "HS", "SG"]
    written = [[" ".join(text.get_text() for text in panel.texts) for panel in line] for line in panels]
    assert written[0] == ["", "", "Not labelled", "Empty"]
    dice = 2 * 100 / (400 + 100)
    assert written[1] == ["Truth", f"Dice {dice:.2f}", "", "Dice 1.00"]


def test_the_error_is_the_probability_of_another_class_than_the_true_one(figures: list[Figure]) -> None:
    truth = square(0, 4, 2, size=(6, 6))
    probabilities = np.random.default_rng(0).dirichlet(np.ones(3), size=(6, 6)).transpose(2, 0, 1)
    draw_annotators(np.zeros((6, 6)), {"AR": truth}, {"AR": probabilities}, truth, "unused.png")
    shown = figures[0].axes[5].images[0].get_array()
    expected = [[1 - probabilities[truth[i, j], i, j] for j in range(6)] for i in range(6)]
    rows, columns = shown.shape
    assert min(shown.shape) >= 4
    np.testing.assert_allclose(shown, np.array(expected)[:rows, :columns])


def test_the_part_around_the_marks_is_shown(figures: list[Figure]) -> None:
    truth = square(100, 120, size=(240, 360))
    label = square(90, 120, size=(240, 360))
    nothing = np.zeros_like(truth)
    for mask, written in ((truth, label), (nothing, nothing)):
        draw_annotators(np.zeros(mask.shape), {"AR": written}, {"AR": certain(mask)}, mask, "unused.png")
    near, whole = (figure.axes[0].images[0].get_array().shape[:2] for figure in figures)
    assert near == (30 + 2 * 20, 30 + 2 * 30)  # of the labels' 90 to 119, a twelfth of the image on each side
    assert whole == (240, 360)


def test_mistaken_annotators_are_named(tmp_path: Path) -> None:
    label, path = square(10, 30), tmp_path / "figure.png"
    with pytest.raises(InputError, match="same annotators, got AR and HS"):
        draw_annotators(np.zeros((40, 60)), {"AR": label}, {"HS": certain(label)}, label, path)
    with pytest.raises(InputError, match="got nobody and nobody"):
        draw_annotators(np.zeros((40, 60)), {}, {}, label, path)
    with pytest.raises(InputError, match=r"AR: expected the size of the image, \(40, 60\), got \(39, 60\)"):
        draw_annotators(np.zeros((40, 60)), {"AR": label[1:]}, {"AR": certain(label)}, label, path)


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
