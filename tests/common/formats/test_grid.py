"""Masks laid on grids, against a loop over voxels."""

from __future__ import annotations

import itertools

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, ornt_transform

from common.errors import InputError
from common.formats.grid import Grid, lay_mask, lay_voxels, voxel_steps


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
def test_any_order_direction_and_place(axes: tuple[int, ...]) -> None:
    draw = np.random.default_rng(axes[0] * 3 + axes[1])
    turn, _ = np.linalg.qr(draw.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn * (1.5, 0.75, 2.5), (3, -4, 5)
    grid = Grid((7, 6, 5), affine)
    for signs in itertools.product((1, -1), repeat=3):
        matrix = np.zeros((4, 4))
        matrix[range(3), axes] = signs
        matrix[:3, 3], matrix[3, 3] = draw.integers(-9, 12, 3), 1
        mask = draw.random((4, 9, 3)) < 0.5
        steps = voxel_steps(affine @ matrix, mask.shape, grid)
        assert steps is not None
        expected, outside = np.zeros(grid.shape, bool), 0
        for index in np.argwhere(mask):
            place = np.rint(matrix @ [*index, 1])[:3].astype(int)
            if ((place >= 0) & (place < grid.shape)).all():
                expected[tuple(place)] = True
            else:
                outside += 1
        target = np.zeros(grid.shape, bool)
        assert lay_mask(mask, steps, target) == outside
        np.testing.assert_array_equal(target, expected)


def test_off_the_grid() -> None:
    grid = Grid((7, 6, 5), np.eye(4))
    shifted, turned = np.eye(4), np.eye(4)
    shifted[0, 3] = 0.2
    turned[:2, :2] = [[np.cos(0.05), -np.sin(0.05)], [np.sin(0.05), np.cos(0.05)]]
    for affine in (shifted, turned, np.diag([1.1, 1, 1, 1]), np.diag([2.0, 1, 1, 1])):
        assert voxel_steps(affine, (7, 6, 5), grid) is None
    assert voxel_steps(np.diag([1.001, 1, 1, 1]), (7, 6, 5), grid) is not None


def test_all_voxels_in_another_order() -> None:
    """By `nibabel.as_closest_canonical`, whose affine is in closed form."""
    draw = np.random.default_rng(3)
    voxels = draw.random((4, 5, 3))
    for code in ("LPS", "SAR", "PIL"):
        to = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(code))
        image = nib.Nifti1Image(voxels, np.diag([1.0, 2, 3, 1])).as_reoriented(to)
        grid = Grid(image.shape, image.affine)
        np.testing.assert_array_equal(lay_voxels(voxels, np.diag([1.0, 2, 3, 1]), grid, "a"), image.get_fdata())
    for shape, moved, said in (((4, 5, 4), 0, "the size"), ((4, 5, 3), 1, "beside, or outside"), ((5, 4, 3), 0, "out")):
        affine = np.diag([1.0, 2, 3, 1])
        affine[0, 3] = moved
        with pytest.raises(InputError, match=f"a: expected, got .*{said}"):
            lay_voxels(voxels, np.diag([1.0, 2, 3, 1]), Grid(shape, affine), "a: expected")
