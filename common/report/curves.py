"""Curves over epochs and over noise levels, as in the figures of the T-Loss paper."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import cycle, islice, product
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image
from scipy.spatial import KDTree

from common.errors import InputError
from common.files import read_csv, whole_file
from common.report.tables import method_names, setting_label

PathLike = str | os.PathLike[str]

WIDTH = 7.0  # inches: a 9-point letter is 12 pixels high where the figure is shown 700 pixels wide
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito, for every colour vision
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1.2)))
TEXT = "#333333"
LEGEND: dict[str, Any] = {"frameon": False, "fontsize": 8, "labelcolor": TEXT, "handlelength": 2.6}
PANEL_TITLES = {
    "erosion": "Eroded labels",
    "dilation": "Dilated labels",
    "displacement": "Displaced labels",
    "none": "Unchanged labels",
}


def save_figure(figure: Figure, path: PathLike, dpi: int = 200, keep: Sequence[str] = ()) -> Path:
    """Writes a figure as PNG, whole or not at all.

    Args:
        figure: to be drawn on white.
        path: ends in ``.png``.
        dpi: pixels per inch.
        keep: for figures with photographs: the file has 256 colours, these (``#RRGGBB``) among them, and a third of
            the size.

    Raises:
        InputError: ``path`` does not end in ``.png``.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise InputError(f"a figure is written as PNG, got the file name {path}.")
    figure.set_dpi(dpi)
    figure.set_facecolor("white")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    image = _few_colours(pixels, ("#FFFFFF", TEXT, *keep)) if keep else Image.fromarray(pixels)
    with whole_file(path) as partial:
        image.save(partial, optimize=True)
    return path


def _few_colours(pixels: np.ndarray, keep: Sequence[str]) -> Image.Image:
    """(H, W, 3) with 256 colours, ``keep`` and at most 52 greys among them."""
    grey = np.ptp(pixels, axis=2, keepdims=True) == 0
    pixels = np.where(grey, (pixels + 2.0) // 5 * 5, pixels).astype(np.uint8)
    chosen = Image.fromarray(pixels).quantize(256 - len(keep)).getpalette() or []
    palette = bytes(chosen) + bytes.fromhex("".join(keep).replace("#", ""))
    colours, index = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True)
    nearest = KDTree(np.frombuffer(palette, dtype=np.uint8).reshape(-1, 3)).query(colours)[1].astype(np.uint8)
    image = Image.fromarray(nearest[index].reshape(pixels.shape[:2]))
    image.putpalette(palette)
    return image


def draw_memorisation(runs: Mapping[str, PathLike], path: PathLike, highlight: str | None = None) -> Path:
    """Dice of the training predictions with the clean labels over the epochs, a panel per kind of noise.

    A falling line is a network that learns the labels' errors by heart. Panels stand only for kinds that occurred.

    Args:
        runs: folder with ``memorisation.csv`` of each line, by its label.
        path: PNG to write.
        highlight: the label drawn strong and on top.

    Raises:
        InputError: no runs, a missing or foreign ``memorisation.csv``, or a ``highlight`` that is no label.

    Source: T-Loss paper, Fig. 1.
    """
    tables = _tables(runs, "memorisation.csv", ("epoch", "noise_kind", "dice_clean"))
    styles = _styles(tables, highlight)
    found = {row["noise_kind"] for rows in tables.values() for row in rows}
    kinds = [kind for kind in PANEL_TITLES if kind in found] + sorted(found - PANEL_TITLES.keys())
    columns = min(2, len(kinds))
    lines = -(-len(kinds) // columns)
    figure = Figure(figsize=(WIDTH, 2.3 * lines + 0.5), layout="constrained")
    panels = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    for panel in panels.flat[len(kinds) :]:
        panel.remove()
    for panel, kind in zip(panels.flat, kinds, strict=False):
        _plain(panel, title=PANEL_TITLES.get(kind, kind))
        for label, rows in tables.items():
            epochs, dice = _column([row for row in rows if row["noise_kind"] == kind], "dice_clean")
            panel.plot(epochs, dice, label=label, **styles[label])
        if panel.get_subplotspec().is_first_col():
            panel.set_ylabel("Dice with clean labels", color=TEXT)
    for column in range(columns):
        last = [panel for panel in panels[:, column] if panel.figure][-1]
        _epochs_below(last)
        last.tick_params(labelbottom=True)
    _legend_below(figure, panels.flat[0])
    return save_figure(figure, path)


def draw_nu_path(runs: Mapping[str, PathLike], path: PathLike, starts: Mapping[str, PathLike] | None = None) -> Path:
    """The learned tolerance of the T-Loss over the epochs: of some runs, and with Dice for each start.

    Args:
        runs: folder with ``metrics.csv`` of each line of the left panel, by its label (in the paper the noise level);
            empty leaves the panel out.
        path: PNG to write.
        starts: folder of each line of the centre and right panels, runs that differ in the tolerance they started
            from, by its label; none leaves both out.

    Raises:
        InputError: no runs, a missing ``metrics.csv``, or one without the column ``nu_tilde`` or ``val_mean_dice``.

    Source: T-Loss paper, Fig. 2.
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
        tables = _tables(folders, "metrics.csv", ("epoch", metric))
        styles = _styles(tables)
        _plain(panel, title)
        for label, rows in tables.items():
            panel.plot(*_column(rows, metric), label=label, **styles[label])
        _epochs_below(panel)
        panel.set_ylabel(unit, color=TEXT)
        below.axis("off")
        below.legend(*panel.get_legend_handles_labels(), loc="upper center", borderpad=0, **LEGEND)
    return save_figure(figure, path)


def draw_dice_by_setting(results: Mapping[str, Any], path: PathLike, highlight: str | None = None) -> Path:
    """Mean Dice in each noise setting, a line per method, with its standard deviation over seeds.

    Args:
        results: of `common.report.summarise_runs` or `common.report.load_results`.
        path: PNG to write.
        highlight: the method drawn strong and on top.

    Raises:
        InputError: ``highlight`` is no method of the results.
    """
    methods, settings = method_names(results), results["settings"]
    styles = _styles(methods, highlight)
    figure = Figure(figsize=(WIDTH, 4.0), layout="constrained")
    panel = figure.subplots()
    _plain(panel, results["title"])
    varies = any(cell["std"] is not None for entry in settings for cell in entry["methods"].values())
    for i, name in enumerate(methods):
        cells = [(x, entry["methods"][name]) for x, entry in enumerate(settings) if name in entry["methods"]]
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
    _legend_below(figure, panel)
    return save_figure(figure, path)


def _tables(runs: Mapping[str, PathLike], file: str, columns: Sequence[str]) -> dict[str, list[dict[str, str]]]:
    if not runs:
        raise InputError(f"a figure of {file} needs at least one run, got none.")
    tables = {}
    for label, folder in runs.items():
        path = Path(folder) / file
        if not path.is_file():
            raise InputError(f"{path} does not exist: expected the {file} of a training run.")
        tables[label] = read_csv(path)
        missing = [name for name in columns if not tables[label] or name not in tables[label][0]]
        if missing:
            raise InputError(f"{path} must have rows with the columns {', '.join(columns)}; it lacks {missing[0]}.")
    return tables


def _column(rows: Sequence[Mapping[str, str]], name: str) -> tuple[list[int], list[float]]:
    """Epochs and values, without the epochs that have none."""
    measured = [row for row in rows if row[name]]
    return [int(row["epoch"]) for row in measured], [float(row[name]) for row in measured]


def _styles(labels: Sequence[str] | Mapping[str, Any], highlight: str | None = None) -> dict[str, dict[str, Any]]:
    """Colour and dashes of each line; the highlighted one is black, thick and on top."""
    if highlight is not None and highlight not in labels:
        raise InputError(f"highlight must be one of {', '.join(labels)}, got {highlight}.")
    others = [label for label in labels if label != highlight]
    pairs = islice(cycle(product(DASHES, COLOURS)), len(others))
    styles: dict[str, dict[str, Any]] = {
        label: {"color": colour, "linestyle": dashes, "linewidth": 1.3}
        for label, (dashes, colour) in zip(others, pairs, strict=True)
    }
    if highlight is not None:
        styles[highlight] = {"color": "black", "linestyle": "-", "linewidth": 2.4, "zorder": 5}
    return styles


def _plain(panel: Axes, title: str) -> None:
    panel.set_title(title, fontsize=9, color=TEXT, loc="left", fontweight="bold")
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["left", "bottom"]].set_color("#999999")
    panel.grid(axis="y", color="#E5E5E5", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.tick_params(labelsize=8, color="#999999", labelcolor=TEXT)
    panel.xaxis.label.set_fontsize(9)
    panel.yaxis.label.set_fontsize(9)


def _epochs_below(panel: Axes) -> None:
    panel.set_xlabel("Epoch", color=TEXT)
    panel.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))


def _legend_below(figure: Figure, panel: Axes) -> None:
    handles, labels = panel.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(5, len(labels)), **LEGEND)
