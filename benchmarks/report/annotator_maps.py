"""What annotators do at each pixel, as drawn and as predicted: maps of true and false positives and negatives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch
from monai.data import MetaTensor
from monai.transforms import Orientation

from common.errors import InputError
from common.io.formats import read_image
from common.io.label_values import read_label_values
from common.report.drawing import LEGEND, PREDICTION, TEXT, WIDTH, PathLike, outline, save_figure, show_image

__all__ = ["draw_annotator_maps", "draw_maps_of_case", "pixel_outcomes"]

PREDICTED, DRAWN, COMPARED = "prediction\nvs. its truth", "label\nvs. truth", "prediction\nvs. label"
Masks = Mapping[str, np.ndarray]
OUTCOMES = {  # in the order of their numbers; the paper's green is blue here, for every color vision
    "true negative": "#000000",
    "false negative": "#56B4E9",
    "false positive": "#D55E00",
    "true positive": "#FFFFFF",
}


def pixel_outcomes(written: np.ndarray, true: np.ndarray) -> np.ndarray:
    """What became of each pixel: 0 true negative, 1 false negative, 2 false positive, 3 true positive.

    Args:
        written: mask, foreground where positive.
        true: mask of the same shape, which ``written`` is compared with.

    Returns:
        Whole numbers of that shape.

    Raises:
        InputError: masks of different shapes.

    Example:
        >>> pixel_outcomes(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])).tolist()
        [0, 1, 2, 3]
    """
    if written.shape != true.shape:
        raise InputError(f"expected two masks of one shape, got {written.shape} and {true.shape}.")
    return 2 * (written > 0) + (true > 0)


def draw_annotator_maps(
    image: np.ndarray, rows: Mapping[str, tuple[Masks, Masks]], outlines: Masks, path: PathLike, aspect: float = 1.0
) -> Path:
    """Maps of `pixel_outcomes`: a column per annotator, a row per comparison, with the image on the left.

    Source: Zhang et al., *Disentangling Human Error from Ground Truth in Segmentation of Medical Images*, Figs. 2, 5
    and 7.

    Args:
        image: (H, W), any range.
        rows: title → the masks (H, W) of each annotator by name, and what each is compared with.
        outlines: title → mask that is drawn on the image in this row.
        path: PNG to write.
        aspect: height of a pixel by its width.

    Raises:
        InputError: no rows, or masks of different shapes.
    """
    if not rows:
        raise InputError("a figure of annotators' maps needs at least one row, got none.")
    names = list(dict.fromkeys(name for written, _ in rows.values() for name in written))
    cell = WIDTH / (len(names) + 1.55)
    height = cell * image.shape[0] * aspect / image.shape[1]
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0.0, hspace=0.0)
    figure = Figure(figsize=(WIDTH, (height + 0.06) * len(rows) + 0.55), layout=layout)
    panels = figure.subplots(len(rows), len(names) + 1, squeeze=False)
    colors = ListedColormap(list(OUTCOMES.values()))
    for line, (title, (written, true)) in zip(panels, rows.items(), strict=True):
        show_image(line[0], image, aspect)
        if title in outlines:
            outline(line[0], outlines[title], PREDICTION)
        line[0].set_ylabel(title, fontsize=8, color=TEXT)
        for panel, name in zip(line[1:], names, strict=True):
            panel.set(xticks=[], yticks=[])
            panel.set_visible(name in written)
            panel.spines[:].set_color("#999999")
            if name in written:
                shown = pixel_outcomes(written[name], true[name])
                panel.imshow(shown, cmap=colors, vmin=0, vmax=3, aspect=aspect, interpolation="nearest")
    for panel, name in zip(panels[0], ["image", *names], strict=True):
        panel.set_title(name, fontsize=9, color=TEXT)
    handles = [Patch(facecolor=color, edgecolor="#999999", label=name) for name, color in reversed(OUTCOMES.items())]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, **LEGEND | {"handlelength": 1.2})
    return save_figure(figure, path)


def draw_maps_of_case(
    inference: PathLike,
    case: str,
    image: PathLike,
    path: PathLike,
    labels: Mapping[str, PathLike] | None = None,
    truth: PathLike | None = None,
    value: int | None = None,
    label_value: int | None = None,
) -> Path:
    """`draw_annotator_maps` of a case that inference has segmented with ``--save_annotators true``.

    Rows: the predicted labels against the predicted truth, which is what the estimated matrices say of each pixel; with
    a ground truth, the labels that were drawn against it; with labels, the predicted ones against those. Of a volume it
    shows the axial slice with the most foreground in all masks together.

    Args:
        inference: folder that inference wrote.
        case: name of the case in it.
        image: file that was segmented.
        path: PNG to write.
        labels: file that each annotator drew, by the name of the annotator; None for none.
        truth: file of the ground truth; None for none.
        value: of the class in the predictions; None for all of the foreground.
        label_value: of the class in labels and ground truth; None for ``value``.

    Raises:
        InputError: a file is missing or of another shape than the image, or a label is of an annotator who is not
            predicted.
    """
    labels, label_value = labels or {}, value if label_value is None else label_value
    folder, start = Path(inference, case).parent, f"{Path(case).name}_annotator_"
    files = {file.name.removeprefix(start).partition(".")[0]: file for file in sorted(folder.glob(f"{start}*"))}
    estimates = sorted(folder.glob(f"{Path(case).name}_mask.*"))
    if not files or not estimates:
        raise InputError(f"{inference}: expected {case}_mask and {case}_annotator_NAME, got no such files.")
    if strangers := sorted(labels.keys() - files.keys()):
        raise InputError(f"labels: expected those of {', '.join(files)}, got one of {', '.join(strangers)}.")

    names = list(labels) or list(files)
    predicted = {name: _mask(files[name], value) for name in names}
    estimate = _mask(estimates[0], value)
    rows: dict[str, tuple[Masks, Masks]] = {PREDICTED: (predicted, dict.fromkeys(names, estimate))}
    outlines = {PREDICTED: estimate}
    if truth is not None and labels:
        outlines[DRAWN] = _mask(truth, label_value)
    drawn = {name: _mask(file, label_value) for name, file in labels.items()}
    if truth is not None and labels:
        rows[DRAWN] = (drawn, dict.fromkeys(names, outlines[DRAWN]))
    if labels:
        rows[COMPARED] = (predicted, drawn)

    pixels, aspect = _upright(read_image(image))
    masks = [mask for pair in rows.values() for side in pair for mask in side.values()]
    if odd := [mask.shape for mask in masks if mask.shape != pixels.shape]:
        raise InputError(f"{case}: expected masks of the image's shape {pixels.shape}, got {odd[0]}.")
    if pixels.ndim == 3:
        at = int(np.sum([mask.sum((0, 1)) for mask in masks], axis=0).argmax())
        pixels = pixels[..., at]
        rows = {title: (_slice(written, at), _slice(true, at)) for title, (written, true) in rows.items()}
        outlines = _slice(outlines, at)
    return draw_annotator_maps(pixels, rows, outlines, path, aspect)


def _slice(masks: Masks, at: int) -> dict[str, np.ndarray]:
    return {name: mask[..., at] for name, mask in masks.items()}


def _mask(file: PathLike, value: int | None) -> np.ndarray:
    stored: Any = read_label_values(file)
    array, _ = _upright(stored)
    return array > 0 if value is None else array == value


def _upright(stored: MetaTensor) -> tuple[np.ndarray, float]:
    """The first channel (H, W) or (H, W, slices) as it is looked at, and the height of its pixels by their width."""
    volume = stored.ndim == 4
    if volume:
        stored = cast(MetaTensor, Orientation("RAS", labels=None)(stored))
    array = torch.as_tensor(stored).as_subclass(torch.Tensor)[0]
    width, height = (float(size) for size in stored.pixdim[:2]) if volume else (1.0, 1.0)
    return (array.flip(0, 1) if volume else array).transpose(0, 1).numpy(), height / width
