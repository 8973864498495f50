"""The numbers that stand in a label file: gray values, indices of a palette, or voxels."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from monai.data import MetaTensor

from common.errors import InputError
from common.io.formats import StoredImage, read_stored, to_tensor

__all__ = ["LARGEST_WHOLE", "LabelKind", "is_segmentation", "read_label_values", "stored_values", "whole_numbers"]

Paths = str | os.PathLike[str]
LabelKind = Literal["gray", "palette", "color", "volume"]

LARGEST_WHOLE = 2**24  # up to which float32 holds every whole number
ROUNDING = 1e-3  # numbers that are whole but for the scaling of their file
SHOWN_COLORS = 6
SLICER_SUFFIXES = (".seg.nrrd", ".seg.nhdr")
HEADER_BYTES = 16384  # of a NRRD file, in which the fields of its first segment stand


def is_segmentation(path: Paths) -> bool:
    """Whether a file is a segmentation of 3D Slicer, whose values mean what the names of its segments say.

    Args:
        path: of the file.

    Returns:
        True for ``.seg.nrrd``, and a ``.nrrd`` whose header names segments.

    Example:
        >>> is_segmentation("case_1.seg.nrrd"), is_segmentation("case_1.nii.gz")
        (True, False)
    """
    name = Path(os.fspath(path)).name.lower()
    if name.endswith(SLICER_SUFFIXES):
        return True
    if not name.endswith((".nrrd", ".nhdr")) or not Path(path).is_file():
        return False
    with Path(path).open("rb") as file:
        return b"\nSegment0_" in file.read(HEADER_BYTES)


def stored_values(stored: StoredImage) -> tuple[LabelKind, np.ndarray]:
    """How a file says what is labeled, and its numbers.

    A palette is read by its indices, never by how light its colors are. Colors that are all gray are gray.

    Args:
        stored: of `read_stored`.

    Returns:
        The kind, and (C, *spatial): one channel of a picture, but the three colors of the kind ``"color"``.
    """
    picture, array = stored.picture, stored.array
    if picture is None:
        return "volume", array
    if picture.palette is not None:
        return "palette", picture.pixels.T[None]
    if len(array) == 1:
        return "gray", array
    if bool((array == array[:1]).all()):
        return "gray", array[:1]
    return "color", array


def whole_numbers(array: np.ndarray, path: Paths) -> np.ndarray:
    """Rounds numbers that are whole but for rounding, such as class labels under a scaled NIfTI header.

    Args:
        array: of any shape.
        path: of its file, for the message.

    Returns:
        The array; rounded if all of its values lie within 1e-3 of a whole number.

    Raises:
        InputError: a value beyond ±2^24, which float32 does not hold exactly.

    Example:
        >>> whole_numbers(np.array([0.0, 3.9999999990686774]), "a.nii").tolist()
        [0.0, 4.0]
    """
    if array.size and array.dtype.kind != "b":
        largest = max(abs(int(array.max())), abs(int(array.min()))) if array.dtype.kind in "iu" else _largest(array)
        if largest > LARGEST_WHOLE:
            raise InputError(f"{path}: expected label values up to {LARGEST_WHOLE} (2^24), got {largest:g}.")
    if array.dtype.kind != "f":
        return array
    rounded = np.rint(array)
    with np.errstate(invalid="ignore"):
        return rounded if bool((np.abs(array - rounded) <= ROUNDING).all()) else array


def _largest(array: np.ndarray) -> float:
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max(initial=0))


def read_label_values(path: Paths) -> MetaTensor:
    """The numbers of a label file as they are, without saying what they mean; see `read_label` for classes.

    Args:
        path: of the file.

    Returns:
        `MetaTensor` (C, *spatial) float32.

    Raises:
        InputError: the file cannot be read, holds colors, or numbers beyond 2^24.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     picture = Image.new("P", (3, 2), 1)
        ...     picture.putpalette([255, 255, 255, 0, 0, 0])  # a light background
        ...     picture.save(f"{folder}/a.png")
        ...     read_label_values(f"{folder}/a.png").unique().tolist()
        [1.0]
    """
    stored = read_stored(path)
    kind, array = stored_values(stored)
    if kind == "color":
        raise InputError(
            f"{path}: expected a label of gray values or of a palette, got a picture of the colors "
            f"{', '.join(hex_colors(array)[:SHOWN_COLORS])}; class_colors says which class a color is."
        )
    return to_tensor(replace(stored, array=whole_numbers(array, path), picture=None), path)


def hex_colors(array: np.ndarray) -> list[str]:
    """The colors of (3, *spatial) values as ``#rrggbb``, the most frequent first."""
    return list(color_counts(array))


def color_counts(array: np.ndarray) -> dict[str, int]:
    """How many pixels of (3, *spatial) have each color ``#rrggbb``, the most frequent first."""
    if array.dtype != np.uint8:
        raise InputError(f"expected colors of 8 bits each, got values of type {array.dtype}.")
    packed, counts = np.unique(color_codes(array), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {f"#{int(packed[at]):06x}": int(counts[at]) for at in order}


def color_codes(array: np.ndarray) -> np.ndarray:
    """Colors (3, *spatial) as one number each, 65536 r + 256 g + b."""
    red, green, blue = array.astype(np.int64)
    return (red << 16) | (green << 8) | blue
