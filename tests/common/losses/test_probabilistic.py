"""Divergence and likelihoods against torch.distributions and loops."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from torch.distributions import Normal, kl_divergence

from common.errors import ArgumentError
from common.losses import AnnotatorConfusionLoss, EnsembleLoss, ProbabilisticLoss, gaussian_kl_divergence

SHAPES = [(5, 4), (2, 3, 4), (1, 1), (1, 1, 3)]


def problem(*spatial: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """log p (B, R, L, *S) and labels in float64: of the first image the last annotator is absent, the first in part."""
    generator = torch.Generator().manual_seed(seed)
    log_probs = torch.randn(2, 3, 4, *spatial, generator=generator, dtype=torch.float64).log_softmax(2)
    labels = torch.randint(4, (2, 3, *spatial), generator=generator)
    labels[0, -1] = -1
    labels[0, 0].view(-1)[1::2] = -1
    return log_probs, labels


def mean_over_labeled(log_probs: torch.Tensor, labels: torch.Tensor) -> float:
    """−mean log p (L, *S) of the labels (*S), written out."""
    pairs = zip(log_probs.flatten(1).T.tolist(), labels.flatten().tolist(), strict=True)
    values = [-log_p[label] for log_p, label in pairs if label >= 0]
    return sum(values) / max(1, len(values))


@pytest.mark.parametrize("spatial", SHAPES)
def test_the_ensemble_loss_sums_the_means_of_each_annotator(spatial: tuple[int, ...]):
    log_probs, labels = problem(*spatial)
    expected = sum(mean_over_labeled(log_probs[b, r], labels[b, r]) for b in range(2) for r in range(3)) / 2
    assert EnsembleLoss()(log_probs, labels).item() == pytest.approx(expected, rel=1e-12)
    assert EnsembleLoss()(log_probs, labels.short()).item() == pytest.approx(expected, rel=1e-12)


def test_the_ensemble_loss_is_that_of_faultless_annotators_where_all_networks_agree():
    log_probs, labels = problem(5, 4)
    log_probs = log_probs[:, :1]
    perfect = torch.eye(4, dtype=torch.float64).log()[..., None, None].expand(2, 3, 4, 4, 5, 4)
    same = AnnotatorConfusionLoss(trace_weight=0)(log_probs[:, 0], perfect, labels)
    torch.testing.assert_close(EnsembleLoss()(log_probs.expand(-1, 3, -1, -1, -1), labels), same)


def test_an_absent_annotator_has_no_gradient():
    log_probs, labels = problem(5, 4)
    log_probs.requires_grad_()
    EnsembleLoss()(log_probs, labels).backward()
    assert (log_probs.grad[0, 2] == 0).all()
    assert (log_probs.grad[0, 0] != 0).sum() == 10
    assert (log_probs.grad[1] != 0).sum() == 3 * 20


@pytest.mark.parametrize("spatial", SHAPES)
@pytest.mark.parametrize("kl_weight", [0.0, 1.0, 2.5])
def test_the_probabilistic_loss_is_the_bound_per_labeled_pixel(spatial: tuple[int, ...], kl_weight: float):
    log_probs, labels = problem(*spatial)
    kl, chosen = torch.tensor([3.0, 0.5], dtype=torch.float64), torch.tensor([0, 2])
    expected = 0.0
    for b, r in enumerate(chosen.tolist()):
        pixels = int((labels[b, r] >= 0).sum())
        reconstruction = mean_over_labeled(log_probs[b, 1], labels[b, r]) * pixels
        expected += (reconstruction + kl_weight * kl[b].item()) / pixels / 2
    loss = ProbabilisticLoss(kl_weight)(log_probs[:, 1], kl, chosen, labels)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_images_without_labels_contribute_nothing():
    log_probs, labels = problem(5, 4)
    labels[1] = -1
    kl = torch.tensor([3.0, 7.0], dtype=torch.float64)
    loss = ProbabilisticLoss()(log_probs[:, 0], kl, torch.tensor([1, -1]), labels)
    alone = ProbabilisticLoss()(log_probs[:1, 0], kl[:1], torch.tensor([1]), labels[:1])
    torch.testing.assert_close(loss, alone / 2)
    torch.testing.assert_close(EnsembleLoss()(log_probs, labels), EnsembleLoss()(log_probs[:1], labels[:1]) / 2)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 5))
def test_the_divergence_is_that_of_torch(seed: int, scale: float):
    generator = torch.Generator().manual_seed(seed)
    numbers = scale * torch.randn(4, 3, 6, generator=generator, dtype=torch.float64)
    ours = gaussian_kl_divergence(*numbers)
    theirs = kl_divergence(Normal(numbers[0], numbers[1].exp()), Normal(numbers[2], numbers[3].exp())).sum(1)
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)
    assert (ours >= 0).all()
    torch.testing.assert_close(gaussian_kl_divergence(*numbers[:2], *numbers[:2]), torch.zeros(3).double())


def test_the_divergence_of_nearly_equal_gaussians_is_exact_in_float32():
    zero = torch.zeros(1, 1)
    small = gaussian_kl_divergence(zero, zero + 1e-3, zero, zero)
    assert small.item() == pytest.approx(1e-6 + 2e-9 / 3, rel=1e-3)  # s² + 2/3 s³


def test_half_precision_is_computed_in_float32():
    log_probs, labels = problem(5, 4)
    half = log_probs.half()
    kl = gaussian_kl_divergence(*(torch.full((2, 6), x, dtype=torch.bfloat16) for x in (9, 5, 0, -5)))  # over 65504
    assert kl.dtype == torch.float32 and kl.isfinite().all() and (kl > 1e8).all()
    for loss in (
        EnsembleLoss()(half, labels),
        ProbabilisticLoss()(half[:, 0], kl.new_ones(2), torch.tensor([0, 0]), labels),
    ):
        assert loss.dtype == torch.float32
        assert loss.isfinite()


def test_gradients():
    log_probs, labels = problem(2, 2)
    log_probs, kl = log_probs.requires_grad_(), torch.ones(2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: EnsembleLoss()(x, labels), log_probs)
    chosen = torch.tensor([0, -1])
    assert torch.autograd.gradcheck(
        lambda x, kl: ProbabilisticLoss(0.7)(x, kl, chosen, labels), (log_probs[:, 0].detach().requires_grad_(), kl)
    )
    numbers = torch.randn(4, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: gaussian_kl_divergence(*x), numbers)


def test_tensors_with_metadata_give_a_plain_loss():
    log_probs, labels = problem(5, 4)
    kl, chosen = torch.ones(2), torch.zeros(2, dtype=torch.int64)
    assert type(EnsembleLoss()(MetaTensor(log_probs), MetaTensor(labels))) is torch.Tensor
    assert type(ProbabilisticLoss()(MetaTensor(log_probs[:, 0]), MetaTensor(kl), chosen, MetaTensor(labels))) is (
        torch.Tensor
    )


def test_an_empty_batch_has_no_mean():
    log_probs, labels = problem(5, 4)
    assert EnsembleLoss()(log_probs[:0], labels[:0]).isnan()
    none = torch.zeros(0)
    assert ProbabilisticLoss()(log_probs[:0, 0], none, none.long(), labels[:0]).isnan()


def test_mistakes_are_named():
    log_probs, labels = problem(5, 4)
    for wrong in (labels[:, :2], labels[..., 1:], labels[:1]):
        with pytest.raises(ArgumentError, match=r"log_probs and labels: expected \(batch, annotator, class"):
            EnsembleLoss()(log_probs, wrong)
    kl, chosen = torch.ones(2), torch.zeros(2, dtype=torch.int64)
    for wrong in (labels[:1], labels[..., 1:]):
        with pytest.raises(ArgumentError, match=r"log_probs and labels: expected \(batch, class"):
            ProbabilisticLoss()(log_probs[:, 0], kl, chosen, wrong)
    with pytest.raises(ArgumentError, match="a value for each of the 2 images"):
        ProbabilisticLoss()(log_probs[:, 0], kl[:1], chosen, labels)
    labels[0, 0] = 4
    for compute in (
        lambda: EnsembleLoss()(log_probs, labels),
        lambda: ProbabilisticLoss()(log_probs[:, 0], kl, chosen, labels),
    ):
        with pytest.raises(ArgumentError, match="class indices up to 3"):
            compute()
    for weight in (-1.0, math.nan):
        with pytest.raises(ArgumentError, match="kl_weight"):
            ProbabilisticLoss(weight)
