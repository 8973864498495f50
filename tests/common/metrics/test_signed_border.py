"""The signed shift of borders: closed forms and all pairs of faces."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from common.errors import ArgumentError
from common.metrics import border_shift


def ball(radius: float, size: int = 48, spacing: tuple[float, ...] = (1.0, 1.0, 1.0)) -> np.ndarray:
    axes = np.meshgrid(*[(np.arange(round(size / h)) - size / h / 2 + 0.3) * h for h in spacing], indexing="ij")
    return np.sqrt(sum(axis**2 for axis in axes)) < radius


def by_all_pairs(mask: np.ndarray, reference: np.ndarray, spacing: list[float]) -> float:
    """Voxel by voxel, and every face with every other."""

    def faces(one: np.ndarray) -> list[tuple[np.ndarray, float, tuple, tuple]]:
        found = []
        for place in np.ndindex(one.shape):
            for axis in range(one.ndim):
                other = tuple(np.add(place, np.eye(one.ndim, dtype=int)[axis]))
                if other[axis] < one.shape[axis] and one[place] != one[other]:
                    center = (np.array(place) + np.array(other)) / 2 * spacing
                    area = np.prod([h for k, h in enumerate(spacing) if k != axis])
                    found.append((center, area, place, other))
        return found

    others = faces(reference)
    total = weight = 0.0
    for center, area, one, other in faces(mask):
        nearest = min(np.linalg.norm(center - face[0]) for face in others)
        sign = {0: 1, 1: 0, 2: -1}[int(reference[one]) + int(reference[other])]
        total, weight = total + sign * nearest * area, weight + area
    return total / weight


@pytest.mark.parametrize("dimensions", [2, 3])
def test_it_is_the_definition(dimensions: int):
    generator = np.random.default_rng(dimensions)
    for _ in range(4):
        shape = (7, 6, 5)[:dimensions]
        mask, reference = generator.random((2, *shape)) < 0.3
        spacing = [0.7, 1.3, 2.5][:dimensions]
        assert border_shift(mask, reference, spacing) == pytest.approx(by_all_pairs(mask, reference, spacing))


def test_planes_and_rectangles_are_exact():
    rows = np.indices((12, 9))[0]
    for first, second in itertools.product(range(2, 10), repeat=2):
        assert border_shift(rows < first, rows < second, [0.5, 3]) == pytest.approx(0.5 * (first - second))
    outer, inner = np.zeros((2, 30, 40), dtype=bool)
    outer[5:25, 5:35] = inner[5:25, 5:35] = True
    assert border_shift(outer, inner) == 0
    inner[:] = False
    inner[7:23, 7:33] = True  # two pixels smaller on each side: all of its edges are 2 away from the outer's
    assert border_shift(inner, outer) == pytest.approx(-2)
    assert border_shift(outer, inner) > 2  # at the corners the outer is farther away


@pytest.mark.parametrize("shift", [-4, -2, 2, 4])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.0, 1.0, 2.0)])
def test_balls_are_their_difference_in_radius(shift: int, spacing: tuple[float, ...]):
    found = border_shift(ball(16 + shift, spacing=spacing), ball(16, spacing=spacing), spacing)
    assert found == pytest.approx(shift, abs=0.08 * abs(shift) + 0.1)


def test_what_is_no_border():
    empty, full, half = np.zeros((4, 4)), np.ones((4, 4)), np.indices((4, 4))[0] < 2
    for mask, reference in ((empty, half), (half, empty), (full, half), (empty, empty)):
        assert np.isnan(border_shift(mask, reference))
    known = np.indices((4, 4))[0] != 1  # beside the mask's border
    assert np.isnan(border_shift(half, half, known=known))
    with pytest.raises(ArgumentError, match="expected one shape"):
        border_shift(empty, empty[1:])
    with pytest.raises(ArgumentError, match="expected 2 numbers above 0"):
        border_shift(empty, empty, [1, 0])
