"""Losses of hard labels against their formulas, and the rows beside Table I of the soft-label paper."""

from __future__ import annotations

from math import log

import pytest
import torch

from common.errors import ArgumentError
from common.losses import (
    CrossEntropyLoss,
    HardLabelLoss,
    MeanAbsoluteErrorLoss,
    SymmetricCrossEntropyLoss,
    TLoss,
    table_1_loss,
)
from common.losses.soft_active_passive import BESIDE_TABLE_1

P_MIN = 1e-3
FORMULAS = {  # of p, the probability of foreground, and b, 0 or 1
    "mae": lambda p, b: 2 * abs(p - b),
    "sce": lambda p, b: -log(p if b else 1 - p) - log(P_MIN) * abs(p - b),
    "smoothed_bce": lambda p, b: -(0.05 + 0.9 * b) * log(p) - (0.95 - 0.9 * b) * log(1 - p),
}


def draw(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(len(shape)), dtype=torch.float64)


@pytest.mark.parametrize("row", BESIDE_TABLE_1)
def test_rows_beside_the_table_are_their_formulas(row: str) -> None:
    logits, soft = 8 * draw(3, 2, 5) - 4, draw(3, 2, 5, 1)[..., 0]
    found = table_1_loss(row, p_min=P_MIN, sigmoid=True, reduction="none")(logits, soft)
    pairs = zip(logits.sigmoid().flatten().tolist(), (soft > 0.5).flatten().tolist(), strict=True)
    expected = torch.tensor([FORMULAS[row](p, b) for p, b in pairs], dtype=torch.float64)
    torch.testing.assert_close(found.flatten(), expected)


def test_symmetric_cross_entropy_is_that_of_the_library() -> None:
    logits, hard = 8 * draw(2, 3, 5) - 4, (draw(2, 3, 5, 1)[..., 0] > 0.5).double()
    expected = SymmetricCrossEntropyLoss(p_min=P_MIN, sigmoid=True)(logits, hard)
    torch.testing.assert_close(table_1_loss("sce", p_min=P_MIN, sigmoid=True)(logits, hard), expected)


@pytest.mark.parametrize("classes", [2, 4])
def test_smoothing_is_that_of_pytorch(classes: int) -> None:
    logits = 8 * draw(2, classes, 3, 3) - 4
    labels = draw(2, 1, 3, 3).mul(classes).long()
    expected = torch.nn.functional.cross_entropy(logits, labels[:, 0], label_smoothing=0.3)
    torch.testing.assert_close(HardLabelLoss(smoothing=0.3, softmax=True, to_onehot_y=True)(logits, labels), expected)


def test_only_the_largest_class_counts() -> None:
    logits, soft = draw(2, 3, 6), draw(2, 3, 6, 1)[..., 0]
    soft = soft / soft.sum(1, keepdim=True)
    loss = HardLabelLoss(MeanAbsoluteErrorLoss(), softmax=True)
    hard = torch.nn.functional.one_hot(soft.argmax(1), 3).movedim(-1, 1).double()
    torch.testing.assert_close(loss(logits, soft), MeanAbsoluteErrorLoss(softmax=True)(logits, hard))
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: HardLabelLoss(smoothing=0.1, softmax=True)(z, soft), logits)


def test_without_smoothing_it_is_the_loss() -> None:
    logits, hard = 8 * draw(2, 3, 5) - 4, (draw(2, 3, 5, 1)[..., 0] > 0.5).double()
    torch.testing.assert_close(HardLabelLoss(sigmoid=True)(logits, hard), CrossEntropyLoss(sigmoid=True)(logits, hard))


@pytest.mark.parametrize("row", ["bce", "apl_binary_1_0_1", *BESIDE_TABLE_1])
def test_not_a_number_is_no_class(row: str) -> None:
    soft = torch.tensor([[[0.2, torch.nan, 0.7]]])
    values = table_1_loss(row, sigmoid=True, reduction="none")(torch.zeros(1, 1, 3), soft)
    assert values.isnan().tolist() == [[[False, True, False]]]


@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_mistakes(smoothing: float) -> None:
    with pytest.raises(ArgumentError, match=f"smoothing: .*got {smoothing}"):
        HardLabelLoss(smoothing=smoothing)
    with pytest.raises(ArgumentError, match="loss: expected a loss with class probabilities, got TLoss"):
        HardLabelLoss(TLoss())
    with pytest.raises(ArgumentError, match=r"row: .*smoothed_bce, got 'smooth'"):
        table_1_loss("smooth")
