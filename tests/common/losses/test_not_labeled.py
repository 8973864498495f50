"""A pixel that nobody labeled, −1, is as if it were not there: in no loss, in no gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from monai.losses import DiceLoss

from common.errors import ArgumentError
from common.losses import (
    ActivePassiveLoss,
    ConsensusLoss,
    CrossEntropyLoss,
    GeneralizedCrossEntropyLoss,
    HardLabelLoss,
    MarginLabelSmoothingLoss,
    MeanAbsoluteErrorLoss,
    NormalizedCrossEntropyLoss,
    NormalizedGeneralizedCrossEntropyLoss,
    NormalizedReverseCrossEntropyLoss,
    ReverseCrossEntropyLoss,
    SoftActivePassiveLoss,
    SoftDiceLoss,
    SpatiallyVaryingLabelSmoothingLoss,
    SumLoss,
    SymmetricCrossEntropyLoss,
    TLoss,
)
from common.losses.label_smoothing import spatially_varying_smoothing
from common.losses.t_loss import student_t_negative_log_likelihood


def active_passive(**options: object) -> ActivePassiveLoss:
    return ActivePassiveLoss(NormalizedCrossEntropyLoss(), MeanAbsoluteErrorLoss(), **options)


def dice_ce(**options: object) -> SumLoss:
    return SumLoss([CrossEntropyLoss(**options), SoftDiceLoss(**options)])


PIXELWISE = [
    CrossEntropyLoss,
    GeneralizedCrossEntropyLoss,
    HardLabelLoss,
    MarginLabelSmoothingLoss,
    MeanAbsoluteErrorLoss,
    NormalizedCrossEntropyLoss,
    NormalizedGeneralizedCrossEntropyLoss,
    NormalizedReverseCrossEntropyLoss,
    ReverseCrossEntropyLoss,
    SoftActivePassiveLoss,
    SymmetricCrossEntropyLoss,
    active_passive,
]
LOSSES = [
    *PIXELWISE,
    SpatiallyVaryingLabelSmoothingLoss,
    SoftDiceLoss,
    partial(SoftDiceLoss, smooth=0.0),
    dice_ce,
    TLoss,
]


def name(make: Callable[..., torch.nn.Module]) -> str:
    return getattr(make, "__name__", "smooth=0")


each_loss = pytest.mark.parametrize("make", LOSSES, ids=name)


def draw(*shape: int) -> torch.Tensor:
    return 2 * torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def pair(kind: str) -> tuple[torch.Tensor, torch.Tensor, dict[str, bool]]:
    """Logits and target of two images of 4 × 6, and the options of the loss."""
    generator = torch.Generator().manual_seed(1)
    if kind == "indices":
        target = torch.randint(3, (2, 1, 4, 6), generator=generator).double()
        return draw(2, 3, 4, 6), target, {"softmax": True, "to_onehot_y": True}
    if kind == "classes":
        return draw(2, 3, 4, 6), torch.rand(2, 3, 4, 6, generator=generator).double().softmax(1), {"softmax": True}
    channels = 1 if kind == "binary" else 3
    return draw(2, channels, 4, 6), torch.rand(2, channels, 4, 6, generator=generator).double(), {"sigmoid": True}


@pytest.mark.parametrize("kind", ["indices", "classes", "binary", "channels"])
@each_loss
def test_the_loss_is_that_of_the_image_without_these_pixels(make: Callable[..., torch.nn.Module], kind: str) -> None:
    logits, target, options = pair(kind)
    cropped, kept = logits[..., :4], target[..., :4].clone()
    target[..., 4:] = -1
    outside = logits.clone()
    outside[..., 4:] = 1e3  # whatever is predicted there
    loss = make(**options)
    expected = loss(cropped, kept)
    if (
        make is SpatiallyVaryingLabelSmoothingLoss
    ):  # the border of a crop repeats its pixels, that of an unknown does not
        smooth = target if kind != "indices" else _one_hot(target)
        expected = CrossEntropyLoss(**options | {"to_onehot_y": False})(
            cropped, spatially_varying_smoothing(smooth)[..., :4]
        )
    for values in (logits, outside):
        values = values.clone().requires_grad_()
        found = loss(values, target)
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
        (gradient,) = torch.autograd.grad(found, values)
        assert gradient.isfinite().all() and not gradient[..., 4:].any()
        assert gradient[..., :4].any()


def _one_hot(target: torch.Tensor) -> torch.Tensor:
    classes = torch.arange(3).view(1, 3, 1, 1)
    return (target == classes).double().where(target >= 0, -1)


@each_loss
def test_an_image_without_a_labeled_pixel_is_as_if_it_were_not_in_the_batch(make) -> None:
    logits, target, options = pair("indices")
    loss = make(**options)
    expected = loss(logits[:1], target[:1])
    target[1] = -1
    values = logits.clone().requires_grad_()
    found = loss(values, target)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    assert not torch.autograd.grad(found, values)[0][1].any()


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("kind", ["indices", "classes", "binary"])
@each_loss
def test_without_any_label_the_loss_is_zero(make, kind: str, reduction: str) -> None:
    logits, target, options = pair(kind)
    logits[0, :, 0, 0] = torch.nan  # not even that comes through
    logits.requires_grad_()
    loss = make(**options, reduction=reduction)
    found = loss(logits, torch.full_like(target, -1))
    assert found == 0
    found.backward()
    assert logits.grad is not None and not logits.grad.any()
    assert all(p.grad is None or p.grad == 0 for p in loss.parameters())


@pytest.mark.parametrize("make", PIXELWISE, ids=name)
def test_each_channel_of_a_multi_label_problem_has_its_own_pixels(make) -> None:
    logits, target, options = pair("channels")
    target[:, 1, 0] = -1
    values = make(**options, reduction="none")(logits, target)
    torch.testing.assert_close(make(**options)(logits, target), values.sum() / (target >= 0).sum())
    assert not values[:, 1, 0].any() and values[:, 0, 0].all()


@each_loss
def test_not_a_number_does_not_pass_for_not_labeled(make) -> None:
    logits, target, options = pair("binary")
    target[0, 0, 0, 0] = torch.nan
    assert make(**options)(logits, target).isnan()


def test_the_student_distribution_has_the_dimensions_that_were_labeled() -> None:
    target = torch.ones(1, 1, 4, 4)
    target[..., 2:] = -1
    expected = student_t_negative_log_likelihood(torch.tensor(8 * 0.25), 8, torch.tensor(1.0))
    assert TLoss(sigmoid=True)(torch.zeros(1, 1, 4, 4), target).item() == pytest.approx(expected.item(), rel=1e-6)


def test_smoothing_takes_no_neighbor_that_is_not_labeled() -> None:
    smooth = spatially_varying_smoothing(torch.tensor([[[0.0, 0.0, 1.0, -1.0, 1.0, -1.0, 0.0]]], dtype=torch.float64))
    # of the third pixel only the left neighbor is known, the fifth has none, the last repeats itself
    expected = torch.tensor([0.0, 0.25, 0.5, -1, 1.0, -1, 0.0], dtype=torch.float64)
    torch.testing.assert_close(smooth.flatten(), expected, rtol=0, atol=1e-12)


def test_a_consensus_of_nobody_is_no_target() -> None:
    """One pixel that all label, with 0.9, and one that nobody labels: the loss is −log 0.9 = 0.105, not 1.206."""
    log_probs = torch.tensor([[[0.9, 0.01], [0.1, 0.99]]]).log().requires_grad_()
    for consensus in (torch.tensor([[[1.0, -1.0], [0.0, -1.0]]]), torch.tensor([[[0, -1]]])):
        loss = ConsensusLoss()(log_probs, None, consensus)
        assert loss.item() == pytest.approx(0.10536, abs=1e-5)
        assert not torch.autograd.grad(loss, log_probs)[0][..., 1].any()
    assert ConsensusLoss()(log_probs, None, torch.full((1, 2, 2), -1.0)) == 0
    mixed = torch.tensor([[[1.0, 0.35], [0.0, 0.35]]])  # 0.7 of (½, ½) and 0.3 of −1: what resampling leaves there
    mixed[..., 1] -= 0.3
    assert ConsensusLoss()(log_probs, None, mixed).item() == pytest.approx(0.10536, abs=1e-5)


@pytest.mark.parametrize("soft", [False, True])
def test_soft_dice_is_monai_s_where_all_is_labeled(soft: bool) -> None:
    logits, target, _ = pair("channels")
    target = target if soft else (target > 0.5).double()
    torch.testing.assert_close(
        SoftDiceLoss(sigmoid=True)(logits, target), DiceLoss(sigmoid=True, soft_label=True)(logits, target)
    )
    torch.testing.assert_close(
        SoftDiceLoss(softmax=True, include_background=False)(logits, target),
        DiceLoss(softmax=True, soft_label=True, include_background=False)(logits, target),
    )


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_soft_dice_is_smallest_at_the_share(share: float) -> None:
    p = torch.linspace(0.001, 0.999, 999, dtype=torch.float64)
    loss = SoftDiceLoss(reduction="none")(p.view(-1, 1, 1).expand(-1, 1, 5), torch.full((999, 1, 5), share).double())
    assert p[loss.argmin()].item() == pytest.approx(share, abs=6e-4)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_cross_entropy_is_that_of_pytorch_and_smallest_at_the_share(share: float) -> None:
    logits, target, options = pair("channels")
    expected = torch.nn.BCEWithLogitsLoss()(logits, target)
    torch.testing.assert_close(CrossEntropyLoss(**options)(logits, target), expected, rtol=1e-12, atol=0)
    z = torch.tensor([[[share]]], dtype=torch.float64).logit().requires_grad_()
    (gradient,) = torch.autograd.grad(CrossEntropyLoss(sigmoid=True)(z, torch.full_like(z, share)), z)
    assert abs(gradient.item()) < 1e-15


@pytest.mark.parametrize("nu_tilde", [10, 30, 60, 99.0])
def test_t_loss_of_a_large_tolerance_is_normal(nu_tilde: float) -> None:
    """Closed form of the limit: (D/2) log 2π + δ²/2, up to D²/ν."""
    size = 16
    loss = TLoss(nu_tilde)(torch.zeros(1, 1, 4, 4).double(), torch.full((1, 1, 4, 4), 0.5).double())
    normal = size / 2 * math.log(2 * math.pi) + 2
    assert loss.item() == pytest.approx(normal, abs=size**2 * math.exp(-nu_tilde) + 1e-12)
    loss.backward()


def test_t_loss_refuses_what_float64_cannot_hold() -> None:
    with pytest.raises(ArgumentError, match="nu_tilde: expected a finite number of at most 100, got 720"):
        TLoss(720)
