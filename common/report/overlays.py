"""Images with the outlines of their masks: labels, noisy labels, predictions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from monai.networks import eval_mode

from common.errors import InputError
from common.io.formats import is_picture, read_image
from common.report.drawing import (
    CLEAN,
    NOISY,
    PANEL_TITLES,
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

MOST_CLASSES = 32  # whose outlines are drawn apart; with more values a mask is taken as a whole


@dataclass(frozen=True)
class Example:
    """One row of `draw_examples`.

    Attributes:
        title: written beside the row.
        image: (H, W) or (H, W, 3), any range.
        clean: (H, W) clean label, foreground where positive.
        noisy: (H, W) label that the network was trained with, likewise.
        prediction: (H, W) mask that the network predicts, likewise.

    Example:
        >>> mask = np.eye(8)
        >>> Example("case 1", image=np.ones((8, 8)), clean=mask, noisy=mask, prediction=mask).image.shape
        (8, 8)
    """

    title: str
    image: np.ndarray
    clean: np.ndarray
    noisy: np.ndarray
    prediction: np.ndarray


def draw_examples(path: PathLike, rows: Sequence[Example]) -> Path:
    """Image, clean label, noisy label and prediction of each case side by side, masks as outlines over the image.

    The noisy label and the prediction carry their Dice with the clean label, whose outline is dashed beside theirs.

    Args:
        path: PNG to write.
        rows: at least one.

    Returns:
        The path written.

    Raises:
        InputError: no rows, or a mask whose size differs from that of its image.

    Example:
        >>> import tempfile
        >>> mask = np.eye(8)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     draw_examples(f"{folder}/examples.png", [Example("case 1", mask, mask, mask, mask)]).name
        'examples.png'
    """
    if not rows:
        raise InputError(f"{path} needs at least one example to draw, got none.")
    for row in rows:
        for name, mask in (("clean", row.clean), ("noisy", row.noisy), ("predicted", row.prediction)):
            if mask.shape != row.image.shape[:2]:
                raise InputError(
                    f"the {name} mask of {row.title} must have the size of its image, {row.image.shape[:2]}, "
                    f"got {mask.shape}."
                )
    cell = WIDTH / 4.25
    heights = [cell * row.image.shape[0] / row.image.shape[1] for row in rows]
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0.0, hspace=0.0)
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.3), layout=layout)
    panels = figure.subplots(len(rows), 4, squeeze=False, height_ratios=heights)
    for panel, title in zip(panels[0], ("Image", "Clean label", "Noisy label", "Prediction"), strict=True):
        panel.set_title(title, fontsize=9, fontweight="bold", color=TEXT)
    for line, row in zip(panels, rows, strict=True):
        for panel in line:
            show_image(panel, row.image)
        line[0].set_ylabel(row.title, fontsize=8, color=TEXT)
        outline(line[1], row.clean, CLEAN)
        for panel, mask, color in ((line[2], row.noisy, NOISY), (line[3], row.prediction, PREDICTION)):
            outline(panel, row.clean, CLEAN, dashed=True)
            outline(panel, mask, color)
            write_on(panel, f"Dice {dice_of(mask, row.clean):.2f}")
    return save_figure(figure, path, dpi=120, keep=(CLEAN, NOISY, PREDICTION))


def examples_from_dataset(
    network: torch.nn.Module,
    dataset: Sequence[Mapping[str, Any]],
    path: PathLike,
    device: torch.device | str = "cpu",
    count: int = 1,
) -> Path:
    """Predicts and draws the first cases of every kind of label noise in a data set, in its own order.

    The network is used as in evaluation, without gradients, and left in the mode it was in. A pixel is foreground where
    its logit is positive; several channels are drawn as their union.

    Args:
        network: (1, C, W, H) images to (1, K, W, H) logits.
        dataset: items with ``image`` (C, W, H) of 1 or 3 channels, ``label`` (the noisy one) and ``clean_label``
            (K, W, H), ``noise_kind`` and ``case``.
        path: PNG to write.
        device: where the network is.
        count: cases of each kind, at least 1.

    Returns:
        The path written.

    Raises:
        InputError: no items, items without these keys, or images that are not 2-D.

    Example:
        >>> import tempfile
        >>> mask = torch.eye(8)[None]
        >>> item = {"image": mask, "label": mask, "clean_label": mask, "noise_kind": "none", "case": "case 1"}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     examples_from_dataset(torch.nn.Identity(), [item], f"{folder}/examples.png").name
        'examples.png'
    """
    chosen: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for index in range(len(dataset)):
        item = dataset[index]
        missing = [key for key in ("image", "label", "clean_label", "noise_kind", "case") if key not in item]
        if missing:
            raise InputError(f"item {index} of the data set needs {', '.join(missing)}, but has {', '.join(item)}.")
        if len(chosen[item["noise_kind"]]) < count:
            chosen[item["noise_kind"]].append(item)
    known = [kind for kind in PANEL_TITLES if kind in chosen]
    rows = []
    for kind in known + sorted(chosen.keys() - set(known)):
        for item in chosen[kind]:
            image = torch.as_tensor(item["image"])
            if image.ndim != 3 or len(image) not in (1, 3):
                raise InputError(
                    f"case {item['case']} must be a 2-D image of 1 or 3 channels, got the shape {tuple(image.shape)}."
                )
            with eval_mode(network):
                logits = network(image[None].to(device))[0]
            rows.append(
                Example(
                    title=f"{PANEL_TITLES.get(kind, kind)}\n{item['case']}",
                    image=(image[0].T if len(image) == 1 else image.permute(2, 1, 0)).cpu().numpy(),
                    clean=_union(item["clean_label"]),
                    noisy=_union(item["label"]),
                    prediction=_union(logits),
                )
            )
    return draw_examples(path, rows)


def draw_overlay(image_file: PathLike, mask_file: PathLike, path: PathLike) -> Path:
    """An image beside itself with the outline of each class of its mask; of a volume the slice with the most of them.

    Slices are axial, or sagittal or coronal where voxels are at least 1.5 times as long across them as from one axial
    slice to the next. Volumes are turned to the usual view, anterior up (axial) or left (sagittal), superior up, and
    the patient's right on the left, in the proportions of their spacing. Where several slices have the most foreground,
    or the mask is empty, it is the middle one of them. Slices are counted from 1 as the file stores them.

    Args:
        image_file: PNG, JPEG or NIfTI, 2-D or 3-D.
        mask_file: of the same size, foreground where positive.
        path: PNG to write.

    Returns:
        The path written.

    Raises:
        InputError: a file is missing or cannot be read, or the sizes differ.

    Example:
        >>> from PIL import Image
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.fromarray(np.eye(8, dtype=np.uint8)).save(f"{folder}/mask.png")
        ...     draw_overlay(f"{folder}/mask.png", f"{folder}/mask.png", f"{folder}/overlay.png").name
        'overlay.png'
    """
    image, aspect, backward = _turned_slices(image_file)
    mask, _ = read_slices(mask_file)
    mask = mask if mask.ndim == 3 else mask.max(axis=3)
    if mask.shape != image.shape[:3]:
        raise InputError(
            f"the mask {mask_file} must have the size of {image_file}, {image.shape[:3]} (slices, rows, columns), "
            f"got {mask.shape}."
        )
    foreground = (mask > 0).sum(axis=(1, 2))
    fullest = np.flatnonzero(foreground == foreground.max())
    index = fullest[len(fullest) // 2]
    height, width = image.shape[1] * aspect, image.shape[2]
    figure = Figure(figsize=(WIDTH, min(WIDTH / 2 * height / width, WIDTH) + 0.25), layout="constrained")
    left, right = figure.subplots(1, 2)
    show_image(left, image[index], aspect)
    show_image(right, image[index], aspect)
    values = np.unique(mask[index][mask[index] > 0])
    for part in [mask[index] == value for value in values] if len(values) <= MOST_CLASSES else [mask[index] > 0]:
        outline(right, part, PREDICTION)
    number = len(image) - index if backward else index + 1
    place = f", slice {number} of {len(image)}" if len(image) > 1 else ""
    left.set_title(f"{Path(image_file).name}{place}", fontsize=9, color=TEXT)
    right.set_title(Path(mask_file).name, fontsize=9, color=TEXT)
    return save_figure(figure, path, dpi=120, keep=(CLEAN, NOISY, PREDICTION))


def read_slices(file: PathLike) -> tuple[np.ndarray, float]:
    """An image's slices as they are looked at: across the thickest axis, superior or anterior up.

    Args:
        file: PNG, JPEG or NIfTI.

    Returns:
        Slices ``(D, H, W)`` or, in color, ``(1, H, W, 3)``, and the height of a pixel relative to its width.

    Raises:
        InputError: there is no such file, or it holds more than a volume.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("L", (3, 2)).save(f"{folder}/a.png")
        ...     slices, aspect = read_slices(f"{folder}/a.png")
        >>> slices.shape, aspect
        ((1, 2, 3), 1.0)
    """
    return _turned_slices(file)[:2]


def _turned_slices(file: PathLike) -> tuple[np.ndarray, float, bool]:
    """What `read_slices` returns, and whether the file stores the slices in the opposite order."""
    if not Path(file).is_file():
        raise InputError(f"{file} does not exist: expected a PNG, JPEG or NIfTI file.")
    if is_picture(file):
        pixels = read_image(file).numpy()
        gray = len(pixels) == 1
        return pixels[0].T[None] if gray else pixels.transpose(2, 1, 0)[None].astype(np.uint8), 1.0, False
    image = read_image(file)
    if len(image) > 1:
        shape = (*image.shape[1:], len(image))
        raise InputError(f"{file} must be a 2-D image or a 3-D volume, got the shape {shape}.")
    values = image[0].numpy().reshape((*image.shape[1:], 1)[:3])
    volume = nib.as_closest_canonical(nib.Nifti1Image(values, image.affine.numpy()))
    spacing = volume.header.get_zooms()
    across = int(np.argmax(spacing)) if volume.shape[2] > 1 and max(spacing) >= 1.5 * spacing[2] else 2
    rows, columns = {0: (2, 1), 1: (2, 0), 2: (1, 0)}[across]
    slices = np.asarray(volume.dataobj).transpose(across, rows, columns)
    axes = {int(axis): direction for axis, direction in nib.io_orientation(image.affine.numpy())}
    return slices[:, ::-1, ::-1], float(spacing[rows] / spacing[columns]), axes[across] < 0


def _union(mask: torch.Tensor) -> np.ndarray:
    """(K, W, H) as one (H, W) mask, foreground where any channel is positive."""
    return (torch.as_tensor(mask) > 0).any(dim=0).T.cpu().numpy()
