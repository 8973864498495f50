"""What all figures share: sizes, colors for every color vision, axes, images with outlines, and the file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import cycle, islice, product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from monai.metrics import compute_dice
from PIL import Image
from scipy.spatial import KDTree

from common.errors import InputError
from common.io.files import whole_file

PathLike = str | os.PathLike[str]

WIDTH = 7.0  # inches: a 9-point letter is 12 pixels high where the figure is shown 700 pixels wide
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito, for every color vision
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1.2)))
TEXT = "#333333"
LEGEND: dict[str, Any] = {"frameon": False, "fontsize": 8, "labelcolor": TEXT, "handlelength": 2.6}
CLEAN, NOISY, PREDICTION = "#F0E442", "#D55E00", "#56B4E9"  # Okabe and Ito; bright, as X-rays are dark
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
        keep: for figures with photographs: the file has 256 colors, these (``#RRGGBB``) among them, and a third of
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
    image = few_colors(pixels, ("#FFFFFF", TEXT, *keep)) if keep else Image.fromarray(pixels)
    with whole_file(path) as partial:
        image.save(partial, optimize=True)
    return path


def few_colors(pixels: np.ndarray, keep: Sequence[str]) -> Image.Image:
    """A picture with a palette of 256 colors, which makes a figure's file several times smaller.

    Args:
        pixels: ``(H, W, 3)`` uint8.
        keep: colors that stay as they are, such as ``"#123456"``.

    Returns:
        The picture, ``keep`` and at most 52 grays among its colors.

    Example:
        >>> few_colors(np.full((2, 2, 3), 255, dtype=np.uint8), ["#FFFFFF"]).convert("RGB").getpixel((0, 0))
        (255, 255, 255)
    """
    gray = (pixels[..., :1] == pixels[..., 1:2]) & (pixels[..., 1:2] == pixels[..., 2:])
    pixels = np.where(gray, (pixels.astype(np.uint16) + 2) // 5 * 5, pixels).astype(np.uint8)
    chosen = Image.fromarray(pixels).quantize(256 - len(keep)).getpalette() or []
    palette = bytes(chosen) + bytes.fromhex("".join(keep).replace("#", ""))
    whole = np.pad(pixels, ((0, 0), (0, 0), (0, 1))).view(np.uint32)  # numbers are sorted 30 times faster than rows
    numbers, index = np.unique(whole, return_inverse=True)
    colors = numbers.view(np.uint8).reshape(-1, 4)[:, :3]
    nearest = KDTree(np.frombuffer(palette, dtype=np.uint8).reshape(-1, 3)).query(colors)[1].astype(np.uint8)
    image = Image.fromarray(nearest[index].reshape(pixels.shape[:2]))
    image.putpalette(palette)
    return image


def class_title(name: str) -> str:
    """A class's name over a panel, with its own capitals: RV_wall becomes RV wall."""
    shown = name.replace("_", " ")
    return shown[:1].upper() + shown[1:]


def plain_axes(panel: Axes, title: str) -> None:
    """Axes that leave the ink to the data."""
    panel.set_title(title, fontsize=9, color=TEXT, loc="left", fontweight="bold")
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["left", "bottom"]].set_color("#999999")
    panel.grid(axis="y", color="#E5E5E5", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.tick_params(labelsize=8, color="#999999", labelcolor=TEXT)
    panel.xaxis.label.set_fontsize(9)
    panel.yaxis.label.set_fontsize(9)


def epochs_below(panel: Axes) -> None:
    """Whole epochs along the horizontal axis."""
    panel.set_xlabel("Epoch", color=TEXT)
    panel.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))


def legend_below(figure: Figure, panel: Axes) -> None:
    """The panel's legend, below the whole figure."""
    handles, labels = panel.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(5, len(labels)), **LEGEND)


def line_styles(labels: Sequence[str] | Mapping[str, Any], highlight: str | None = None) -> dict[str, dict[str, Any]]:
    """Color and dashes of each line; the highlighted one is black, thick and on top."""
    if highlight is not None and highlight not in labels:
        raise InputError(f"highlight must be one of {', '.join(labels)}, got {highlight}.")
    others = [label for label in labels if label != highlight]
    pairs = islice(cycle(product(DASHES, COLORS)), len(others))
    styles: dict[str, dict[str, Any]] = {
        label: {"color": color, "linestyle": dashes, "linewidth": 1.3}
        for label, (dashes, color) in zip(others, pairs, strict=True)
    }
    if highlight is not None:
        styles[highlight] = {"color": "black", "linestyle": "-", "linewidth": 2.4, "zorder": 5}
    return styles


def dice_of(mask: np.ndarray, reference: np.ndarray) -> float:
    """Dice of what is positive in both; 1 where nothing is."""
    first, second = (torch.from_numpy(array > 0).float()[None, None] for array in (mask, reference))
    return compute_dice(first, second, ignore_empty=False).item()


def show_image(panel: Axes, image: np.ndarray, aspect: float = 1.0) -> None:
    """The image between its 1st and 99th percentile, without axes."""
    low, high = np.nanpercentile(image, (1, 99))
    shown = np.clip((image - low) / (high - low if high > low else 1.0), 0.0, 1.0)
    panel.imshow(shown, cmap="gray", vmin=0.0, vmax=1.0, aspect=aspect)
    panel.set(xticks=[], yticks=[])
    panel.spines[:].set_visible(False)


def outline(panel: Axes, mask: np.ndarray, color: str, dashed: bool = False) -> None:
    """The border of the mask, closed where it meets the image's edge; nothing for an empty mask."""
    if not (mask > 0).any():
        return
    padded = np.pad((mask > 0).astype(np.float32), 1)
    columns, rows = np.arange(-1, mask.shape[1] + 1), np.arange(-1, mask.shape[0] + 1)
    width, style = (0.9, "dashed") if dashed else (1.5, "solid")
    lines = panel.contour(columns, rows, padded, [0.5], colors=[color], linewidths=width, linestyles=style)
    lines.set_path_effects([withStroke(linewidth=width + 1.0, foreground="black", alpha=0.5)])
    panel.set(xlim=(-0.5, mask.shape[1] - 0.5), ylim=(mask.shape[0] - 0.5, -0.5))


def write_on(panel: Axes, text: str) -> None:
    """Text in the lower left corner, readable on any image."""
    label = panel.text(0.03, 0.03, text, transform=panel.transAxes, fontsize=8, color="white")
    label.set_path_effects([withStroke(linewidth=2.0, foreground="black")])
