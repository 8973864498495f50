"""How a soft label is made of several readers' regions, step by step: Fig. 1 of Felfeliyan et al. 2022."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from common.data.oai import load_soft_labels, oai_datalist
from common.data.readers import load_images
from common.errors import InputError
from common.report.curves import TEXT, WIDTH, PathLike, save_figure
from common.report.overlays import PREDICTION as TRUTH
from common.report.overlays import _outline, _show

__all__ = ["SoftLabelExample", "draw_soft_label_pipeline", "soft_label_examples"]

STEP_TITLES = {
    "raters": "Share of readers",
    "anatomy": "Within the bones",
    "hyperintensity": "Hyper-intense: 1",
    "neighbours": "Neighbour slices",
}
COLOUR_MAP = colormaps["plasma"]
LEVELS = (0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0)


@dataclass(frozen=True)
class SoftLabelExample:
    """One row of `draw_soft_label_pipeline`.

    Attributes:
        title: written beside the row.
        image: (H, W), rows downward, any range.
        steps: (H, W) label in [0, 1] after each step, by the step's name.
        truth: (H, W), foreground where positive, or None.
    """

    title: str
    image: np.ndarray
    steps: Mapping[str, np.ndarray] = field(default_factory=dict)
    truth: np.ndarray | None = None


def draw_soft_label_pipeline(path: PathLike, rows: Sequence[SoftLabelExample]) -> Path:
    """The image and the soft label after each step side by side, labels in colour over the image.

    The true lesion's outline, where it is known, lies over every panel.

    Args:
        path: PNG to write.
        rows: at least one; all with the same steps.

    Returns:
        The path written.

    Raises:
        InputError: no rows, rows of different steps, or a label that has not the size of its image.

    Source: Felfeliyan et al. 2022, Fig. 1.
    """
    if not rows or any(list(row.steps) != list(rows[0].steps) for row in rows):
        raise InputError(f"{path} needs at least one example to draw, all with the same steps, got {len(rows)}.")
    for row in rows:
        for name, label in {**row.steps, "truth": row.truth}.items():
            if label is not None and label.shape != row.image.shape:
                raise InputError(
                    f"{name} of {row.title} must have the size of its image, {row.image.shape}, got {label.shape}."
                )
    first = "Image" if all(row.truth is None for row in rows) else "Image, true lesions"
    titles = [first, *(STEP_TITLES.get(name, name) for name in rows[0].steps)]
    cell = (WIDTH - 0.6) / len(titles)
    heights = [cell * row.image.shape[0] / row.image.shape[1] for row in rows]
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0.0, hspace=0.0)
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.35), layout=layout)
    panels = figure.subplots(len(rows), len(titles), squeeze=False, height_ratios=heights)
    for panel, title in zip(panels[0], titles, strict=True):
        panel.set_title(title, fontsize=8, fontweight="bold", color=TEXT)
    for line, row in zip(panels, rows, strict=True):
        line[0].set_ylabel(row.title, fontsize=8, color=TEXT)
        for panel, label in zip(line, [None, *row.steps.values()], strict=True):
            _show(panel, row.image)
            if label is not None:
                shown = panel.imshow(
                    np.ma.masked_less_equal(label, 0),
                    cmap=COLOUR_MAP,
                    vmin=0,
                    vmax=1,
                    alpha=0.75,
                    interpolation="nearest",
                )
            if row.truth is not None:
                _outline(panel, row.truth, TRUTH, dashed=True)
    if rows[0].steps:
        bar = figure.colorbar(shown, ax=panels, fraction=0.03, pad=0.01, aspect=30)
        bar.set_label("Soft label", fontsize=8, color=TEXT)
        bar.ax.tick_params(labelsize=8, color="#999999", labelcolor=TEXT)
        bar.outline.set_visible(False)
    keep = [TRUTH, *(to_hex(COLOUR_MAP(level)) for level in LEVELS)]
    return save_figure(figure, path, dpi=120, keep=keep)


def soft_label_examples(
    dataset_dir: str | os.PathLike[str], count: int = 3, section: str = "training", **options: Any
) -> list[SoftLabelExample]:
    """Rows for `draw_soft_label_pipeline`: of each case the slice that the readers marked most.

    Args:
        dataset_dir: in the layout of `common.data.oai_datalist`.
        count: cases, those in which the readers marked most.
        section: of the data set.
        **options: of `common.transforms.SoftLabelFromRatersd`, such as ``hyperintensity``.

    Returns:
        At most ``count`` rows.

    Raises:
        InputError: the data set is not in the layout, or a case does not fit.
    """
    items = oai_datalist(dataset_dir, section)
    marked = {item["case"]: sum(bool(region.structure) for region in item["regions"]) for item in items}
    chosen = sorted(items, key=lambda item: -marked[item["case"]])[:count]
    compute = load_soft_labels(foreground=True, keep_steps=True, **options)
    return [_example(compute(item)) for item in chosen]


def _example(item: Mapping[str, Any]) -> SoftLabelExample:
    """The slice of a prepared item in which the readers marked most."""
    steps = {name: item[f"label_{name}"][0].numpy() for name in STEP_TITLES if f"label_{name}" in item}
    index = int(steps["raters"].sum(axis=(0, 1)).argmax())
    truth = load_images("truth")(item)["truth"][0, ..., index].numpy() if "truth" in item else None
    return SoftLabelExample(
        title=f"{item['case']}\nslice {index + 1}, {len(item['regions'])} readers",
        image=item["image"][0, ..., index].numpy(),
        steps={name: label[..., index] for name, label in steps.items()},
        truth=truth,
    )
