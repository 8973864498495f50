"""How far one border lies outside or inside of another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import KDTree

from common.errors import ArgumentError

__all__ = ["border_shift"]


def border_shift(
    mask: np.ndarray, reference: np.ndarray, spacing: Sequence[float] | None = None, known: np.ndarray | None = None
) -> float:
    """Mean signed distance of a mask's border to a reference's border: positive where it lies outside.

    The border of a mask is the set F of faces (edges of pixels, in two dimensions) between a voxel in it and a
    neighbor that is not. With a(f) the area of a face and p(f) its center,

        shift = Σ_{f ∈ F(mask)} a(f) s(f) min_{g ∈ F(reference)} |p(f) − p(g)| / Σ_{f ∈ F(mask)} a(f)

    and s(f) = +1 if both voxels at f are outside of the reference, −1 if both are inside. If one is and one is not, f
    is a face of the reference too and its distance is 0. So no side has to be guessed and nothing is off by half a
    voxel: a half-space that is moved by k voxels of h mm gives k·h exactly, equal masks 0, and a ball of radius r + d
    against one of radius r gives d up to the steps of the voxels.

    It is the mean over the mask's border alone: what the reference has and the mask has nowhere near is not seen (the
    sensitivity tells that), and what the mask has far away counts with its distance. Faces at the image's edge are
    no borders, as nothing is known beyond it.

    Args:
        mask: boolean, 1 to 3 dimensions.
        reference: boolean, of the same shape.
        spacing: mm along each axis; by default 1, so that the unit is a pixel.
        known: where the mask was labeled; faces at a voxel that is not known do not count. None: everywhere.

    Returns:
        The shift in the unit of ``spacing``; nan if one of the two has no border.

    Raises:
        ArgumentError: the shapes differ, or ``spacing`` does not have a positive number for each axis.

    Example:
        >>> import numpy as np
        >>> line = np.arange(10)
        >>> border_shift(line < 6, line < 4, [0.5]), border_shift(line < 3, line < 4, [0.5])
        (1.0, -0.5)
    """
    mask, reference = np.asarray(mask, dtype=bool), np.asarray(reference, dtype=bool)
    sides = np.ones(mask.ndim) if spacing is None else np.asarray(spacing, dtype=np.float64)
    if mask.shape != reference.shape or (known is not None and np.shape(known) != mask.shape):
        raise ArgumentError(f"mask and reference: expected one shape, got {mask.shape} and {reference.shape}.")
    if sides.shape != (mask.ndim,) or not (sides > 0).all():
        raise ArgumentError(f"spacing: expected {mask.ndim} numbers above 0, got {sides.tolist()}.")
    window = _window(mask | reference)
    if window is None:
        return float("nan")
    mask, reference = mask[window], reference[window]
    places, signs, areas = _faces(mask, reference, None if known is None else np.asarray(known, dtype=bool)[window])
    others = _faces(reference, reference, None)[0]
    if not len(places) or not len(others):
        return float("nan")
    weight = np.prod(sides) / sides[areas]
    apart = signs != 0
    distance = np.zeros(len(places))
    if apart.any():
        distance[apart] = KDTree(others * (sides / 2)).query(places[apart] * (sides / 2))[0]
    return float((weight * signs * distance).sum() / weight.sum())


def _window(mask: np.ndarray) -> tuple[slice, ...] | None:
    """The box that holds a mask with one voxel around it, within the image; None of an empty mask."""
    window = []
    for axis in range(mask.ndim):
        taken = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        if not len(taken):
            return None
        window.append(slice(max(0, int(taken[0]) - 1), int(taken[-1]) + 2))
    return tuple(window)


def _faces(
    mask: np.ndarray, reference: np.ndarray, known: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centers of the border's faces in half voxels ``(F, D)``, on which side they are ``(F,)``, their axes ``(F,)``."""
    places, signs, axes = [], [], []
    for axis in range(mask.ndim):
        first = tuple(slice(None, -1) if other == axis else slice(None) for other in range(mask.ndim))
        second = tuple(slice(1, None) if other == axis else slice(None) for other in range(mask.ndim))
        border = mask[first] != mask[second]
        if known is not None:
            border &= known[first] & known[second]
        found = np.nonzero(border)
        inside = reference[first][found].astype(np.int8) + reference[second][found]
        center = 2 * np.stack(found, axis=1)
        center[:, axis] += 1
        places.append(center)
        signs.append(1 - inside)
        axes.append(np.full(len(center), axis))
    return np.concatenate(places), np.concatenate(signs), np.concatenate(axes)
