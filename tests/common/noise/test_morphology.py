"""Oracles: iterated binary morphology of SciPy, and brute force over every shift."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter

from common.errors import ArgumentError
from common.noise import MORPHOLOGICAL_KINDS, case_generator, dilate, displace, erode, morphology, relative_change
from common.noise import morphological_noise as noise

Mask = NDArray[np.bool_]


def blob(shape: tuple[int, ...], seed: int, share: float) -> Mask:
    """A few irregular objects that together cover ``share`` of the image; they may touch its border."""
    field = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.5, mode="reflect")
    return field > np.quantile(field, 1 - share)


def ball(shape: tuple[int, ...], center: tuple[float, ...], radius: float) -> Mask:
    return sum((x - c) ** 2 for x, c in zip(np.indices(shape), center, strict=True)) <= radius**2


def iterated(operation: Callable[[Mask], Mask], mask: Mask) -> list[Mask]:
    """``mask`` after 0, 1, 2, … steps, until nothing is left or nothing changes."""
    steps = [mask]
    while (following := operation(steps[-1])).any() and not np.array_equal(following, steps[-1]):
        steps.append(following)
    return steps


def nearest(candidates: list[Mask], mask: Mask, ratio: float) -> Mask:
    return min(candidates, key=lambda candidate: abs(int((candidate ^ mask).sum()) - ratio * int(mask.sum())))


def moved(mask: Mask, direction: tuple[int, ...], steps: int) -> Mask:
    """``mask`` shifted without wrapping, by cutting a window out of a padded image."""
    padded = np.pad(mask, [(steps, steps)] * mask.ndim)
    return padded[
        tuple(slice(steps - steps * d, steps - steps * d + n) for d, n in zip(direction, mask.shape, strict=True))
    ]


def directions(ndim: int) -> list[tuple[int, ...]]:
    return [d for d in itertools.product((-1, 0, 1), repeat=ndim) if any(d)]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


masks = st.one_of(
    st.builds(
        blob,
        st.sampled_from([(1, 1), (1, 9), (12, 17), (24, 24), (3, 4, 5), (9, 12, 10), (1, 8, 8)]),
        st.integers(0, 1000),
        st.sampled_from([0.0, 0.05, 0.3, 0.8, 1.0]),
    ),
    st.builds(lambda shape: np.indices(shape).sum(0) == 0, st.sampled_from([(5, 6), (4, 4, 4)])),  # a pixel in a corner
)
ratios = st.floats(0, 3)


@settings(deadline=None, max_examples=150)
@given(masks, ratios)
@pytest.mark.parametrize(("function", "operation"), [(erode, binary_erosion), (dilate, binary_dilation)])
def test_is_the_best_number_of_iterated_steps(function, operation, mask: Mask, ratio: float):
    noisy = function(torch.from_numpy(mask), ratio).numpy()
    if mask.ndim == 3 and len(mask) == 1:  # of one slice
        mask, noisy = mask[0], noisy[0]
    expected = nearest(iterated(operation, mask), mask, ratio) if mask.any() else mask
    np.testing.assert_array_equal(noisy, expected)


@settings(deadline=None, max_examples=100)
@given(masks, ratios, st.sampled_from(MORPHOLOGICAL_KINDS), st.integers(0, 100))
def test_invariants(mask: Mask, ratio: float, kind: str, seed: int):
    label = torch.from_numpy(mask)
    noisy = noise(label, kind, ratio, generator(seed))
    assert noisy.shape == label.shape and noisy.dtype == label.dtype
    assert bool(noisy.any()) == bool(label.any()), "a label is empty exactly if it was before"
    assert abs(relative_change(noisy, label) - ratio) <= ratio or not label.any(), "at least as near as no change"
    assert torch.equal(noise(label, kind, 0.0, generator(seed)), label)
    if kind == "erosion":
        assert not (noisy & ~label).any()
    if kind == "dilation":
        assert not (label & ~noisy).any()


@settings(deadline=None, max_examples=30)
@given(st.sampled_from([(11, 14), (6, 7, 8)]), st.integers(0, 1000), st.floats(0, 2.5), st.integers(0, 100))
def test_displacement_without_rotation_is_the_best_shift(shape, blob_seed: int, ratio: float, seed: int):
    mask = blob(shape, blob_seed, 0.1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(morphology, "MAX_ROTATION", 1e-3)  # moves nothing by half a pixel, at the border either
        noisy = displace(torch.from_numpy(mask), ratio, generator(seed)).numpy()
    best = []
    for direction in directions(mask.ndim):
        shifts = [moved(mask, direction, steps) for steps in range(max(shape))]
        reached = [int((shift ^ mask).sum()) >= ratio * int(mask.sum()) for shift in shifts]
        stop = reached.index(True) + 1 if any(reached) else len(shifts)
        best.append(nearest([shift for shift in shifts[:stop] if shift.any()], mask, ratio))
    assert any(np.array_equal(noisy, candidate) for candidate in best)


@pytest.mark.parametrize("ndim", [2, 3])
def test_every_direction_occurs_equally_often(ndim: int):
    """A ball's centroid moves along one of the 8 (26) neighbors, and the rotation leaves it where it is."""
    center = (24.0,) * ndim if ndim == 2 else (14.0,) * ndim
    shape = (49,) * ndim if ndim == 2 else (29,) * ndim
    mask = torch.from_numpy(ball(shape, center, 5.0))
    draws = 30 * len(directions(ndim)) if ndim == 2 else 8 * len(directions(ndim))
    found = []
    for seed in range(draws):
        offset = displace(mask, 0.7, generator(seed)).nonzero().double().mean(0) - torch.tensor(center).double()
        step = (offset / offset.abs().max()).round()
        length = offset.abs().max().round()
        assert torch.allclose(offset, length * step, atol=0.25)
        found.append(tuple(step.int().tolist()))
    counts = np.array([found.count(direction) for direction in directions(ndim)])
    expected = draws / len(counts)
    assert counts.sum() == draws
    assert ((counts - expected) ** 2 / expected).sum() < {2: 24.3, 3: 52.6}[ndim]  # chi-square, p = 0.001


def test_displacement_reaches_the_ratio_within_one_step():
    """For an object far from the border, the error is at most half of what one more step of shift changes."""
    mask = torch.from_numpy(ball((96, 96), (48, 48), 15))
    for seed, ratio in itertools.product(range(20), (0.3, 0.5, 0.7, 1.2)):
        noisy = displace(mask, ratio, generator(seed))
        one_step = 2 * 2 * (2 * 16) / int(mask.sum())  # a diagonal step uncovers at most two diameters at each end
        assert abs(relative_change(noisy, mask) - ratio) <= one_step / 2


def test_displacement_keeps_the_size():
    """Linear interpolation thresholded at one half; a truncated rotation loses up to 26 % of a small square."""
    objects = [ball((80, 80), (40, 40), radius) for radius in (4, 8, 15)]
    objects += [(np.abs(np.indices((80, 80)) - 40) <= half).all(0) for half in (1, 2, 5)]
    for mask in map(torch.from_numpy, objects):
        sizes = np.array([int(displace(mask, 0.7, generator(seed)).sum()) for seed in range(50)]) / int(mask.sum())
        assert sizes.mean() == pytest.approx(1, abs=0.025)
        assert sizes.min() > 0.83


def test_displacement_of_an_elongated_object_does_not_overshoot_by_its_rotation():
    mask = torch.zeros(128, 128, dtype=torch.bool)
    mask[61:67, 4:124] = True
    noisy = [displace(mask, 0.3, generator(seed)) for seed in range(40)]
    assert max(abs(relative_change(each, mask) - 0.3) for each in noisy) <= 1 / 6  # one step across changes 2/6
    assert sum(int(each.any(1).sum()) > 6 for each in noisy) > 20, "but a smaller rotation is left"


def test_displacement_rotates():
    """The square's corners, once shifted back, are not where they were."""
    square = torch.zeros(64, 64, dtype=torch.bool)
    square[22:42, 22:42] = True
    noisy = [displace(square, 0.7, generator(seed)) for seed in range(10)]
    boxes = [tuple((points.max(0).values - points.min(0).values).tolist()) for points in (n.nonzero() for n in noisy)]
    assert sum(box != (19, 19) for box in boxes) >= 6


def test_displacement_is_drawn_by_the_generator_alone():
    mask = torch.from_numpy(blob((40, 40), 1, 0.2))
    torch.manual_seed(1)
    first = displace(mask, 0.7, generator(5))
    torch.manual_seed(2)
    assert torch.equal(displace(mask, 0.7, generator(5)), first)
    assert not torch.equal(displace(mask, 0.7, generator(6)), first)


def test_two_distant_pixels_are_never_lost():
    mask = torch.zeros(20, 31, dtype=torch.bool)
    mask[3, 2] = mask[14, 27] = True
    assert all(displace(mask, ratio, generator(seed)).any() for seed in range(50) for ratio in (0.5, 2.0))


@pytest.mark.parametrize("kind", MORPHOLOGICAL_KINDS)
@pytest.mark.parametrize("shape", [(12, 12), (6, 6, 6)])
def test_an_empty_mask_is_returned_unchanged(kind: str, shape: tuple[int, ...]):
    empty = torch.zeros(shape)
    assert torch.equal(noise(empty, kind, 0.7, generator()), empty)


def test_a_mask_too_small_to_erode_is_returned_unchanged():
    line = torch.zeros(9, 9)
    line[4, 2:7] = 1
    assert torch.equal(erode(line, 0.7), line)


def test_values():
    square = torch.zeros(9, 9)
    square[2:7, 2:7] = 1
    assert erode(square, 0.7).sum() == 9  # 25 → 9 → 1: lost 0.64, then 0.96
    assert erode(square, 5.0).sum() == 1, "the last pixel stays"
    assert dilate(square, 0.7).sum() == 45  # 25 → 45: gained 0.80
    assert dilate(square, 100.0).sum() == 81
    assert erode(torch.ones(5, 5), 0.7).sum() == 9, "outside the image is background"
    assert torch.equal(dilate(torch.ones(5, 5), 0.7), torch.ones(5, 5))


@pytest.mark.parametrize("kind", MORPHOLOGICAL_KINDS)
@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float32, torch.bfloat16])
def test_dtype_value_and_metadata_are_kept(kind: str, dtype: torch.dtype):
    value = True if dtype == torch.bool else 200
    mask = torch.from_numpy(ball((20, 20), (10, 10), 5))
    label = MetaTensor(
        (mask * value).to(dtype), meta={"filename": "a.png"}, affine=torch.diag(torch.tensor([2.0, 3, 1, 1]))
    )
    before = label.clone()
    noisy = noise(label, kind, 0.7, generator())
    assert noisy.dtype == dtype and set(noisy.unique().tolist()) == {0, value}
    assert noisy.meta["filename"] == "a.png" and torch.equal(noisy.affine, label.affine)
    assert torch.equal(label, before) and not torch.equal(noisy, label), "the input itself is left alone"


def test_strided_input():
    mask = torch.from_numpy(blob((30, 20), 3, 0.3))
    assert torch.equal(erode(mask.T, 0.5), erode(mask, 0.5).T)


@pytest.mark.parametrize("function", [erode, dilate, lambda label, ratio: displace(label, ratio, generator())])
def test_exceptions(function):
    with pytest.raises(ArgumentError, match=r"needs the structure that changes.*from 0 to 2"):
        function(torch.tensor([[0, 1], [2, 0]]), 0.5)
    with pytest.raises(ArgumentError, match=r"shape is \(1, 1, 4, 4\)"):
        function(torch.ones(1, 1, 4, 4), 0.5)
    for ratio in (-0.1, math.nan, math.inf):
        with pytest.raises(ArgumentError, match="finite and at least 0"):
            function(torch.ones(4, 4), ratio)


@pytest.mark.parametrize("structure", [0, -1])
def test_background_is_no_structure(structure: int):
    with pytest.raises(ArgumentError, match=f"structure: expected a class from 1 up.*got {structure}"):
        noise(torch.ones(4, 4), "erosion", 0.5, generator(), structure)


def class_map(shape: tuple[int, ...], seed: int, unlabeled: float) -> torch.Tensor:
    """Classes 0 to 3 that touch each other, and −1 here and there."""
    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.normal(size=shape), 1.5, mode="reflect")
    label = np.digitize(field, np.quantile(field, [0.4, 0.6, 0.8])).astype(np.float32)
    label[gaussian_filter(rng.normal(size=shape), 1.0) > 0.3 / max(unlabeled, 1e-9)] = -1
    return torch.from_numpy(label)


class_maps = st.builds(
    class_map,
    st.sampled_from([(12, 17), (24, 24), (9, 12, 10), (1, 8, 8)]),
    st.integers(0, 1000),
    st.sampled_from([0.0, 1.0, 3.0]),
)


@settings(deadline=None, max_examples=100)
@given(class_maps, st.integers(1, 4), ratios, st.sampled_from(MORPHOLOGICAL_KINDS), st.integers(0, 100))
def test_of_a_class_map_one_structure_changes(label: torch.Tensor, structure: int, ratio: float, kind: str, seed: int):
    noisy = noise(label, kind, ratio, generator(seed), structure)
    others = (label != 0) & (label != structure)
    assert torch.equal(noisy[others], label[others]), "the other classes and −1 keep their voxels"
    assert set(noisy[~others].unique().tolist()) <= {0, structure}
    before, after = label == structure, noisy == structure
    assert bool(after.any()) == bool(before.any())
    assert abs(relative_change(after, before) - ratio) <= ratio or not before.any(), "at least as near as no change"
    if kind == "erosion":
        assert torch.equal(after, noise(before, kind, ratio, generator(seed))), "as of the mask alone"
    if kind == "dilation" and before.any():
        steps = iterated(binary_dilation, before.numpy())
        assert torch.equal(
            after, torch.from_numpy(nearest([step & ~others.numpy() for step in steps], before.numpy(), ratio))
        )


@settings(deadline=None, max_examples=30)
@given(class_maps, ratios, st.sampled_from(MORPHOLOGICAL_KINDS), st.integers(0, 100))
def test_where_nothing_is_in_the_way_a_class_changes_as_its_mask_does(label, ratio: float, kind: str, seed: int):
    mask = label == 2
    noisy = noise(mask * 2, kind, ratio, generator(seed), 2)
    assert torch.equal(noisy, noise(mask, kind, ratio, generator(seed)) * 2)


def test_a_label_without_foreground_keeps_what_was_not_labeled():
    label = torch.tensor([[0.0, -1.0], [-1.0, 0.0]])
    for kind in MORPHOLOGICAL_KINDS:
        assert torch.equal(noise(label, kind, 0.7, generator()), label)


def test_unknown_kind():
    with pytest.raises(ArgumentError, match="erosion, dilation, displacement, got 'erode'"):
        noise(torch.ones(4, 4), "erode", 0.5, generator())


def test_relative_change():
    clean = torch.tensor([1, 1, 0, 0])
    assert relative_change(clean, clean) == 0
    assert relative_change(1 - clean, clean) == 2
    assert relative_change(torch.tensor([True, False, False, False]), clean) == 0.5
    assert relative_change(torch.zeros(4), torch.zeros(4)) == 0
    assert relative_change(torch.ones(4), torch.zeros(4)) == math.inf


def test_case_generator_is_the_same_everywhere():
    """Fixed numbers: they may not depend on the process, the machine or Python's hash seed."""
    assert case_generator(0, "case_1").initial_seed() == 11472312741268818314
    assert case_generator(7, "case_1", "annotator", 2).initial_seed() == 18166088882972344227


def test_case_generator_tells_its_arguments_apart():
    arguments = [(0, "a"), (1, "a"), (0, "b"), (0, "ab"), (0, "a", "b"), (0, "a", 1), (0, "a", 2), (0,)]
    assert len({case_generator(*each).initial_seed() for each in arguments}) == len(arguments)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("kind", MORPHOLOGICAL_KINDS)
def test_a_volume_of_one_slice_is_a_picture(kind: str, axis: int) -> None:
    label = torch.zeros(40, 36)
    label[10:30, 12:28] = 1
    drawn = [noise(given, kind, 0.5, torch.Generator().manual_seed(1)) for given in (label, label.unsqueeze(axis))]
    assert torch.equal(drawn[0], drawn[1].squeeze(axis)) and relative_change(drawn[0], label) > 0.3
