"""Whether probabilities can be trusted: reliability diagrams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from common.errors import InputError
from common.io.files import read_result
from common.report.drawing import (
    COLORS,
    DASHES,
    LEGEND,
    TEXT,
    WIDTH,
    PathLike,
    class_title,
    plain_axes,
    save_figure,
)

__all__ = ["draw_reliability"]

COLUMNS = ("class", "bin", "count", "confidence", "accuracy")
DIAGONAL = "#999999"


def draw_reliability(runs: Mapping[str, Sequence[PathLike]], path: PathLike) -> Path:
    """Reliability diagrams: how often probabilities come true, a panel per structure and a line per method.

    On the diagonal confidence is accuracy; below it a method is overconfident. The first of several classes, the
    background, is left out. Runs of one method, such as its seeds, are pooled by their counts.

    Args:
        runs: folders with ``reliability.csv``, see `common.workflow.ReliabilityTable`, of each method by its label.
        path: PNG to write.

    Returns:
        The path written.

    Raises:
        InputError: no runs, a missing or foreign ``reliability.csv``, or tables of different classes or bins.

    Source: Guo et al., *On calibration of modern neural networks*, ICML 2017, Fig. 1, https://arxiv.org/abs/1706.04599.

    Example:
        >>> import tempfile
        >>> from common.io.files import write_csv
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     row = {"class": "lesion", "bin": 1, "count": 10, "confidence": 0.9, "accuracy": 0.7}
        ...     _ = write_csv(f"{folder}/reliability.csv", [row])
        ...     draw_reliability({"BWCR": [folder]}, f"{folder}/reliability.png").name
        'reliability.png'
    """
    if not any(runs.values()):
        raise InputError("a reliability diagram needs at least one run, got none.")
    tables = {label: pooled_bins(folders) for label, folders in runs.items() if folders}
    first = next(iter(tables.values()))
    classes = list(first)[1:] or list(first)
    for label, table in tables.items():
        if {name: len(sums[0]) for name, sums in table.items()} != {name: len(sums[0]) for name, sums in first.items()}:
            raise InputError(f"reliability.csv of {label} must have the classes and bins of {next(iter(tables))}.")
    columns = min(3, len(classes))
    lines = -(-len(classes) // columns)
    cell = WIDTH / max(2, columns)
    height = (cell + 0.3) * lines + 0.25  # of a square panel with its title and the name of its axis, and of the legend
    figure = Figure(figsize=(cell * columns, height), layout="constrained")
    panels = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    for panel in panels.flat[len(classes) :]:
        panel.remove()
    for panel, name in zip(panels.flat, classes, strict=False):
        plain_axes(panel, class_title(name))
        panel.plot([0, 1], [0, 1], color=DIAGONAL, linewidth=0.8, linestyle=(0, (5, 3)), zorder=1)
        for index, (label, table) in enumerate(tables.items()):
            count, confidence, accuracy = table[name]
            filled = count > 0
            panel.plot(
                confidence[filled] / count[filled],
                accuracy[filled] / count[filled],
                label=label,
                color=COLORS[index % len(COLORS)],
                linestyle=DASHES[index // len(COLORS) % len(DASHES)],
                linewidth=1.3,
                marker="o",
                markersize=2.5,
                clip_on=False,  # points at 0 and 1 lie on the frame
            )
        panel.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
        panel.set_xlabel("Confidence", color=TEXT, fontsize=9)
        panel.tick_params(labelbottom=True)
        if panel.get_subplotspec().is_first_col():
            panel.set_ylabel("Accuracy", color=TEXT, fontsize=9)
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(3 * columns, len(labels)), **LEGEND)
    return save_figure(figure, path)


def pooled_bins(folders: Sequence[PathLike]) -> dict[str, np.ndarray]:
    """What several evaluations, such as those of several seeds, have in each bin together.

    Args:
        folders: each with the ``reliability.csv`` of an evaluation.

    Returns:
        Of each class ``(3, bins)``: voxels, and sums of their probabilities and of their labels.

    Raises:
        InputError: a table is missing, is none of reliability, or has other classes or bins than the first.

    Example:
        >>> import tempfile
        >>> from common.io.files import write_csv
        >>> row = {"class": "heart", "bin": 1, "count": 4, "confidence": 0.5, "accuracy": 0.25}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = write_csv(Path(folder, "reliability.csv"), [row])
        ...     pooled_bins([folder, folder])["heart"].flatten().tolist()
        [8.0, 4.0, 2.0]
    """
    pooled: dict[str, np.ndarray] = {}
    for number, folder in enumerate(folders):
        file = Path(folder) / "reliability.csv"
        rows = read_result(file, COLUMNS, COLUMNS[1:], "an evaluation")
        table: dict[str, list[list[float]]] = {}
        for row in rows:
            count = float(row["count"])
            sums = [count * float(row[name]) if count else 0.0 for name in ("confidence", "accuracy")]
            table.setdefault(row["class"], []).append([count, *sums])
        if number and {name: len(sums) for name, sums in table.items()} != {
            name: sums.shape[1] for name, sums in pooled.items()
        }:
            raise InputError(f"{file} must have the classes and bins of {Path(folders[0]) / 'reliability.csv'}.")
        for name, bins in table.items():
            pooled[name] = pooled.get(name, 0.0) + np.array(bins).T
    return pooled
