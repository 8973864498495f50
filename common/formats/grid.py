"""Masks of one grid laid on another that has the same voxels, cropped, turned over, or in another order of axes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.errors import InputError
from common.io.formats import read_header

__all__ = ["OFF_GRID", "Grid", "image_grid", "lay_mask", "lay_voxels", "voxel_steps"]

OFF_GRID = 0.1  # of a voxel: a corner that lies farther from a voxel's center is off the grid


@dataclass(frozen=True)
class Grid:
    """Where the voxels of an image are.

    Attributes:
        shape: (X, Y, Z).
        affine: (4, 4) from indices to mm in RAS.

    Example:
        >>> Grid((4, 3, 1), np.diag([0.5, 0.5, 2, 1])).affine[:3, :3].diagonal().tolist()
        [0.5, 0.5, 2.0]
    """

    shape: tuple[int, int, int]
    affine: np.ndarray


def image_grid(path: str | os.PathLike[str]) -> Grid:
    """The grid of an image file, or of the DICOM series in a folder.

    Args:
        path: of the file or folder.

    Returns:
        The grid; a 2-D image has Z = 1.

    Raises:
        InputError: the image cannot be read.

    Example:
        >>> import tempfile
        >>> import nibabel as nib
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     nib.save(nib.Nifti1Image(np.zeros((4, 3)), np.eye(4)), f"{folder}/a.nii")
        ...     image_grid(f"{folder}/a.nii").shape
        (4, 3, 1)
    """
    from common.formats.dicom_series import read_series

    if Path(path).is_dir():
        series = read_series(path, voxels=False)
        return Grid(series.shape, series.affine)
    header = read_header(path)
    x, y, z = (*header.shape, 1)[:3]
    return Grid((int(x), int(y), int(z)), header.affine)


def voxel_steps(affine: np.ndarray, shape: tuple[int, ...], grid: Grid) -> tuple[np.ndarray, np.ndarray] | None:
    """How indices of one grid become indices of another.

    Args:
        affine: (4, 4) to mm in RAS of the first grid.
        shape: (X, Y, Z) of the first grid; its corners are compared.
        grid: the other one.

    Returns:
        Integer matrix (3, 3) and offset (3,): ``matrix @ index + offset`` is the index in ``grid``. None if a corner
        lies more than `OFF_GRID` of a voxel from a voxel of ``grid``, which goes on beyond its shape.

    Example:
        >>> matrix, offset = voxel_steps(np.diag([-1.0, 1, 2, 1]), (4, 4, 4), Grid((9, 9, 9), np.diag([1.0, 1, 2, 1])))
        >>> (matrix @ [3, 0, 0] + offset).tolist()
        [-3, 0, 0]
    """
    step = np.linalg.inv(grid.affine) @ affine
    nearest = np.rint(step)
    matrix, offset = nearest[:3, :3], nearest[:3, 3]
    if not ((np.abs(matrix).sum(0) == 1).all() and (np.abs(matrix).sum(1) == 1).all()):
        return None
    corners = np.stack(np.meshgrid(*[(0, side - 1) for side in shape], indexing="ij")).reshape(3, -1)
    exact = step[:3, :3] @ corners + step[:3, 3:]
    if not np.abs(exact - (matrix @ corners + offset[:, None])).max() <= OFF_GRID:
        return None
    return matrix.astype(int), offset.astype(int)


def lay_mask(mask: np.ndarray, steps: tuple[np.ndarray, np.ndarray], target: np.ndarray) -> int:
    """Sets the voxels of ``target`` in which ``mask`` is true.

    Args:
        mask: bool (X, Y, Z) on its own grid, or numbers.
        steps: of `voxel_steps`.
        target: of the same type (X, Y, Z), altered in place.

    Returns:
        How many voxels of the mask lie outside of ``target``.

    Example:
        >>> target = np.zeros((2, 2, 2), bool)
        >>> lay_mask(np.ones((1, 1, 3), bool), (np.eye(3, dtype=int), np.array([1, 0, 0])), target), int(target.sum())
        (1, 2)
    """
    matrix, offset = steps
    axes = np.abs(matrix).argmax(1)  # of the mask, in the order of the target's
    signs = matrix[range(3), axes]
    turned = mask.transpose(axes)[tuple(slice(None, None, int(sign)) for sign in signs)]
    begin = np.where(signs > 0, offset, offset - np.array(turned.shape) + 1)  # of the mask, in the target
    first, last = np.maximum(begin, 0), np.minimum(begin + turned.shape, target.shape)
    last = np.maximum(first, last)
    part = turned[tuple(slice(*ends) for ends in zip(first - begin, last - begin, strict=True))]
    np.copyto(target[tuple(slice(*ends) for ends in zip(first, last, strict=True))], part, where=part != 0)
    return int(np.count_nonzero(mask) - np.count_nonzero(part))


def lay_voxels(voxels: np.ndarray, affine: np.ndarray, grid: Grid, where: str) -> np.ndarray:
    """All voxels of an image in the order of a grid that has the same ones, turned over or not.

    Args:
        voxels: numbers or bool, (X, Y) or (X, Y, Z).
        affine: (4, 4) to mm in RAS.
        grid: of as many voxels.
        where: begin of the message.

    Returns:
        (X, Y, Z) of the grid's shape.

    Raises:
        InputError: a voxel is not one of the grid's, or the other way round.

    Example:
        >>> turned = np.diag([-1.0, 1, 1, 1])  # voxels at 0 and −1 mm
        >>> grid = Grid((2, 1, 1), np.array([[1.0, 0, 0, -1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]))
        >>> lay_voxels(np.array([[[1]], [[2]]]), turned, grid, "a.dcm").ravel().tolist()
        [2, 1]
    """
    volume = voxels.reshape((*voxels.shape, 1, 1)[:3]) if voxels.ndim < 3 else voxels
    if volume.ndim != 3 or volume.size != np.prod(grid.shape):
        raise InputError(f"{where}, got the size {voxels.shape} where it has {grid.shape}.")
    steps = voxel_steps(affine, volume.shape, grid)
    laid, covered = np.zeros(grid.shape, volume.dtype), np.zeros(grid.shape, bool)
    if steps is None or lay_mask(np.ones(volume.shape, bool), steps, covered):
        raise InputError(f"{where}, got others: some lie {OFF_GRID} voxels or more beside, or outside.")
    lay_mask(volume, steps, laid)
    return laid
