"""The atlas in one picture: what each method gains or costs against plain training, by kind of label error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.atlas.tables import DATA_SET_TITLES, ERROR_TITLES, LEVEL, cells_of, rows_of
from common.report.drawing import TEXT, PathLike, save_figure

LIMIT = 5.0  # points of Dice at which colors end


def draw_atlas(summary: Mapping[str, Any], path: PathLike) -> Path:
    """A field for each method and error, blue where it is better than plain training and red where it is worse.

    The number is the difference of Dice in points (hundredths), the mean over the data sets; a triangle for each data
    set in which it is significant (Holm, p < 0.05) points up or down.

    Args:
        summary: of `benchmarks.atlas.results.summarize`.
        path: PNG to write.

    Returns:
        The path.
    """
    one, several = (cells_of(summary, group) for group in ("one annotator", "several annotators"))
    errors = [error for error in ERROR_TITLES if any(cell["error"] == error for cell in one)]
    drawn = [
        (
            "One annotator: points of Dice against cross-entropy",
            rows_of(one),
            [(ERROR_TITLES[error], [cell for cell in one if cell["error"] == error]) for error in errors],
        ),
        (
            "Several annotators: points of Dice against cross-entropy on their majority",
            rows_of(several),
            [(f"{DATA_SET_TITLES[cell['data_set']]}\n{_one_line(cell['error'])}", [cell]) for cell in several],
        ),
    ]
    drawn = [panel for panel in drawn if panel[2]]
    lines = [len(rows) + 1 for _, rows, _ in drawn]
    figure = Figure(figsize=(9.0, 0.7 + 0.32 * sum(lines)), layout="constrained")
    panels = figure.subplots(len(drawn), 1, height_ratios=lines, squeeze=False)[:, 0]
    for panel, (title, rows, columns) in zip(panels, drawn, strict=True):
        _panel(panel, title, rows, columns)
    return save_figure(figure, path)


def _panel(
    panel: Axes, title: str, rows: Sequence[str], columns: Sequence[tuple[str, Sequence[Mapping[str, Any]]]]
) -> None:
    found = [[_field(row, cells) for _, cells in columns] for row in rows]
    values = np.array([[np.nan if field is None else field[0] for field in line] for line in found])
    panel.imshow(np.clip(values, -LIMIT, LIMIT), cmap="RdBu", vmin=-1.6 * LIMIT, vmax=1.6 * LIMIT, aspect="auto")
    for y, line in enumerate(found):
        for x, field in enumerate(line):
            if field is not None:
                panel.text(
                    x,
                    y,
                    f"{field[0]:+.1f} {field[1]}".replace("-", "−"),
                    ha="center",
                    va="center",
                    fontsize=8,
                    color=TEXT,
                )
    panel.set_title(title, fontsize=9, color=TEXT, loc="left", fontweight="bold")
    panel.set_xticks(range(len(columns)), [name for name, _ in columns])
    panel.set_yticks(range(len(rows)), rows)
    panel.tick_params(labelsize=8, length=0, labelcolor=TEXT, labeltop=True, labelbottom=False)
    panel.spines[:].set_visible(False)


def _one_line(error: str) -> str:
    return ERROR_TITLES[error].replace("-\n", "").replace("\n", " ")


def _field(row: str, cells: Sequence[Mapping[str, Any]]) -> tuple[float, str] | None:
    """The mean difference in points, and a triangle for each data set in which it is significant."""
    entries = [
        entry for cell in cells for entry in cell["rows"] if entry["row"] == row and entry.get("difference") is not None
    ]
    if not entries:
        return None
    signs = sorted("▲" if entry["difference"] > 0 else "▼" for entry in entries if entry["p_holm"] < LEVEL)
    return 100 * float(np.mean([entry["difference"] for entry in entries])), "".join(signs)
