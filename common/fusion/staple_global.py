"""STAPLE: the hidden truth and each annotator's confusion matrix, estimated together by expectation maximization.

The answer depends on a voxel only through the pattern of its labels, so the iterations run over the few distinct
patterns, weighted by how often they occur, and not over the voxels. They are so few that calling a function takes
longer than what it computes, so the iterations are NumPy's, whose calls are cheaper than PyTorch's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch.nn.functional import one_hot

from common.errors import ArgumentError
from common.fusion.patterns import distinct_patterns
from common.fusion.voting import class_labels

__all__ = ["StapleResult", "estimate_confusion", "staple", "staple_of_patterns"]

BLOCK = 1 << 16  # voxels that stay in a core's cache
LOG_ZERO = -1e300  # for log 0: its exponential is 0 too, but 0 · −∞ would be NaN, and softmax of nothing but −∞ as well


class StapleResult(NamedTuple):
    """What `staple` estimates.

    Attributes:
        probabilities: ``(L, *spatial)`` float64, of the true class, summing to 1 over the classes.
        confusion: ``(R, L, L)`` float64, ``[r, i, j]`` = p(annotator r says i | the truth is j); columns sum to 1.
        prior: ``(L, *spatial)`` float64, or ``(L, 1, …)`` if it is the same everywhere: of the classes, as it was used.
        iterations: how often the matrices were estimated.
        converged: whether they came to rest within the tolerance.
    """

    probabilities: torch.Tensor
    confusion: torch.Tensor
    prior: torch.Tensor
    iterations: int
    converged: bool


def staple(
    labels: torch.Tensor,
    num_classes: int | None = None,
    prior: torch.Tensor | Sequence[float] | None = None,
    tolerance: float = 1e-7,
    max_iterations: int = 1000,
) -> StapleResult:
    """Simultaneous truth and performance level estimation.

    With l_r(x) annotator r's label of voxel x, π the prior and A_r the confusion matrices, the two steps

        A_r[i, j] = Σ_{x : l_r(x) = i} W_j(x) / Σ_{x : l_r(x) ≥ 0} W_j(x)
        W_j(x) ∝ π_j ∏_{r : l_r(x) ≥ 0} A_r[l_r(x), j]

    alternate, from W = `mean_label`, until no entry of A changes by more than ``tolerance``. Each round raises the
    likelihood ∏_x Σ_j π_j ∏_r A_r[l_r(x), j]. Products are sums of logarithms in float64. A column of A that no voxel
    bears on is the identity's: no error was seen.

    Source: Warfield, Zou & Wells, IEEE TMI 23(7), 2004, without the Markov random field. Start, prior and stopping
    are those of ITK's ``STAPLEImageFilter``, which knows two classes and no absent annotator.

    Args:
        labels: ``(R, *spatial)``, classes 0 … L − 1, −1 = not labeled.
        num_classes: L; by default the largest label + 1, and at least 2.
        prior: of the classes, ``(L,)`` or ``(L, *spatial)``, not negative; scaled to sum to 1. By default the mean of
            `mean_label` over the labeled voxels. With a spatial prior an iteration visits every voxel.
        tolerance: of the entries of A, from 0 up.
        max_iterations: at least 1.

    Returns:
        `StapleResult` on the labels' device (on the CPU for Apple's MPS). Two nested annotators leave the voxels
        between them at exactly 1/2, up to the last bit: `common.fusion.ties` says which class that is. Where nobody
        labeled, the probabilities are the prior. Without any label the prior is 1 / L, and the matrices are
        identities.

    Raises:
        ArgumentError: if there is no annotator, a label is no class, or another argument is out of range.

    Example:
        >>> result = staple(torch.tensor([[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [1, 0, 0, 1, 0]]))
        >>> result.probabilities.argmax(0).tolist(), result.confusion[2, :, 1].tolist()
        ([1, 1, 0, 0, 0], [0.5, 0.5])
    """
    labels, num_classes = class_labels(labels, num_classes)
    check_stopping(tolerance, max_iterations)
    patterns, index, count = distinct_patterns(labels.flatten(1), num_classes)
    result = _estimate(patterns, count, num_classes, prior, tolerance, max_iterations, labels.shape[1:], index)
    spatial = result.prior[0].numel() > 1
    probabilities = result.probabilities if spatial else _at_voxels(result.probabilities.T, index)
    return result._replace(probabilities=probabilities.view(num_classes, *labels.shape[1:]))


def staple_of_patterns(
    patterns: torch.Tensor,
    counts: torch.Tensor,
    num_classes: int,
    prior: Sequence[float] | None = None,
    tolerance: float = 1e-7,
    max_iterations: int = 1000,
) -> StapleResult:
    """`staple` of the patterns of labels that occur, `distinct_patterns`, without a value for each voxel.

    Args:
        patterns: ``(P, R)``, each a combination of the annotators' labels, −1 = not labeled.
        counts: ``(P,)``, voxels with each; 0 is left out of the estimate.
        num_classes: L.
        prior: of the classes, ``(L,)``, as for `staple`.
        tolerance: as for `staple`.
        max_iterations: as for `staple`.

    Returns:
        `StapleResult` with probabilities ``(L, P)``.

    Raises:
        ArgumentError: if an argument is out of range.

    Example:
        >>> patterns, counts = torch.tensor([[0, 0, 0], [1, 1, 1], [1, 1, 0]]), torch.tensor([3, 2, 1])
        >>> staple_of_patterns(patterns, counts, 2).probabilities[1].round()
        tensor([0., 1., 1.], dtype=torch.float64)
    """
    check_stopping(tolerance, max_iterations)
    return _estimate(patterns, counts, num_classes, prior, tolerance, max_iterations, (len(patterns),), None)


def _estimate(
    patterns: torch.Tensor,
    count: torch.Tensor,
    num_classes: int,
    prior: torch.Tensor | Sequence[float] | None,
    tolerance: float,
    max_iterations: int,
    shape: Sequence[int],
    index: torch.Tensor | None,
) -> StapleResult:
    """Probabilities ``(L, P)``, or with a spatial prior, which needs ``index``, ``(L, N)``."""
    said = _indicator(patterns, num_classes)
    votes = said.sum(1)
    count = count.double()[:, None]
    truth = count * votes / votes.sum(1, keepdim=True).clamp_min(1)
    used_prior = _class_prior(prior, truth.sum(0), shape)
    log_prior = used_prior.flatten(1).log()
    spatial = index is not None and log_prior.shape[1] != 1

    chosen, mass, weight = (values.cpu().numpy() for values in (said, truth, count))
    class_prior = log_prior[:, :1].T.cpu().numpy()
    confusion = np.tile(np.eye(num_classes), (patterns.shape[1], 1, 1))
    converged = False
    iterations = 0
    while not converged and iterations < max_iterations:
        previous, confusion = confusion, _maximize(chosen, mass, confusion)
        log_likelihood = _log_likelihood(chosen, confusion)
        if spatial and index is not None:
            at_patterns = torch.from_numpy(log_likelihood).to(truth)
            probabilities = (log_prior + _at_voxels(at_patterns, index)).softmax(0)
            mass = torch.zeros_like(truth).index_add_(0, index.int(), probabilities.T).cpu().numpy()
        else:
            posterior = np.exp(log_likelihood + class_prior - (log_likelihood + class_prior).max(1, keepdims=True))
            posterior /= posterior.sum(1, keepdims=True)
            probabilities = torch.from_numpy(posterior.T)
            mass = weight * posterior
        iterations += 1
        converged = bool(np.abs(confusion - previous).max() <= tolerance)
    matrices = torch.from_numpy(confusion).to(truth)
    return StapleResult(probabilities.to(truth), matrices, used_prior, iterations, converged)


def estimate_confusion(labels: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
    """Each annotator's confusion matrix, given the truth's probabilities: the second of STAPLE's two steps.

        A_r[i, j] = Σ_{x : l_r(x) = i} W_j(x) / Σ_{x : l_r(x) ≥ 0} W_j(x)

    Args:
        labels: ``(R, *spatial)``, classes 0 … L − 1, −1 = not labeled.
        probabilities: W, ``(L, *spatial)``.

    Returns:
        ``(R, L, L)`` float64, columns sum to 1; a column that no voxel bears on is the identity's.

    Raises:
        ArgumentError: if there is no annotator, a label is no class, or the shapes do not match.

    Example:
        >>> estimate_confusion(torch.tensor([[1, 0, 0]]), torch.tensor([[0.0, 0.0, 1.0], [1.0, 1.0, 0.0]]))
        tensor([[[1.0000, 0.5000],
                 [0.0000, 0.5000]]], dtype=torch.float64)
    """
    labels, num_classes = class_labels(labels, len(probabilities))
    if probabilities.shape[1:] != labels.shape[1:]:
        raise ArgumentError(
            f"probabilities: expected the labels' size {tuple(labels.shape[1:])}, got {tuple(probabilities.shape[1:])}."
        )
    patterns, index, _ = distinct_patterns(labels.flatten(1), num_classes)
    truth = torch.zeros(len(patterns), num_classes, dtype=torch.float64, device=labels.device)
    truth.index_add_(0, index.int(), probabilities.as_subclass(torch.Tensor).to(truth).flatten(1).T)
    said = _indicator(patterns, num_classes).cpu().numpy()
    return torch.from_numpy(_maximize(said, truth.cpu().numpy(), np.eye(num_classes))).to(truth)


def _class_prior(
    prior: torch.Tensor | Sequence[float] | None, frequency: torch.Tensor, spatial: Sequence[int]
) -> torch.Tensor:
    """``prior``, or by default ``frequency`` ``(L,)``, as ``(L, *spatial)`` or ``(L, 1, …)`` float64 that sum to 1."""
    classes = len(frequency)
    values = frequency if prior is None else torch.as_tensor(prior).as_subclass(torch.Tensor).to(frequency)
    if values.shape not in ((classes,), (classes, *spatial)):
        raise ArgumentError(
            f"prior: expected {classes} numbers, one for each class, or a map of each, "
            f"{(classes, *spatial)}, got the shape {tuple(values.shape)}."
        )
    total = values.sum(0)
    if prior is None and not total:
        values, total = torch.ones_like(values), values.new_tensor(classes)
    elif not (values.ge(0).all() and total.gt(0).all() and total.isfinite().all()):
        raise ArgumentError("prior: expected finite values from 0 up, of which one is positive at every voxel.")
    return (values / total).view(classes, *(spatial if values.ndim > 1 else [1] * len(spatial)))


def check_stopping(tolerance: float, max_iterations: int) -> None:
    """Raises `ArgumentError` unless the two say when to stop."""
    if not tolerance >= 0:
        raise ArgumentError(f"tolerance: expected a number from 0 up, got {tolerance}.")
    if max_iterations < 1:
        raise ArgumentError(f"max_iterations: expected at least 1, got {max_iterations}.")


def _at_voxels(of_patterns: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """``(P, L)`` spread to ``(L, N)``, in blocks: an index as wide as torch wants it for all voxels would cost more."""
    rows = of_patterns.T.contiguous()
    result = rows.new_empty(len(rows), len(index))
    for block, targets in zip(index.split(BLOCK), result.split(BLOCK, dim=1), strict=True):
        wide = block.int()
        for row, target in zip(rows, targets, strict=True):
            torch.index_select(row, 0, wide, out=target)
    return result


def _indicator(patterns: torch.Tensor, num_classes: int) -> torch.Tensor:
    """``(P, R, L)`` float64: 1 where the annotator chose the class; 0 for all classes where absent."""
    return one_hot(patterns + 1, num_classes + 1)[..., 1:].double()


def _maximize(said: np.ndarray, truth: np.ndarray, fallback: np.ndarray) -> np.ndarray:
    """The confusion matrices ``(R, L, L)`` of highest expected likelihood, given the truth's mass ``(P, L)``."""
    patterns, annotators, classes = said.shape
    joint = (said.reshape(patterns, -1).T @ truth).reshape(annotators, classes, classes)
    mass = joint.sum(1, keepdims=True)
    return np.where(mass > 0, joint / np.where(mass > 0, mass, 1), fallback)


def _log_likelihood(said: np.ndarray, confusion: np.ndarray) -> np.ndarray:
    """``(P, L)``: the logarithm of the probability of each pattern, given each true class."""
    logarithm = np.full_like(confusion, LOG_ZERO)  # of 0
    np.log(confusion, out=logarithm, where=confusion > 0)
    return said.reshape(len(said), -1) @ logarithm.reshape(-1, confusion.shape[-1])
