"""GCE, MAE, RCE and SCE against their papers' formulas, written out in loops."""

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
    CrossEntropyLoss,
    GeneralizedCrossEntropyLoss,
    MeanAbsoluteErrorLoss,
    ReverseCrossEntropyLoss,
    SymmetricCrossEntropyLoss,
)
from common.losses.segmentation_loss import ClassificationLoss

Formula = Callable[[list[float], list[float]], float]

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


def by_loops(formula: Formula, p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """``(B, 1, *spatial)``."""
    pixels = zip(p.movedim(1, -1).flatten(0, -2).tolist(), y.movedim(1, -1).flatten(0, -2).tolist(), strict=True)
    return torch.tensor([formula(*pixel) for pixel in pixels], dtype=torch.float64).view(len(p), 1, *p.shape[2:])


def ce(p: list[float], y: list[float]) -> float:
    return -sum(y[k] * log(p[k]) for k in range(len(p)))


def rce(p: list[float], y: list[float], p_min: float = 1e-4) -> float:
    return -sum(p[k] * log(y[k] if y[k] > p_min else p_min) for k in range(len(p)))


FORMULAS: dict[str, tuple[ClassificationLoss, Formula]] = {
    "gce": (
        GeneralizedCrossEntropyLoss(reduction="none"),
        lambda p, y: sum(y[k] * (1 - p[k] ** 0.7) / 0.7 for k in range(len(p))),
    ),
    "gce 0.2": (
        GeneralizedCrossEntropyLoss(q=0.2, reduction="none"),
        lambda p, y: sum(y[k] * (1 - p[k] ** 0.2) / 0.2 for k in range(len(p))),
    ),
    "mae": (MeanAbsoluteErrorLoss(reduction="none"), lambda p, y: sum(abs(p[k] - y[k]) for k in range(len(p)))),
    "rce": (ReverseCrossEntropyLoss(reduction="none"), rce),
    "rce 0.02": (ReverseCrossEntropyLoss(p_min=0.02, reduction="none"), lambda p, y: rce(p, y, 0.02)),
    "ce": (CrossEntropyLoss(reduction="none"), ce),
    "sce": (SymmetricCrossEntropyLoss(reduction="none"), lambda p, y: ce(p, y) + rce(p, y)),
    "sce 0.1 2": (
        SymmetricCrossEntropyLoss(alpha=0.1, beta=2, p_min=0.02, reduction="none"),
        lambda p, y: 0.1 * ce(p, y) + 2 * rce(p, y, 0.02),
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 2, 3, 2)], ids=["2-D", "3-D"])
@pytest.mark.parametrize("make_target", [hard_labels, distributions], ids=["hard", "soft"])
@pytest.mark.parametrize("classes", [2, 5])
def test_values_of_the_formula(name: str, shape: tuple[int, ...], make_target: Callable, classes: int) -> None:
    loss, formula = FORMULAS[name]
    p, y = distributions(0, classes, *shape), make_target(1, classes, *shape)
    torch.testing.assert_close(loss(p, y), by_loops(formula, p, y), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", FORMULAS)
def test_values_of_a_binary_problem(name: str) -> None:
    loss, formula = FORMULAS[name]
    p, y = distributions(2, 2, 3, 5), distributions(3, 2, 3, 5)
    torch.testing.assert_close(loss(p[:, :1], y[:, :1]), by_loops(formula, p, y), rtol=1e-11, atol=1e-12)


@few
@given(seeds, class_counts)
def test_gce_tends_to_cross_entropy(seed: int, classes: int) -> None:
    p, y = distributions(seed, classes, 2, 3), distributions(seed + 1, classes, 2, 3)
    expected = torch.nn.functional.cross_entropy(p.log(), y)
    torch.testing.assert_close(GeneralizedCrossEntropyLoss(q=1e-9)(p, y), expected, rtol=1e-6, atol=0)


@few
@given(seeds, class_counts)
def test_gce_of_q_one_is_half_the_mean_absolute_error_of_a_hard_label(seed: int, classes: int) -> None:
    p, y = distributions(seed, classes, 2, 3), hard_labels(seed, classes, 2, 3)
    torch.testing.assert_close(GeneralizedCrossEntropyLoss(q=1)(p, y), MeanAbsoluteErrorLoss()(p, y) / 2)


@few
@given(seeds, class_counts)
def test_closed_forms_of_a_hard_label(seed: int, classes: int) -> None:
    p, y = distributions(seed, classes, 2, 3), hard_labels(seed, classes, 2, 3)
    wrong = 1 - (p * y).sum(1, keepdim=True)
    torch.testing.assert_close(MeanAbsoluteErrorLoss(reduction="none")(p, y), 2 * wrong)
    torch.testing.assert_close(ReverseCrossEntropyLoss(p_min=1e-3, reduction="none")(p, y), wrong * log(1e3))


def test_binary_mean_absolute_error_is_twice_the_difference() -> None:
    p, y = distributions(0, 2, 4, 5)[:, :1], distributions(1, 2, 4, 5)[:, :1]
    torch.testing.assert_close(MeanAbsoluteErrorLoss(reduction="none")(p, y), 2 * (p - y).abs())


@few
@given(seeds, class_counts)
def test_mae_and_rce_are_symmetric(seed: int, classes: int) -> None:
    """Their sum over all labels does not depend on the prediction (Ghosh et al., theorem 1)."""
    p = distributions(seed, classes, 1, 3)
    labels = torch.eye(classes, dtype=torch.float64)[:, :, None].expand(-1, -1, 3)
    for loss, total in (
        (MeanAbsoluteErrorLoss(reduction="none"), 2 * (classes - 1)),
        (ReverseCrossEntropyLoss(reduction="none"), (classes - 1) * log(1e4)),
    ):
        values = sum(loss(p, label[None]) for label in labels)
        torch.testing.assert_close(values, torch.full_like(values, total))


def test_each_weight_of_symmetric_cross_entropy_acts() -> None:
    z, y = torch.randn(2, 1, 4, 5, dtype=torch.float64), distributions(1, 2, 2, 4, 5)[:, :1]
    forward = torch.nn.functional.binary_cross_entropy_with_logits(z, y)
    backward = ReverseCrossEntropyLoss(sigmoid=True)(z, y)
    for alpha, beta in ((1, 0), (0, 1), (0.1, 2), (0, 0)):
        loss = SymmetricCrossEntropyLoss(alpha, beta, sigmoid=True)
        torch.testing.assert_close(loss(z, y), alpha * forward + beta * backward)


@pytest.mark.parametrize("loss", [MeanAbsoluteErrorLoss(), SymmetricCrossEntropyLoss(beta=0)], ids=["mae", "ce"])
def test_a_soft_target_is_where_the_loss_is_smallest(loss: ClassificationLoss) -> None:
    p = torch.linspace(0.05, 0.95, 91, dtype=torch.float64)
    for target in (0.1, 0.5, 0.8):
        values = [loss(value.view(1, 1, 1), torch.full((1, 1, 1), target, dtype=torch.float64)) for value in p]
        assert float(p[int(torch.stack(values).argmin())]) == pytest.approx(target)


def test_wrong_parameters_are_named() -> None:
    for q in (0, -0.5, 1.01, float("nan")):
        with pytest.raises(ArgumentError, match=f"q: .*got {q}"):
            GeneralizedCrossEntropyLoss(q=q)
    for p_min in (0, 1, -1e-4, float("nan")):
        with pytest.raises(ArgumentError, match=f"p_min: .*got {p_min}"):
            ReverseCrossEntropyLoss(p_min=p_min)
        with pytest.raises(ArgumentError, match=f"p_min: .*got {p_min}"):
            SymmetricCrossEntropyLoss(p_min=p_min)
    for value in (-0.1, float("inf"), float("nan")):
        with pytest.raises(ArgumentError, match=f"alpha: .*got {value}"):
            SymmetricCrossEntropyLoss(alpha=value)
        with pytest.raises(ArgumentError, match=f"beta: .*got {value}"):
            SymmetricCrossEntropyLoss(beta=value)
