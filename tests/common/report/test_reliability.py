"""Reliability diagrams: what they are drawn from, that they can be read, and what they refuse."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from common.errors import InputError
from common.io.files import write_csv
from common.report import draw_reliability
from common.report import reliability as report_reliability
from common.report.__main__ import reliability
from common.report.drawing import COLORS
from common.report.reliability import pooled_bins


def has_color(path: Path, color: str) -> bool:
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return bool((np.abs(pixels - np.array(list(bytes.fromhex(color[1:])))).sum(axis=2) < 10).any())


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
    assert has_color(path, COLORS[1])
    alone = draw_reliability({"DA": runs["DA"]}, tmp_path / "alone.png")
    assert has_color(alone, COLORS[0]) and not has_color(alone, COLORS[1])


def test_rows_of_panels_have_space_between_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(report_reliability, "save_figure", lambda figure, path: drawn.append(figure))
    draw_reliability({"DA": [table(tmp_path, ["background", *"abcd"])]}, "unused.png")
    drawn[0].draw_without_rendering()
    first, fourth = (drawn[0].axes[place].get_tightbbox() for place in (0, 3))
    space = 0.03 * drawn[0].dpi  # inches
    assert first.y1 + space < drawn[0].bbox.y1 and fourth.y1 + space < first.y0
    assert drawn[0].legends[0].get_window_extent().y1 <= fourth.y0


def test_names_keep_their_capitals_and_points_at_the_border_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(report_reliability, "save_figure", lambda figure, path: drawn.append(figure))
    draw_reliability({"DA": [table(tmp_path, ["background", "left_LV"], accuracy=1.0)]}, "unused.png")
    assert drawn[0].axes[0].get_title(loc="left") == "Left LV"
    assert not drawn[0].axes[0].get_lines()[1].get_clip_on()


def test_reliability_from_the_command_line(tmp_path: Path) -> None:
    runs = [f"{name}:{table(tmp_path / name, ['background', 'disc'])}" for name in ("DA", "BWCR")]
    path = Path(reliability(*runs, output=str(tmp_path / "figure.png")))
    folders = {name: [tmp_path / name] for name in ("DA", "BWCR")}
    assert path.read_bytes() == draw_reliability(folders, tmp_path / "same.png").read_bytes()


def test_seeds_are_pooled_by_their_counts(tmp_path: Path) -> None:
    one, two = table(tmp_path / "1", ["a"], 0.5, 10), table(tmp_path / "2", ["a"], 1.0, 30)
    count, confidence, accuracy = pooled_bins([one, two])["a"]
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
