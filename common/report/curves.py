"""Curves over epochs, as in the figures of the T-Loss paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from common.errors import InputError
from common.report.drawing import (
    LEGEND,
    PANEL_TITLES,
    TEXT,
    WIDTH,
    PathLike,
    epochs_below,
    legend_below,
    line_styles,
    plain_axes,
    save_figure,
)
from common.report.tables import epoch_column, run_tables


def draw_memorisation(runs: Mapping[str, PathLike], path: PathLike, highlight: str | None = None) -> Path:
    """Dice of the training predictions with the clean labels over the epochs, a panel per kind of noise.

    A falling line is a network that memorizes the labels' errors. There are panels only for kinds that occurred.

    Args:
        runs: folder with ``memorisation.csv`` of each line, by its label.
        path: PNG to write.
        highlight: the label drawn strong and on top.

    Returns:
        The path written.

    Raises:
        InputError: no runs, a missing or foreign ``memorisation.csv``, or a ``highlight`` that is not a label.

    Source: Gonzalez-Jimenez et al., *Robust T-Loss*, Fig. 1, https://arxiv.org/abs/2306.00753.

    Example:
        >>> import tempfile
        >>> from common.io.files import write_csv
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     rows = [{"epoch": e, "noise_kind": "erosion", "dice_clean": 0.9 - e / 100} for e in (1, 2)]
        ...     _ = write_csv(f"{folder}/memorisation.csv", rows)
        ...     draw_memorisation({"T-Loss": folder}, f"{folder}/curves.png").name
        'curves.png'
    """
    tables = run_tables(runs, "memorisation.csv", ("epoch", "dice_clean"), ["noise_kind"])
    styles = line_styles(tables, highlight)
    found = {row["noise_kind"] for rows in tables.values() for row in rows}
    kinds = [kind for kind in PANEL_TITLES if kind in found] + sorted(found - PANEL_TITLES.keys())
    columns = min(2, len(kinds))
    lines = -(-len(kinds) // columns)
    figure = Figure(figsize=(WIDTH, 2.3 * lines + 0.5), layout="constrained")
    panels = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    for panel in panels.flat[len(kinds) :]:
        panel.remove()
    for panel, kind in zip(panels.flat, kinds, strict=False):
        plain_axes(panel, title=PANEL_TITLES.get(kind, kind))
        for label, rows in tables.items():
            epochs, dice = epoch_column([row for row in rows if row["noise_kind"] == kind], "dice_clean")
            panel.plot(epochs, dice, label=label, marker=_marker(epochs), **styles[label])
        if panel.get_subplotspec().is_first_col():
            panel.set_ylabel("Dice with clean labels", color=TEXT)
    for column in range(columns):
        last = [panel for panel in panels[:, column] if panel.figure][-1]
        epochs_below(last)
        last.tick_params(labelbottom=True)
    legend_below(figure, panels.flat[0])
    return save_figure(figure, path)


def draw_nu_path(runs: Mapping[str, PathLike], path: PathLike, starts: Mapping[str, PathLike] | None = None) -> Path:
    """The learned tolerance of the T-Loss over the epochs: one panel for runs, two with Dice for each start.

    Args:
        runs: folder with ``metrics.csv`` of each line of the left panel, by its label (in the paper the noise level);
            empty leaves the panel out.
        path: PNG to write.
        starts: folder of each line of the center and right panels, runs that differ in the tolerance they started
            from, by its label; none leaves both out.

    Returns:
        The path written.

    Raises:
        InputError: no runs, a missing ``metrics.csv``, or one without the column ``nu_tilde`` or ``val_mean_dice``.

    Source: Gonzalez-Jimenez et al., *Robust T-Loss*, Fig. 2, https://arxiv.org/abs/2306.00753.

    Example:
        >>> import tempfile
        >>> from common.io.files import write_csv
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = write_csv(f"{folder}/metrics.csv", [{"epoch": e, "nu_tilde": -e / 10} for e in (1, 2)])
        ...     draw_nu_path({"T-Loss": folder}, f"{folder}/tolerance.png").name
        'tolerance.png'
    """
    tolerance = r"$\tilde{\nu} = \log\,\nu$"
    drawn = [
        (runs, "nu_tilde", "Tolerance", tolerance),
        (starts or {}, "nu_tilde", "Tolerance by start", tolerance),
        (starts or {}, "val_mean_dice", "Dice by start", "Dice on validation set"),
    ]
    drawn = [panel for panel in drawn if panel[0]]
    if not drawn:
        raise InputError("a figure of the tolerance needs at least one run, got none.")
    legend_height = 0.18 * max(len(panel[0]) for panel in drawn) + 0.1
    figure = Figure(figsize=(WIDTH, 2.5 + legend_height), layout="constrained")
    panels, legends = figure.subplots(2, len(drawn), squeeze=False, height_ratios=[2.5, legend_height])
    for panel, below, (folders, metric, title, unit) in zip(panels, legends, drawn, strict=True):
        tables = run_tables(folders, "metrics.csv", ("epoch", metric))
        styles = line_styles(tables)
        plain_axes(panel, title)
        for label, rows in tables.items():
            epochs, values = epoch_column(rows, metric)
            panel.plot(epochs, values, label=label, marker=_marker(epochs), **styles[label])
        epochs_below(panel)
        panel.set_ylabel(unit, color=TEXT)
        below.axis("off")
        below.legend(*panel.get_legend_handles_labels(), loc="upper center", borderpad=0, **LEGEND)
    return save_figure(figure, path)


def _marker(epochs: Sequence[float]) -> str:
    """A dot for a single epoch, of which there is no line to see."""
    return "o" if len(epochs) == 1 else ""
