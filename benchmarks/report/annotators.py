"""Training of networks that learn their annotators, over the trace weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from common.report.drawing import (
    LEGEND,
    TEXT,
    WIDTH,
    PathLike,
    epochs_below,
    plain_axes,
    save_figure,
)
from common.report.tables import epoch_column, run_tables

__all__ = ["draw_validation"]

METRICS = {"val_mean_dice": "Dice on validation set", "val_cm_error": "Error of the matrices"}


def draw_validation(
    runs: Mapping[str, PathLike],
    path: PathLike,
    metric: str | Sequence[str] = "val_mean_dice",
    legend: str = "Trace weight",
) -> Path:
    """Metrics of the validation over the epochs, a panel each with a line per run, darker for the later ones.

    For runs that differ in one number, given in its order: of the trace weight it is figure 3 of Zhang et al.,
    *Disentangling Human Error from Ground Truth in Segmentation of Medical Images*.

    Args:
        runs: folder with ``metrics.csv`` of each line, by its label.
        path: PNG to write.
        metric: column of ``metrics.csv``, or several.
        legend: what the labels are.

    Raises:
        InputError: no runs, a missing ``metrics.csv``, or one without the column.
    """
    metrics = [metric] if isinstance(metric, str) else list(metric)
    tables = run_tables(runs, "metrics.csv", ("epoch", *metrics))
    colors = matplotlib.colormaps["viridis_r"](np.linspace(0.1, 1.0, len(tables)))
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    panels = figure.subplots(1, len(metrics), squeeze=False)[0]
    for panel, name in zip(panels, metrics, strict=True):
        plain_axes(panel, title="")
        for (label, rows), color in zip(tables.items(), colors, strict=True):
            panel.plot(*epoch_column(rows, name), label=label, color=color, linewidth=1.5)
        epochs_below(panel)
        panel.set_ylabel(METRICS.get(name, name), color=TEXT)
    columns = min(7, len(tables))
    handles = panels[0].lines
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, title=legend, title_fontsize=8, **LEGEND)
    return save_figure(figure, path)
