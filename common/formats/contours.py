"""Contours to pixels by one rule: a center belongs to the structure if it lies inside by even-odd, or on a contour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["ON_CONTOUR", "fill_contours", "same_outline"]

ON_CONTOUR = 1e-3  # of a pixel: a center this near to a contour lies on it


def fill_contours(contours: Sequence[np.ndarray], shape: tuple[int, int], border: bool = True) -> np.ndarray:
    """The pixels of a structure that closed contours in one plane surround.

    A pixel belongs to the structure if a ray from its center crosses all contours together an odd number of times (so
    a contour within another is a hole, and one within that is an island), or if its center lies on a contour. With the
    second half of the rule, contours that were led through the centers of the border's pixels, as OpenCV leads them,
    give every pixel back: of discs, of rings, and of lines, whose contour surrounds nothing.

    Args:
        contours: closed polygons, (N, 2) each, in pixels along the two axes; (0, 0) is the center of the first pixel.
        shape: (X, Y).
        border: False: centers on a contour do not belong to the structure.

    Returns:
        bool (X, Y).

    Example:
        >>> square, hole = np.array([[-0.5, -0.5], [4.5, -0.5], [4.5, 4.5], [-0.5, 4.5]]), np.array([[2, 2]])
        >>> int(fill_contours([square], (9, 9)).sum()), int(fill_contours([square, square / 3 + 2], (9, 9)).sum())
        (25, 21)
        >>> int(fill_contours([np.array([[1, 1], [1, 5]])], (9, 9)).sum())
        5
    """
    filled = np.zeros(shape, bool)
    if not len(contours):
        return filled
    corners = np.concatenate([np.asarray(contour, float) for contour in contours])
    begin = np.clip(np.floor(corners.min(0)), 0, shape).astype(int)  # the rectangle around all of them
    sides = np.maximum(np.clip(np.ceil(corners.max(0)) + 1, 0, shape).astype(int) - begin, 0)
    crossings = np.zeros((sides[0] + 1, sides[1]), np.int32)
    on = np.zeros(tuple(sides), bool)
    for contour in contours:
        start = np.asarray(contour, float) - begin
        stop = np.roll(start, -1, axis=0)
        _count_crossings(start, stop, crossings)
        _mark_centers(start, stop, on)
    inside = np.cumsum(crossings[:-1], axis=0) % 2 == 1
    inside = inside | on if border else inside & ~on
    filled[begin[0] : begin[0] + sides[0], begin[1] : begin[1] + sides[1]] = inside
    return filled


def same_outline(first: np.ndarray, second: np.ndarray, tolerance: float = 1e-3) -> bool:
    """Whether two closed contours are one: wherever they begin, in whichever direction, with the first point repeated.

    Args:
        first: points ``(N, 2)``; the last is joined to the first.
        second: likewise ``(M, 2)``.
        tolerance: up to which coordinates are equal, as after rounding in a file.

    Returns:
        True or False. A point more on a straight edge makes another contour.

    Example:
        >>> square = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]])
        >>> same_outline(square, np.roll(square, 1, axis=0)[::-1]), same_outline(square, square / 2)
        (True, False)
    """
    first, second = (_without_repeats(np.asarray(points, float), tolerance) for points in (first, second))
    if first.shape != second.shape:
        return False
    starts = np.flatnonzero((np.abs(second - first[0]) <= tolerance).all(1))
    turns = ((second, start) for start in starts), ((second[::-1], len(second) - 1 - start) for start in starts)
    return any(
        (np.abs(first - np.roll(points, -start, axis=0)) <= tolerance).all() for each in turns for points, start in each
    )


def _without_repeats(points: np.ndarray, tolerance: float) -> np.ndarray:
    """Points without those that repeat the one before, or the last that repeats the first."""
    kept = points[(np.abs(points - np.roll(points, 1, axis=0)) > tolerance).any(1)]
    return kept if len(kept) else points[:1]


def _count_crossings(start: np.ndarray, stop: np.ndarray, crossings: np.ndarray) -> None:
    """Adds for every edge, at each line of centers that it crosses, one to the first pixel behind the crossing.

    An edge has its lower end and not its upper one, so a corner on a line of centers is counted once.
    """
    low, high = np.minimum(start[:, 1], stop[:, 1]), np.maximum(start[:, 1], stop[:, 1])
    edge, line = _lines(np.ceil(low), np.ceil(high) - 1, crossings.shape[1])
    share = (line - start[edge, 1]) / (stop[edge, 1] - start[edge, 1])
    first = np.ceil(start[edge, 0] + share * (stop[edge, 0] - start[edge, 0]))
    np.add.at(crossings, (np.clip(first, 0, len(crossings) - 1).astype(int), line), 1)


def _mark_centers(start: np.ndarray, stop: np.ndarray, on: np.ndarray) -> None:
    """Marks the pixels whose centers lie on an edge, going along the axis on which the edge is longer."""
    steep = np.abs(stop[:, 1] - start[:, 1]) >= np.abs(stop[:, 0] - start[:, 0])
    for chosen, grid, axis in ((steep, on, 1), (~steep, on.T, 0)):
        first, last = start[chosen], stop[chosen]
        low, high = np.minimum(first[:, axis], last[:, axis]), np.maximum(first[:, axis], last[:, axis])
        edge, line = _lines(np.ceil(low - ON_CONTOUR), np.floor(high + ON_CONTOUR), grid.shape[1])
        along = (last - first)[edge]
        length = np.where(along[:, axis] == 0, 1.0, along[:, axis])
        share = np.clip((line - first[edge, axis]) / length, 0, 1)
        at = first[edge] + share[:, None] * along
        near = np.rint(at[:, 1 - axis])
        distance = np.abs(at[:, 1 - axis] - near)
        distance = np.hypot(distance, line - at[:, axis]) if len(line) else distance
        slope = np.hypot(along[:, 0], along[:, 1])
        slant = np.where(slope > 0, np.abs(along[:, axis]) / np.where(slope > 0, slope, 1), 1.0)
        hit = (distance * slant <= ON_CONTOUR) & (near >= 0) & (near < grid.shape[0])
        grid[near[hit].astype(int), line[hit]] = True


def _lines(first: np.ndarray, last: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Each edge with each line of centers from ``first`` to ``last`` that is in the image."""
    first, last = np.clip(first, 0, count).astype(int), np.clip(last, -1, count - 1).astype(int)
    times = np.maximum(last - first + 1, 0)
    edge = np.repeat(np.arange(len(first)), times)
    within = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    return edge, first[edge] + within
