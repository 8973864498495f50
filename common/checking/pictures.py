"""Cases as thumbnails with the outlines of their labels, and how large what is labeled is."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.textpath import text_to_path
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from monai.data import MetaTensor

from common.checking.outlines import draw_outlines
from common.errors import InputError
from common.report.drawing import COLORS, LEGEND, TEXT, WIDTH, PathLike, save_figure

__all__ = ["CasePanel", "draw_cases", "draw_sizes", "viewed_plane"]

# bright, as images are dark; beyond six no longer for every color vision
OUTLINES = ("#F0E442", "#56B4E9", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#B28DFF", "#FB8072", "#E5E5E5")
BROAD = "#FFFFFF"
DIMMED = 1.4  # what would be white below white lines is gray
NOT_FINITE = "#D55E00"
COLUMNS = 4
GOLDEN_RATIO = 0.618034
SIDE = 256  # pixels of a thumbnail, at most
TALLEST = 1.3  # height of a thumbnail relative to its width, at most
TITLE, NOTE = 7.5, 6.5  # points
LETTERS = 30  # of a note, in a line of one of four columns


@dataclass(frozen=True)
class CasePanel:
    """One thumbnail.

    Attributes:
        title: above it; of lines that are too long the middle is left out.
        note: below it.
        image: (H, W) as it is looked at, any range; None if it could not be read.
        masks: class map (H, W), the background not above 0, by the name in the legend.
        aspect: height of a pixel relative to its width.
        broad: the mask that is a broad white line beneath the others; empty for none.
    """

    title: str
    note: str = ""
    image: np.ndarray | None = None
    masks: Mapping[str, np.ndarray] = field(default_factory=dict)
    aspect: float = 1.0
    broad: str = ""


def viewed_plane(
    image: torch.Tensor, maps: Mapping[str, torch.Tensor], wanted: torch.Tensor | None = None
) -> tuple[np.ndarray, dict[str, np.ndarray], float]:
    """An image, or the slice of a volume that has the most foreground, as it is looked at.

    Slices lie across the axis of the largest voxel spacing, axial ones if all are alike; superior or anterior is up and
    the patient's right, or anterior, on the left. Where several have the most foreground it is the middle one of them.

    Args:
        image: (C, W, H) or (C, X, Y, Z), with its affine.
        maps: class maps (1, *spatial) by name; those of another shape are left out.
        wanted: (1, *spatial), positive where it counts for the choice of the slice; None for the foreground.

    Returns:
        The image's first channel, or the mean of three colors, and the maps, rows downward; and the height of a pixel
        relative to its width.
    """
    shape = image.shape[1:]
    plain = image.as_subclass(torch.Tensor).float()
    gray = (plain.mean(0) if len(plain) == 3 and plain.ndim == 3 else plain[0]).cpu().numpy()
    fitting = {
        name: drawn.as_subclass(torch.Tensor)[0].cpu().numpy()
        for name, drawn in maps.items()
        if drawn.shape[1:] == shape
    }
    if gray.ndim == 2:
        return gray.T, {name: drawn.T for name, drawn in fitting.items()}, 1.0
    counting = [*fitting.values()] if wanted is None else [wanted.as_subclass(torch.Tensor)[0].cpu().numpy()]
    affine = image.affine.cpu().numpy() if isinstance(image, MetaTensor) else np.eye(4)
    turn = nib.io_orientation(affine) if np.isfinite(affine).all() else np.full((3, 2), np.nan)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if np.isfinite(turn).all():
        spacing = spacing[np.argsort(turn[:, 0])]
        gray, *turned = (nib.apply_orientation(array, turn) for array in (gray, *fitting.values(), *counting))
        fitting, counting = dict(zip(fitting, turned, strict=False)), turned[len(fitting) :]
    across = 2 if np.allclose(spacing, spacing[0], rtol=0.05) else int(np.argmax(spacing))
    others = tuple(axis for axis in range(3) if axis != across)
    foreground = sum(((drawn > 0).sum(axis=others) for drawn in counting), np.zeros(gray.shape[across]))
    fullest = np.flatnonzero(foreground == foreground.max())
    index = int(fullest[len(fullest) // 2])

    def plane(array: np.ndarray) -> np.ndarray:
        return np.take(array, index, axis=across)[::-1, ::-1].T

    width, height = (spacing[axis] for axis in others)
    aspect = float(height / width) if width > 0 and height > 0 else 1.0
    return plane(gray), {name: plane(drawn) for name, drawn in fitting.items()}, aspect


def draw_cases(path: PathLike, panels: Sequence[CasePanel], columns: int = COLUMNS) -> Path:
    """Thumbnails, four in a row; intensities that are not finite are orange.

    The legend has the names of which something is drawn.

    Args:
        path: PNG to write.
        panels: at least one.
        columns: thumbnails in a row.

    Raises:
        InputError: there is no panel.
    """
    if not panels:
        raise InputError(f"{path} needs at least one case to draw, got none.")
    broad = {panel.broad for panel in panels}
    names = list(dict.fromkeys(name for panel in panels for name, mask in panel.masks.items() if (mask > 0).any()))
    thin = [name for name in names if name not in broad]
    colors = {name: OUTLINES[index % len(OUTLINES)] for index, name in enumerate(thin)}
    colors |= {name: BROAD for name in names if name in broad}
    rows = -(-len(panels) // columns)
    layout = ConstrainedLayoutEngine(w_pad=0.05, h_pad=0.05, wspace=0.02, hspace=0.03)
    shapes = [(panel.image.shape, panel.aspect) for panel in panels if panel.image is not None]
    tallest = max((height / width * aspect for (height, width), aspect in shapes), default=1.0)
    abreast = next((n for n in range(min(len(names), 7), 1, -1) if _letters(names, n) <= 90), 1)
    lines = -(-len(names) // abreast)
    below = max(_wrapped(panel.note, columns).count("\n") + 1 for panel in panels)
    above = max(panel.title.count("\n") for panel in panels)
    row = WIDTH / columns * min(tallest, TALLEST) + 0.35 + 0.12 * (below + above)
    figure = Figure(figsize=(WIDTH, row * rows + 0.2 * lines), layout=layout)
    places = figure.subplots(rows, columns, squeeze=False)
    for place in places.flat[len(panels) :]:
        place.set_visible(False)
    for place, panel in zip(places.flat, panels, strict=False):
        _draw(place, panel, colors, columns)
    if names:
        handles = [Line2D([], [], color=colors[name], linewidth=3, label=name) for name in names]
        for handle in handles[len(thin) :]:
            handle.set_path_effects([withStroke(linewidth=4.5, foreground="black")])
        figure.legend(handles=handles, loc="outside upper left", ncols=abreast, **LEGEND)
    return save_figure(figure, path, dpi=120, keep=(*dict.fromkeys(colors.values()), NOT_FINITE))


def _draw(place: Axes, panel: CasePanel, colors: Mapping[str, str], columns: int) -> None:
    width = 72 * WIDTH / columns - 9  # points; without the space to the next one
    title = "\n".join(_shortened(line, width, TITLE) for line in panel.title.split("\n"))
    place.set(xticks=[], yticks=[], anchor="S")  # below the middle of its cell the text would leave the figure
    place.spines[:].set_visible(False)
    place.set_title(title, fontsize=TITLE, color=TEXT, parse_math=False)
    place.set_xlabel(_wrapped(panel.note, columns), fontsize=NOTE, color=TEXT, parse_math=False)
    if panel.image is None:
        place.set_facecolor("#E5E5E5")
        place.set(xlim=(0, 1), ylim=(0, 1), box_aspect=1)
        place.text(0.5, 0.5, "cannot be read", ha="center", va="center", fontsize=8, color=TEXT)
        return
    step = max(1, -(-max(panel.image.shape) // SIDE))
    image = panel.image[::step, ::step]
    finite = image[np.isfinite(image)]
    low, high = np.percentile(finite, (1, 99)) if finite.size else (0.0, 1.0)
    shown = np.ma.masked_invalid((image - low) / (high - low if high > low else 1.0))
    gray = colormaps["gray"].with_extremes(bad=NOT_FINITE)
    place.imshow(shown, cmap=gray, vmin=0.0, vmax=DIMMED if panel.broad else 1.0, aspect=panel.aspect)
    point = max(image.shape[1], image.shape[0] * panel.aspect / TALLEST) / width
    draw_outlines(place, _smaller(panel.masks, step), colors, point, panel.broad)


def _letters(names: Sequence[str], columns: int) -> int:
    """Width of a legend in letters, with seven for each column's lines."""
    return sum(7 + max(map(len, column)) for column in np.array_split(names, columns))


def _smaller(masks: Mapping[str, np.ndarray], step: int) -> dict[str, np.ndarray]:
    """Every ``step``-th pixel; where a class would vanish, one that has it."""
    small = {name: mask[::step, ::step].copy() for name, mask in masks.items()}
    for name, mask in masks.items():
        for index in np.setdiff1d(mask[mask > 0], small[name]):
            row, column = np.argwhere(mask == index)[0]
            for other in small:
                small[other][row // step, column // step] = masks[other][row, column]
    return small


def _wrapped(note: str, columns: int) -> str:
    return "\n".join(textwrap.wrap(note, LETTERS * COLUMNS // columns, max_lines=5, placeholder=" …"))


def _shortened(text: str, width: float, size: float) -> str:
    """Text without its middle, as far as it would be wider than ``width`` points."""
    font = FontProperties(size=size)
    for kept in range(len(text), 1, -1):
        end = len(text) - kept // 2
        short = text if kept == len(text) else f"{text[: (kept + 1) // 2]}…{text[end:]}"
        if text_to_path.get_text_width_height_descent(short, font, ismath=False)[0] <= width:
            return short
    return text[:1]


def draw_sizes(path: PathLike, sizes: Mapping[str, Mapping[str, Sequence[float]]], unit: str) -> Path:
    """The size of what is labeled in every case: a row for each label, a point for each case, a color per section.

    Args:
        path: PNG to write.
        sizes: positive numbers by label and section.
        unit: of the sizes, such as ``mm³``.

    Raises:
        InputError: there is no size to draw.
    """
    rows = {label: {name: np.asarray(v) for name, v in by.items() if len(v)} for label, by in sizes.items()}
    rows = {label: by for label, by in rows.items() if by}
    if not rows:
        raise InputError(f"{path} needs at least one size to draw, got none.")
    sections = list(dict.fromkeys(name for by in rows.values() for name in by))
    figure = Figure(figsize=(WIDTH, 0.5 * len(rows) + 0.9), layout="constrained")
    axes = figure.subplots()
    for row, by in enumerate(rows.values()):
        for position, name in enumerate(sections):
            values = by.get(name, np.zeros(0))
            offset = 0.24 * (position - (len(sections) - 1) / 2)
            spread = 0.16 * (np.arange(len(values)) * GOLDEN_RATIO % 1 - 0.5)  # so that points hide few others
            style: dict[str, Any] = {"s": 9, "alpha": 0.55, "linewidths": 0, "color": COLORS[position % len(COLORS)]}
            axes.scatter(values, row + offset + spread, **style)
            if len(values):
                middle = np.median(values)
                axes.plot([middle] * 2, [row + offset - 0.11, row + offset + 0.11], color=TEXT, linewidth=1.2)
    everything = np.concatenate([values for by in rows.values() for values in by.values()])
    if everything.max() > 10 * everything.min():
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if everything.max() < 1000 * everything.min() else (1,)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_yticks(range(len(rows)), rows, fontsize=8, color=TEXT)
    axes.set(ylim=(len(rows) - 0.5, -0.5))
    axes.set_xlabel(f"Size of the label in a case, {unit}; the line is the median", fontsize=8, color=TEXT)
    axes.tick_params(labelsize=8, colors=TEXT, which="both")
    axes.grid(axis="x", color="#E5E5E5", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    handles = [
        Line2D([], [], marker="o", linestyle="", color=COLORS[k % len(COLORS)], label=name)
        for k, name in enumerate(sections)
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(sections), **LEGEND)
    return save_figure(figure, path, dpi=120)
