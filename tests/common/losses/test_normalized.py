"""Normalized losses against L(f, y) / Σ_j L(f, j), where the sum runs over the K hard labels, written out in loops."""

from __future__ import annotations

from collections.abc import Callable
from math import log

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import ArgumentError
from common.losses import (
    NormalizedCrossEntropyLoss,
    NormalizedGeneralizedCrossEntropyLoss,
    NormalizedReverseCrossEntropyLoss,
)
from common.losses.segmentation_loss import ClassificationLoss

Formula = Callable[[list[float], list[float]], float]

FORMULAS: dict[str, tuple[ClassificationLoss, Formula]] = {
    "nce": (
        NormalizedCrossEntropyLoss(reduction="none"),
        lambda p, y: -sum(y[k] * log(p[k]) for k in range(len(p))),
    ),
    "nrce": (
        NormalizedReverseCrossEntropyLoss(p_min=1e-3, reduction="none"),
        lambda p, y: -sum(p[k] * log(max(y[k], 1e-3)) for k in range(len(p))),
    ),
    "ngce": (
        NormalizedGeneralizedCrossEntropyLoss(q=0.4, reduction="none"),
        lambda p, y: sum(y[k] * (1 - p[k] ** 0.4) / 0.4 for k in range(len(p))),
    ),
}

seeds = st.integers(0, 2**31)
class_counts = st.integers(2, 6)
few = settings(max_examples=25, deadline=None)


def distributions(seed: int, classes: int, *shape: int) -> torch.Tensor:
    """``(B, K, *spatial)`` with the first of ``shape`` for B."""
    values = np.random.default_rng(seed).dirichlet(np.ones(classes), size=shape)
    return torch.from_numpy(values).movedim(-1, 1)


def hard_labels(seed: int, classes: int, *shape: int) -> torch.Tensor:
    indices = torch.randint(classes, shape, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.one_hot(indices, classes).movedim(-1, 1).double()


def normalized_by_loops(formula: Formula, p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """``(B, 1, *spatial)``."""
    values = []
    for pixel, target in zip(p.movedim(1, -1).flatten(0, -2), y.movedim(1, -1).flatten(0, -2), strict=True):
        classes = len(pixel)
        total = sum(formula(pixel.tolist(), [float(k == j) for k in range(classes)]) for j in range(classes))
        values.append(formula(pixel.tolist(), target.tolist()) / total)
    return torch.tensor(values, dtype=torch.float64).view(len(p), 1, *p.shape[2:])


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 2, 3, 2)], ids=["2-D", "3-D"])
@pytest.mark.parametrize("make_target", [hard_labels, distributions], ids=["hard", "soft"])
@pytest.mark.parametrize("classes", [2, 5])
def test_values_of_the_formula(name: str, shape: tuple[int, ...], make_target: Callable, classes: int) -> None:
    loss, formula = FORMULAS[name]
    p, y = distributions(0, classes, *shape), make_target(1, classes, *shape)
    torch.testing.assert_close(loss(p, y), normalized_by_loops(formula, p, y), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", FORMULAS)
def test_values_of_a_binary_problem(name: str) -> None:
    loss, formula = FORMULAS[name]
    p, y = distributions(2, 2, 3, 5), distributions(3, 2, 3, 5)
    torch.testing.assert_close(loss(p[:, :1], y[:, :1]), normalized_by_loops(formula, p, y), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", FORMULAS)
@few
@given(seed=seeds, classes=class_counts, scale=st.floats(0.01, 1e4))
def test_values_of_all_hard_labels_sum_to_one(name: str, seed: int, classes: int, scale: float) -> None:
    """The point of normalizing: the sum does not depend on the prediction, so that uniform noise moves no optimum."""
    loss = FORMULAS[name][0]
    logits = scale * torch.randn(1, classes, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    labels = torch.eye(classes, dtype=torch.float64)[:, :, None].expand(-1, -1, 3)
    loss = type(loss)(softmax=True, reduction="none")
    values = sum(loss(logits, label[None]) for label in labels)
    torch.testing.assert_close(values, torch.ones_like(values))


@pytest.mark.parametrize("make", [NormalizedCrossEntropyLoss, NormalizedGeneralizedCrossEntropyLoss])
@few
@given(seed=seeds, classes=class_counts, scale=st.floats(0.01, 1e4))
def test_values_are_from_zero_to_one(make: Callable, seed: int, classes: int, scale: float) -> None:
    logits = scale * torch.randn(2, classes, 5, generator=torch.Generator().manual_seed(seed))
    for y in (hard_labels(seed, classes, 2, 5), distributions(seed, classes, 2, 5)):
        values = make(softmax=True, reduction="none")(logits, y)
        assert (values >= 0).all() and (values <= 1 + 1e-6).all()


@few
@given(seeds, class_counts, st.floats(1e-6, 0.5))
def test_normalized_reverse_cross_entropy_of_a_hard_label(seed: int, classes: int, p_min: float) -> None:
    p, y = distributions(seed, classes, 2, 3), hard_labels(seed, classes, 2, 3)
    expected = (1 - (p * y).sum(1, keepdim=True)) / (classes - 1)
    torch.testing.assert_close(NormalizedReverseCrossEntropyLoss(p_min=p_min, reduction="none")(p, y), expected)


def test_normalized_generalized_cross_entropy_tends_to_the_normalized_one() -> None:
    p, y = distributions(0, 4, 2, 3), distributions(1, 4, 2, 3)
    loss = NormalizedGeneralizedCrossEntropyLoss(q=1e-9)
    torch.testing.assert_close(loss(p, y), NormalizedCrossEntropyLoss()(p, y), rtol=1e-6, atol=0)


@pytest.mark.parametrize("make", [NormalizedCrossEntropyLoss, NormalizedGeneralizedCrossEntropyLoss])
def test_a_soft_target_weighs_the_losses_of_the_hard_labels(make: Callable) -> None:
    p, y = distributions(0, 3, 2, 4), distributions(1, 3, 2, 4)
    loss = make(reduction="none")
    labels = torch.eye(3, dtype=torch.float64)[:, None, :, None].expand(-1, 2, -1, 4)
    weighted = sum(y[:, [k]] * loss(p, labels[k]) for k in range(3))
    torch.testing.assert_close(loss(p, y), weighted)


def test_wrong_parameters_are_named() -> None:
    with pytest.raises(ArgumentError, match=r"q: .*got 2"):
        NormalizedGeneralizedCrossEntropyLoss(q=2)
    with pytest.raises(ArgumentError, match=r"p_min: .*got 0"):
        NormalizedReverseCrossEntropyLoss(p_min=0)
