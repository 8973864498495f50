"""The rule of contours against exact arithmetic, closed forms and Matplotlib."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from matplotlib.path import Path as Outline

from common.formats.contours import fill_contours

SHAPE = (12, 9)


def by_the_rule(contours: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Every center by itself, in rational numbers: crossings of the ray to the left, and whether it lies on an edge."""
    found = np.zeros(shape, bool)
    exact = [[(Fraction(float(x)), Fraction(float(y))) for x, y in contour] for contour in contours]
    edges = [edge for contour in exact for edge in zip(contour, contour[1:] + contour[:1], strict=True)]
    for x, y in np.ndindex(shape):
        odd = on = False
        for (x0, y0), (x1, y1) in edges:
            between = min(x0, x1) <= x <= max(x0, x1) and min(y0, y1) <= y <= max(y0, y1)
            on |= between and (x1 - x0) * (y - y0) == (y1 - y0) * (x - x0)
            if (y0 <= y) != (y1 <= y):
                odd ^= x0 + (y - y0) * (x1 - x0) / (y1 - y0) <= x
        found[x, y] = odd or on
    return found


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_any_contours(parts: int) -> None:
    """Of corners on the centers, between them, beyond the image, twice the same, of one point and of lines."""
    draw = np.random.default_rng(parts)
    for _ in range(40):
        contours = [
            np.rint(draw.uniform(-3, 14, (draw.integers(1, 8), 2)) * parts) / parts for _ in range(draw.integers(1, 4))
        ]
        np.testing.assert_array_equal(fill_contours(contours, SHAPE), by_the_rule(contours, SHAPE))


@pytest.mark.file_format("DICOM RTSTRUCT", "tested against", "matplotlib")
def test_a_disc_is_that_of_matplotlib() -> None:
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    disc = np.stack([30.3 + 20 * np.cos(angle), 24.7 + 15 * np.sin(angle)], 1)
    centers = np.stack(np.meshgrid(np.arange(64), np.arange(50), indexing="ij"), -1).reshape(-1, 2)
    theirs = Outline(disc).contains_points(centers).reshape(64, 50)
    np.testing.assert_array_equal(fill_contours([disc], (64, 50)), theirs)
    both = fill_contours([disc, (disc - [30.3, 24.7]) / 2 + [30.3, 24.7]], (64, 50))
    inner = Outline((disc - [30.3, 24.7]) / 2 + [30.3, 24.7]).contains_points(centers).reshape(64, 50)
    np.testing.assert_array_equal(both, theirs & ~inner)


def test_a_hole_by_a_keyhole() -> None:
    """One contour that runs in through a channel of no width, around the hole, and out again."""
    outer, hole = [(0.5, 0.5), (8.5, 0.5), (8.5, 7.5), (0.5, 7.5)], [(2.5, 2.5), (2.5, 5.5), (5.5, 5.5), (5.5, 2.5)]
    keyhole = np.array([*outer, outer[0], *hole, hole[0]])
    expected = np.zeros(SHAPE, bool)
    expected[1:9, 1:8] = True
    expected[3:6, 3:6] = False
    np.testing.assert_array_equal(
        fill_contours([keyhole], SHAPE)[[0, 1, *range(6, 12)]], expected[[0, 1, *range(6, 12)]]
    )
    np.testing.assert_array_equal(fill_contours([np.array(outer), np.array(hole)], SHAPE), expected)


def test_contours_through_the_centers_of_the_border() -> None:
    """As OpenCV and rt-utils lead them: discs, rings, and lines of one pixel come back whole."""
    square = np.zeros(SHAPE, bool)
    square[2:8, 1:7] = True
    ring = square.copy()
    ring[4:6, 3:5] = False
    outer, inner = [(2, 1), (2, 6), (7, 6), (7, 1)], [(3, 2), (6, 2), (6, 5), (3, 5)]
    np.testing.assert_array_equal(fill_contours([np.array(outer)], SHAPE), square)
    np.testing.assert_array_equal(fill_contours([np.array(outer), np.array(inner)], SHAPE), ring)
    line = np.zeros(SHAPE, bool)
    line[3, 2:6] = True
    np.testing.assert_array_equal(fill_contours([np.array([(3, 2), (3, 5)])], SHAPE), line)
    np.testing.assert_array_equal(np.argwhere(fill_contours([np.array([(3, 2)])], SHAPE)), [(3, 2)])


NOISE = (  # rows are columns of the image: (X, Y)
    *("...##.#..", "######...", "..##.####", "..#####.#", "##.##.#..", ".###.#.##", "##.#.....", "#####.#.#"),
    *("..#....##", "..#...###", "#.###.###", "#..##.#.."),
)
OF_RT_UTILS = (  # what rt-utils 1.2.7 with OpenCV 5.0.0 writes for it, in pixels
    *([(7, 6), (8, 7), (7, 8), (10, 8), (10, 7), (11, 6), (9, 6), (8, 7)], [(10, 0), (11, 0)]),
    [
        *[(1, 0), (1, 2), (0, 3), (0, 4), (1, 5), (0, 6), (1, 5), (2, 6), (2, 8), (3, 8), (2, 7), (3, 6), (4, 6)],
        *[(5, 7), (5, 8), (5, 7), (4, 6), (5, 5), (4, 4), (5, 3), (6, 3), (7, 4), (7, 3), (8, 2), (9, 2), (10, 3)],
        *[(10, 4), (11, 4), (11, 3), (10, 2), (8, 2), (7, 1), (7, 0), (6, 0), (5, 1), (4, 0), (4, 1), (3, 2), (2, 2)],
        (1, 1),
    ],
    *([(3, 5), (4, 4), (5, 5), (4, 6)], [(1, 4), (2, 3), (3, 4), (2, 5)], [(5, 2), (6, 1), (7, 2), (6, 3)]),
    [(3, 2), (4, 1), (5, 2), (4, 3)],
)


def test_a_mask_of_noise_by_way_of_rt_utils() -> None:
    """Islands, holes, lines that are walked back and forth: every pixel comes back."""
    mask = np.array([[character == "#" for character in column] for column in NOISE])
    np.testing.assert_array_equal(fill_contours([np.array(contour) for contour in OF_RT_UTILS], mask.shape), mask)
