"""Whether probabilities can be trusted: the figures of the boundary-weighted consistency paper."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from common.errors import InputError
from common.report.drawing import (
    CLEAN,
    COLORS,
    TEXT,
    WIDTH,
    PathLike,
    class_title,
    outline,
    plain_axes,
    save_figure,
    show_image,
)

__all__ = ["draw_improvement", "draw_probabilities"]

DIAGONAL = "#999999"


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
            color = COLORS[order.index(name) % len(COLORS)]
            spread = np.random.default_rng(0).uniform(-0.18, 0.18, len(change))
            panel.scatter(place + spread, change, s=7, color=color, alpha=0.6, linewidths=0, zorder=3)
            panel.boxplot(
                change,
                positions=[place],
                widths=0.55,
                showfliers=False,
                boxprops={"color": color},
                whiskerprops={"color": color},
                capprops={"color": color},
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
        line[0].set_ylabel(class_title(class_names[index]), fontsize=8, color=TEXT)
        for panel, maps in zip(line[1:], probabilities.values(), strict=True):
            shown = panel.imshow(maps[index], cmap="gray", vmin=0.0, vmax=1.0)
            panel.set(xticks=[], yticks=[])
            panel.spines[:].set_visible(False)
    bar = figure.colorbar(shown, ax=panels, ticks=(0, 0.5, 1), fraction=0.03, pad=0.01)
    bar.set_label("Probability", fontsize=8, color=TEXT)
    bar.ax.tick_params(labelsize=8, labelcolor=TEXT)
    return save_figure(figure, path, dpi=120, keep=(CLEAN,))


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
