"""Outlines of several labels on one picture of which none hides another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Curve

__all__ = ["draw_outlines"]

LINE, BROAD = 1.5, 4.2  # points
HALO = 0.5  # points of shadow on each side, for bright places
SHADOW = "#000000"
DASH = 6.0  # points of each color where outlines coincide
SPOT = 6.0  # square points; what is smaller is drawn as a spot
AROUND, BENEATH = 3.0, 2.0  # orders of drawing; lines within a class are in between

Line = np.ndarray  # (N, 2) columns and rows


def draw_outlines(
    panel: Axes, maps: Mapping[str, np.ndarray], colors: Mapping[str, str], point: float = 1.0, broad: str = ""
) -> None:
    """The borders of all classes of every map, so that each map can be seen.

    Maps of one class each that do not overlap, such as the classes of one label, have their lines on their own side of
    the border: lines of neighbors are side by side, and what is thinner than a line is filled. Of others, such as the
    labels of several annotators, the colors take turns along a border that they share.

    Args:
        panel: to draw on, with the image's columns and rows as coordinates.
        maps: class map (H, W) by name, the background and what is not labeled not above 0.
        colors: ``#RRGGBB`` by name.
        point: pixels of the image in a point of the figure.
        broad: the map that is drawn broad beneath the others, such as a consensus; empty for none.

    Example:
        >>> from matplotlib.figure import Figure
        >>> panel = Figure().subplots()
        >>> draw_outlines(panel, {"AR": np.eye(3), "HS": np.eye(3)}, {"AR": "#F0E442", "HS": "#56B4E9"})
        >>> len(panel.collections)  # a shadow, and two colors that take turns
        3
    """
    drawn = {name: one for name, one in maps.items() if (one > 0).any()}
    limits = {"xlim": panel.get_xlim(), "ylim": panel.get_ylim()}
    _draw(panel, drawn, colors, point, broad)
    panel.set(**limits)  # contours would add a margin


def _draw(panel: Axes, drawn: dict[str, np.ndarray], colors: Mapping[str, str], point: float, broad: str) -> None:
    if broad in drawn:
        lines = _borders(panel, drawn.pop(broad))
        _add(panel, lines, SHADOW, BROAD + 2 * HALO, BENEATH)
        _add(panel, lines, colors[broad], BROAD, BENEATH)
    if not drawn:
        return
    masks = {name: one > 0 for name, one in drawn.items()}
    of_one_class = all(len(np.unique(drawn[name][mask])) == 1 for name, mask in masks.items())
    if not broad and of_one_class and np.sum([*masks.values()], axis=0).max() == 1:
        for name, mask in masks.items():
            _within(panel, mask, colors[name], point)
        return
    lines_of = {name: _borders(panel, one) for name, one in drawn.items()}
    _add(panel, [line for lines in lines_of.values() for line in lines], SHADOW, LINE + 2 * HALO, AROUND, 0.5)
    for name, lines in _taking_turns(lines_of, DASH * point).items():
        _add(panel, lines, colors[name], LINE, AROUND)


def _add(
    panel: Axes, lines: Sequence[Line], color: str, width: float, order: float, alpha: float = 1.0, cap: str = "butt"
) -> None:
    drawn = LineCollection(list(lines), colors=color, linewidths=width, alpha=alpha, zorder=order)
    drawn.set(capstyle=cap, joinstyle="round")
    panel.add_collection(drawn, autolim=False)


def _padded(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """With a border of nothing around, so that outlines are closed at the edge of the image."""
    height, width = mask.shape
    return np.arange(-1, width + 1), np.arange(-1, height + 1), np.pad(mask.astype(np.float32), 1)


def _borders(panel: Axes, drawn: np.ndarray) -> list[Line]:
    """The closed outlines of every class."""
    lines: list[Line] = []
    for index in np.unique(drawn[drawn > 0]):
        found = panel.contour(*_padded(drawn == index), [0.5])
        lines += [np.asarray(line) for line in found.allsegs[0] if len(line) > 1]
        found.remove()
    return lines


def _taking_turns(lines_of: Mapping[str, Sequence[Line]], dash: float) -> dict[str, list[Line]]:
    """Pieces of the lines by the name in whose color they are drawn; every piece of a border is drawn once."""
    names = list(lines_of)
    owners: dict[tuple[int, int, int], list[str]] = {}
    for name, lines in lines_of.items():
        for line in lines:
            for place in _places(line):
                owner = owners.setdefault(place, [])
                if name not in owner:
                    owner.append(name)
    pieces: dict[str, list[Line]] = {name: [] for name in names}
    done: set[tuple[int, int, int]] = set()
    for name in names:
        for line in lines_of[name]:
            way = np.concatenate([[0.0], np.hypot(*np.diff(line, axis=0).T).cumsum()])
            places = _places(line)
            most = max(len(owners[place]) for place in places)
            turn = (way[:-1] / min(dash, way[-1] / (2 * most))).astype(int)  # a short line shows all colors, too
            chosen = [
                "" if place in done else owners[place][at % len(owners[place])]
                for place, at in zip(places, turn, strict=True)
            ]
            done.update(places)
            starts = [0, *(k for k in range(1, len(chosen)) if chosen[k] != chosen[k - 1]), len(chosen)]
            for start, end in pairwise(starts):
                if chosen[start]:
                    pieces[chosen[start]].append(line[start : end + 1])
    return {name: found for name, found in pieces.items() if found}


def _places(line: Line) -> list[tuple[int, int, int]]:
    """A key of each piece of an outline, between the middles of two pixels' edges; alike in both directions."""
    middle = np.rint(2 * (line[1:] + line[:-1])).astype(int)
    steep = np.rint(2 * np.abs(np.diff(line[:, 0]))).astype(int)
    return list(zip(*middle.T.tolist(), steep.tolist(), strict=True))


def _within(panel: Axes, mask: np.ndarray, color: str, point: float) -> None:
    """The outline on the inner side of the border; a spot where there is no room within."""
    if mask.sum() < SPOT * point**2:
        lines = _borders(panel, mask)
        _add(panel, lines, SHADOW, 2 * (LINE + HALO), AROUND, cap="round")
        _add(panel, lines, color, 2 * LINE, AROUND, cap="round")
        return
    found = panel.contourf(*_padded(mask), [0.5, 1.5])
    curve = Curve.make_compound_path(*found.get_paths())
    found.remove()
    for width, shade, alpha in ((LINE + HALO, SHADOW, 0.5), (LINE, color, 1.0)):
        patch = PathPatch(curve, fill=False, edgecolor=shade, linewidth=2 * width, alpha=alpha, zorder=AROUND - 0.5)
        panel.add_patch(patch)
        patch.set_clip_path(curve, panel.transData)
