"""Dice and accuracy of a segmentation when the truth is a probability."""

from __future__ import annotations

import math

import torch

from common.errors import ArgumentError

__all__ = ["soft_accuracy", "soft_dice"]


def soft_dice(segmentation: torch.Tensor, marginal: torch.Tensor) -> torch.Tensor:
    """Dice of a segmentation s against a marginal m.

        D_m(s) = 2 Σ s·m / (Σ s + Σ m)

    For a soft segmentation this is 1 − SD_m, one minus the soft-Dice loss. Differentiable. Nordström et al.,
    *Marginal Thresholding in Noisy Image Segmentation*, definitions 2 and 4. Sums are float64.

    Args:
        segmentation: ``(B, C, *spatial)``, values in [0, 1].
        marginal: probabilities of the same shape.

    Returns:
        ``(B, C)`` float64 in [0, 1] (on the CPU for Apple's MPS); 1 where both are empty.

    Raises:
        ArgumentError: if the shapes differ or have no batch and channel dimension.

    Example:
        >>> soft_dice(torch.tensor([[[1, 1, 0]]]), torch.tensor([[[1.0, 0.5, 0.5]]]))  # 2·1.5 / (2 + 2)
        tensor([[0.7500]], dtype=torch.float64)
    """
    both, segmented, expected = _sums(segmentation, marginal)
    empty = (segmented + expected == 0).to(both)
    return (2 * both + empty) / (segmented + expected + empty)


def soft_accuracy(segmentation: torch.Tensor, marginal: torch.Tensor) -> torch.Tensor:
    """Accuracy of a segmentation s against a marginal m: the expected share of voxels that are right.

        A_m(s) = mean(s·m + (1 − s)·(1 − m))

    Nordström et al., *Marginal Thresholding in Noisy Image Segmentation*, definition 3. Sums are float64.

    Args:
        segmentation: ``(B, C, *spatial)``, values in [0, 1].
        marginal: probabilities of the same shape.

    Returns:
        ``(B, C)`` float64 in [0, 1] (on the CPU for Apple's MPS); 1 where both are empty.

    Raises:
        ArgumentError: if the shapes differ or have no batch and channel dimension.

    Example:
        >>> soft_accuracy(torch.tensor([[[1, 1, 0, 0]]]), torch.tensor([[[1.0, 0.5, 0.5, 0.0]]]))
        tensor([[0.7500]], dtype=torch.float64)
    """
    both, segmented, expected = _sums(segmentation, marginal)
    return 1 - (segmented + expected - 2 * both) / max(math.prod(marginal.shape[2:]), 1)


def _sums(segmentation: torch.Tensor, marginal: torch.Tensor) -> list[torch.Tensor]:
    """Σ s·m, Σ s and Σ m of every image and channel."""
    if segmentation.shape != marginal.shape or marginal.ndim < 3:
        raise ArgumentError(
            "segmentation and marginal: expected one shape (batch, channel, *spatial), "
            f"got {tuple(segmentation.shape)} and {tuple(marginal.shape)}."
        )
    if marginal.device.type == "mps":  # has no float64
        segmentation, marginal = segmentation.cpu(), marginal.cpu()
    terms = (segmentation * marginal, segmentation, marginal)
    return [term.flatten(2).sum(2, dtype=torch.float64) for term in terms]
