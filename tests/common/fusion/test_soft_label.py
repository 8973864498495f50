"""Soft labels: each step against its formula, and what the steps promise together."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import ArgumentError
from common.fusion import (
    add_neighbour_slices,
    aggregate_raters,
    find_hyperintense,
    raise_hyperintense,
    restrict_to_anatomy,
    soft_label_steps,
    structure_masks,
)

SEEDS = st.integers(0, 2**31 - 1)


def problem(seed: int, raters: int = 3, spatial: tuple[int, ...] = (5, 4, 3)):
    generator = np.random.default_rng(seed)
    masks = torch.from_numpy((generator.random((raters, 2, *spatial)) < 0.3).astype(np.int64))
    image = torch.from_numpy(generator.standard_normal(spatial).astype(np.float32))
    bones = torch.from_numpy(generator.integers(0, 3, spatial))
    return masks, image, structure_masks(bones, [1, 2])


@settings(deadline=None, max_examples=15)
@given(SEEDS, st.integers(1, 7), st.integers(0, 3))
def test_share_of_the_raters_who_rated_the_scan(seed: int, raters: int, absent: int):
    masks, _, _ = problem(seed, raters)
    missing = torch.full((absent, *masks.shape[1:]), -1)
    label = aggregate_raters(torch.cat([missing, masks]))
    assert label.dtype == torch.float32
    np.testing.assert_allclose(label.numpy(), masks.numpy().sum(0) / raters, rtol=1e-6)


def test_who_rated_and_marked_nothing_counts():
    marked = torch.ones(1, 1, 2, 2, 1)
    assert aggregate_raters(torch.cat([marked, torch.zeros_like(marked)])).unique().tolist() == [0.5]


def test_what_a_rater_did_not_rate_is_no_vote_for_background():
    partly = torch.tensor([[1, -1, 0, -1, -1], [1, 1, 1, 0, -1]])
    assert aggregate_raters(partly).tolist() == [1.0, 1.0, 0.5, 0.0, -1.0]


@settings(deadline=None, max_examples=15)
@given(SEEDS, st.booleans(), st.booleans())
def test_what_nobody_rated_stays_so_in_every_step(seed: int, restrict: bool, marked_only: bool):
    masks, image, anatomy = problem(seed)
    unrated = torch.rand(anatomy.shape, generator=torch.Generator().manual_seed(seed)) < 0.2
    holes = masks.masked_fill(unrated, -1)
    steps = soft_label_steps(holes, image, anatomy, restrict, 1.0, marked_only, 0.4)
    expected = soft_label_steps(holes.clamp_min(0), image, anatomy, restrict, 1.0, marked_only, None)
    for name, label in steps.items():
        assert torch.equal(label < 0, unrated) and (label[unrated] == -1).all()
        if name != "neighbours":
            assert torch.equal(label[~unrated], expected[name][~unrated])
    neighbors = add_neighbour_slices(steps["hyperintensity"].clamp_min(0), 0.4)
    neighbors = restrict_to_anatomy(neighbors, anatomy) if restrict else neighbors
    assert torch.equal(steps["neighbours"][~unrated], neighbors[~unrated])


def lower_median(values):
    return np.sort(values)[(len(values) - 1) // 2]


def transcription(masks, image, anatomy, threshold, weight):
    """The four steps voxel by voxel in float64."""
    masks, image, anatomy = (array.numpy() for array in (masks, image.double(), anatomy))
    raters = len(masks)
    label = np.zeros(anatomy.shape)
    for k in range(len(anatomy)):
        inside = image[anatomy[k]]
        center = lower_median(inside)
        limit = center + threshold * 1.4826 * lower_median(np.abs(inside - center))
        for place in np.ndindex(image.shape):
            if anatomy[k][place]:
                share = sum(masks[r, k][place] for r in range(raters)) / raters
                label[k][place] = 1.0 if image[place] > limit else share
    result = np.zeros_like(label)
    for k, *place in np.ndindex(label.shape):
        if anatomy[(k, *place)]:
            doubt = 1 - label[(k, *place)]
            for neighbor in (place[-1] - 1, place[-1] + 1):
                if 0 <= neighbor < label.shape[-1]:
                    doubt *= 1 - weight * label[(k, *place[:-1], neighbor)]
            result[(k, *place)] = 1 - doubt
    return result


@settings(deadline=None, max_examples=15)
@given(SEEDS, st.integers(1, 5), st.floats(0.1, 2), st.floats(0, 1))
def test_pipeline_is_its_formula(seed: int, raters: int, threshold: float, weight: float):
    masks, image, anatomy = problem(seed, raters, (5, 5, 4))
    steps = soft_label_steps(masks, image, anatomy, hyperintensity=threshold, neighbour_slices=weight)
    expected = transcription(masks, image, anatomy, threshold, weight)
    np.testing.assert_allclose(list(steps.values())[-1].numpy(), expected, atol=1e-5)


@settings(deadline=None, max_examples=15)
@given(SEEDS, st.booleans(), st.booleans())
def test_steps_stay_in_range_and_do_what_they_say(seed: int, restrict: bool, marked_only: bool):
    masks, image, anatomy = problem(seed)
    steps = soft_label_steps(masks, image, anatomy, restrict, 1.0, marked_only, 0.4)
    assert list(steps) == ["raters", *(["anatomy"] if restrict else []), "hyperintensity", "neighbours"]
    for label in steps.values():
        assert label.dtype == torch.float32
        assert 0 <= label.min() <= label.max() <= 1
    assert (steps["neighbours"] >= steps["hyperintensity"]).all()
    if restrict:
        assert not steps["neighbours"][~anatomy].any()
    raised = steps["hyperintensity"] > steps["raters"]
    assert not raised[~anatomy].any()
    if marked_only:
        assert (steps["raters"][raised] > 0).all()


def test_every_step_can_be_switched_off():
    masks, image, anatomy = problem(0)
    only = soft_label_steps(masks, image, anatomy, restrict=False, hyperintensity=None, neighbour_slices=None)
    assert list(only) == ["raters"]
    assert torch.equal(only["raters"], masks.float().mean(0))
    assert list(soft_label_steps(masks, image, anatomy, hyperintensity=0, neighbour_slices=0)) == ["raters", "anatomy"]


def test_hyperintensity_is_relative_to_each_structure():
    image = torch.tensor([10.0, 11, 12, 13, 30, 110, 111, 112, 113, 130, 60])
    anatomy = structure_masks(torch.tensor([1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 0]), [1, 2])
    bright = find_hyperintense(image, anatomy, 3.0)
    assert bright.nonzero().tolist() == [[0, 4], [1, 9]]
    for scale, shift in ((0.01, 0.0), (50.0, -400.0)):  # of any scanner
        assert torch.equal(find_hyperintense(scale * image + shift, anatomy, 3.0), bright)
    assert torch.equal(find_hyperintense(image.half(), anatomy, 3.0), bright)
    assert not find_hyperintense(image, torch.zeros_like(anatomy), 0.0).any()


def test_neighboring_slices():
    label = torch.zeros(1, 2, 2, 5)
    label[..., 2] = 0.8
    result = add_neighbour_slices(label, 0.5)
    np.testing.assert_allclose(result[0, 0, 0].numpy(), [0, 0.4, 0.8, 0.4, 0], rtol=1e-6)
    assert torch.equal(add_neighbour_slices(label, 0.0), label)
    assert torch.equal(add_neighbour_slices(label[..., 2:3], 1.0), label[..., 2:3])
    turned = add_neighbour_slices(label.movedim(-1, 1), 0.5, slice_axis=1)
    assert torch.equal(turned.movedim(1, -1), result)
    random = torch.rand(2, 3, 3, 6)
    flipped = add_neighbour_slices(random.flip(-1), 0.3).flip(-1)
    torch.testing.assert_close(flipped, add_neighbour_slices(random, 0.3))
    before = random.clone()
    add_neighbour_slices(random, 0.3)
    assert torch.equal(random, before)


def test_empty_volumes_and_structures():
    masks = torch.zeros(2, 1, 3, 3, 0, dtype=torch.uint8)
    with pytest.raises(ArgumentError, match="at least one rater"):
        soft_label_steps(masks, torch.zeros(3, 3, 0), torch.zeros(1, 3, 3, 0, dtype=torch.bool))
    masks, image, anatomy = problem(0)
    assert not list(soft_label_steps(masks, image, torch.zeros_like(anatomy)).values())[-1].any()
    assert raise_hyperintense(torch.zeros(0), torch.zeros(0)).shape == (0,)
    assert restrict_to_anatomy(torch.ones(2, 1), torch.zeros(2, 1)).sum() == 0


def test_mistakes_are_named():
    masks, image, anatomy = problem(0)
    with pytest.raises(ArgumentError, match=r"masks: expected .* got the shape .* from 0 to 2"):
        aggregate_raters(2 * masks)
    with pytest.raises(ArgumentError, match="3 who did not"):
        aggregate_raters(torch.full_like(masks, -1))
    with pytest.raises(ArgumentError, match="anatomy's shape"):
        soft_label_steps(masks[:, :1], image, anatomy)
    with pytest.raises(ArgumentError, match="image's shape"):
        soft_label_steps(masks, image[..., :2], anatomy)
    with pytest.raises(ArgumentError, match=r"neighbour_slices: .* got 1.5"):
        soft_label_steps(masks, image, anatomy, neighbour_slices=1.5)
    with pytest.raises(ArgumentError, match="finite gray values"):
        find_hyperintense(image.log(), anatomy, 1.0)
