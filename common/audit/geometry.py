"""Borders in millimeters: signed distances, and how far a label's border lies from that of a prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates
from scipy.spatial import cKDTree

from common.planes import largest_channel

__all__ = [
    "Residuals",
    "border_points",
    "border_residuals",
    "box_around",
    "class_dice",
    "predicted_classes",
    "signed_distance",
]

SMOOTHING = 0.7  # voxels, of masks whose border is looked for: a line of one voxel survives it
NORMAL_SMOOTHING = 2.0  # voxels, of masks whose normals are looked for
REACH = 2.0  # times the distance of the nearest point, that is looked along a normal
RAY = 16  # steps to both sides
MOST_POINTS = 5000  # of a border, drawn at random


@dataclass(frozen=True)
class Residuals:
    """How far the border of a label lies outside that of a prediction, point by point.

    Attributes:
        points: (N, n) of the predicted border in mm.
        normals: (N, n) unit vectors out of the predicted structure.
        outward: (N,) mm; positive where the label reaches further out.
    """

    points: np.ndarray
    normals: np.ndarray
    outward: np.ndarray


def predicted_classes(probabilities: np.ndarray) -> np.ndarray:
    """The most probable class of every voxel, the smallest of several (`common.planes.largest_channel`).

    Args:
        probabilities: ``(C, *spatial)``.

    Returns:
        int16 ``(*spatial)``.

    Example:
        >>> predicted_classes(np.array([[0.5, 0.2], [0.5, 0.8]])).tolist()
        [0, 1]
    """
    tensor = torch.from_numpy(np.ascontiguousarray(probabilities))  # maps of other axes have negative strides
    return largest_channel(tensor).numpy().astype(np.int16)


def signed_distance(mask: np.ndarray, spacing: Sequence[float]) -> np.ndarray:
    """The distance of every voxel's center to the border of a mask, positive inside.

    The border lies halfway between neighboring centers: half a voxel, along the direction to the nearest voxel of the
    other side, is taken off the distance between centers.

    Args:
        mask: ``(*spatial)`` bool.
        spacing: voxel size along each axis in mm.

    Returns:
        float32 ``(*spatial)`` in mm; of an empty mask −inf, of a full one inf.

    Example:
        >>> signed_distance(np.array([False, True, True, True]), [2.0]).tolist()
        [-1.0, 1.0, 3.0, 5.0]
    """
    if not mask.any():
        return np.full(mask.shape, -np.inf, np.float32)
    if mask.all():
        return np.full(mask.shape, np.inf, np.float32)
    distance = np.zeros(mask.shape, np.float32)
    for side, sign in ((mask, 1.0), (~mask, -1.0)):
        where = np.nonzero(side)
        nearest = distance_transform_edt(side, sampling=spacing, return_distances=False, return_indices=True)
        total = np.zeros(len(where[0]), np.float32)
        half = np.zeros(len(where[0]), np.float32)
        for axis, size in enumerate(spacing):
            square = ((nearest[axis][where] - where[axis]) * np.float32(size)) ** 2
            total += square
            half += square * np.float32(size / 2)
        distance[where] = sign * (np.sqrt(total) - half / total)
    return distance


def border_residuals(
    label: np.ndarray, prediction: np.ndarray, spacing: Sequence[float], known: np.ndarray | None = None
) -> Residuals:
    """How far out a label's border lies at every point of the predicted border.

    Points of both borders are where the mask, smoothed by 0.7 voxels, crosses ½ on the lines between neighboring
    voxels, so that the steps of the grid hardly count. The residual of a point of the prediction is where its normal
    leaves the label, at most twice as far as the nearest point of the label's border; where it does not, the distance
    of that point, negative if it lies inwards.

    Args:
        label: ``(*spatial)`` bool.
        prediction: ``(*spatial)`` bool.
        spacing: voxel size along each axis in mm.
        known: ``(*spatial)`` bool, where there is a label; None for everywhere.

    Returns:
        The residuals, at most 5000 of them; none if label or prediction is empty or everywhere.

    Example:
        >>> border_residuals(np.arange(8) > 1, np.arange(8) > 3, [1.5]).outward.round(6).tolist()
        [3.0]
    """
    axes = len(spacing)
    nothing = Residuals(np.zeros((0, axes)), np.zeros((0, axes)), np.zeros(0))
    if not (label.any() and prediction.any()) or label.all() or prediction.all():
        return nothing
    box = box_around(label | prediction, [3] * axes)
    points, normals = _border(prediction[box], spacing)
    other, _ = _border(label[box], spacing)
    if known is not None and len(points):
        at = np.rint(points / np.asarray(spacing)).astype(int)
        seen = known[box][tuple(at.T)]
        points, normals = points[seen], normals[seen]
    if not len(points) or not len(other):
        return nothing
    if len(points) > MOST_POINTS:
        chosen = np.random.default_rng(0).choice(len(points), MOST_POINTS, replace=False)
        points, normals = points[chosen], normals[chosen]
    distance, nearest = cKDTree(other).query(points)
    outward = np.copysign(distance, np.einsum("ij,ij->i", other[nearest] - points, normals))
    crossing = _along_normals(label[box], points, normals, spacing, distance)
    outward = np.where(np.isfinite(crossing), crossing, outward)
    starts = np.array([part.start for part in box]) * np.asarray(spacing)
    return Residuals(points + starts, normals, outward)


def border_points(mask: np.ndarray, spacing: Sequence[float], most: int) -> np.ndarray:
    """Points of a mask's border, as for `border_residuals`.

    Args:
        mask: ``(*spatial)`` bool.
        spacing: voxel size along each axis in mm.
        most: points, drawn at random if there are more.

    Returns:
        (N, n) in mm.

    Example:
        >>> border_points(np.arange(8) > 3, [1.5], 10).tolist()
        [[5.25]]
    """
    box = box_around(mask, [3] * mask.ndim)
    points = _border(mask[box], spacing)[0] + np.array([part.start for part in box]) * np.asarray(spacing)
    if len(points) > most:
        points = points[np.random.default_rng(0).choice(len(points), most, replace=False)]
    return points


def _along_normals(
    mask: np.ndarray, points: np.ndarray, normals: np.ndarray, spacing: Sequence[float], distance: np.ndarray
) -> np.ndarray:
    """(N,) where the normals cross the mask's border, mm from the points; nan where they do not within `REACH`."""
    smooth = _smoothed(mask)
    steps = np.linspace(-1.0, 1.0, 2 * RAY + 1)
    reach = REACH * distance + max(spacing)
    places = (points[:, None] + (reach[:, None] * steps)[..., None] * normals[:, None]) / np.asarray(spacing)
    values = map_coordinates(smooth, places.reshape(-1, mask.ndim).T, order=1, mode="nearest").reshape(len(points), -1)
    low, high = values[:, :-1] - 0.5, values[:, 1:] - 0.5
    with np.errstate(divide="ignore", invalid="ignore"):
        crossed = np.where((low > 0) & (high <= 0), steps[:-1] + (steps[1] - steps[0]) * low / (low - high), np.nan)
    crossed[np.isnan(crossed)] = np.inf
    nearest = np.take_along_axis(crossed, np.abs(crossed).argmin(1)[:, None], axis=1)[:, 0]
    return np.where(np.isfinite(nearest), nearest * reach, np.nan)


def _smoothed(mask: np.ndarray) -> np.ndarray:
    """A mask whose steps are rounded; as it is if smoothing wipes it out."""
    smooth = gaussian_filter(mask.astype(np.float32), SMOOTHING)
    return smooth if smooth.max() > 0.5 else mask.astype(np.float32)


def _border(mask: np.ndarray, spacing: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Points of a mask's border in mm, and its normals outward; of a mask that smoothing wipes out, as it is."""
    smooth = _smoothed(mask)
    smoother = gaussian_filter(mask.astype(np.float32), NORMAL_SMOOTHING)
    points, normals = [], []
    for axis in range(mask.ndim):
        before: list[slice] = [slice(None)] * mask.ndim
        after = before.copy()
        before[axis], after[axis] = slice(0, -1), slice(1, None)
        low, high = smooth[tuple(before)] - 0.5, smooth[tuple(after)] - 0.5
        where = np.stack(np.nonzero((low > 0) != (high > 0)), axis=1)
        first, second = low[tuple(where.T)], high[tuple(where.T)]
        place = where.astype(float)
        share = first / (first - second)
        place[:, axis] += share
        points.append(place * np.asarray(spacing))
        slopes = []
        for other, size in enumerate(spacing):
            step = np.zeros(mask.ndim, int)
            step[other] = 1
            ends = [where, where + np.eye(mask.ndim, dtype=int)[axis]]
            change = [_at(smoother, end + step) - _at(smoother, end - step) for end in ends]
            slopes.append(-((1 - share) * change[0] + share * change[1]) / (2 * size))
        normals.append(np.stack(slopes, axis=1))
    normal = np.concatenate(normals)
    return np.concatenate(points), normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)


def _at(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Values at indices, those beyond the border at the border."""
    return values[tuple(np.clip(index[:, axis], 0, size - 1) for axis, size in enumerate(values.shape))]


def box_around(mask: np.ndarray, margin: Sequence[int]) -> tuple[slice, ...]:
    """The smallest box that holds a mask and a margin, cut at the image's border.

    Args:
        mask: ``(*spatial)`` bool.
        margin: voxels on both sides of each axis.

    Returns:
        A slice for each axis; of an empty mask the whole image.

    Example:
        >>> box_around(np.array([False, False, True, False]), [1])
        (slice(1, 4, None),)
    """
    slices = []
    for axis, wide in enumerate(margin):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        found = np.flatnonzero(mask.any(axis=others))
        if not len(found):
            return tuple(slice(0, size) for size in mask.shape)
        slices.append(slice(max(0, int(found[0]) - wide), min(mask.shape[axis], int(found[-1]) + wide + 1)))
    return tuple(slices)


def class_dice(first: np.ndarray, second: np.ndarray, num_classes: int) -> np.ndarray:
    """Dice of every class of two class maps over the voxels that both know.

    Args:
        first, second: ``(*spatial)`` integers, classes 0 … C − 1, −1 where unknown.
        num_classes: C.

    Returns:
        (C,) float64 in [0, 1]; nan for a class that occurs in neither.

    Example:
        >>> class_dice(np.array([0, 1, 1, -1]), np.array([0, 1, 0, 1]), 3).round(3).tolist()
        [0.667, 0.667, nan]
    """
    known = (first >= 0) & (second >= 0)
    pairs = first[known].astype(np.int64) * num_classes + second[known]
    table = np.bincount(pairs.ravel(), minlength=num_classes**2).reshape(num_classes, num_classes)
    with np.errstate(invalid="ignore"):
        return 2 * np.diag(table) / (table.sum(0) + table.sum(1))
