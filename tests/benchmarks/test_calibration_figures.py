"""Figures of calibration: what they are drawn from, that they can be read, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.report.calibration import draw_improvement, draw_probabilities
from common.errors import InputError
from common.report.drawing import CLEAN, COLORS


def has_color(path: Path, color: str) -> bool:
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return bool((np.abs(pixels - np.array(list(bytes.fromhex(color[1:])))).sum(axis=2) < 10).any())


def test_improvement(tmp_path: Path) -> None:
    scores = np.random.default_rng(0).uniform(0.1, 0.4, 12)
    nan = np.where(np.arange(12) == 3, np.nan, scores)
    measures = {"Dice": {"DA": scores, "CR": scores + 0.1, "BWCR": nan - 0.1}, "ECE": {"CR": nan, "DA": scores}}
    path = draw_improvement(measures, "DA", tmp_path / "figure.png", lower_is_better=["ECE"])
    assert Image.open(path).width == 1400 and has_color(path, COLORS[1])
    other = draw_improvement(measures, "CR", tmp_path / "other.png", lower_is_better=["ECE"])
    assert path.read_bytes() != other.read_bytes()
    draw_improvement({"Dice": {"DA": [0.5], "CR": [0.6]}}, "DA", tmp_path / "one_subject.png")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "at least one measure"),
        ({"Dice": {}}, "Dice: expected DA and another method, got none"),
        ({"Dice": {"DA": [1.0]}}, "got DA"),
        ({"Dice": {"CR": [1.0], "BWCR": [1.0]}}, "got CR, BWCR"),
        ({"Dice": {"DA": [1.0, 2.0], "CR": [1.0]}}, "2 subjects of CR as of DA, got 1"),
        ({"Dice": {"DA": [1.0, np.nan], "CR": [np.nan, 1.0]}}, "subjects that CR and DA share"),
    ],
)
def test_improvement_mistakes(values: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        draw_improvement(values, "DA", tmp_path / "figure.png")


@pytest.mark.parametrize("size", [(24, 24), (16, 30)])
def test_probabilities(size: tuple[int, int], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    label = np.zeros(size, dtype=int)
    label[4:10, 5:12] = 1
    maps = {name: rng.dirichlet((1, 1, 1), size).transpose(2, 0, 1) for name in ("DA", "BWCR")}
    path = draw_probabilities(rng.normal(size=size), label, maps, ["background", "a", "b"], tmp_path / "figure.png")
    assert has_color(path, CLEAN), "the label is outlined"
    empty = np.zeros(size, dtype=int)
    bare = draw_probabilities(np.ones(size), empty, maps, ["background", "a", "b"], tmp_path / "empty.png")
    assert not has_color(bare, CLEAN)


def test_probabilities_of_other_sizes(tmp_path: Path) -> None:
    image, label, names = np.zeros((4, 5)), np.zeros((4, 5), dtype=int), ["background", "a"]
    maps = np.zeros((2, 4, 5))
    figure = tmp_path / "figure.png"
    for classes, methods in ((names, {}), (names[:1], {"DA": maps})):
        with pytest.raises(InputError, match="a method and two classes at least"):
            draw_probabilities(image, label, methods, classes, figure)
    with pytest.raises(InputError, match=r"the label: expected the shape \(4, 5\).*got \(5, 4\)"):
        draw_probabilities(image, label.T, {"DA": maps}, names, figure)
    with pytest.raises(InputError, match=r"probabilities of DA: expected the shape \(2, 4, 5\).*got \(1, 4, 5\)"):
        draw_probabilities(image, label, {"DA": maps[:1]}, names, figure)
    with pytest.raises(InputError, match="image"):
        draw_probabilities(image[None], label[None], {"DA": maps[:, None]}, names, figure)
