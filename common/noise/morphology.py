"""Segmentation errors of a chosen size: a label that is too small, too large, or in the wrong place.

The noise of Li et al., *Superpixel-Guided Iterative Learning from Noisy Labels for Medical Image Segmentation*,
MICCAI 2021, which the T-Loss paper (Gonzalez-Jimenez et al., MICCAI 2023, section 3.1) takes over. A ``ratio`` β is
aimed at, the area that changes relative to the object: |noisy ⊕ clean| / |clean|. Steps, shifts and angles are those of
the pixel grid, whatever the spacing.

Of a class map one structure changes. What it leaves becomes background (0), and it takes background only: the other
classes, and −1 where nothing was labeled, keep their voxels. What it may not take does not count as changed either, so
that β is aimed at all the same. A volume of one slice is a picture: nothing is known beside the slice.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from monai.utils import convert_to_dst_type
from numpy.typing import NDArray
from scipy.ndimage import affine_transform, center_of_mass, distance_transform_cdt
from scipy.spatial.transform import Rotation

from common.errors import ArgumentError

__all__ = ["MORPHOLOGICAL_KINDS", "dilate", "displace", "erode", "morphological_noise", "plane_of", "relative_change"]

MORPHOLOGICAL_KINDS = ("erosion", "dilation", "displacement")
MAX_ROTATION = math.radians(30)  # as in the experiments of Li et al.

Mask = NDArray[np.bool_]


def erode(label: torch.Tensor, ratio: float, structure: int | None = None) -> torch.Tensor:
    """Shrink a label until the part lost is as near as possible to ``ratio`` times the object.

    Eroding n times with the cross-shaped element (4 neighbors in 2-D, 6 in 3-D; outside the image is background)
    leaves the pixels whose taxicab distance d to the background exceeds n, so the best n is read from the
    cumulative histogram of the distances:

        n* = argmin_n | #{0 < d ≤ n} − ratio · |label| |   over the n ≥ 0 that leave at least one pixel.

    Args:
        label: mask or class map ``(*spatial)``, 2-D or 3-D: background 0, foreground above, below 0 not labeled.
        ratio: β ≥ 0, the target of |noisy ⊕ clean| / |clean|.
        structure: the class that changes; None for the only one there is.

    Returns:
        The eroded label; shape, dtype, device and metadata of ``label``. It is never empty: an empty label, and
        one that a single step would erase, is returned unchanged, as is one that no step brings nearer to ``ratio``.

    Raises:
        ArgumentError: if the label has several foreground values and no structure is named, or is not 2-D or 3-D, or
            the ratio is negative.

    Example:
        >>> erode(torch.ones(5, 5), ratio=0.7).sum()  # 25 pixels lose 16 (0.64), not 24 (0.96)
        tensor(9.)
    """
    mask, _, value = _structure(label, ratio, structure)
    if not mask.any():
        return label.clone()
    plane = plane_of(mask)
    inside = (slice(1, -1),) * plane.ndim
    distance = distance_transform_cdt(np.pad(plane, 1), metric="taxicab")[inside].reshape(mask.shape)
    changed = np.cumsum(np.bincount(distance[mask]))[:-1]
    return _relabel(distance > _nearest(changed, ratio * np.count_nonzero(mask)), label, value)


def dilate(label: torch.Tensor, ratio: float, structure: int | None = None) -> torch.Tensor:
    """Grow a label until the part added is as near as possible to ``ratio`` times the object.

    Dilating n times with the cross-shaped element adds the pixels whose taxicab distance d to the object is at most
    n, so the best n is read from the cumulative histogram of the distances:

        n* = argmin_n | #{0 < d ≤ n} − ratio · |label| |,   n ≥ 0.

    Args:
        label: mask or class map ``(*spatial)``, 2-D or 3-D: background 0, foreground above, below 0 not labeled.
        ratio: β ≥ 0, the target of |noisy ⊕ clean| / |clean|.
        structure: the class that changes; None for the only one there is.

    Returns:
        The dilated label; shape, dtype, device and metadata of ``label``. An empty or full label is returned unchanged,
        as is one that no step brings nearer to ``ratio``.

    Raises:
        ArgumentError: if the label has several foreground values and no structure is named, or is not 2-D or 3-D, or
            the ratio is negative.

    Example:
        >>> label = torch.zeros(9, 9)
        >>> label[3:6, 3:6] = 1
        >>> dilate(label, ratio=1.0).sum()  # 9 pixels gain 12 (1.33), nearer to 1 than none
        tensor(21.)
    """
    mask, open_to_it, value = _structure(label, ratio, structure)
    if not mask.any() or mask.all():
        return label.clone()
    distance = distance_transform_cdt(~mask, metric="taxicab")
    counts = np.bincount(distance[open_to_it])
    return _relabel(distance <= _nearest(np.cumsum(counts) - counts[0], ratio * counts[0]), label, value)


def displace(
    label: torch.Tensor, ratio: float, generator: torch.Generator, structure: int | None = None
) -> torch.Tensor:
    """Rotate a label a little and shift it until the changed area is as near as possible to ``ratio`` times the object.

    The direction is one of the 8 neighbors in 2-D (26 in 3-D); the rotation is about the centroid, by an angle
    from U(−30°, 30°), in 3-D about an axis drawn uniformly from the sphere; it is interpolated linearly and
    thresholded at one half, so that it keeps the object's size. The angle is halved for as long as the rotation
    alone changes more than ``ratio``. The shift grows until the ratio is reached, or nothing would be left in the
    image, and the best of all its steps is taken.

    Differs from the code of Li et al., whose negative directions shift the wrong way, which misses (−1, −1), which
    truncates the rotation and so shrinks small masks, and which returns its last try instead of its best.

    Args:
        label: mask or class map ``(*spatial)``, 2-D or 3-D: background 0, foreground above, below 0 not labeled.
        ratio: β ≥ 0, the target of |noisy ⊕ clean| / |clean|; from about 2 the two are disjoint.
        generator: draws direction, axis and angle, in this order; an empty label draws nothing.
        structure: the class that changes; None for the only one there is.

    Returns:
        The displaced label; shape, dtype, device and metadata of ``label``. What leaves the image is lost, but never
        all of it. An empty label is returned unchanged, as is one that no shift brings nearer to ``ratio``.

    Raises:
        ArgumentError: if the label has several foreground values and no structure is named, or is not 2-D or 3-D, or
            the ratio is negative.

    Example:
        >>> label = torch.zeros(64, 64)
        >>> label[22:42, 22:42] = 1
        >>> noisy = displace(label, ratio=0.5, generator=torch.Generator().manual_seed(0))
        >>> abs(relative_change(noisy, label) - 0.5) < 0.05
        True
    """
    mask, open_to_it, value = _structure(label, ratio, structure)
    if not mask.any():
        return label.clone()
    target, shape = ratio * np.count_nonzero(mask), mask.shape
    mask, open_to_it = plane_of(mask), plane_of(open_to_it)
    directions = [step for step in itertools.product((-1, 0, 1), repeat=mask.ndim) if any(step)]
    device = generator.device
    direction = directions[int(torch.randint(len(directions), (), generator=generator, device=device))]
    axis = torch.randn(3, generator=generator, device=device).tolist() if mask.ndim == 3 else [0.0, 0.0, 1.0]
    angle = MAX_ROTATION * (2 * float(torch.rand((), generator=generator, device=device)) - 1)

    rotated = _rotate(mask, axis, angle)
    while not (rotated & open_to_it).any() or np.count_nonzero((rotated & open_to_it) ^ mask) > target:
        angle /= 2
        rotated = _rotate(mask, axis, angle)
    changed = _changed_by_shift(mask, rotated, open_to_it, direction, target)
    return _relabel(_shift(rotated, direction, _nearest(changed, target)).reshape(shape), label, value)


def morphological_noise(
    label: torch.Tensor, kind: str, ratio: float, generator: torch.Generator, structure: int | None = None
) -> torch.Tensor:
    """`erode`, `dilate` or `displace`, by name.

    Args:
        label: mask or class map ``(*spatial)``, 2-D or 3-D: background 0, foreground above, below 0 not labeled.
        kind: one of ``"erosion"``, ``"dilation"``, ``"displacement"``.
        ratio: β ≥ 0, the target of |noisy ⊕ clean| / |clean|.
        generator: used by ``"displacement"`` only.
        structure: the class that changes; None for the only one there is.

    Returns:
        The noisy label; shape, dtype, device and metadata of ``label``; empty labels are returned unchanged.

    Raises:
        ArgumentError: if the kind is unknown, and whatever the function named raises.

    Example:
        >>> morphological_noise(torch.ones(5, 5), "erosion", 0.7, torch.Generator()).sum()
        tensor(9.)
    """
    if kind == "erosion":
        return erode(label, ratio, structure)
    if kind == "dilation":
        return dilate(label, ratio, structure)
    if kind == "displacement":
        return displace(label, ratio, generator, structure)
    raise ArgumentError(f"kind: expected one of {', '.join(MORPHOLOGICAL_KINDS)}, got {kind!r}.")


def relative_change(noisy: torch.Tensor, clean: torch.Tensor) -> float:
    """|noisy ⊕ clean| / |clean|, the size of a label's error relative to its object.

    Args:
        noisy: mask of any shape; non-zero is foreground.
        clean: mask of the same shape.

    Returns:
        0 if the two are equal, 2 if they are disjoint and of one size; infinite if only ``clean`` is empty.

    Example:
        >>> relative_change(torch.tensor([0, 1, 1]), torch.tensor([1, 1, 0]))
        1.0
    """
    changed = int(((noisy != 0) ^ (clean != 0)).sum())
    size = int((clean != 0).sum())
    if changed == 0:
        return 0.0
    return changed / size if size else math.inf


def _structure(label: torch.Tensor, ratio: float, structure: int | None) -> tuple[Mask, Mask, float]:
    """The voxels of the structure, those that are its own or background, and its value, of checked arguments."""
    if label.ndim not in (2, 3):
        raise ArgumentError(
            f"A label must be a 2-D or 3-D mask without channels, but its shape is {tuple(label.shape)}."
        )
    if not 0 <= ratio < math.inf:
        raise ArgumentError(
            f"ratio: expected the changed area relative to the object, finite and at least 0, got {ratio}."
        )
    if structure is not None and structure < 1:
        raise ArgumentError(f"structure: expected a class from 1 up, or None for the only one, got {structure}.")
    values = label.as_subclass(torch.Tensor)
    foreground = values[values > 0]
    if structure is None and len(foreground) and foreground.min() != foreground.max():
        raise ArgumentError(
            "A label of several classes needs the structure that changes, but none is named and there are values from "
            f"{values.min().item()} to {values.max().item()}."
        )
    value = structure if structure is not None else foreground[0].item() if len(foreground) else 1
    mask = (values == value).numpy(force=True)
    return mask, mask | (values == 0).numpy(force=True), value


def plane_of(mask: Mask) -> Mask:
    """The slice of a volume that has one, whose neighbors are not known to be background; all else as it is.

    Args:
        mask: ``(*spatial)``, 2-D or 3-D.

    Returns:
        2-D where an axis of a volume has one voxel, of the same memory.

    Example:
        >>> plane_of(np.ones((5, 1, 4), bool)).shape, plane_of(np.ones((1, 4), bool)).shape
        ((5, 4), (1, 4))
    """
    return mask.squeeze(mask.shape.index(1)) if mask.ndim == 3 and 1 in mask.shape else mask


def _relabel(mask: Mask, label: torch.Tensor, value: float) -> torch.Tensor:
    """``label`` whose structure of this value is ``mask``, as far as that is background or the structure's own."""
    values = label.as_subclass(torch.Tensor)
    own = values == value
    taken = torch.from_numpy(mask).to(values.device) & (own | (values == 0))
    noisy = values.clone()
    noisy[own] = 0
    noisy[taken] = value
    return convert_to_dst_type(noisy, label)[0]


def _nearest(changed: NDArray[np.integer], target: float) -> int:
    return int(np.argmin(np.abs(changed - target)))


def _rotate(mask: Mask, axis: list[float], angle: float) -> Mask:
    direction = np.asarray(axis) / np.linalg.norm(axis)
    # grid-constant interpolates towards the outside too, so that a mask at the image's border stays there
    matrix = Rotation.from_rotvec(angle * direction).as_matrix()[: mask.ndim, : mask.ndim]
    center = np.asarray(center_of_mass(mask))
    values = mask.astype(np.float32)
    return affine_transform(values, matrix, center - matrix @ center, order=1, mode="grid-constant") >= 0.5


def _windows(shape: tuple[int, ...], direction: tuple[int, ...], steps: int) -> tuple[tuple[slice, ...], ...]:
    """The parts of an image that a shift by ``steps`` along ``direction`` takes from and moves to."""
    shifts = [steps * step for step in direction]
    source = tuple(slice(max(0, -s), max(0, length - max(0, s))) for s, length in zip(shifts, shape, strict=True))
    moved = tuple(slice(max(0, s), max(0, length + min(0, s))) for s, length in zip(shifts, shape, strict=True))
    return source, moved


def _shift(mask: Mask, direction: tuple[int, ...], steps: int) -> Mask:
    source, moved = _windows(mask.shape, direction, steps)
    shifted = np.zeros_like(mask)
    shifted[moved] = mask[source]
    return shifted


def _changed_by_shift(
    clean: Mask, mask: Mask, open_to_it: Mask, direction: tuple[int, ...], target: float
) -> NDArray[np.integer]:
    """|shifted mask ⊕ clean| after 0, 1, 2, … steps, until ``target`` is reached or nothing is left that may stay."""
    clean_size, changed = np.count_nonzero(clean), []
    for steps in range(max(mask.shape)):
        source, moved = _windows(mask.shape, direction, steps)
        shifted = mask[source] & open_to_it[moved]
        size = np.count_nonzero(shifted)
        if size == 0:
            break
        changed.append(size + clean_size - 2 * np.count_nonzero(shifted & clean[moved]))
        if changed[-1] >= target:
            break
    return np.asarray(changed)
