"""What annotators do, as measured and as learned: confusion matrices, and training over the trace weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from common.errors import InputError
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

__all__ = ["draw_confusion_matrices", "draw_validation"]

SHADES = "Blues"
METRICS = {"val_mean_dice": "Dice on validation set", "val_cm_error": "Error of the matrices"}


def draw_confusion_matrices(
    matrices: Mapping[str, torch.Tensor],
    path: PathLike,
    truth: Mapping[str, torch.Tensor] | None = None,
    classes: Sequence[str] | None = None,
) -> Path:
    """The confusion matrix of each annotator, the true one below the estimate where it is known.

    A cell shows p(written class | true class), so that columns sum to 1; an unknown one (nan) is gray.

    Source: Zhang et al., *Disentangling Human Error from Ground Truth in Segmentation of Medical Images*, Figs. 2, 5
    and 7.

    Args:
        matrices: estimated ``(L, L)`` of each annotator by name, ``[i, j] = p(noisy = i | true = j)``.
        path: PNG to write.
        truth: true ones of the same annotators, or of some.
        classes: names of the L classes; None for their indices.

    Raises:
        InputError: no matrices, or matrices or names that do not fit each other.
    """
    truth = truth or {}
    if not matrices:
        raise InputError("a figure of confusion matrices needs at least one annotator, got none.")
    strangers = truth.keys() - matrices.keys()
    if strangers:
        raise InputError(f"expected true matrices of {', '.join(matrices)}, got one of {', '.join(sorted(strangers))}.")
    size = len(next(iter(matrices.values())))
    for name, matrix in [*matrices.items(), *truth.items()]:
        if matrix.shape != (size, size):
            raise InputError(f"{name}: expected a matrix of {size} × {size} classes, got {tuple(matrix.shape)}.")
    labels = [str(label) for label in (range(size) if classes is None else classes)]
    if len(labels) != size:
        raise InputError(f"classes: expected {size} names, got {len(labels)}.")

    names = list(matrices)
    rows = {"Estimate": matrices, "Truth": truth} if truth else {"": matrices}
    columns = min(5, len(names), max(1, int(16 / size)))  # so that the numbers have room
    lines = -(-len(names) // columns)
    side = min((WIDTH - 0.9) / columns, 2.2)
    longest = max(map(len, labels))
    below = 0.25 if size == 2 else 0.2 + 0.06 * longest
    figure = Figure(figsize=(WIDTH, (len(rows) * side + 0.3 + below) * lines + 0.25), layout="constrained")
    panels = figure.subplots(lines * len(rows), columns, squeeze=False)
    for panel in panels.flat:
        panel.set_visible(False)
    for index, name in enumerate(names):
        line, column = divmod(index, columns)
        for row, (title, shown) in enumerate(rows.items()):
            if name not in shown:
                continue
            panel = panels[line * len(rows) + row, column]
            panel.set_visible(True)
            _matrix(panel, shown[name].detach().cpu().numpy(), fontsize=8 if side / size > 0.45 else 6.5)
            lowest = not any(name in lower for lower in list(rows.values())[row + 1 :])
            panel.set_xticks(range(size), labels if lowest else [""] * size, rotation=90 if size > 2 < longest else 0)
            panel.set_yticks(range(size), labels if column == 0 else [""] * size)
            panel.set_title(name if row == 0 else "", fontsize=9, fontweight="bold", color=TEXT)
            panel.set_ylabel(title if column == 0 else "", fontsize=9, color=TEXT)
    figure.supxlabel("True class", fontsize=9, color=TEXT)
    figure.supylabel("Written class", fontsize=9, color=TEXT)
    return save_figure(figure, path)


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


def _matrix(panel: Axes, matrix: np.ndarray, fontsize: float) -> None:
    panel.imshow(np.ma.masked_invalid(matrix), cmap=SHADES, vmin=0.0, vmax=1.0)
    for (i, j), value in np.ndenumerate(matrix):
        text, color = (f"{value:.2f}", "white" if value > 0.55 else TEXT) if np.isfinite(value) else ("?", TEXT)
        panel.text(j, i, text, ha="center", va="center", fontsize=fontsize, color=color)
    panel.set_facecolor("#EEEEEE")
    panel.tick_params(length=0, labelsize=8, labelcolor=TEXT)
    panel.spines[:].set_color("#999999")
