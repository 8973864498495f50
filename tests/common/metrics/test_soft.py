"""Definitions 3 and 4, and what they mean: scores expected over noisy labels."""

from __future__ import annotations

import pytest
import torch
from monai.losses import DiceLoss
from monai.metrics import compute_dice

from common.errors import ArgumentError
from common.metrics import soft_accuracy, soft_dice
from common.noise import deform_label, gaussian_marginal, sample_gaussian_field


def maps(*spatial: int, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    marginal = torch.rand(2, 3, *spatial, generator=generator, dtype=torch.float64)
    segmentation = torch.rand(2, 3, *spatial, generator=generator, dtype=torch.float64)
    return segmentation.round().to(dtype), marginal.to(dtype)


@pytest.mark.parametrize("spatial", [(1,), (6, 5), (4, 5, 6)])
def test_values_of_the_definitions(spatial: tuple[int, ...]):
    segmentation, marginal = maps(*spatial)
    dice, accuracy = soft_dice(segmentation, marginal), soft_accuracy(segmentation, marginal)
    assert dice.shape == accuracy.shape == (2, 3)
    for index in torch.cartesian_prod(torch.arange(2), torch.arange(3)).tolist():
        s, m = segmentation[tuple(index)], marginal[tuple(index)]
        assert dice[tuple(index)].item() == pytest.approx((2 * (s * m).sum() / (s.sum() + m.sum())).item(), abs=1e-14)
        right = (s * m + (1 - s) * (1 - m)).mean().item()
        assert accuracy[tuple(index)].item() == pytest.approx(right, abs=1e-14)


def test_for_masks_they_are_dice_and_accuracy():
    segmentation, marginal = maps(8, 9)
    label = marginal.round()
    torch.testing.assert_close(soft_dice(segmentation, label), compute_dice(segmentation, label).double())
    agree = (segmentation == label).double().mean((2, 3))
    torch.testing.assert_close(soft_accuracy(segmentation, label), agree)


def test_for_soft_segmentations_one_minus_is_the_soft_dice_loss():
    marginal, segmentation = maps(8, 9)[1].flip(0), maps(8, 9)[1]
    loss = DiceLoss(reduction="none", soft_label=False, smooth_nr=0, smooth_dr=0)(segmentation, marginal)
    torch.testing.assert_close(1 - soft_dice(segmentation, marginal), loss.flatten(1))


def test_accuracy_is_the_mean_over_noisy_labels():
    label = torch.zeros(1, 1, 12, 12)
    label[..., 2:8, 3:11] = 1
    count = 4000
    fields = sample_gaussian_field((12, 12), 0.05, 0.2, torch.Generator().manual_seed(0), batch_size=count)
    noisy = deform_label(label.expand(count, -1, -1, -1), fields)
    scores = soft_accuracy(label.expand(count, -1, -1, -1), noisy)
    expected = soft_accuracy(label, gaussian_marginal(label, 0.05))
    assert (scores.mean() - expected).abs().item() < 5 * scores.std().item() / count**0.5


def test_two_empty_maps_agree():
    empty = torch.zeros(1, 2, 3, 3)
    assert (soft_dice(empty, empty) == 1).all()
    assert (soft_accuracy(empty, empty) == 1).all()
    assert (soft_dice(empty, torch.ones_like(empty)) == 0).all()


def test_sums_are_double_precision():
    marginal = torch.full((1, 1, 300, 300, 30), 0.1)
    value = marginal[0, 0, 0, 0, 0].item()
    assert soft_dice(torch.ones_like(marginal), marginal).item() == pytest.approx(2 * value / (1 + value), rel=1e-13)


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float16])
def test_any_type_of_mask(dtype: torch.dtype):
    segmentation, marginal = maps(5, 6)
    torch.testing.assert_close(soft_dice(segmentation.to(dtype), marginal), soft_dice(segmentation, marginal))
    label = marginal.round()
    expected = soft_accuracy(segmentation, label)
    torch.testing.assert_close(soft_accuracy(segmentation.to(dtype), label.to(dtype)), expected)


@pytest.mark.parametrize("function", [soft_dice, soft_accuracy])
def test_gradients(function):
    segmentation, marginal = (values.clone().requires_grad_() for values in maps(3, 2))
    assert torch.autograd.gradcheck(function, (segmentation, marginal))


@pytest.mark.parametrize("function", [soft_dice, soft_accuracy])
def test_mistakes_are_named(function):
    with pytest.raises(ArgumentError, match="one shape"):
        function(torch.zeros(1, 1, 4, 4), torch.zeros(1, 2, 4, 4))
    with pytest.raises(ArgumentError, match="one shape"):
        function(torch.zeros(4, 4), torch.zeros(4, 4))
