"""The weighted sum of an active and a passive loss."""

from __future__ import annotations

import pytest
import torch

from common.errors import ArgumentError
from common.losses import (
    ActivePassiveLoss,
    MeanAbsoluteErrorLoss,
    NormalizedCrossEntropyLoss,
    NormalizedGeneralizedCrossEntropyLoss,
    NormalizedReverseCrossEntropyLoss,
    ReverseCrossEntropyLoss,
    TLoss,
)

NCE, NGCE, NRCE = (
    NormalizedCrossEntropyLoss,
    NormalizedGeneralizedCrossEntropyLoss,
    NormalizedReverseCrossEntropyLoss,
)
MAE, RCE = MeanAbsoluteErrorLoss, ReverseCrossEntropyLoss


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture
def target() -> torch.Tensor:
    return torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64).softmax(1)


@pytest.mark.parametrize("weights", [(1, 1), (2, 0.5), (1, 0), (0, 3), (0, 0)], ids=str)
@pytest.mark.parametrize("pair", [(NCE, RCE), (NGCE, MAE), (NGCE, RCE), (NCE, NRCE), (NCE, MAE)])
def test_every_weight_acts_in_every_pair(pair, weights, logits, target) -> None:
    active, passive = (make(softmax=True) for make in pair)
    loss = ActivePassiveLoss(active, passive, alpha=weights[0], beta=weights[1])
    expected = weights[0] * active(logits, target) + weights[1] * passive(logits, target)
    torch.testing.assert_close(loss(logits, target), expected)


@pytest.mark.parametrize("option", ["sigmoid", "softmax"])
def test_the_activation_is_set_in_the_sum_or_in_both_losses(option, logits, target) -> None:
    inside = ActivePassiveLoss(NCE(**{option: True}), RCE(**{option: True}))
    outside = ActivePassiveLoss(NCE(), RCE(), **{option: True})
    both = ActivePassiveLoss(NCE(**{option: True}), RCE(**{option: True}), **{option: True})
    assert inside(logits, target) == outside(logits, target) == both(logits, target)


def test_class_indices(logits) -> None:
    indices = torch.randint(3, (2, 1, 4, 5), generator=torch.Generator().manual_seed(0))
    one_hot = torch.nn.functional.one_hot(indices[:, 0], 3).movedim(-1, 1)
    expected = ActivePassiveLoss(NCE(), RCE(), softmax=True)(logits, one_hot)
    assert ActivePassiveLoss(NCE(), RCE(), softmax=True, to_onehot_y=True)(logits, indices) == expected
    members = NCE(softmax=True, to_onehot_y=True), RCE(softmax=True, to_onehot_y=True)
    assert ActivePassiveLoss(*members)(logits, indices) == expected


def test_reductions(logits, target) -> None:
    active, passive = NCE(softmax=True, reduction="none"), RCE(softmax=True, reduction="none")
    values = ActivePassiveLoss(active, passive, reduction="none")(logits, target)
    torch.testing.assert_close(values, active(logits, target) + passive(logits, target))
    total = ActivePassiveLoss(NCE(softmax=True), RCE(softmax=True), reduction="sum")(logits, target)
    torch.testing.assert_close(total, values.sum())


def test_sums_of_three(logits, target) -> None:
    active = ActivePassiveLoss(NCE(softmax=True), NGCE(softmax=True), alpha=2, beta=3)
    loss = ActivePassiveLoss(active, NRCE(softmax=True), beta=4)
    parts = [make(softmax=True)(logits, target) for make in (NCE, NGCE, NRCE)]
    torch.testing.assert_close(loss(logits, target), 2 * parts[0] + 3 * parts[1] + 4 * parts[2])


def test_wrong_arguments_are_named() -> None:
    for other in (torch.nn.MSELoss(), TLoss(), None):
        with pytest.raises(ArgumentError, match=f"passive: .*got {type(other).__name__}"):
            ActivePassiveLoss(NCE(), other)
        with pytest.raises(ArgumentError, match=f"active: .*got {type(other).__name__}"):
            ActivePassiveLoss(other, RCE())
    with pytest.raises(ArgumentError, match=r"sigmoid: .*True \(active\) and False \(passive\)"):
        ActivePassiveLoss(NCE(sigmoid=True), RCE())
    with pytest.raises(ArgumentError, match="sigmoid or softmax, got both"):
        ActivePassiveLoss(NCE(sigmoid=True), RCE(sigmoid=True), softmax=True)
    with pytest.raises(ArgumentError, match=r"passive: .*reduction mean of the sum, got sum"):
        ActivePassiveLoss(NCE(), RCE(reduction="sum"))
    for name in ("alpha", "beta"):
        for value in (-1, float("inf"), float("nan")):
            with pytest.raises(ArgumentError, match=f"{name}: .*got {value}"):
                ActivePassiveLoss(NCE(), RCE(), **{name: value})
