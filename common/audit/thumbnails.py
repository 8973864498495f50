"""A small picture of a case: the outlines of label and prediction."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
import torch
from monai.data import MetaTensor
from PIL import Image

from common.audit.geometry import predicted_classes
from common.audit.inputs import LoadedCase
from common.checking.pictures import viewed_plane

__all__ = ["LABEL_COLOR", "PREDICTION_COLOR", "draw_thumbnail", "thumbnail_plane"]

SIDE = 176  # pixels
AROUND, LEAST_AROUND = 0.4, 6  # of the size of what is marked, and pixels
MOST_BYTES = 10_000
QUALITIES = (80, 65, 50, 35, 20)
LABEL_COLOR, PREDICTION_COLOR, BOTH_COLOR = "#F0E442", "#56B4E9", "#FFFFFF"


def thumbnail_plane(
    case: LoadedCase, image: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """The plane in which label and prediction differ most; without a difference, that with most foreground.

    Args:
        case: as it was read.
        image: ``(*spatial)`` to show below; None for the probability of foreground.

    Returns:
        Image, label and prediction (H, W), as they are looked at, and the height of a pixel relative to its width.
    """
    prediction = predicted_classes(case.probabilities)
    label = case.label.astype(np.int64)
    different = (label != prediction) & (label >= 0)
    shown = different if different.any() else (label > 0) | (prediction > 0)
    count = len(case.probabilities)
    # one map with both classes in it, positive where it counts: `viewed_plane` looks for the most positive voxels
    code = 1 + (label + 1) * count + prediction
    gray = 1 - case.probabilities[0] if image is None else image
    plane, maps, aspect = viewed_plane(
        MetaTensor(
            torch.from_numpy(np.ascontiguousarray(gray, np.float32))[None], affine=torch.from_numpy(case.affine)
        ),
        {"code": torch.from_numpy(np.where(shown, code, -code))[None]},
    )
    code = np.abs(maps["code"]) - 1
    return plane, code // count - 1, code % count, aspect


def draw_thumbnail(
    image: np.ndarray, label: np.ndarray, prediction: np.ndarray, aspect: float = 1.0, side: int = SIDE
) -> str:
    """A JPEG of at most 10 kB: the outline of the label yellow, of the prediction blue, white where they meet.

    Shown is what anyone marked, and `AROUND` of its size around it.

    Args:
        image: (H, W), any range.
        label: (H, W) class map, −1 where not labeled, which is shaded.
        prediction: (H, W) class map.
        aspect: height of a pixel relative to its width.
        side: of the picture in pixels.

    Returns:
        A ``data:`` URL.

    Example:
        >>> draw_thumbnail(np.eye(8), np.eye(8, dtype=int), np.eye(8, dtype=int))[:23]
        'data:image/jpeg;base64,'
    """
    cut = _cut_out((label > 0) | (prediction > 0))
    image, label, prediction = image[cut], label[cut], prediction[cut]
    height, width = image.shape[0] * aspect, image.shape[1]
    scale = side / max(height, width)
    rows = _places(image.shape[0], max(1, round(height * scale)))
    columns = _places(image.shape[1], max(1, round(width * scale)))
    finite = np.where(np.isfinite(image), image, 0.0)
    low, high = np.percentile(finite, (1, 99))
    if high <= low:
        low, high = float(finite.min()), float(finite.max())
    shade = np.clip((finite - low) / (high - low if high > low else 1.0), 0, 1)
    drawn = np.repeat((shade * 200)[rows][:, columns, None], 3, axis=2).astype(np.uint8)
    big_label, big_prediction = label[rows][:, columns], prediction[rows][:, columns]
    drawn[big_label < 0] //= 2
    outlines = [_outline(np.maximum(big_label, 0)), _outline(big_prediction)]
    for mask, color in (
        (outlines[0], LABEL_COLOR),
        (outlines[1], PREDICTION_COLOR),
        (outlines[0] & outlines[1], BOTH_COLOR),
    ):
        drawn[mask] = [int(color[place : place + 2], 16) for place in (1, 3, 5)]
    content = b""
    for quality in QUALITIES:
        file = io.BytesIO()
        Image.fromarray(drawn).save(file, "JPEG", quality=quality, subsampling=0, optimize=True)
        content = file.getvalue()
        if len(content) <= MOST_BYTES:
            break
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode('ascii')}"


def _cut_out(marked: np.ndarray) -> tuple[slice, ...]:
    """The box of what is marked with some space around it; everything where nothing is."""
    if not marked.any():
        return tuple(slice(0, side) for side in marked.shape)
    ends = []
    for axis, side in enumerate(marked.shape):
        found = np.flatnonzero(marked.any(1 - axis))
        around = max(LEAST_AROUND, round(AROUND * (found[-1] - found[0] + 1)))
        ends.append(slice(max(0, found[0] - around), min(side, found[-1] + 1 + around)))
    return tuple(ends)


def _places(size: int, target: int) -> np.ndarray:
    """The index in ``size`` that each of ``target`` pixels shows."""
    return np.minimum(np.arange(target) * size // target, size - 1)


def _outline(label: np.ndarray) -> np.ndarray:
    """Pixels of a class beside another class, the picture's own border left out."""
    edge = np.zeros(label.shape, bool)
    for shift, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1)):
        beside = np.roll(label, shift, axis)
        border: list[Sequence[int] | slice] = [slice(None), slice(None)]
        border[axis] = slice(0, 1) if shift > 0 else slice(-1, None)
        beside[tuple(border)] = label[tuple(border)]
        edge |= (label != beside) & (label > 0)
    return edge
