"""What the smallest trace tells of the truth, by linear programming: nothing at a pixel, enough for whole images.

Zhang et al., *Disentangling Human Error from Ground Truth in Segmentation of Medical Images*, Theorem 1: if the mean of
the annotators' matrices is diagonally dominant, the explanation of smallest trace is the right one.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

LABELS = (0, 0, 0, 1, 1)  # at one pixel; three of five annotators are right
NOBODY = np.array([[[0.9, 0.2], [0.1, 0.8]], [[0.4, 0.7], [0.6, 0.3]], [[1.0, 0.6], [0.0, 0.4]]])  # [r, i, j]


def smallest_mean_trace(claims: np.ndarray, expected: np.ndarray, dominant: bool) -> float | None:
    """The smallest mean trace of matrices A⁽ʳ⁾ with A⁽ʳ⁾ · claim = what is expected of annotator r; None if none fit.

    Args:
        claims: ``(L, N)``, the probabilities that are claimed to be the truth's at N pixels.
        expected: ``(R, L, N)``, the probability of what each annotator writes there.
        dominant: whether the mean matrix must be diagonally dominant, ``mean A[i, i] ≥ mean A[i, j]``.
    """
    annotators, classes, pixels = expected.shape
    index = np.arange(annotators * classes * classes).reshape(annotators, classes, classes)
    equal, right = [], []
    for r, j in np.ndindex(annotators, classes):  # columns are probabilities
        row = np.zeros(index.size)
        row[index[r, :, j]] = 1
        equal.append(row)
        right.append(1.0)
    for r, i, n in np.ndindex(annotators, classes, pixels):  # the likelihood is perfect
        row = np.zeros(index.size)
        row[index[r, i]] = claims[:, n]
        equal.append(row)
        right.append(expected[r, i, n])
    above = []
    for i, j in itertools.permutations(range(classes), 2):
        row = np.zeros(index.size)
        row[index[:, i, j]], row[index[:, i, i]] = 1 / annotators, -1 / annotators
        above.append(row)
    cost = np.zeros(index.size)
    cost[index[:, range(classes), range(classes)]] = 1 / annotators
    bounds = {"A_ub": np.stack(above), "b_ub": np.zeros(len(above))} if dominant else {}
    found = linprog(cost, A_eq=np.stack(equal), b_eq=right, bounds=(0, 1), **bounds)
    return float(found.fun) if found.success else None


@pytest.mark.parametrize(("dominant", "right", "wrong"), [(True, 1.0, 1.0), (False, 0.6, 0.4)])
def test_at_one_pixel_the_trace_does_not_tell_right_from_wrong(dominant: bool, right: float, wrong: float) -> None:
    """With dominance both claims have the smallest trace 1; without it the minority's claim has the smaller one."""
    expected = np.eye(2)[:, LABELS].T[:, :, None]
    traces = [smallest_mean_trace(np.eye(2)[:, [claim]], expected, dominant) for claim in (0, 1)]
    assert traces == pytest.approx([right, wrong], abs=1e-9)


def claims() -> list[np.ndarray]:
    """What may be claimed at the pixels of class 0 and of class 1: columns of probabilities of a grid."""
    grid = np.linspace(0, 1, 21)
    return [np.array([[a, b], [1 - a, 1 - b]]) for a, b in itertools.product(grid, grid) if abs(a - b) > 1e-9]


@pytest.mark.parametrize(
    "confusion",
    [NOBODY, np.array([[[0.7, 0.3], [0.3, 0.7]]] * 3), np.array([[[0.6, 0.4], [0.4, 0.6]], [[0.9, 0.5], [0.1, 0.5]]])],
)
def test_for_global_matrices_the_truth_has_the_smallest_trace(confusion: np.ndarray) -> None:
    """One matrix per annotator for all pixels: whoever claims something else needs a larger trace, or cannot fit."""
    assert (np.diagonal(confusion.mean(0))[:, None] >= confusion.mean(0)).all(), (
        "on average more often right than wrong"
    )
    truth = smallest_mean_trace(np.eye(2), confusion, dominant=True)
    assert truth == pytest.approx(np.trace(confusion.mean(0)), abs=1e-9)
    others = [(claim, smallest_mean_trace(claim, confusion, True)) for claim in claims()]
    possible = [(claim, trace) for claim, trace in others if trace is not None and not np.array_equal(claim, np.eye(2))]
    assert len(possible) > 3
    assert min(trace for _, trace in possible) > truth + 1e-3


def test_global_matrices_without_dominance_may_be_the_wrong_way_round() -> None:
    """The condition is needed: without it the claim of exchanged classes has the smaller trace."""
    swapped = smallest_mean_trace(np.eye(2)[::-1], NOBODY, dominant=False)
    assert swapped is not None and swapped < np.trace(NOBODY.mean(0)) - 0.1
    assert smallest_mean_trace(np.eye(2)[::-1], NOBODY, dominant=True) is None
