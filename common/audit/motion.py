"""Labels moved and turned as a whole, and the motion that brings one onto a prediction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import affine_transform
from scipy.spatial import cKDTree

from common.audit.geometry import border_points

__all__ = ["aligned", "center", "moved"]

ITERATIONS = 40  # of closest points
MOST_POINTS = 2000  # of a border that is aligned


def center(mask: np.ndarray, spacing: Sequence[float]) -> np.ndarray | None:
    """The mean position of a mask.

    Args:
        mask: ``(*spatial)`` boolean.
        spacing: voxel size along each axis in mm.

    Returns:
        mm along each axis; None of an empty mask.

    Example:
        >>> center(np.array([[False, True, True]]), [1.0, 2.0]).tolist()
        [0.0, 3.0]
    """
    where = np.nonzero(mask)
    if not len(where[0]):
        return None
    return np.array([axis.mean() * size for axis, size in zip(where, spacing, strict=True)])


def moved(label: np.ndarray, steps: Sequence[int]) -> np.ndarray:
    """A label moved by whole voxels.

    Args:
        label: ``(*spatial)``.
        steps: voxels along each axis.

    Returns:
        ``(*spatial)``; what comes in is 0.

    Example:
        >>> moved(np.array([1, 2, 3]), [1]).tolist()
        [0, 1, 2]
    """
    found = np.zeros_like(label)
    if any(abs(step) >= size for step, size in zip(steps, label.shape, strict=True)):
        return found
    target = tuple(slice(max(0, step), size + min(0, step)) for step, size in zip(steps, label.shape, strict=True))
    source = tuple(slice(max(0, -step), size - max(0, step)) for step, size in zip(steps, label.shape, strict=True))
    found[target] = label[source]
    return found


def aligned(
    label: np.ndarray, prediction: np.ndarray, spacing: Sequence[float]
) -> tuple[np.ndarray, np.ndarray, float]:
    """A label turned and moved onto a prediction.

    Closest points of the two borders and the rotation that brings them together in the least squares sense (Kabsch), in
    turns, from the centers on.

    Args:
        label: ``(*spatial)`` class map.
        prediction: likewise.
        spacing: voxel size along each axis in mm.

    Returns:
        ``(moved, vector, angle)``: the label where the prediction is, the vector by which its center was off in mm, and
        the degrees by which it was turned; unchanged where a border has too few points.

    Example:
        >>> drawn = np.zeros((9, 9), int)
        >>> drawn[1:4, 2:7] = 1
        >>> (aligned(drawn, np.roll(drawn, 3, axis=0), [1.0, 1.0])[1].round() + 0.0).tolist()
        [-3.0, 0.0]

    Source: Besl & McKay 1992, *A method for registration of 3-D shapes*, https://doi.org/10.1109/34.121791.
    """
    axes, size = label.ndim, np.asarray(spacing)
    drawn, predicted = (border_points(mask > 0, spacing, MOST_POINTS) for mask in (label, prediction))
    if min(len(drawn), len(predicted)) <= axes:
        return label, np.zeros(axes), 0.0
    tree = cKDTree(predicted)
    middle = drawn.mean(0)
    turn, target = np.eye(axes), predicted.mean(0)
    for _ in range(ITERATIONS):
        turned = (drawn - middle) @ turn.T + target
        nearest = predicted[tree.query(turned)[1]]
        left, _, right = np.linalg.svd((nearest - nearest.mean(0)).T @ (drawn - middle))
        flip = np.eye(axes)
        flip[-1, -1] = np.sign(np.linalg.det(left @ right))
        step = left @ flip @ right
        if np.allclose(step, turn, atol=1e-4) and np.allclose(target, nearest.mean(0), atol=1e-2 * size.min()):
            break
        turn, target = step, nearest.mean(0)
    back = turn.T / size[:, None] * size  # from voxels of the prediction to voxels of the label
    offset = (middle - turn.T @ target) / size
    cosine = np.trace(turn) / 2 if axes == 2 else (np.trace(turn) - 1) / 2
    angle = float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    return affine_transform(label, back, offset, order=0), middle - target, angle
