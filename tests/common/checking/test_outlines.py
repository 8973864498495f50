"""Outlines of several labels on one picture: each can be seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from common.checking.outlines import draw_outlines
from common.checking.pictures import BROAD, OUTLINES, CasePanel, draw_cases

RADIUS = np.hypot(*np.mgrid[-32:32, -32:32])


def seen(path: Path, panel: CasePanel, colors: tuple[str, ...] = OUTLINES) -> list[int]:
    """How many pixels have each color, below the legend and the title."""
    pixels = np.asarray(Image.open(draw_cases(path / "a.png", [panel])).convert("RGB"))[:, :210]
    inside = pixels[np.flatnonzero((pixels < 9).all(2).any(1)).min() :]  # the image is black
    below = inside[np.flatnonzero((inside < 9).all(2).mean(1) > 0.3).min() :].reshape(-1, 3)
    return [int((below == [int(color[k : k + 2], 16) for k in (1, 3, 5)]).all(1).sum()) for color in colors]


def segments(maps: dict[str, np.ndarray]) -> dict[str, list[np.ndarray]]:
    """Lines by the name in whose color they are drawn."""
    panel = Figure().subplots()
    panel.imshow(np.zeros((64, 64)))
    colors = dict(zip(maps, OUTLINES, strict=False))
    limits = panel.get_xlim(), panel.get_ylim()
    draw_outlines(panel, maps, colors)
    assert (panel.get_xlim(), panel.get_ylim()) == limits
    found = {}
    for name, color in colors.items():
        rgb = tuple(int(color[k : k + 2], 16) / 255 for k in (1, 3, 5))
        of_it = [one for one in panel.collections if np.allclose(one.get_color()[0][:3], rgb)]
        found[name] = [line for one in of_it for line in one.get_segments()]
    return found


def length(lines: list[np.ndarray]) -> float:
    return float(sum(np.hypot(*np.diff(line, axis=0).T).sum() for line in lines))


@pytest.mark.parametrize("necrosis", [RADIUS < 6, RADIUS < 0.5])
@pytest.mark.parametrize("scale", [1, 32])
def test_a_class_within_others_is_seen(necrosis: np.ndarray, scale: int, tmp_path: Path):
    masks = {"necrosis": necrosis, "edema": (RADIUS > 14) & (RADIUS < 26), "tumor": (RADIUS <= 14) & ~necrosis}
    masks = {name: np.kron(mask, np.ones((scale, scale), int)) for name, mask in masks.items()}
    image = np.zeros(masks["edema"].shape)
    assert min(seen(tmp_path, CasePanel("a", "", image, masks))[:3]) >= 4


def test_what_is_smaller_than_a_pixel_of_the_picture_is_seen(tmp_path: Path):
    spot = np.zeros((1024, 1024), int)
    spot[333, 335] = 1
    panel = CasePanel("a", "", np.zeros(spot.shape), {"organ": 1 - spot, "spot": spot})
    assert seen(tmp_path, panel)[1] >= 4


def test_colors_take_turns_where_borders_coincide(tmp_path: Path):
    maps = dict.fromkeys(("AR", "HS", "SG"), RADIUS < 20)
    counts = seen(tmp_path, CasePanel("a", "", np.zeros(RADIUS.shape), maps))[:3]
    assert min(counts) > 0.6 * max(counts) > 50
    found = segments({name: drawn.astype(int) for name, drawn in maps.items()})
    alone = segments({"AR": np.where(RADIUS < 10, 2, RADIUS < 20)})
    outer = [line for line in alone["AR"] if np.ptp(line[:, 0]) > 20]
    assert sum(map(length, found.values())) == pytest.approx(length(outer))  # every piece once


def test_a_border_that_one_annotator_has_is_his_alone():
    left, right = np.zeros((2, 64, 64), int)
    left[10:50, 10:30], right[10:50, 10:40] = 1, 1
    found = segments({"AR": left, "HS": right})
    assert any((line[:, 0] == 29.5).sum() > 30 for line in found["AR"])
    assert any((line[:, 0] == 39.5).sum() > 30 for line in found["HS"])
    for name in ("AR", "HS"):
        assert any((line[:, 0] == 9.5).any() for line in found[name])  # they take turns on the left side


def test_borders_between_classes_are_drawn_once():
    one, other = np.zeros((2, 64, 64), int)
    one[10:50, 10:50] = other[10:50, 10:50] = 1
    one[10:50, 30:50], other[10:50, 40:50] = 2, 2
    found = segments({"AR": one, "HS": other})
    for name, column in (("AR", 29.5), ("HS", 39.5)):
        between = [line[line[:, 0] == column] for line in found[name]]
        assert sum(length([line]) for line in between if len(line) > 1) == pytest.approx(39, abs=2)


def test_what_is_not_labeled_has_no_border():
    label = np.full((64, 64), -1)
    label[:, :40] = 0
    assert segments({"AR": label, "HS": label})["AR"] == []


def test_the_broad_one_is_seen_beneath_the_others(tmp_path: Path):
    maps = dict.fromkeys(("AR", "HS", "consensus"), RADIUS < 20)
    panel = CasePanel("a", "", np.zeros(RADIUS.shape), maps)
    lines = CasePanel("a", "", np.zeros(RADIUS.shape), maps, broad="consensus")
    white = [seen(tmp_path, one, (BROAD,))[0] for one in (panel, lines)]
    assert white[1] > white[0] + 100
    assert min(seen(tmp_path, lines)[:2]) > 50 and seen(tmp_path, lines)[2] == 0


def test_the_legend_names_what_is_drawn(tmp_path: Path):
    masks = {"AR": np.zeros((64, 64)), "HS": RADIUS < 9}
    draw_cases(tmp_path / "a.png", [CasePanel("a", "", np.zeros((64, 64)), masks)])
    with Image.open(tmp_path / "a.png") as drawn:
        pixels = np.asarray(drawn.convert("RGB")).reshape(-1, 3)
    assert (pixels == [0xF0, 0xE4, 0x42]).all(1).any() and not (pixels == [0x56, 0xB4, 0xE9]).all(1).any()
