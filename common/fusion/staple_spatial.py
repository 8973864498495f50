"""Spatial STAPLE: confusion matrices that vary over the image, each estimated in a window around its voxel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch.nn.functional import pad

from common.errors import ArgumentError
from common.fusion.staple_global import LOG_ZERO, check_stopping, estimate_confusion, staple
from common.fusion.voting import class_labels, mean_label

__all__ = ["SpatialStapleResult", "spatial_staple"]

NOTHING = 2.0**-52  # a class of no more voxels than this is not there: what underflows on one way is 0 on another


class SpatialStapleResult(NamedTuple):
    """What `spatial_staple` estimates.

    Attributes:
        probabilities: ``(L, *spatial)`` float64, of the true class, summing to 1 over the classes.
        confusion: ``(R, L, L)`` float64, ``[r, i, j]`` = p(annotator r says i | the truth is j) over the whole image.
        local_confusion: ``(R, L, L, *spatial)`` float64, the same around each voxel. All columns sum to 1.
        iterations: how often the local matrices were estimated.
        converged: whether the probabilities came to rest within the tolerance.
    """

    probabilities: torch.Tensor
    confusion: torch.Tensor
    local_confusion: torch.Tensor
    iterations: int
    converged: bool


def spatial_staple(
    labels: torch.Tensor,
    half_window: int | Sequence[int] = 5,
    global_weight: float = 0.2,
    num_classes: int | None = None,
    prior: torch.Tensor | Sequence[float] | None = None,
    tolerance: float = 1e-4,
    max_iterations: int = 100,
) -> SpatialStapleResult:
    """STAPLE with a confusion matrix of each annotator at each voxel.

    With B(x) the window around x, A⁰_r the matrices of `staple` and λ(x) = ``global_weight`` · |B(x)|, the two steps

        A_r[i, j](x) = (λ(x) A⁰_r[i, j] + Σ_{y ∈ B(x) : l_r(y) = i} W_j(y)) / (λ(x) + Σ_{y ∈ B(x) : l_r(y) ≥ 0} W_j(y))
        W_j(x) ∝ π_j(x) ∏_{r : l_r(x) ≥ 0} A_r[l_r(x), j](x)

    alternate, from STAPLE's W, until no probability changes by more than ``tolerance``. The whole image's matrices
    count as much as ``global_weight`` · |B(x)| voxels of the window, and alone where a class is not near x: where the
    denominator is at most 2⁻⁵², less than the rounding of one voxel's probability. With
    windows that hold the image this is `staple`. Windows overlap, so this is not the EM of one likelihood and may not
    come to rest; the last estimate is returned.

    The prior is estimated as the matrices are, of the annotators' shares v_j and STAPLE's prior π⁰:

        π_j(x) = (λ(x) π⁰_j + Σ_{y ∈ B(x), labeled} v_j(y)) / (λ(x) + |{y ∈ B(x) : labeled}|)

    With π⁰ everywhere, an object larger than a window is hollowed out. Where all annotators see an object in the whole
    window, "it is background, and everybody errs" fits as well as "it is an object, and nobody does", and π⁰, mostly
    background, decides for the first.

    Source: Asman & Landman, *Formulating Spatially Varying Performance in the Statistical Fusion Framework*, IEEE TMI
    31(6), 2012: performance estimated in windows, drawn towards that of the whole image. Here every voxel has a window
    of its own, clipped at the image's border, and λ is the stated share of its voxels. The prior is added here.

    Args:
        labels: ``(R, *spatial)``, classes 0 … L − 1, −1 = not labeled.
        half_window: h, voxels on either side of the window of 2h + 1, from 0 up; one for each axis or for all.
        global_weight: from 0 up.
        num_classes: L; by default the largest label + 1, and at least 2.
        prior: as for `staple`, and then not that of windows.
        tolerance: of the probabilities, from 0 up.
        max_iterations: at least 1.

    Returns:
        `SpatialStapleResult` on the labels' device (on the CPU for Apple's MPS). The local matrices take 8·R·L² bytes
        per voxel. Where nobody labeled, the probabilities are the prior.

    Raises:
        ArgumentError: if there is no annotator, a label is no class, or another argument is out of range.

    Example:
        >>> labels = torch.tensor([[0, 1, 1, 0, 1, 1], [0, 1, 1, 0, 1, 1], [0, 1, 1, 1, 0, 0]])
        >>> spatial_staple(labels, half_window=1).local_confusion[2, 1, 1].round(decimals=1).tolist()
        [0.9, 0.9, 0.9, 0.5, 0.1, 0.1]
    """
    labels, num_classes = class_labels(labels, num_classes)
    spatial = labels.shape[1:]
    half_windows = list(half_window) if isinstance(half_window, Sequence) else [half_window] * len(spatial)
    if len(half_windows) != len(spatial) or not all(isinstance(half, int) and half >= 0 for half in half_windows):
        raise ArgumentError(f"half_window: expected a whole number from 0 up, or one for each axis, got {half_window}.")
    if not 0 <= global_weight < float("inf"):
        raise ArgumentError(f"global_weight: expected a finite number from 0 up, got {global_weight}.")
    check_stopping(tolerance, max_iterations)

    probabilities, everywhere, used_prior, _, _ = staple(labels, num_classes, prior)
    weight = global_weight * window_sum(torch.ones(spatial).to(probabilities), half_windows)
    if prior is None:
        used_prior = local_prior(labels, used_prior, weight, half_windows)
    log_prior = used_prior.log().clamp_min(LOG_ZERO).expand_as(probabilities)
    converged = False
    iterations = 0
    while not converged and iterations < max_iterations:
        log_posterior = log_prior.clone()
        for label, matrix in zip(labels, everywhere, strict=True):
            for truth, column in enumerate(matrix.T):
                local = local_column(label, probabilities[truth], column, weight, half_windows)
                own = torch.ones_like(weight)
                for said, probability in enumerate(local):
                    own = probability.where(label == said, own)
                log_posterior[truth] += own.log_().clamp_min_(LOG_ZERO)
        previous, probabilities = probabilities, log_posterior.softmax(0)
        iterations += 1
        converged = not bool((probabilities - previous).abs().gt(tolerance).any())

    local_confusion = torch.empty(*everywhere.shape, *spatial).to(probabilities)
    for label, matrix, result in zip(labels, everywhere, local_confusion, strict=True):
        for truth, column in enumerate(matrix.T):
            local = local_column(label, probabilities[truth], column, weight, half_windows)
            torch.stack(local, out=result[:, truth])
    confusion = estimate_confusion(labels, probabilities)
    return SpatialStapleResult(probabilities, confusion, local_confusion, iterations, converged)


def window_sum(values: torch.Tensor, half_windows: Sequence[int]) -> torch.Tensor:
    """The sum over the window of 2h + 1 voxels along each axis around each voxel, with zeros outside the image.

    Runs of 1, 2, 4, … voxels are added up to the window: about log₂(2h + 1) additions, and never a difference, so that
    a sum of zeros is zero.

    Args:
        values: ``(*spatial)``.
        half_windows: h of each axis, from 0 up.

    Returns:
        ``(*spatial)``.

    Example:
        >>> window_sum(torch.tensor([1, 2, 4, 8]), [1])
        tensor([ 3,  7, 14, 12])
    """
    for axis, half in enumerate(half_windows):
        size = values.shape[axis]
        half = min(half, max(size - 1, 0))
        run = pad(values, [0, 0] * (values.ndim - 1 - axis) + [half, half])
        values, start, length = run.narrow(axis, 0, size), 1, 1
        while 2 * length <= 2 * half + 1:
            count = run.shape[axis] - length
            run = run.narrow(axis, 0, count) + run.narrow(axis, length, count)
            length *= 2
            if (2 * half + 1) & length:
                values = values + run.narrow(axis, start, size)
                start += length
    return values


def local_prior(
    labels: torch.Tensor, everywhere: torch.Tensor, weight: torch.Tensor, half_windows: Sequence[int]
) -> torch.Tensor:
    """The prior near each voxel: how often annotators say each class in the window.

    Args:
        labels: ``(R, *spatial)``, −1 = not labeled.
        everywhere: prior of the whole image, ``(L, 1, …)``.
        weight: of the latter, in voxels, ``(*spatial)``.
        half_windows: along each axis, in voxels.

    Returns:
        ``(L, *spatial)``, which sum to 1 over the classes; ``everywhere`` where the window, with ``weight``, holds no
        label.

    Example:
        >>> labels, everywhere = torch.tensor([[0, 1, -1], [0, 0, -1]]), torch.tensor([[0.75], [0.25]])
        >>> local_prior(labels, everywhere.double(), torch.zeros(3).double(), [0])[1].tolist()
        [0.0, 0.5, 0.25]
    """
    labeled = (labels >= 0).any(0)
    mass = window_sum(labeled.to(weight), half_windows) + weight
    shares = mean_label(labels, len(everywhere)).to(weight)
    return torch.stack(
        [
            ((window_sum(share.where(labeled, 0), half_windows) + weight * whole) / mass).where(mass > NOTHING, whole)
            for share, whole in zip(shares, everywhere, strict=True)
        ]
    )


def local_column(
    label: torch.Tensor,
    probability: torch.Tensor,
    everywhere: torch.Tensor,
    weight: torch.Tensor,
    half_windows: Sequence[int],
) -> list[torch.Tensor]:
    """A column of one annotator's local matrices: p(says i) near each voxel where one class is the truth.

    Args:
        label: of the annotator, ``(*spatial)``.
        probability: of that class, ``(*spatial)``.
        everywhere: the column of the whole image, ``(L,)``.
        weight: of the latter, in voxels, ``(*spatial)``.
        half_windows: along each axis, in voxels.

    Returns:
        L maps ``(*spatial)``, which sum to 1; ``everywhere`` where the window, with ``weight``, holds at most `NOTHING`
        of the class.

    Example:
        >>> label, probability = torch.tensor([0, 1]), torch.ones(2, dtype=torch.float64)
        >>> everywhere = torch.tensor([0.5, 0.5], dtype=torch.float64)
        >>> [said.tolist() for said in local_column(label, probability, everywhere, torch.ones(2).double(), [0])]
        [[0.75, 0.25], [0.25, 0.75]]
    """
    counts = [window_sum(probability.where(label == said, 0), half_windows) for said in range(len(everywhere))]
    mass = sum(counts, weight)
    return [
        ((count + weight * share) / mass).where(mass > NOTHING, share)
        for count, share in zip(counts, everywhere, strict=True)
    ]
