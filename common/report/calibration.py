"""Whether probabilities can be trusted: the figures of the boundary-weighted consistency paper."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from common.errors import InputError
from common.io.files import read_csv
from common.report.drawing import (
    CLEAN,
    COLOURS,
    DASHES,
    LEGEND,
    TEXT,
    WIDTH,
    PathLike,
    outline,
    plain_axes,
    save_figure,
    show_image,
)

__all__ = ["draw_improvement", "draw_probabilities", "draw_reliability"]

COLUMNS = ("class", "bin", "count", "confidence", "accuracy")
DIAGONAL = "#999999"


def draw_reliability(runs: Mapping[str, Sequence[PathLike]], path: PathLike) -> Path:
    """Reliability diagrams: how often probabilities come true, a panel per structure and a line per method.

    On the diagonal confidence is accuracy; below it a method is overconfident. The first of several classes, the
    background, is left out. Runs of one method, such as its seeds, are pooled by their counts.

    Args:
        runs: folders with ``reliability.csv``, see `common.workflow.ReliabilityTable`, of each method by its label.
        path: PNG to write.

    Raises:
        InputError: no runs, a missing or foreign ``reliability.csv``, or tables of different classes or bins.

    Source: Guo et al., *On calibration of modern neural networks*, ICML 2017, Fig. 1.
    """
    if not any(runs.values()):
        raise InputError("a reliability diagram needs at least one run, got none.")
    tables = {label: _pooled(folders) for label, folders in runs.items() if folders}
    first = next(iter(tables.values()))
    classes = list(first)[1:] or list(first)
    for label, table in tables.items():
        if {name: len(sums[0]) for name, sums in table.items()} != {name: len(sums[0]) for name, sums in first.items()}:
            raise InputError(f"reliability.csv of {label} must have the classes and bins of {next(iter(tables))}.")
    columns = min(3, len(classes))
    lines = -(-len(classes) // columns)
    cell = WIDTH / max(2, columns)
    figure = Figure(figsize=(cell * columns, cell * lines + 0.55), layout="constrained")
    panels = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    for panel in panels.flat[len(classes) :]:
        panel.remove()
    for panel, name in zip(panels.flat, classes, strict=False):
        plain_axes(panel, name.replace("_", " ").capitalize())
        panel.plot([0, 1], [0, 1], color=DIAGONAL, linewidth=0.8, linestyle=(0, (5, 3)), zorder=1)
        for index, (label, table) in enumerate(tables.items()):
            count, confidence, accuracy = table[name]
            filled = count > 0
            panel.plot(
                confidence[filled] / count[filled],
                accuracy[filled] / count[filled],
                label=label,
                color=COLOURS[index % len(COLOURS)],
                linestyle=DASHES[index // len(COLOURS) % len(DASHES)],
                linewidth=1.3,
                marker="o",
                markersize=2.5,
            )
        panel.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
        panel.set_xlabel("Confidence", color=TEXT, fontsize=9)
        panel.tick_params(labelbottom=True)
        if panel.get_subplotspec().is_first_col():
            panel.set_ylabel("Accuracy", color=TEXT, fontsize=9)
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(3 * columns, len(labels)), **LEGEND)
    return save_figure(figure, path)


def draw_improvement(
    values: Mapping[str, Mapping[str, Sequence[float]]],
    reference: str,
    path: PathLike,
    lower_is_better: Collection[str] = (),
) -> Path:
    """The change of each subject's score from a reference method to others, a panel per measure.

    Boxes are the quartiles, a dot is a subject; the arrow of a panel points to the better side.

    Args:
        values: measure → method → one value per subject, the same subjects in the same order for all methods; nan
            where there is none.
        reference: method that the others are measured against.
        path: PNG to write.
        lower_is_better: measures of which lower is better.

    Raises:
        InputError: no measures, a measure without the reference or any other method, different numbers of subjects, or
            a method without a subject that the reference has too.

    Source: Karani et al., *Boundary-weighted logit consistency*, Fig. 3.
    """
    if not values:
        raise InputError("a figure of the improvement needs at least one measure, got none.")
    changes = {measure: _changes(measure, methods, reference) for measure, methods in values.items()}
    columns = min(3, len(changes))
    lines = -(-len(changes) // columns)
    figure = Figure(figsize=(WIDTH, 2.4 * lines), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False)
    for panel in panels.flat[len(changes) :]:
        panel.remove()
    order = list(dict.fromkeys(name for found in changes.values() for name in found))
    for panel, (measure, found) in zip(panels.flat, changes.items(), strict=False):
        plain_axes(panel, f"{measure} {'↓' if measure in lower_is_better else '↑'}")
        panel.axhline(0, color=DIAGONAL, linewidth=0.8, linestyle=(0, (5, 3)), zorder=1)
        for place, (name, change) in enumerate(found.items()):
            colour = COLOURS[order.index(name) % len(COLOURS)]
            spread = np.random.default_rng(0).uniform(-0.18, 0.18, len(change))
            panel.scatter(place + spread, change, s=7, color=colour, alpha=0.6, linewidths=0, zorder=3)
            panel.boxplot(
                change,
                positions=[place],
                widths=0.55,
                showfliers=False,
                boxprops={"color": colour},
                whiskerprops={"color": colour},
                capprops={"color": colour},
                medianprops={"color": TEXT, "linewidth": 1.4},
            )
        panel.set_xticks(range(len(found)), list(found))
        if panel.get_subplotspec().is_first_col():
            panel.set_ylabel(f"Change against {reference}", color=TEXT, fontsize=9)
    return save_figure(figure, path)


def draw_probabilities(
    image: np.ndarray,
    label: np.ndarray,
    probabilities: Mapping[str, np.ndarray],
    class_names: Sequence[str],
    path: PathLike,
) -> Path:
    """The probability of each structure by several methods, a row per structure beside the image with its label.

    Args:
        image: (H, W), any range.
        label: (H, W) class indices.
        probabilities: (K, H, W) of each method by its label.
        class_names: of all K classes, the background first; rows are the others.
        path: PNG to write.

    Raises:
        InputError: no methods, fewer than two classes, or arrays of other sizes.

    Source: Karani et al., *Boundary-weighted logit consistency*, Fig. 4.
    """
    if not probabilities or len(class_names) < 2:
        raise InputError(
            f"probability maps need a method and two classes at least, got {list(probabilities)}, {list(class_names)}."
        )
    for name, found, expected in (
        ("the label", label.shape, image.shape),
        *(
            (f"probabilities of {key}", map_.shape, (len(class_names), *image.shape))
            for key, map_ in probabilities.items()
        ),
    ):
        if image.ndim != 2 or found != expected:
            raise InputError(f"{name}: expected the shape {expected} for an image (H, W), got {found}.")
    columns, rows = len(probabilities) + 1, len(class_names) - 1
    cell = WIDTH / (columns + 0.6)
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0.0, hspace=0.0)
    figure = Figure(figsize=(WIDTH, cell * rows * image.shape[0] / image.shape[1] + 0.3), layout=layout)
    panels = figure.subplots(rows, columns, squeeze=False)
    for panel, title in zip(panels[0], ("Image, label", *probabilities), strict=True):
        panel.set_title(title, fontsize=9, fontweight="bold", color=TEXT)
    for index, line in enumerate(panels, start=1):
        show_image(line[0], image)
        outline(line[0], label == index, CLEAN)
        line[0].set_ylabel(class_names[index].replace("_", " ").capitalize(), fontsize=8, color=TEXT)
        for panel, maps in zip(line[1:], probabilities.values(), strict=True):
            shown = panel.imshow(maps[index], cmap="gray", vmin=0.0, vmax=1.0)
            panel.set(xticks=[], yticks=[])
            panel.spines[:].set_visible(False)
    bar = figure.colorbar(shown, ax=panels, ticks=(0, 0.5, 1), fraction=0.03, pad=0.01)
    bar.set_label("Probability", fontsize=8, color=TEXT)
    bar.ax.tick_params(labelsize=8, labelcolor=TEXT)
    return save_figure(figure, path, dpi=120, keep=(CLEAN,))


def _pooled(folders: Sequence[PathLike]) -> dict[str, np.ndarray]:
    """(3, bins) of each class: voxels, and sums of their probabilities and of their labels, over all folders."""
    pooled: dict[str, np.ndarray] = {}
    for number, folder in enumerate(folders):
        file = Path(folder) / "reliability.csv"
        if not file.is_file():
            raise InputError(f"{file} does not exist: expected the reliability.csv of an evaluation.")
        rows = read_csv(file)
        if not rows or any(name not in rows[0] for name in COLUMNS):
            raise InputError(f"{file} must have rows with the columns {', '.join(COLUMNS)}.")
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


def _changes(measure: str, methods: Mapping[str, Sequence[float]], reference: str) -> dict[str, np.ndarray]:
    """Finite differences to the reference of each other method."""
    if reference not in methods or len(methods) < 2:
        raise InputError(f"{measure}: expected {reference} and another method, got {', '.join(methods) or 'none'}.")
    found = {}
    for name, scores in methods.items():
        subjects = len(methods[reference])
        if len(scores) != subjects:
            raise InputError(f"{measure}: expected {subjects} subjects of {name} as of {reference}, got {len(scores)}.")
        if name != reference:
            change = np.subtract(scores, methods[reference], dtype=np.float64)
            found[name] = change[np.isfinite(change)]
            if not len(found[name]):
                raise InputError(f"{measure}: expected subjects that {name} and {reference} share, got none.")
    return found
