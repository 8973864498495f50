"""Curves over epochs and over noise levels, as in the figures of the T-Loss paper."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.report.tables import method_names, setting_label, was_measured
from common.report.drawing import (
    TEXT,
    WIDTH,
    PathLike,
    legend_below,
    line_styles,
    plain_axes,
    save_figure,
)


def draw_dice_by_setting(results: Mapping[str, Any], path: PathLike, highlight: str | None = None) -> Path:
    """Mean Dice in each noise setting, a line per method, with its standard deviation over seeds.

    Args:
        results: of `benchmarks.report.tables.summarize_runs` or `benchmarks.report.tables.load_results`.
        path: PNG to write.
        highlight: the method drawn strong and on top.

    Raises:
        InputError: ``highlight`` is no method of the results.
    """
    methods, settings = method_names(results), results["settings"]
    styles = line_styles(methods, highlight)
    figure = Figure(figsize=(WIDTH, 4.0), layout="constrained")
    panel = figure.subplots()
    plain_axes(panel, results["title"])
    varies = any(cell["std"] is not None for entry in settings for cell in entry["methods"].values())
    for i, name in enumerate(methods):
        cells = [(x, entry["methods"][name]) for x, entry in enumerate(settings) if was_measured(entry, name)]
        offset = 0.5 * ((i + 0.5) / len(methods) - 0.5) if varies else 0.0  # so that no bar hides another
        panel.errorbar(
            [x + offset for x, _ in cells],
            [cell["mean"] for _, cell in cells],
            [cell["std"] or 0.0 for _, cell in cells] if varies else None,
            label=name,
            elinewidth=1.0,
            marker="o",
            markersize=5 if name == highlight else 3,
            **styles[name],
        )
    labels = [setting_label(entry["setting"]).replace(", ", "\n") for entry in settings]
    panel.set_xticks(range(len(settings)), labels)
    panel.set_ylabel(results["metric"] + (", mean ± standard deviation" if varies else ""), color=TEXT)
    legend_below(figure, panel)
    return save_figure(figure, path)
