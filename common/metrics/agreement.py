"""How far annotators agree with each other."""

from __future__ import annotations

import torch

from common.errors import ArgumentError

__all__ = ["fleiss_kappa", "pairwise_dice", "pairwise_similarity"]


def pairwise_similarity(
    labels: torch.Tensor, others: torch.Tensor, measure: str = "dice", counts: torch.Tensor | None = None
) -> torch.Tensor:
    """Dice or intersection over union of every label of one set with every label of another.

        Dice(A, B) = 2 |A ∩ B| / (|A| + |B|),   IoU(A, B) = |A ∩ B| / |A ∪ B|,   1 where A and B are both empty

    the mean over the foreground classes that occur in either set. Of every pair only the pixels count that both have
    labeled. Sums are float64.

    Args:
        labels: class indices ``(R, *spatial)`` of any type, 0 is background; −1 where an annotator did not label.
        others: class indices ``(N, *spatial)``.
        measure: ``"dice"`` or ``"iou"``.
        counts: how often each pixel counts, of the size of ``spatial``; None: once. With the distinct columns of labels
            and how often they occur, `common.fusion.distinct_patterns`, the result is that of all pixels.

    Returns:
        ``(R, N)`` float64 in [0, 1] (on the CPU for Apple's MPS); 1 where no foreground occurs, nan for pairs without a
        pixel that both have labeled.

    Raises:
        ArgumentError: if the measure is unknown or the shapes do not fit each other.

    Example:
        >>> pairwise_similarity(torch.tensor([[1, 1, 0]]), torch.tensor([[1, 1, 0], [1, 0, 0], [0, 0, 1]]))
        tensor([[1.0000, 0.6667, 0.0000]], dtype=torch.float64)
    """
    if measure not in ("dice", "iou"):
        raise ArgumentError(f"measure: expected dice or iou, got {measure!r}.")
    if labels.ndim < 2 or others.shape[1:] != labels.shape[1:]:
        raise ArgumentError(
            "Expected two sets of labels (annotator, *spatial) with one spatial shape, "
            f"got {tuple(labels.shape)} and {tuple(others.shape)}."
        )
    first, second = _flat(labels), _flat(others)
    weight = _weight(counts, first)
    first_pixels, second_pixels = (first >= 0).double() * weight, (second >= 0).double()
    labeled = first_pixels @ second_pixels.T
    total = torch.zeros_like(labeled)
    classes = torch.cat((first.unique(), second.unique())).unique()
    classes = classes[classes > 0].tolist()
    for index in classes:
        a, b = (first == index).double(), (second == index).double()
        a *= weight
        both, sizes = a @ b.T, a @ second_pixels.T + first_pixels @ b.T
        empty = (sizes == 0).double()
        total += (2 * both + empty) / (sizes + empty) if measure == "dice" else (both + empty) / (sizes - both + empty)
    similarity = total / len(classes) if classes else total + 1
    return torch.where(labeled > 0, similarity, torch.nan)


def pairwise_dice(labels: torch.Tensor, counts: torch.Tensor | None = None) -> torch.Tensor:
    """Dice of every annotator with every other, see `pairwise_similarity`.

    Args:
        labels: class indices ``(R, *spatial)`` of any type, 0 is background; −1 where an annotator did not label.
        counts: how often each pixel counts, see `pairwise_similarity`.

    Returns:
        ``(R, R)`` float64, symmetric with ones on the diagonal; nan for pairs without a pixel that both have labeled.

    Raises:
        ArgumentError: if the shape has no annotators and pixels.

    Example:
        >>> pairwise_dice(torch.tensor([[1, 1, 0], [1, 0, 0], [-1, -1, -1]]))
        tensor([[1.0000, 0.6667,    nan],
                [0.6667, 1.0000,    nan],
                [   nan,    nan,    nan]], dtype=torch.float64)
    """
    return pairwise_similarity(labels, labels, counts=counts)


def fleiss_kappa(labels: torch.Tensor, counts: torch.Tensor | None = None) -> torch.Tensor:
    """Fleiss' kappa: the pixel-wise agreement of any number of annotators beyond chance.

        κ = (P̄ − P̄ₑ) / (1 − P̄ₑ),   P̄ = mean_x Σ_c n_xc (n_xc − 1) / (n_x (n_x − 1)),   P̄ₑ = Σ_c (Σ_x n_xc / Σ_x n_x)²

    with n_xc the annotators who gave pixel x the class c and n_x those who labeled it. Pixels with fewer than two
    labels are left out. Fleiss, *Measuring nominal scale agreement among many raters*, Psychological Bulletin 1971, for
    a number of raters that may differ between pixels.

    Args:
        labels: class indices ``(R, *spatial)`` of any type; −1 where an annotator did not label.
        counts: how often each pixel counts, see `pairwise_similarity`.

    Returns:
        A float64 scalar of at most 1 (on the CPU for Apple's MPS); 1 where all agree, on a single class too, nan if no
        pixel has two labels.

    Raises:
        ArgumentError: if the shape has no annotators and pixels.

    Example:
        >>> fleiss_kappa(torch.tensor([[0, 0, 1, 1], [0, 0, 1, 1], [0, 1, 1, 1]]))
        tensor(0.6571, dtype=torch.float64)
    """
    if labels.ndim < 2:
        raise ArgumentError(f"labels: expected (annotator, *spatial), got the shape {tuple(labels.shape)}.")
    ratings = _flat(labels)
    weight = _weight(counts, ratings)
    raters = (ratings >= 0).sum(0)
    known = (raters > 1) & (weight > 0)
    ratings, weight, raters = ratings[:, known], weight[known], raters[known].double()
    classes = ratings.unique()
    given = torch.stack([(ratings == index).sum(0) for index in classes[classes >= 0]] or [raters]).double()
    agreeing = (given * (given - 1)).sum(0) / (raters * (raters - 1))
    observed = (agreeing * weight).sum() / weight.sum()
    expected = ((given * weight).sum(1) / (raters * weight).sum()).square().sum()
    return torch.where(observed == 1, 1.0, (observed - expected) / (1 - expected))


def _weight(counts: torch.Tensor | None, labels: torch.Tensor) -> torch.Tensor:
    """``(pixels,)`` float64."""
    if counts is None:
        return torch.ones(labels.shape[1], dtype=torch.float64, device=labels.device)
    if counts.numel() != labels.shape[1]:
        raise ArgumentError(f"counts: expected one for each of {labels.shape[1]} pixels, got {counts.numel()}.")
    return counts.flatten().to(labels.device).double()


def _flat(labels: torch.Tensor) -> torch.Tensor:
    """``(R, pixels)`` on a device that has float64."""
    return (labels.cpu() if labels.device.type == "mps" else labels).as_subclass(torch.Tensor).flatten(1)
