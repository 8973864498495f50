"""The soft-label loss against its formula in float64, and where each of its terms is smallest."""

from __future__ import annotations

import math
from math import log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import ArgumentError
from common.losses import (
    ActivePassiveLoss,
    NormalizedCrossEntropyLoss,
    NormalizedReverseCrossEntropyLoss,
    SoftActivePassiveLoss,
    table_1_loss,
)
from common.losses.hard_label import hard_label
from common.losses.soft_active_passive import TABLE_1

few = settings(max_examples=30, deadline=None)
soft_labels = st.floats(0.02, 0.98).filter(lambda y: abs(y - 0.5) > 1e-3)
P_MIN = 1e-3

CE, NBCE, NSCE, RCE, NRCE = (
    {"binary_weight": 0, "soft_weight": 1, "reverse_weight": 0, "normalized": False},
    {"binary_weight": 1, "soft_weight": 0, "reverse_weight": 0},
    {"binary_weight": 0, "soft_weight": 1, "reverse_weight": 0},
    {"binary_weight": 0, "soft_weight": 0, "reverse_weight": 1, "normalized": False},
    {"binary_weight": 0, "soft_weight": 0, "reverse_weight": 1},
)


def by_hand(p: list[float], y: list[float], row: str) -> float:
    """Table I written out from eq. 1 to 4 with the signs and the normalizer of the errata."""
    alpha_1, alpha_2, beta, normalized, soft = TABLE_1[row]
    classes = range(len(p))
    hard = [float(k == y.index(max(y))) for k in classes]
    labels = [[float(k == j) for k in classes] for j in classes]

    def ce(target: list[float]) -> float:
        return -sum(target[k] * log(p[k]) for k in classes)

    def rce(target: list[float]) -> float:
        return -sum(p[k] * log(max(target[k], P_MIN)) for k in classes)

    def term(loss, target: list[float]) -> float:
        return loss(target) / sum(map(loss, labels)) if normalized else loss(target)

    seen = y if soft else hard
    return alpha_1 * term(ce, hard) + alpha_2 * term(ce, seen) + beta * term(rce, seen)


def gradient(options: dict, p: float, y: float, p_min: float = P_MIN) -> float:
    """dL/dz at σ(z) = p of a binary problem."""
    logit = torch.logit(torch.tensor([[[p]]], dtype=torch.float64)).requires_grad_()
    target = torch.tensor([[[y]]], dtype=torch.float64)
    SoftActivePassiveLoss(**options, p_min=p_min, sigmoid=True)(logit, target).backward()
    return logit.grad.item()


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("row", TABLE_1)
def test_every_row_of_table_1_is_its_formula(row: str, classes: int) -> None:
    generator = torch.Generator().manual_seed(0)
    p = torch.rand(20, classes, generator=generator, dtype=torch.float64).softmax(1)
    y = torch.rand(20, classes, generator=generator, dtype=torch.float64).mul(3).softmax(1)
    expected = torch.tensor([by_hand(p_i.tolist(), y_i.tolist(), row) for p_i, y_i in zip(p, y, strict=True)])
    loss = table_1_loss(row, p_min=P_MIN, reduction="none")
    torch.testing.assert_close(loss(p[..., None], y[..., None]).flatten(), expected.double())
    if classes == 2:
        one_channel = loss(p[:, :1, None, None], y[:, :1, None, None])
        torch.testing.assert_close(one_channel.flatten(), expected.double())


@pytest.mark.parametrize("row", [row for row in TABLE_1 if TABLE_1[row][3]])
def test_hard_labels_give_the_active_passive_loss(row: str) -> None:
    alpha_1, alpha_2, beta = TABLE_1[row][:3]
    logits = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    indices = torch.randint(3, (2, 1, 4, 4), generator=torch.Generator().manual_seed(1))
    members = NormalizedCrossEntropyLoss(), NormalizedReverseCrossEntropyLoss()
    expected = ActivePassiveLoss(*members, alpha_1 + alpha_2, beta, softmax=True, to_onehot_y=True)
    torch.testing.assert_close(
        table_1_loss(row, softmax=True, to_onehot_y=True)(logits, indices), expected(logits, indices)
    )


@few
@given(soft_labels, st.floats(0.01, 0.99))
def test_cross_entropy_is_proper_for_soft_labels(y: float, p: float) -> None:
    assert gradient(CE, y, y) == pytest.approx(0, abs=1e-12)
    assert gradient(CE, p, y) == pytest.approx(p - y, abs=1e-12)


@few
@given(soft_labels, st.floats(0.01, 0.99))
@pytest.mark.parametrize("term", [NBCE, NSCE, RCE, NRCE], ids=["NBCE", "NSCE", "RCE", "NRCE"])
def test_the_other_terms_fall_towards_the_hard_label_at_every_probability(term: dict, y: float, p: float) -> None:
    """Also at p = ȳ: their only stationary points are p = 0 and p = 1, where the gradient of the logit vanishes."""
    towards = -1 if y > 0.5 else 1
    for at in (p, y):
        assert gradient(term, at, y) * towards > 1e-9
    assert abs(gradient(term, 1 - 1e-9 if y > 0.5 else 1e-9, y)) < 1e-8


@few
@given(soft_labels, st.floats(0.01, 0.99))
def test_soft_labels_weigh_the_terms(y: float, p: float) -> None:
    """|2ȳ − 1| in NSCE and |log-odds of ȳ| / log(1/P_min) in NRCE, relative to the hard label."""
    hard = float(y > 0.5)
    assert gradient(NSCE, p, y) == pytest.approx(abs(2 * y - 1) * gradient(NSCE, p, hard), rel=1e-6)
    odds = abs(log(y / (1 - y))) / -log(P_MIN)
    assert gradient(NRCE, p, y) == pytest.approx(odds * gradient(NRCE, p, hard), rel=1e-6)


@pytest.mark.parametrize(("p_min", "slope"), [(1e-4, 0.2386), (1e-20, 0.0477)])
def test_the_bound_of_the_label_sets_the_slope_at_soft_labels(p_min: float, slope: float) -> None:
    """−dNRCE/dp is 1 at the label 1 and log(ȳ/(1 − ȳ)) / log(1/P_min) at ȳ, five times smaller by the paper's P_min."""
    p = 0.3
    assert -gradient(NRCE, p, 1.0, p_min) / (p * (1 - p)) == pytest.approx(1, rel=1e-9)
    assert -gradient(NRCE, p, 0.9, p_min) / (p * (1 - p)) == pytest.approx(slope, abs=5e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_papers_bound_is_finite_in_every_dtype(dtype: torch.dtype) -> None:
    logit = torch.tensor([[[0.5, -0.5]]], dtype=dtype).requires_grad_()
    loss = SoftActivePassiveLoss(**NRCE, p_min=1e-20, sigmoid=True)(logit, torch.tensor([[[0.0, 1.0]]], dtype=dtype))
    loss.backward()
    assert loss.item() == pytest.approx(1 / (1 + math.exp(-0.5)), rel=1e-2)
    assert logit.grad.isfinite().all() and (logit.grad != 0).all()


def test_an_undecided_label_has_no_normalized_gradient() -> None:
    for term in (NSCE, NRCE):
        assert gradient(term, 0.3, 0.5) == pytest.approx(0, abs=1e-12)
    assert gradient(NBCE, 0.3, 0.5) > 0  # one half counts as background


@few
@given(st.integers(0, 2**31))
def test_normalized_cross_entropy_of_many_classes_drives_out_the_least_likely_one(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    y = torch.rand(1, 4, 1, generator=generator, dtype=torch.float64).softmax(1)
    logits = torch.randn(1, 4, 1, generator=generator, dtype=torch.float64)
    logits[0, y.argmin()] = -1e9
    loss = SoftActivePassiveLoss(**NSCE, softmax=True)
    assert loss(logits, y).item() == pytest.approx(y.min().item(), abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("row", TABLE_1)
def test_probabilities_of_zero_and_one_have_finite_values_and_gradients(row: str, dtype: torch.dtype) -> None:
    target = torch.tensor([[[0.0, 0.3, 0.5, 0.7, 1.0] * 2]], dtype=dtype)
    p = torch.tensor([[[0.0] * 5 + [1.0] * 5]], dtype=dtype)
    largest = torch.finfo(torch.float16).max
    for options, start in (({}, p), ({"sigmoid": True}, (2 * p - 1) * largest)):
        input = start.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            values = table_1_loss(row, **options, reduction="none")(input, target)
        values.sum().backward()
        assert values.isfinite().all() and (values >= 0).all()
        assert input.grad is not None and input.grad.isfinite().all()
    one_hot = torch.eye(3, dtype=dtype)[None].requires_grad_()
    table_1_loss(row)(one_hot, torch.tensor([[[0.2, 0.7, 0.1]] * 3], dtype=dtype).mT).backward()
    assert one_hot.grad is not None and one_hot.grad.isfinite().all()


@pytest.mark.parametrize("row", TABLE_1)
def test_gradients(row: str) -> None:
    logits = torch.randn(
        1, 2, 2, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    ).requires_grad_()
    target = torch.rand(1, 2, 2, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert torch.autograd.gradcheck(lambda x: table_1_loss(row, sigmoid=True)(x, target), logits)


def test_hard_labels_of_any_shape() -> None:
    values = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.one_hot(values.argmax(1), 3).movedim(-1, 1)
    assert torch.equal(hard_label(values), expected.float())
    assert hard_label(torch.zeros(0, 2, 3)).shape == (0, 2, 3)


def test_empty_batches_are_those_of_pytorch() -> None:
    empty = torch.zeros(0, 1, 3)
    assert table_1_loss("apl_soft_1_1_1", sigmoid=True, reduction="sum")(empty, empty) == 0


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ArgumentError, match=r"row: .*soft_bce.*got 'apl'"):
        table_1_loss("apl")
    for name in ("binary_weight", "soft_weight", "reverse_weight"):
        with pytest.raises(ArgumentError, match=f"{name}: .*got -1"):
            SoftActivePassiveLoss(**{name: -1})
    with pytest.raises(ArgumentError, match=r"p_min: .*got 0"):
        SoftActivePassiveLoss(p_min=0)
