"""Figures of calibration: what they are drawn from, that they can be read, and what they refuse."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.errors import InputError
from common.io.files import write_csv
from common.report import draw_improvement, draw_probabilities, draw_reliability
from common.report.__main__ import reliability
from common.report.calibration import _pooled
from common.report.drawing import CLEAN, COLOURS


def has_colour(path: Path, colour: str) -> bool:
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return bool((np.abs(pixels - np.array(list(bytes.fromhex(colour[1:])))).sum(axis=2) < 10).any())


def table(folder: Path, classes: Sequence[str], accuracy: float = 0.5, count: int = 10) -> Path:
    """Bins of which the middle one is empty."""
    rows = [
        {"class": name, "bin": b + 1, "count": count, "confidence": (b + 0.5) / 3, "accuracy": accuracy}
        if b != 1
        else {"class": name, "bin": b + 1, "count": 0, "confidence": "", "accuracy": ""}
        for name in classes
        for b in range(3)
    ]
    write_csv(folder / "reliability.csv", rows)
    return folder


@pytest.mark.parametrize("classes", [["disc"], ["background", "disc"], ["background", "a", "b", "c", "d"]])
def test_reliability(classes: list[str], tmp_path: Path) -> None:
    runs = {name: [table(tmp_path / name, classes)] for name in ("DA", "BWCR")}
    path = draw_reliability(runs, tmp_path / "figure.png")
    assert has_colour(path, COLOURS[1])
    alone = draw_reliability({"DA": runs["DA"]}, tmp_path / "alone.png")
    assert has_colour(alone, COLOURS[0]) and not has_colour(alone, COLOURS[1])


def test_reliability_from_the_command_line(tmp_path: Path) -> None:
    runs = [f"{name}:{table(tmp_path / name, ['background', 'disc'])}" for name in ("DA", "BWCR")]
    path = Path(reliability(*runs, output=str(tmp_path / "figure.png")))
    folders = {name: [tmp_path / name] for name in ("DA", "BWCR")}
    assert path.read_bytes() == draw_reliability(folders, tmp_path / "same.png").read_bytes()


def test_seeds_are_pooled_by_their_counts(tmp_path: Path) -> None:
    one, two = table(tmp_path / "1", ["a"], 0.5, 10), table(tmp_path / "2", ["a"], 1.0, 30)
    count, confidence, accuracy = _pooled([one, two])["a"]
    assert count.tolist() == [40, 0, 40]
    assert (confidence[0] / 40, accuracy[0] / 40) == pytest.approx((1 / 6, 0.875))


def test_reliability_of_nothing_and_of_strangers(tmp_path: Path) -> None:
    figure = tmp_path / "figure.png"
    one, other = table(tmp_path / "1", ["a", "b"]), table(tmp_path / "2", ["a", "c"])
    for runs in ({}, {"DA": []}):
        with pytest.raises(InputError, match="at least one run"):
            draw_reliability(runs, figure)
    with pytest.raises(InputError, match=r"reliability\.csv of CR must have the classes and bins of DA"):
        draw_reliability({"DA": [one], "CR": [other]}, figure)
    with pytest.raises(InputError, match="must have the classes and bins of"):
        draw_reliability({"DA": [one, other]}, figure)
    with pytest.raises(InputError, match=r"reliability\.csv does not exist"):
        draw_reliability({"DA": [tmp_path]}, figure)
    write_csv(tmp_path / "reliability.csv", [{"class": "a", "bin": 1}])
    with pytest.raises(InputError, match="must have rows with the columns class, bin, count"):
        draw_reliability({"DA": [tmp_path]}, figure)
    assert not figure.exists()


def test_improvement(tmp_path: Path) -> None:
    scores = np.random.default_rng(0).uniform(0.1, 0.4, 12)
    nan = np.where(np.arange(12) == 3, np.nan, scores)
    measures = {"Dice": {"DA": scores, "CR": scores + 0.1, "BWCR": nan - 0.1}, "ECE": {"CR": nan, "DA": scores}}
    path = draw_improvement(measures, "DA", tmp_path / "figure.png", lower_is_better=["ECE"])
    assert Image.open(path).width == 1400 and has_colour(path, COLOURS[1])
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
    assert has_colour(path, CLEAN), "the label is outlined"
    empty = np.zeros(size, dtype=int)
    bare = draw_probabilities(np.ones(size), empty, maps, ["background", "a", "b"], tmp_path / "empty.png")
    assert not has_colour(bare, CLEAN)


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
