"""What label noise does to the best segmentation, and to networks: the figures of the marginal thresholding paper."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from monai.transforms import Orientation

from benchmarks.report.tables import method_names, was_measured
from common.decision import accuracy_optimal_segmentation, dice_optimal_segmentation
from common.errors import InputError
from common.io.label_values import read_label_values
from common.metrics import soft_dice
from common.noise import deform_label, gaussian_marginal, sample_gaussian_field
from common.report.drawing import COLORS, LEGEND, TEXT, WIDTH, PathLike, plain_axes, save_figure

__all__ = ["draw_dice_by_noise_level", "draw_noise_levels"]

CLEAN = "#D55E00"
ROWS = ("Mean of {} samples", "Marginal", "Optimal for accuracy", "Optimal for Dice")


def draw_noise_levels(
    label_file: PathLike,
    path: PathLike,
    levels: Sequence[float] = (0.0, 0.02, 0.04, 0.06, 0.08),
    b: float = 0.15 / math.sqrt(2),
    samples: int = 5,
    seed: int = 0,
) -> Path:
    """The best segmentations of a label as Gaussian-field noise grows, a column per noise level.

    Rows: the mean of some samples of the noisy label, its marginal in closed form, and the segmentations that are
    optimal for accuracy and for Dice, with the Dice that each can expect and the clean label's outline. A volume is
    deformed, segmented and measured as a whole; what is shown is the axial slice with the most foreground.

    Source: Nordström et al., *Marginal Thresholding in Noisy Image Segmentation*, Fig. 1.

    Args:
        label_file: PNG, JPEG or NIfTI, 2-D or 3-D, foreground where positive.
        path: PNG to write.
        levels: a, the displacement's standard deviation as a fraction of the image's sides, of each column.
        b: correlation length as a fraction of the image's sides.
        samples: whose mean the first row shows, at least 1.
        seed: of the samples.

    Raises:
        InputError: a label that is empty or cannot be read, no levels, no samples, or a or b out of range.
    """
    if not levels or samples < 1:
        raise InputError(f"Expected at least one noise level and one sample, got {list(levels)} and {samples}.")
    label, aspect = _read_label(label_file)
    areas = label[0, 0].sum(dim=(0, 1)) if label.ndim == 5 else None
    generator = torch.Generator().manual_seed(seed)
    columns = []
    for a in levels:
        noise = sample_gaussian_field(label.shape[2:], a, b, generator, batch_size=samples)
        mean = deform_label(label.expand(samples, *label.shape[1:]), noise).mean(0, keepdim=True)
        marginal = gaussian_marginal(label, a).clamp(0, 1)
        columns.append((mean, marginal, accuracy_optimal_segmentation(marginal), dice_optimal_segmentation(marginal)))

    def view(array: torch.Tensor) -> np.ndarray:
        """Rows and columns as they are looked at: anterior up, the patient's right on the left."""
        if areas is None:
            return array[0, 0].T.numpy()
        return array[0, 0, ..., int(areas.argmax())].flip(0, 1).T.numpy()

    outline = view(label)
    cell = WIDTH / (len(levels) + 0.3)
    height = cell * outline.shape[0] * aspect / outline.shape[1]
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0.0, hspace=0.0)
    figure = Figure(figsize=(WIDTH, height * len(ROWS) + 0.3), layout=layout)
    panels = figure.subplots(len(ROWS), len(levels), squeeze=False)
    for column, a, shown in zip(panels.T, levels, columns, strict=True):
        column[0].set_title(f"$a$ = {a:g}", fontsize=9, color=TEXT)
        for panel, array in zip(column, shown, strict=True):
            panel.imshow(view(array), cmap="gray", vmin=0.0, vmax=1.0, aspect=aspect)
            panel.set(xticks=[], yticks=[])
        for panel, array in zip(column[2:], shown[2:], strict=True):
            panel.contour(outline, [0.5], colors=[CLEAN], linewidths=0.8)
            dice = float(soft_dice(array, shown[1]))
            panel.text(0.03, 0.03, f"Dice {dice:.3f}", transform=panel.transAxes, fontsize=7, color="white")
    for panel, title in zip(panels[:, 0], ROWS, strict=True):
        panel.set_ylabel(title.format(samples), fontsize=8, color=TEXT)
    return save_figure(figure, path)


def draw_dice_by_noise_level(
    results: Mapping[str, Any], path: PathLike, level: str = "a", group: str = "organ", label: str = "Noise level $a$"
) -> Path:
    """Mean Dice over the noise level, a line per method with its standard deviation, and a panel per organ.

    Source: Nordström et al., *Marginal Thresholding in Noisy Image Segmentation*, Fig. 3; over the Dice of the labels
    themselves Zhang et al., *Disentangling Human Error from Ground Truth in Segmentation of Medical Images*, Fig. 4.

    Args:
        results: of `benchmarks.report.tables.summarize_runs` or `benchmarks.report.tables.load_results`, whose
            settings have ``level`` and, if there are several, ``group``.
        path: PNG to write.
        level: of noise, the setting along the horizontal axis.
        group: the setting that has a panel for each value.
        label: of the horizontal axis.

    Raises:
        InputError: a setting without ``level``.
    """
    settings = results["settings"]
    if any(level not in entry["setting"] for entry in settings):
        raise InputError(
            f"{results['title']}: expected settings with the noise level {level}, got {settings[0]['setting']}."
        )
    groups = list(dict.fromkeys(entry["setting"].get(group) for entry in settings))
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    panels = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
    widening = 2.4 / len(method_names(results))
    for panel, value in zip(panels, groups, strict=True):
        shown = [entry for entry in settings if entry["setting"].get(group) == value]
        for index, name in enumerate(method_names(results)):
            cells = [(entry["setting"][level], entry["methods"][name]) for entry in shown if was_measured(entry, name)]
            panel.errorbar(
                [a for a, _ in cells],
                [cell["mean"] for _, cell in cells],
                [cell["std"] or 0.0 for _, cell in cells],
                label=name,
                color=COLORS[index % len(COLORS)],
                linewidth=1.2 + widening * index,  # where lines coincide, each frames the one on top of it
                zorder=2 - index / 100,
                marker="o",
                markersize=3 + widening * index,
                elinewidth=1.0,
            )
        panel.set_xticks(sorted({entry["setting"][level] for entry in shown}))
        plain_axes(panel, "" if value is None else str(value).replace("_", " "))
        panel.set_xlabel(label, color=TEXT)
    varies = any(cell["std"] for entry in settings for cell in entry["methods"].values())
    panels[0].set_ylabel(results["metric"] + (", mean ± standard deviation" if varies else ""), color=TEXT)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names) if len(names) < 5 else 3, **LEGEND)
    return save_figure(figure, path)


def _read_label(file: PathLike) -> tuple[torch.Tensor, float]:
    """The label as ``(1, 1, *spatial)`` of 0 and 1, a volume in RAS, and the height of its pixels by their width."""
    stored: Any = read_label_values(file)
    if stored.ndim not in (3, 4) or len(stored) != 1:
        raise InputError(f"{file}: expected a 2-D or 3-D label of one channel, got the shape {tuple(stored.shape)}.")
    volume = stored.ndim == 4
    if volume:
        stored = Orientation("RAS", labels=None)(stored)
    width, height = (float(size) for size in stored.pixdim[:2]) if volume else (1.0, 1.0)
    label = (torch.as_tensor(stored).as_subclass(torch.Tensor) > 0).float()[None]
    if not label.any():
        raise InputError(f"{file}: expected a label with foreground, got an empty one.")
    return label, height / width
