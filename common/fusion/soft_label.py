"""Soft labels from several raters' partial masks, the anatomy and the image (Felfeliyan et al. 2022, section IV.A)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from common.errors import ArgumentError

__all__ = [
    "add_neighbour_slices",
    "aggregate_raters",
    "find_hyperintense",
    "raise_hyperintense",
    "restrict_to_anatomy",
    "soft_label_steps",
    "structure_masks",
]

MAD_TO_DEVIATION = 1.4826  # of a normal distribution


def structure_masks(labels: torch.Tensor, values: Sequence[int]) -> torch.Tensor:
    """One mask per structure of a label map: ``mask[k] = (labels == values[k])``.

    Args:
        labels: (*spatial), whole numbers.
        values: K of them.

    Returns:
        (K, *spatial) bool.

    Example:
        >>> structure_masks(torch.tensor([0, 1, 2, 1]), [1, 2]).int().tolist()
        [[0, 1, 0, 1], [0, 0, 1, 0]]
    """
    chosen = torch.as_tensor(list(values), device=labels.device, dtype=labels.dtype)
    return labels[None] == chosen.reshape(-1, *[1] * labels.ndim)


def aggregate_raters(masks: torch.Tensor) -> torch.Tensor:
    """Step 1: the share of the raters who marked a voxel, among those who rated it.

    ``ȳ_i = Σ_r m_ri / R_i``, R_i the number of raters whose mask is not −1 at voxel i: of whole scans the share of the
    raters who rated the scan. What is −1 in all masks nobody rated: it stays −1, no background.

    Args:
        masks: (R, *rest), 1 marked, 0 not, −1 not rated; −1 throughout where a rater did not rate the scan. The rest
            may begin with structures, which are then taken one by one.

    Returns:
        (*rest) float32 in [0, 1], and −1 where nobody rated.

    Raises:
        ArgumentError: nobody rated the scan, or other values.

    Example:
        >>> aggregate_raters(torch.tensor([[1, 1, 0, -1], [1, 0, -1, -1], [-1, -1, -1, -1]])).tolist()
        [1.0, 0.5, 0.0, -1.0]
    """
    if masks.ndim < 2 or not ((masks == 0) | (masks == 1) | (masks == -1)).all():
        raise ArgumentError(
            "masks: expected (rater, *spatial) with 1 where marked, 0 where not and -1 of a rater who is absent, "
            f"got the shape {tuple(masks.shape)}{_values(masks)}."
        )
    rated = (masks >= 0).sum(0)
    if not rated.any():
        raise ArgumentError(f"masks: expected at least one rater who rated the scan, got {len(masks)} who did not.")
    return ((masks == 1).sum(0).float() / rated).masked_fill(rated == 0, -1.0)


def restrict_to_anatomy(label: torch.Tensor, anatomy: torch.Tensor) -> torch.Tensor:
    """Step 2: what lies outside the anatomy is removed, ``ȳ_i · a_i``.

    Args:
        label: (K, *spatial) or (*spatial), in [0, 1].
        anatomy: of the same shape, true inside.

    Returns:
        The label, 0 outside; 0 everywhere for an empty anatomy.

    Example:
        >>> restrict_to_anatomy(torch.tensor([0.5, 0.5]), torch.tensor([True, False])).tolist()
        [0.5, 0.0]
    """
    return label.where(anatomy.bool(), torch.zeros_like(label))


def find_hyperintense(image: torch.Tensor, anatomy: torch.Tensor, threshold: float) -> torch.Tensor:
    """Where a structure is brighter than the structure itself usually is.

    ``h_ki = a_ki and x_i > median_k + threshold · 1.4826 · MAD_k``, the median and the median absolute deviation of the
    image in structure k (of an even number of voxels the lower of the two in the middle): robust, because lesions,
    vessels and the dark cortex are part of it.

    Args:
        image: (*spatial), any scale.
        anatomy: (K, *spatial), true inside structure k.
        threshold: in standard deviations of a normal distribution.

    Returns:
        (K, *spatial) bool; nothing for a structure that is empty.

    Raises:
        ArgumentError: the shapes do not fit, or gray values that are not finite within a structure.

    Example:
        >>> image = torch.tensor([9.0, 10.0, 11.0, 30.0, 90.0])
        >>> find_hyperintense(image, torch.tensor([[True, True, True, True, False]]), 3.0).int().tolist()
        [[0, 0, 0, 1, 0]]
    """
    if anatomy.shape[1:] != image.shape:
        raise ArgumentError(
            f"anatomy: expected (structure, *spatial) of the image's shape {tuple(image.shape)}, "
            f"got {tuple(anatomy.shape)}."
        )
    anatomy, image = anatomy.bool(), image.float()
    found = torch.zeros_like(anatomy)
    for mask, chosen in zip(anatomy, found, strict=True):
        values = image[mask]
        if not values.numel():
            continue
        if not values.isfinite().all():
            raise ArgumentError("image: expected finite gray values within the anatomy, got others.")
        center = values.median()
        deviation = MAD_TO_DEVIATION * (values - center).abs().median()
        chosen[mask] = values > center + threshold * deviation
    return found


def raise_hyperintense(label: torch.Tensor, hyperintense: torch.Tensor) -> torch.Tensor:
    """Step 3: 1 where the structure is hyper-intense, ``max(ȳ_i, h_i)``.

    Args:
        label: (K, *spatial), in [0, 1].
        hyperintense: of the same shape, of `find_hyperintense`.

    Returns:
        The label, nowhere smaller.

    Example:
        >>> raise_hyperintense(torch.tensor([0.5, 0.2]), torch.tensor([True, False])).tolist()
        [1.0, 0.20000000298023224]
    """
    return label.masked_fill(hyperintense.bool(), 1.0)


def add_neighbour_slices(label: torch.Tensor, weight: float, slice_axis: int = -1) -> torch.Tensor:
    """Step 4: the labels of the previous and the next slice are evidence too.

    ``1 − (1 − ȳ_s)(1 − w ȳ_{s−1})(1 − w ȳ_{s+1})``: the probability that at least one of three independent signs is
    right, of which the neighbors' count w. The paper gives no formula; this one stays within [0, 1], never lowers a
    label, and w = 0 changes nothing. Beyond the first and the last slice there is no evidence.

    Args:
        label: with a slice axis, in [0, 1].
        weight: w, in [0, 1].
        slice_axis: of the slices.

    Returns:
        The label, nowhere smaller; unchanged for a single slice.

    Raises:
        ArgumentError: a weight outside [0, 1].

    Example:
        >>> add_neighbour_slices(torch.tensor([0.0, 1.0, 0.0, 0.0]), 0.5).tolist()
        [0.5, 1.0, 0.5, 0.0]
    """
    if not 0 <= weight <= 1:
        raise ArgumentError(f"neighbour_slices: expected a weight in [0, 1], got {weight}.")
    slices = label.movedim(slice_axis, -1)
    doubt = 1 - slices
    doubt[..., 1:] *= 1 - weight * slices[..., :-1]
    doubt[..., :-1] *= 1 - weight * slices[..., 1:]
    return torch.where(doubt == 1 - slices, slices, 1 - doubt).movedim(-1, slice_axis)


def soft_label_steps(
    masks: torch.Tensor,
    image: torch.Tensor,
    anatomy: torch.Tensor,
    restrict: bool = True,
    hyperintensity: float | None = 2.5,
    marked_only: bool = False,
    neighbour_slices: float | None = 0.3,
    slice_axis: int = -1,
) -> dict[str, torch.Tensor]:
    """The soft label after each of the four steps, in their order; a step that is switched off is left out.

    Args:
        masks: (R, K, *spatial), 1 marked, 0 not, −1 not rated (throughout for a rater who did not rate the scan).
        image: (*spatial).
        anatomy: (K, *spatial), true inside structure k.
        restrict: step 2, remove what lies outside the anatomy. Steps 3 and 4 then stay inside it too.
        hyperintensity: step 3, the threshold of `find_hyperintense`; None or 0 leaves the step out.
        marked_only: in step 3, raise only what at least one rater marked.
        neighbour_slices: step 4, the weight of `add_neighbour_slices`; None or 0 leaves the step out.
        slice_axis: of the slices.

    Returns:
        (K, *spatial) float32 in [0, 1] under ``"raters"``, ``"anatomy"``, ``"hyperintensity"`` and ``"neighbours"``.
        The last one is the soft label. What nobody rated is −1 in all of them, and no evidence for its neighbors.

    Raises:
        ArgumentError: the shapes do not fit, nobody rated the scan, or an argument is out of range.

    Example:
        >>> masks = torch.tensor([[[[1, 1, 0, 0]]], [[[0, 1, 0, 0]]]])
        >>> image, bone = torch.tensor([[1.0, 9.0, 1.0, 1.0]]), torch.tensor([[[False, True, True, True]]])
        >>> steps = soft_label_steps(masks, image, bone, neighbour_slices=0.5)
        >>> for name, label in steps.items():
        ...     print(name, label.flatten().tolist())
        raters [0.5, 1.0, 0.0, 0.0]
        anatomy [0.0, 1.0, 0.0, 0.0]
        hyperintensity [0.0, 1.0, 0.0, 0.0]
        neighbours [0.0, 1.0, 0.5, 0.0]
    """
    if masks.shape[1:] != anatomy.shape:
        raise ArgumentError(
            f"masks: expected (rater, structure, *spatial) of the anatomy's shape {tuple(anatomy.shape)}, "
            f"got {tuple(masks.shape)}."
        )
    label = aggregate_raters(masks)
    unrated, label = label < 0, label.clamp_min(0)
    steps = {"raters": label}
    if restrict:
        label = steps["anatomy"] = restrict_to_anatomy(label, anatomy)
    if hyperintensity:
        bright = find_hyperintense(image, anatomy, hyperintensity)
        label = steps["hyperintensity"] = raise_hyperintense(label, bright & (label > 0) if marked_only else bright)
    if neighbour_slices:
        label = add_neighbour_slices(label.masked_fill(unrated, 0.0), neighbour_slices, slice_axis)
        steps["neighbours"] = restrict_to_anatomy(label, anatomy) if restrict else label
    return {name: step.masked_fill(unrated, -1.0) for name, step in steps.items()}


def _values(masks: torch.Tensor) -> str:
    return f" and values from {masks.min()} to {masks.max()}" if masks.numel() else ""
