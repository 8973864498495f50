"""The segmentations that are best, on average over noisy labels, for Dice and for accuracy.

A marginal m gives each voxel's probability of being foreground. Nordström et al., *Marginal Thresholding in Noisy
Image Segmentation*: accuracy is highest for {m > 1/2}, Dice for {m ≥ t} with a threshold t ≤ 1/2 that depends on the
image. A voxel with m = 1/2 is worth the same to accuracy in and out, and background by the tie rule of `common.fusion`.
"""

from __future__ import annotations

import math

import torch

from common.errors import ArgumentError
from common.fusion.ties import exceeds

__all__ = ["accuracy_optimal_segmentation", "apply_threshold", "dice_optimal_segmentation", "dice_optimal_threshold"]

CPU_BLOCK = 1 << 16  # values that stay in a core's cache through a pass
GPU_BLOCK = 1 << 24  # below this a float32 sum of ones is exact
SAMPLE_STRIDE = 61  # prime, so that the sample does not run along an axis
ROUNDING = 1e-2  # by how much blended or half-precision probabilities may leave [0, 1]


def dice_optimal_threshold(marginal: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The threshold that maximizes Dice against a marginal, and the Dice to expect, per image and channel.

        D_m(s) = 2 Σ s·m / (Σ s + Σ m),   t = max_s D_m(s) / 2   (definition 4, eq. 12, 15)

    and {m ≥ t} attains the maximum; a voxel with m = t exactly may be in or out. t is found by Dinkelbach's iteration
    t ← D_m({m ≥ t}) / 2, which from its second step on only rises, to the exact maximum in a few passes, without
    sorting. (The paper's listing 3 sorts, sums in the input's precision, and calls every voxel of an empty map
    foreground; here sums are float64, and an all-zero map has an empty mask, as the errata say.)

    Args:
        marginal: ``(B, C, *spatial)`` probabilities of whole images, not of patches. Values outside [0, 1] by no more
            than 0.01, from rounding or blending, count as 0 and 1.

    Returns:
        ``(threshold, expected_dice)``, both ``(B, C)`` float64 on the marginal's device (on the CPU for Apple's MPS),
        expected_dice = 2·threshold. By convention 0.5 and 1 for an all-zero map.

    Raises:
        ArgumentError: if the values are no probabilities, or there is no batch and channel dimension.

    Example:
        >>> dice_optimal_threshold(torch.tensor([[[1.0, 0.25, 0.25, 0.25, 0.0]]]))  # Dice 2·1 / (1 + 1.75)
        (tensor([[0.3636]], dtype=torch.float64), tensor([[0.7273]], dtype=torch.float64))
    """
    values = as_probabilities(marginal)
    values = values.cpu() if values.device.type == "mps" else values  # has no float64
    rows = values.flatten(2).flatten(0, 1)
    start = torch.zeros(len(rows), dtype=torch.float64, device=rows.device)
    if rows.shape[1] > CPU_BLOCK:  # a start near the solution saves passes and does not change it
        start = _maximize(rows[:, ::SAMPLE_STRIDE].contiguous(), start)
    threshold = _maximize(rows, start).view(marginal.shape[:2])
    threshold = torch.where(threshold > 0, threshold, 0.5)
    return threshold, 2 * threshold


def apply_threshold(marginal: torch.Tensor, threshold: torch.Tensor) -> torch.Tensor:
    """{m ≥ t}, where t is compared in float64 whatever the marginal's precision.

    Args:
        marginal: ``(B, C, *spatial)``.
        threshold: ``(B, C)``.

    Returns:
        0 and 1 with the shape, dtype and device of ``marginal``.

    Example:
        >>> apply_threshold(torch.tensor([[[0.2, 0.3]]]), torch.tensor([[0.25]])).tolist()
        [[[0.0, 1.0]]]
    """
    return reaches(marginal, threshold).to(marginal.dtype)


def reaches(marginal: torch.Tensor, threshold: torch.Tensor) -> torch.Tensor:
    """`apply_threshold` as True and False, in a quarter of the memory."""
    values = _single_or_double(marginal)
    limit = _rounded_up(threshold, values.dtype).to(values.device)
    return values >= limit.view(*limit.shape, *[1] * (values.ndim - 2))


def dice_optimal_segmentation(marginal: torch.Tensor) -> torch.Tensor:
    """The largest segmentation of highest Dice against a marginal: {m ≥ t} with `dice_optimal_threshold` (eq. 12).

    Args:
        marginal: ``(B, C, *spatial)`` probabilities of whole images.

    Returns:
        0 and 1 with the shape, dtype and device of ``marginal``; empty for an all-zero map.

    Raises:
        ArgumentError: as `dice_optimal_threshold`.

    Example:
        >>> dice_optimal_segmentation(torch.tensor([[[0.9, 0.45, 0.1]]])).tolist()  # t = 0.39
        [[[1.0, 1.0, 0.0]]]
    """
    return apply_threshold(marginal, dice_optimal_threshold(marginal)[0])


def accuracy_optimal_segmentation(marginal: torch.Tensor) -> torch.Tensor:
    """The smallest segmentation of highest accuracy against a marginal: {m > 1/2} (eq. 11, 13).

    A probability of one half, up to rounding, is background, as everywhere (`common.fusion.exceeds`): a vote of two
    annotators against two is decided alike for training, as reference and here.

    Args:
        marginal: ``(B, C, *spatial)`` probabilities.

    Returns:
        0 and 1 with the shape, dtype and device of ``marginal``.

    Raises:
        ArgumentError: as `dice_optimal_threshold`.

    Example:
        >>> accuracy_optimal_segmentation(torch.tensor([[[0.9, 0.5, 0.1]]])).tolist()
        [[[1.0, 0.0, 0.0]]]
    """
    return exceeds(as_probabilities(marginal)).to(marginal.dtype)


def as_probabilities(marginal: torch.Tensor) -> torch.Tensor:
    """``marginal`` checked, as a plain float32 or float64 tensor with values in [0, 1]."""
    if marginal.ndim < 3:
        raise ArgumentError(f"marginal: expected (batch, channel, *spatial), got the shape {tuple(marginal.shape)}.")
    values = _single_or_double(marginal.detach().as_subclass(torch.Tensor))
    if values.numel() == 0:
        return values
    low, high = (float(extreme) for extreme in values.aminmax())
    if not (low >= -ROUNDING and high <= 1 + ROUNDING):
        raise ArgumentError(f"marginal: expected probabilities from 0 to 1, got values from {low:g} to {high:g}.")
    return values.clamp(0, 1) if low < 0 or high > 1 else values


def _single_or_double(values: torch.Tensor) -> torch.Tensor:
    return values if values.dtype == torch.float64 else values.float()


def _maximize(rows: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
    """max_s D(s) / 2 of each row ``(R, N)`` of probabilities by Dinkelbach's iteration; 0 for a row of zeros."""
    block = CPU_BLOCK // max(len(rows), 1) + 1 if rows.device.type == "cpu" else GPU_BLOCK
    blocks = rows.split(block, dim=1)
    total = sum((part.sum(1, dtype=torch.float64) for part in blocks), torch.zeros_like(start))
    buffer = torch.empty_like(blocks[0])

    def half_dice(threshold: torch.Tensor) -> torch.Tensor:
        limit = _rounded_up(threshold, rows.dtype)[:, None]
        count, inside = torch.zeros_like(threshold), torch.zeros_like(threshold)
        for part in blocks:
            chosen = torch.ge(part, limit, out=buffer[:, : part.shape[1]])
            count += chosen.sum(1)
            inside += chosen.mul_(part).sum(1, dtype=torch.float64)
        return torch.where(total > 0, inside / (count + total), 0)

    threshold = half_dice(start)
    while True:
        # at least the old one: rounding of the last bit must not let it swing between two equal optima
        better = torch.maximum(threshold, half_dice(threshold))
        if torch.equal(_rounded_up(better, rows.dtype), _rounded_up(threshold, rows.dtype)):
            return better
        threshold = better


def _rounded_up(threshold: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The smallest number of ``dtype`` that is not below ``threshold``: m ≥ t means the same for both."""
    rounded = threshold.to(dtype)
    above = torch.nextafter(rounded, torch.full_like(rounded, math.inf))
    return torch.where(rounded.to(threshold.dtype) < threshold, above, rounded)
