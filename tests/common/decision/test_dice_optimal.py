"""Equations 10 to 16: what is optimal for accuracy, Dice and soft-Dice, against brute force and the paper's listing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.decision import (
    accuracy_optimal_segmentation,
    apply_threshold,
    dice_optimal_segmentation,
    dice_optimal_threshold,
)
from common.errors import ArgumentError
from common.metrics import soft_accuracy, soft_dice
from common.noise import gaussian_marginal

# ties, zeros and ones are as frequent as other numbers
probabilities = st.lists(st.floats(0, 1, width=32) | st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=9)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def subsets(size: int) -> torch.Tensor:
    """All segmentations of ``size`` voxels."""
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=size)), dtype=torch.float64)[:, None]


def listing_3(marginal: np.ndarray) -> float:
    """sup D_m / 2 as the paper computes it, in float64."""
    ordered = np.sort(marginal.astype(np.float64), axis=None)[::-1]
    return float(np.max(2 * np.cumsum(ordered) / (ordered.sum() + np.arange(1, ordered.size + 1))) / 2)


@settings(max_examples=60, deadline=None)
@given(values=probabilities)
def test_optimal_among_all_segmentations(values: list[float]):
    marginal = torch.tensor(values).view(1, 1, -1)
    every = subsets(len(values))
    doubled = marginal.double().expand(len(every), 1, -1)
    best_dice, best_accuracy = soft_dice(every, doubled).max().item(), soft_accuracy(every, doubled).max().item()

    threshold, expected_dice = dice_optimal_threshold(marginal)
    assert 0 < threshold.item() <= 0.5
    assert expected_dice.item() == pytest.approx(best_dice, abs=1e-12)
    segmentation = dice_optimal_segmentation(marginal)
    assert soft_dice(segmentation, marginal.double()).item() == pytest.approx(best_dice, abs=1e-12)
    assert torch.equal(segmentation, apply_threshold(marginal, threshold))
    accurate = accuracy_optimal_segmentation(marginal)
    tied = (marginal - 0.5).abs() <= 2**-20  # background, at a price below the rounding of a share
    assert soft_accuracy(accurate, marginal.double()).item() >= best_accuracy - (2**-19 if tied.any() else 1e-12)
    assert not accurate[tied].any()


@settings(max_examples=40, deadline=None)
@given(values=probabilities)
def test_every_optimal_segmentation_is_as_the_theorem_says(values: list[float]):
    marginal = torch.tensor(values, dtype=torch.float64)
    if not marginal.any():
        return
    every = subsets(len(values))
    dice = soft_dice(every, marginal.expand(len(every), 1, -1))[:, 0]
    threshold = dice_optimal_threshold(marginal.view(1, 1, -1))[0].item()
    for segmentation in every[dice >= dice.max() - 1e-13, 0].bool():
        assert (marginal[segmentation] >= threshold - 1e-12).all()
        assert (marginal[~segmentation] <= threshold + 1e-12).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(70, 61), (300, 310), (50, 60, 70)])
@pytest.mark.parametrize("power", [0.2, 1.0, 8.0, 60.0])
def test_large_maps_against_the_sorted_sums(shape: tuple[int, ...], power: float, dtype: torch.dtype):
    marginal = torch.rand(2, 2, *shape, generator=seeded(), dtype=dtype) ** power
    marginal[0, 0] *= torch.rand(shape, generator=seeded(1)) < 0.01
    threshold, expected_dice = dice_optimal_threshold(marginal)
    for image, channel in itertools.product(range(2), repeat=2):
        expected = listing_3(marginal[image, channel].numpy())
        assert threshold[image, channel].item() == pytest.approx(expected, rel=1e-13)
    segmentation = dice_optimal_segmentation(marginal)
    torch.testing.assert_close(soft_dice(segmentation, marginal.double()), expected_dice, rtol=1e-12, atol=0)
    assert segmentation.dtype == dtype


def test_marginals_of_deformed_objects_against_the_sorted_sums():
    label = torch.zeros(1, 2, 48, 48, 48)
    label[:, 0, 10:30, 12:40, 20:33] = 1
    label[:, 1, 20:23, 20:23, 4:44] = 1
    marginal = gaussian_marginal(label, 0.04)
    threshold = dice_optimal_threshold(marginal)[0][0]
    for channel in range(2):
        assert threshold[channel].item() == pytest.approx(listing_3(marginal[0, channel].numpy()), rel=1e-13)
    assert threshold[1] < threshold[0] < 0.5  # the thin tube needs the lower threshold


def test_exact_tie_includes_the_tied_voxels():
    marginal = torch.tensor([[[1.0] + [0.25] * 8]])  # Dice is 2·1/(1 + 3) with the first alone, 2·3/(9 + 3) with all
    threshold, expected_dice = dice_optimal_threshold(marginal)
    assert (threshold.item(), expected_dice.item()) == (0.25, 0.5)
    assert dice_optimal_segmentation(marginal).all()


def test_threshold_is_not_rounded_to_the_precision_of_the_map():
    marginal = torch.tensor([[[0.5, np.nextafter(np.float32(0.5), np.float32(0))]]])
    threshold = torch.tensor([[0.5 - 1e-9]], dtype=torch.float64)  # between the two
    assert apply_threshold(marginal, threshold).tolist() == [[[1.0, 0.0]]]


@pytest.mark.parametrize("spatial", [(1,), (4, 5), (3, 4, 5), (400, 400)])
def test_empty_map_has_an_empty_mask_and_threshold_one_half(spatial: tuple[int, ...]):
    marginal = torch.zeros(2, 3, *spatial)
    threshold, expected_dice = dice_optimal_threshold(marginal)
    assert (threshold == 0.5).all()
    assert (expected_dice == 1).all()
    assert not dice_optimal_segmentation(marginal).any()
    assert not accuracy_optimal_segmentation(marginal).any()


def test_one_empty_map_of_a_batch_leaves_the_others_alone():
    marginal = torch.rand(3, 1, 500, 300, generator=seeded())
    alone = dice_optimal_threshold(marginal[2:])[0]
    marginal[1] = 0
    threshold = dice_optimal_threshold(marginal)[0]
    assert threshold[1].item() == 0.5
    torch.testing.assert_close(threshold[2:], alone, rtol=1e-14, atol=0)


def test_a_label_without_noise_is_its_own_optimum():
    label = (torch.rand(1, 2, 20, 20, generator=seeded()) < 0.3).float()
    threshold, expected_dice = dice_optimal_threshold(label)
    assert (threshold == 0.5).all()
    assert (expected_dice == 1).all()
    assert torch.equal(dice_optimal_segmentation(label), label)


@pytest.mark.parametrize("constant", [1e-30, 1e-6, 0.1, 0.5, 1.0])
def test_sums_do_not_drift(constant: float):
    marginal = torch.full((1, 1, 150, 150, 150), constant)
    value = marginal[0, 0, 0, 0, 0].item()
    assert dice_optimal_threshold(marginal)[0].item() == pytest.approx(value / (1 + value), rel=1e-13)
    assert dice_optimal_segmentation(marginal).all()


def test_threshold_belongs_to_the_image_and_the_channel():
    marginal = torch.rand(2, 3, 8, 9, generator=seeded()) ** torch.tensor([1.0, 3.0, 9.0]).view(1, 3, 1, 1)
    threshold, expected_dice = dice_optimal_threshold(marginal)
    assert threshold.shape == expected_dice.shape == (2, 3)
    assert threshold.dtype == torch.float64
    assert len(set(threshold.flatten().tolist())) == 6
    for image, channel in itertools.product(range(2), range(3)):
        single = dice_optimal_threshold(marginal[image : image + 1, channel : channel + 1])[0]
        assert single.item() == pytest.approx(threshold[image, channel].item(), rel=1e-14)


def test_voxel_order_and_dimension_do_not_matter():
    marginal = torch.rand(1, 1, 6, 7, 8, generator=seeded()) ** 2
    threshold = dice_optimal_threshold(marginal)[0].item()
    for other in (marginal.transpose(2, 4), marginal.flatten(3), marginal.flip(3), marginal[..., None]):
        assert dice_optimal_threshold(other)[0].item() == pytest.approx(threshold, rel=1e-14)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype: torch.dtype):
    marginal = torch.rand(1, 2, 30, 30, generator=seeded()).to(dtype)
    threshold = dice_optimal_threshold(marginal)[0]
    assert torch.equal(threshold, dice_optimal_threshold(marginal.float())[0])
    segmentation = dice_optimal_segmentation(marginal)
    assert segmentation.dtype == dtype
    assert torch.equal(segmentation.float(), dice_optimal_segmentation(marginal.float()))
    assert accuracy_optimal_segmentation(marginal).dtype == dtype


def test_a_little_outside_the_interval_is_rounding():
    marginal = torch.tensor([[[1.001, 0.9, 0.2, -0.001]]])
    assert torch.equal(dice_optimal_threshold(marginal)[0], dice_optimal_threshold(marginal.clamp(0, 1))[0])


def test_nothing_in_a_batch_of_nothing():
    threshold, expected_dice = dice_optimal_threshold(torch.zeros(0, 2, 4, 4))
    assert threshold.shape == expected_dice.shape == (0, 2)


@settings(max_examples=25, deadline=None)
@given(values=probabilities, seed=st.integers(0, 100))
def test_cross_entropy_optimum_thresholded_is_the_soft_dice_optimum(values: list[float], seed: int):
    marginal = torch.tensor(values, dtype=torch.float64).clamp(0.02, 0.98).view(1, 1, -1)
    logits = torch.zeros_like(marginal, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=200, tolerance_grad=1e-12, tolerance_change=1e-16)

    def cross_entropy() -> torch.Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, marginal)
        loss.backward()
        return loss

    optimizer.step(cross_entropy)
    soft = torch.sigmoid(logits.detach())
    torch.testing.assert_close(soft, marginal, atol=1e-5, rtol=0)  # eq. 9

    recovered = soft_dice(dice_optimal_segmentation(soft), marginal).item()
    others = torch.rand(500, 1, len(values), dtype=torch.float64, generator=seeded(seed))
    others = torch.cat([others, others.round(), (20 * (others - 0.5)).sigmoid(), subsets(len(values))])
    assert recovered >= soft_dice(others, marginal.expand_as(others)).max().item() - 1e-5  # eq. 10, 16


@pytest.mark.parametrize("function", [dice_optimal_threshold, dice_optimal_segmentation, accuracy_optimal_segmentation])
@pytest.mark.parametrize(
    ("marginal", "word"),
    [
        (torch.tensor([[[3.0, -2.0]]]), "from -2 to 3"),  # logits
        (torch.tensor([[[0.0, 255.0]]]), "255"),
        (torch.tensor([[[0.5, float("nan")]]]), "nan"),
        (torch.rand(4, 4), "batch"),
    ],
)
def test_mistakes_are_named(function, marginal: torch.Tensor, word: str):
    with pytest.raises(ArgumentError, match=word):
        function(marginal)
