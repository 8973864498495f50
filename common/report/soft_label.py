"""How a soft label is made, step by step, and what networks make of it: Figs. 1 and 2 of Felfeliyan et al. 2022."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.layout_engine import ConstrainedLayoutEngine
from monai.transforms import Compose

from common.datasets.layouts.oai import marked_bones
from common.datasets.soft_label_stages import region_labels
from common.errors import InputError
from common.io.formats import read_image
from common.io.label_values import read_label_values
from common.io.load_case import LoadCased
from common.io.orientation import reoriented
from common.report.drawing import (
    PREDICTION,
    TEXT,
    WIDTH,
    PathLike,
    dice_of,
    outline,
    save_figure,
    show_image,
    write_on,
)

__all__ = [
    "SoftLabelExample",
    "draw_predictions",
    "draw_soft_label_examples",
    "draw_soft_label_pipeline",
    "soft_label_examples",
]

STEP_TITLES = {
    "raters": "Share of annotators",
    "anatomy": "Within the bones",
    "hyperintensity": "Hyperintense: 1",
    "neighbours": "Neighbor slices",
}
COLOR_MAP = colormaps["plasma"]
LEVELS = (0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0)


@dataclass(frozen=True)
class SoftLabelExample:
    """One row of `draw_soft_label_pipeline`.

    Attributes:
        title: written beside the row.
        image: (H, W), rows downward, any range.
        steps: (H, W) label in [0, 1] after each step, by the step's name.
        truth: (H, W), foreground where positive, or None.

    Example:
        >>> SoftLabelExample("case 1", np.ones((8, 8)), steps={"raters": np.eye(8) / 2}).truth is None
        True
    """

    title: str
    image: np.ndarray
    steps: Mapping[str, np.ndarray] = field(default_factory=dict)
    truth: np.ndarray | None = None


def draw_soft_label_pipeline(path: PathLike, rows: Sequence[SoftLabelExample]) -> Path:
    """The image and the soft label after each step side by side, labels in color over the image.

    Every panel has the true lesion's outline, where it is known.

    Args:
        path: PNG to write.
        rows: at least one; all with the same steps.

    Returns:
        The path written.

    Raises:
        InputError: no rows, rows of different steps, or a label whose size differs from that of its image.

    Source: Felfeliyan et al. 2022, Fig. 1, https://arxiv.org/abs/2209.08172.

    Example:
        >>> import tempfile
        >>> row = SoftLabelExample("case 1", np.ones((8, 8)), steps={"raters": np.eye(8) / 2})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     draw_soft_label_pipeline(f"{folder}/pipeline.png", [row]).name
        'pipeline.png'
    """
    if not rows or any(list(row.steps) != list(rows[0].steps) for row in rows):
        raise InputError(f"{path} needs at least one example to draw, all with the same steps, got {len(rows)}.")
    for row in rows:
        for name, label in {**row.steps, "truth": row.truth}.items():
            if label is not None and label.shape != row.image.shape:
                raise InputError(
                    f"{name} of {row.title} must have the size of its image, {row.image.shape}, got {label.shape}."
                )
    first = "Image" if all(row.truth is None for row in rows) else "Image, ground truth"
    titles = [first, *(STEP_TITLES.get(name, name) for name in rows[0].steps)]
    cell = (WIDTH - 0.6) / len(titles)
    heights = [cell * row.image.shape[0] / row.image.shape[1] for row in rows]
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0.0, hspace=0.0)
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.35), layout=layout)
    panels = figure.subplots(len(rows), len(titles), squeeze=False, height_ratios=heights)
    for panel, title in zip(panels[0], titles, strict=True):
        panel.set_title(title, fontsize=7, fontweight="bold", color=TEXT)
    for line, row in zip(panels, rows, strict=True):
        line[0].set_ylabel(row.title, fontsize=8, color=TEXT)
        for panel, label in zip(line, [None, *row.steps.values()], strict=True):
            show_image(panel, row.image)
            if label is not None:
                shown = _overlay(panel, label)
            if row.truth is not None:
                outline(panel, row.truth, PREDICTION, dashed=True)
    if rows[0].steps:
        _color_bar(figure, panels, shown, "Soft label")
    keep = [PREDICTION, *(to_hex(COLOR_MAP(level)) for level in LEVELS)]
    return save_figure(figure, path, dpi=120, keep=keep)


def draw_soft_label_examples(
    path: PathLike, items: Sequence[Mapping[str, Any]], count: int = 3, **options: Any
) -> Path | None:
    """`draw_soft_label_pipeline` of `soft_label_examples`, where there are any.

    Args:
        path: PNG to write.
        items: of a data set.
        count: number of cases.
        **options: of `common.transforms.SoftLabelFromRatersd`, such as ``hyperintensity``.

    Returns:
        The path written, or None where no item has regions, whose soft label is made in steps.

    Raises:
        InputError: a case does not fit.

    Example:
        >>> draw_soft_label_examples("examples.png", []) is None
        True
    """
    rows = soft_label_examples(items, count, **options)
    return draw_soft_label_pipeline(path, rows) if rows else None


def soft_label_examples(items: Sequence[Mapping[str, Any]], count: int = 3, **options: Any) -> list[SoftLabelExample]:
    """Rows for `draw_soft_label_pipeline`: of each case the slice that the annotators marked most.

    Args:
        items: of a data set in the layout ``oai``; those without regions are left out.
        count: number of cases, those in which the annotators marked most.
        **options: of `common.transforms.SoftLabelFromRatersd`, such as ``hyperintensity``.

    Returns:
        At most ``count`` rows.

    Raises:
        InputError: a case does not fit.

    Example:
        >>> import tempfile
        >>> from common.datasets import read_dataset
        >>> from common.phantoms import write_knee_phantom
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     data = read_dataset(write_knee_phantom(folder, num_cases=4, size=48, num_slices=3))
        ...     list(soft_label_examples(data.items, count=1)[0].steps)
        ['raters', 'anatomy', 'hyperintensity', 'neighbours']
    """
    rated = [item for item in items if item.get("regions")]
    marked = {item["case"]: sum(bool(region.structure) for region in item["regions"]) for item in rated}
    chosen = sorted(rated, key=lambda item: -marked[item["case"]])[:count]
    bones = marked_bones(region for item in rated for region in item["regions"])
    steps = region_labels(bones, foreground=True, keep_steps=True, **options)
    compute = Compose([LoadCased("image", channels=1), *steps])
    return [_example(compute(dict(item))) for item in chosen]


def draw_predictions(path: PathLike, image_file: PathLike, truth_file: PathLike, maps: Mapping[str, PathLike]) -> Path:
    """The probabilities of several networks for one slice of a volume side by side, in color over the image.

    It is the slice with the most of the truth, whose outline is drawn in every panel. Each panel names the Dice
    of what exceeds one half in that slice, all structures together.

    Args:
        path: PNG to write.
        image_file: NIfTI (H, W, S), rows downward, as the layout ``oai`` has it.
        truth_file: NIfTI of the same shape, foreground where positive.
        maps: of each network by its label, as inference writes them: NIfTI (H, W, S, 1 + K), the background first, or
            (H, W, S), the foreground's.

    Returns:
        The path written.

    Raises:
        InputError: no maps, a file that cannot be read, or shapes that do not fit.

    Source: Felfeliyan et al. 2022, Fig. 2, https://arxiv.org/abs/2209.08172.

    Example:
        >>> import nibabel as nib
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name, array in {"mask": np.ones((8, 8, 1)), "map": np.full((8, 8, 1, 2), 0.5)}.items():
        ...         nib.save(nib.Nifti1Image(array, np.eye(4)), f"{folder}/{name}.nii")
        ...     mask, maps = f"{folder}/mask.nii", {"U-Net": f"{folder}/map.nii"}
        ...     draw_predictions(f"{folder}/maps.png", mask, mask, maps).name
        'maps.png'
    """
    if not maps:
        raise InputError(f"{path} needs at least one map of probabilities to draw, got none.")
    read = read_image(image_file)
    image, truth = read[0].numpy(), reoriented(read_label_values(truth_file), read)[0].numpy() > 0
    volumes = {label: np.moveaxis(reoriented(read_image(file), read).numpy(), 0, -1) for label, file in maps.items()}
    for file, shape in {truth_file: truth.shape, **{maps[label]: v.shape[:3] for label, v in volumes.items()}}.items():
        if shape != image.shape:
            raise InputError(f"{file} must have the shape of {image_file}, {image.shape}, got {shape}.")
    index = int(truth.sum(axis=(0, 1)).argmax())
    shown = {label: v[:, :, index, min(1, v.shape[3] - 1) :].max(axis=-1) for label, v in volumes.items()}
    columns = min(5, len(maps) + 1)
    lines = -(-(len(maps) + 1) // columns)
    cell = (WIDTH - 0.6) / columns
    height = lines * (cell * image.shape[0] / image.shape[1] + 0.3) + 0.1
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.06, wspace=0.0, hspace=0.0)
    figure = Figure(figsize=(WIDTH, height), layout=layout)
    panels = figure.subplots(lines, columns, squeeze=False)
    for panel in panels.flat[len(maps) + 1 :]:
        panel.set_axis_off()
    for panel, (label, probability) in zip(panels.flat, {"Image, ground truth": None, **shown}.items(), strict=False):
        show_image(panel, image[..., index])
        panel.set_title(label, fontsize=7, fontweight="bold", color=TEXT)
        if probability is not None:
            drawn = _overlay(panel, np.where(probability < 0.05, 0, probability))
            write_on(panel, f"Dice {dice_of(probability > 0.5, truth[..., index]):.2f}")
        outline(panel, truth[..., index], PREDICTION, dashed=True)
    _color_bar(figure, panels, drawn, "Probability")
    return save_figure(figure, path, dpi=120, keep=[PREDICTION, *(to_hex(COLOR_MAP(level)) for level in LEVELS)])


def _overlay(panel: Axes, label: np.ndarray) -> AxesImage:
    """Values in (0, 1] in color, 0 transparent."""
    masked = np.ma.masked_less_equal(label, 0)
    return panel.imshow(masked, cmap=COLOR_MAP, vmin=0, vmax=1, alpha=0.75, interpolation="nearest")


def _color_bar(figure: Figure, panels: np.ndarray, shown: AxesImage, title: str) -> None:
    bar = figure.colorbar(shown, ax=panels, fraction=0.03, pad=0.01, aspect=30)
    bar.set_label(title, fontsize=8, color=TEXT)
    bar.ax.tick_params(labelsize=8, color="#999999", labelcolor=TEXT)
    bar.outline.set_visible(False)


def _example(item: Mapping[Hashable, Any]) -> SoftLabelExample:
    """The slice of a prepared item in which the annotators marked most."""
    steps = {name: item[f"soft_label_{name}"][0].numpy() for name in STEP_TITLES if f"soft_label_{name}" in item}
    index = int(steps["raters"].sum(axis=(0, 1)).argmax())
    truth = None
    if "label" in item:
        truth = reoriented(read_label_values(item["label"]), item["image"])[0, ..., index].numpy()
    return SoftLabelExample(
        title=f"{item['case']}\nslice {index + 1}, {len(item['regions'])} annotators",
        image=item["image"][0, ..., index].numpy(),
        steps={name: label[..., index] for name, label in steps.items()},
        truth=truth,
    )
