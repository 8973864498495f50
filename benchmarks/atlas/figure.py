"""The atlas in one picture: what each method gains or costs against plain training, by kind of label error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.atlas.tables import DATA_SET_TITLES, ERROR_TITLES, LEVEL, cells_of, error_title, rows_of
from common.report.drawing import TEXT, PathLike, save_figure

LIMIT = 5.0  # points of Dice at which colors end


def draw_atlas(summary: Mapping[str, Any], path: PathLike) -> Path:
    """A panel for each data set, a field for each method and error: blue is better than plain training, red is worse.

    The number is the difference of Dice in points (hundredths), bold where it is significant (Holm, p < 0.05); of the
    first row, plain training, it is Dice itself. Below, the same for several annotators, a column for each data set.

    Args:
        summary: of `benchmarks.atlas.results.summarize`.
        path: PNG to write.

    Returns:
        The path.
    """
    one, several = (cells_of(summary, group) for group in ("one annotator", "several annotators"))
    by_set = {name: [cell for cell in one if cell["data_set"] == name] for name in DATA_SET_TITLES}
    by_set = {name: cells for name, cells in by_set.items() if cells}
    lines = [len(rows_of(cells)) + 3 for cells in (one, several) if cells]
    figure = Figure(figsize=(12.0, 0.4 + 0.28 * sum(lines)), layout="constrained")
    parts = figure.subfigures(len(lines), 1, height_ratios=lines, squeeze=False)[:, 0]
    if one:
        widths = [len(cells) for cells in by_set.values()]
        panels = parts[0].subplots(1, len(by_set), width_ratios=widths, squeeze=False)[0]
        for place, (panel, (name, cells)) in enumerate(zip(panels, by_set.items(), strict=True)):
            _panel(panel, DATA_SET_TITLES[name], rows_of(one), [(ERROR_TITLES[cell["error"]], cell) for cell in cells])
            if place:
                panel.set_yticks([])
    if several:
        columns = [(f"{DATA_SET_TITLES[cell['data_set']]}\n{error_title(cell['error'])}", cell) for cell in several]
        _panel(parts[-1].subplots(), "Several annotators", rows_of(several), columns)
    return save_figure(figure, path, dpi=150)


def _panel(panel: Axes, title: str, rows: Sequence[str], columns: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    entries = [[_entry(cell, row) for _, cell in columns] for row in rows]
    points = np.array([[100 * (entry or {}).get("difference", np.nan) for entry in line] for line in entries])
    panel.imshow(np.clip(points, -LIMIT, LIMIT), cmap="RdBu", vmin=-1.6 * LIMIT, vmax=1.6 * LIMIT, aspect="auto")
    for y, line in enumerate(entries):
        for x, entry in enumerate(line):
            if entry is not None:
                plain = "difference" not in entry
                text = f"{100 * entry['dice'][0]:.1f}" if plain else f"{points[y, x]:+.1f}".replace("-", "−")
                weight = "bold" if not plain and entry["p_holm"] < LEVEL else "normal"
                panel.text(x, y, text, ha="center", va="center", fontsize=8, color=TEXT, fontweight=weight)
    panel.set_title(title, fontsize=10, color=TEXT, fontweight="bold")
    panel.set_xticks(range(len(columns)), [name for name, _ in columns])
    panel.set_yticks(range(len(rows)), rows)
    panel.tick_params(labelsize=8, length=0, labelcolor=TEXT, labeltop=True, labelbottom=False)
    panel.tick_params(axis="x", labelsize=7)
    panel.spines[:].set_visible(False)


def _entry(cell: Mapping[str, Any], row: str) -> Mapping[str, Any] | None:
    return next((entry for entry in cell["rows"] if entry["row"] == row), None)
