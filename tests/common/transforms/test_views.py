"""Geometry that comes back to a hundredth of a voxel, against SciPy, and intensities drawn per image."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from scipy import ndimage

from common.errors import InputError
from common.losses import LogitConsistencyLoss
from common.transforms import RandomView, unwarp, warp
from common.transforms.views import affine_matrix, gaussian_blur, sharpen

few = settings(max_examples=40, deadline=None)
planar = st.tuples(st.integers(1, 40), st.integers(1, 40))
solid = st.tuples(st.integers(1, 14), st.integers(1, 14), st.integers(1, 14))
seeds = st.integers(0, 2**31)


def random_matrix(seed: int, shape: tuple[int, ...], strength: float = 1.0, count: int = 2) -> torch.Tensor:
    """Any rotation, shears up to 60°, scales from 1/4 to 4 and shifts up to half of the image, times the strength."""
    random, planes = np.random.default_rng(seed), len(shape) * (len(shape) - 1) // 2
    return affine_matrix(
        rotation=torch.from_numpy(strength * random.uniform(-180, 180, (count, planes))),
        translation=torch.from_numpy(strength * random.uniform(-0.5, 0.5, (count, len(shape))) * shape),
        scale=torch.from_numpy(4 ** (strength * random.uniform(-1, 1, count))),
        shear=torch.from_numpy(strength * random.uniform(-60, 60, (count, planes))),
    )


def coordinates(shape: tuple[int, ...], count: int = 2, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """``(B, n, *shape)``: each voxel's own place."""
    return torch.from_numpy(np.indices(shape)).to(dtype).expand(count, *[-1] * (len(shape) + 1))


def image(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@few
@given(st.one_of(planar, solid), seeds, st.sampled_from([0.05, 0.3, 1.0]))
def test_round_trip_is_below_a_twentieth_of_a_pixel_at_any_parameters(shape, seed, strength):
    places, matrix = coordinates(shape), random_matrix(seed, shape, strength)
    back, valid = unwarp(warp(places, matrix), matrix)
    error = (back - places).where(valid, 0).abs().max()
    assert error < 0.01


@pytest.mark.parametrize("shape", [(192, 192), (160, 96), (48, 40, 24)], ids=str)
def test_round_trip_of_the_drawn_views(shape):
    view = RandomView(probability=1).set_random_state(0)
    matrix = view.draw_geometry((8, 1, *shape))
    places = coordinates(shape, 8)
    back, valid = unwarp(warp(places, matrix), matrix)
    assert (back - places).where(valid, 0).abs().max() < 0.005
    middle = valid[(slice(None), 0, *[slice(side // 3, -(side // 3)) for side in shape])]
    assert middle.all() and valid.float().mean() > 0.5
    # what the paper's code does instead: the parameters' signs are turned around
    negated = matrix.inverse()
    negated[:, :-1, -1] = -matrix[:, :-1, -1]
    wrong = unwarp(warp(places, matrix), negated.inverse())[0]
    assert (wrong - places).where(valid, 0).abs().mean() > 0.2


@few
@given(st.one_of(planar, solid), seeds)
def test_warp_is_scipys_interpolation(shape, seed):
    batch, matrix = image(seed, 2, 2, *shape), random_matrix(seed, shape)
    expected = np.empty(batch.shape)
    center = (np.array(shape) - 1) / 2
    for b in range(2):
        inverse = np.linalg.inv(matrix[b].numpy())
        linear, offset = inverse[:-1, :-1], inverse[:-1, -1]
        for c in range(2):
            expected[b, c] = ndimage.affine_transform(
                batch[b, c].numpy(), linear, center + offset - linear @ center, order=1, mode="nearest"
            )
    torch.testing.assert_close(warp(batch, matrix), torch.from_numpy(expected), rtol=0, atol=1e-9)
    torch.testing.assert_close(unwarp(batch, matrix.inverse())[0], torch.from_numpy(expected), rtol=0, atol=1e-9)


@few
@given(st.tuples(st.integers(1, 8), st.integers(1, 8)), seeds, st.sampled_from([0.1, 1.0]))
def test_valid_voxels_are_those_with_a_source(shape, seed, strength):
    matrix = random_matrix(seed, shape, strength, count=1)
    half = (np.array(shape) - 1) / 2
    valid = unwarp(torch.zeros(1, 1, *shape), matrix)[1][0, 0]
    for voxel in np.ndindex(*shape):
        place = (matrix[0].numpy() @ [*(voxel - half), 1])[:2]
        beyond = [np.abs(place) - half]  # how far outside of the view, or of the image, something is looked up
        hardly_visible = False
        for corner in product((0, 1), repeat=2):
            between = np.floor(place + half) + corner - half
            weight = np.prod(1 - np.abs(place - between))
            hardly_visible |= 5e-4 < weight < 2e-3  # there rounding decides
            if weight > 1e-3:  # what weighs less is not visible
                beyond.append(np.abs((matrix[0].inverse().numpy() @ [*between, 1])[:2]) - half)
        if abs(np.max(beyond)) > 2e-3 and not hardly_visible:  # nearer to the edge rounding may decide
            assert valid[voxel] == (np.max(beyond) < 0)


def test_identity_and_whole_shifts():
    batch = image(0, 2, 3, 7, 5)
    same = torch.eye(3, dtype=torch.float64).repeat(2, 1, 1)
    back, valid = unwarp(warp(batch, same), same)
    torch.testing.assert_close(back, batch)
    assert valid.shape == (2, 1, 7, 5) and valid.dtype == torch.bool and valid.all()
    same[0, 0, 2], same[1, 1, 2] = 2, -1
    shifted = warp(batch, same)
    torch.testing.assert_close(shifted[0, :, 2:], batch[0, :, :-2])
    torch.testing.assert_close(shifted[1, :, :, :-1], batch[1, :, :, 1:])
    back, valid = unwarp(shifted, same)
    torch.testing.assert_close(back.where(valid, 0), batch.where(valid, 0))
    assert valid[0, 0].all(1).tolist() == [True] * 5 + [False] * 2
    assert valid[1, 0].all(0).tolist() == [False] + [True] * 4


@few
@given(st.sampled_from([2, 3]), seeds)
def test_matrices_are_what_their_parts_say(dimensions, seed):
    random, planes = np.random.default_rng(seed), dimensions * (dimensions - 1) // 2
    angle, slope = (torch.from_numpy(random.uniform(-80, 80, (3, planes))) for _ in range(2))
    shift, scale = torch.from_numpy(random.normal(size=(3, dimensions))), torch.from_numpy(random.uniform(0.5, 2, 3))
    none, unit = torch.zeros(3, planes), torch.ones(3)
    matrix = affine_matrix(angle, shift, scale, slope)
    linear = matrix[:, :-1, :-1]
    torch.testing.assert_close(matrix[:, :-1, -1], shift)
    torch.testing.assert_close(linear.det(), scale**dimensions)
    rotation = affine_matrix(angle, shift, unit, none)[:, :-1, :-1]
    torch.testing.assert_close(rotation.mT @ rotation, torch.eye(dimensions, dtype=torch.float64).repeat(3, 1, 1))
    sheared = affine_matrix(none, shift, unit, slope)[:, :-1, :-1]
    torch.testing.assert_close(linear, rotation @ sheared * scale.view(-1, 1, 1))
    torch.testing.assert_close(sheared.tril(), torch.eye(dimensions, dtype=torch.float64).repeat(3, 1, 1))
    for plane in range(planes):
        alone = torch.zeros(3, planes)
        alone[:, plane] = 30
        one = affine_matrix(alone, shift, unit, none)[0]
        assert sorted(one[:-1, :-1].diagonal().tolist())[:2] == pytest.approx([math.cos(math.pi / 6)] * 2)
        assert (affine_matrix(none, shift, unit, alone)[0, :-1, :-1] - torch.eye(dimensions)).sum().item() == (
            pytest.approx(math.tan(math.pi / 6))
        )
    spacing = random.uniform(0.5, 5, dimensions)
    physical = affine_matrix(angle, shift, scale, none, spacing=spacing.tolist())[:, :-1, :-1]
    offset = torch.from_numpy(random.normal(size=dimensions))
    moved = (physical @ offset) * torch.from_numpy(spacing)
    torch.testing.assert_close(moved.norm(dim=1), scale * (offset * torch.from_numpy(spacing)).norm())


def test_scale_above_one_magnifies():
    dot = torch.zeros(1, 1, 21, 21)
    dot[..., 8:13, 8:13] = 1
    zoomed = warp(dot, affine_matrix(torch.zeros(1, 1), torch.zeros(1, 2), torch.tensor([2.0]), torch.zeros(1, 1)))
    assert zoomed.sum().item() == pytest.approx(4 * dot.sum().item(), rel=0.01)


def test_gradients_flow_to_the_logits_of_the_view():
    logits, matrix = image(0, 2, 2, 4, 5).requires_grad_(), random_matrix(1, (4, 5), 0.1)
    assert torch.autograd.gradcheck(lambda z: unwarp(z, matrix)[0], logits)
    solid_logits = image(0, 1, 1, 3, 3, 2).requires_grad_()
    solid_matrix = random_matrix(1, (3, 3, 2), 0.1, count=1)
    assert torch.autograd.gradcheck(lambda z: unwarp(z, solid_matrix)[0], solid_logits)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_and_autocast_are_computed_in_float32(dtype):
    batch = MetaTensor(image(0, 2, 1, 96, 96).to(dtype))
    matrix = random_matrix(0, (96, 96), 0.2)
    expected = warp(batch.as_tensor().float(), matrix)
    back, valid = unwarp(expected, matrix)
    blurred = gaussian_blur(batch.as_tensor().float(), torch.tensor([0.5, 1.0]))
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(warp(batch, matrix), expected)
        assert torch.equal(unwarp(expected, matrix)[1], valid)
        torch.testing.assert_close(unwarp(expected, matrix)[0], back)
        torch.testing.assert_close(gaussian_blur(batch, torch.tensor([0.5, 1.0])), blurred)
        assert type(warp(batch, matrix)) is torch.Tensor


@pytest.mark.parametrize("shape", [(9, 12), (5, 7, 6), (1, 6), (1, 1)], ids=str)
def test_blur_is_scipys_normalized_within_the_image(shape):
    batch, sigma = image(0, 3, 2, *shape), torch.tensor([0.25, 1.0, 1.5])
    expected = np.empty(batch.shape)
    for b, c in np.ndindex(3, 2):
        options = {"sigma": sigma[b].item(), "mode": "constant", "truncate": 40}
        weight = ndimage.gaussian_filter(np.ones(shape), **options)
        expected[b, c] = ndimage.gaussian_filter(batch[b, c].numpy(), **options) / weight
    blurred = gaussian_blur(batch, sigma)
    torch.testing.assert_close(blurred, torch.from_numpy(expected))
    torch.testing.assert_close(gaussian_blur(torch.ones_like(batch), sigma), torch.ones_like(batch))
    amount = torch.tensor([0.1, 0.0, 2.0], dtype=torch.float64)
    detail = batch - gaussian_blur(batch, torch.ones(3))
    torch.testing.assert_close(sharpen(batch, amount), batch + amount.view(3, *[1] * (batch.ndim - 1)) * detail)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_blur_makes_no_denormal_numbers(dtype):
    batch = torch.zeros(3, 1, 40, 40, 40, dtype=dtype)
    batch[..., 20, 20, 20] = 1
    blurred = gaussian_blur(batch, torch.tensor([0.3, 0.7, 2.0]))
    assert blurred[blurred > 0].min() >= torch.finfo(dtype).tiny
    assert (blurred == 0).any()


@pytest.mark.parametrize("shape", [(32, 32), (8, 9, 7), (1, 5), (1, 1)], ids=str)
def test_probability_zero_changes_nothing(shape):
    batch = image(0, 3, 2, *shape).float()
    before = batch.clone()
    view, matrix = RandomView(probability=0)(batch)
    torch.testing.assert_close(view, batch, rtol=0, atol=1e-6)
    assert torch.equal(matrix, torch.eye(len(shape) + 1, dtype=torch.float64).repeat(3, 1, 1))
    RandomView(probability=1)(batch)
    assert torch.equal(batch, before)  # the input is left alone


def test_draws_are_reproducible_and_each_image_has_its_own():
    batch = image(0, 1, 1, 24, 24).float().repeat(6, 1, 1, 1)
    draw = RandomView().set_random_state(7)
    (first, matrix), (second, _) = draw(batch), draw(batch)
    assert not torch.equal(first, second)
    again, matrix_again = RandomView().set_random_state(7)(batch)
    assert torch.equal(first, again) and torch.equal(matrix, matrix_again)
    for i in range(6):
        assert not any(torch.equal(first[i], first[j]) for j in range(i))
    assert not torch.equal(RandomView().set_random_state(8)(batch)[0], first)
    torch.manual_seed(0)
    state = torch.get_rng_state()
    draw(batch)
    assert torch.equal(torch.get_rng_state(), state)  # nothing is drawn globally


OFF = {
    "rotation": 0,
    "translation": 0,
    "scale": (1, 1),
    "shear": 0,
    "gamma": (1, 1),
    "intensity_scale": (1, 1),
    "intensity_shift": 0,
    "blur": (1e-3, 1e-3),
    "sharpening": (0, 0),
    "noise": (0, 0),
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gamma", (0.5, 2.0)),
        ("intensity_scale", (0.9, 1.1)),
        ("intensity_shift", 0.1),
        ("blur", (0.25, 1.5)),
        ("sharpening", (0.1, 0.3)),
        ("noise", (0.01, 0.1)),
        ("rotation", 20.0),
        ("translation", 10 / 192),
        ("scale", (0.75, 1.25)),
        ("shear", 5.0),
    ],
)
def test_each_transformation_is_drawn_for_half_of_the_images(name, value):
    batch = image(0, 1, 1, 16, 16).float().repeat(400, 1, 1, 1)
    view, _ = RandomView(**(OFF | {name: value})).set_random_state(0)(batch)
    changed = ((view - batch).abs().amax((1, 2, 3)) > 1e-4).float().mean().item()
    assert changed == pytest.approx(0.5, abs=0.08)  # three standard deviations


def test_geometry_stays_in_its_ranges_and_fills_them():
    matrix = RandomView(probability=1, scale=(1, 1), shear=0).set_random_state(0).draw_geometry((500, 1, 192, 96))
    angle = torch.rad2deg(torch.atan2(matrix[:, 1, 0], matrix[:, 0, 0]))
    assert 19 < angle.abs().max() <= 20 and angle.min() < -19 and angle.max() > 19
    for axis, limit in ((0, 10), (1, 5)):
        shift = matrix[:, axis, 2]
        assert 0.98 * limit < shift.max() <= limit and -limit <= shift.min() < -0.98 * limit
    scale = RandomView(probability=1, rotation=0).set_random_state(0).draw_geometry((500, 1, 9, 9, 9))
    factor = scale[:, :3, :3].det().pow(1 / 3)
    assert 0.75 <= factor.min() < 0.76 and 1.24 < factor.max() <= 1.25
    slope = scale[:, 0, 1] / factor
    assert math.tan(math.radians(4.9)) < slope.max() <= math.tan(math.radians(5))


def test_intensities_stay_in_their_ranges():
    flat = torch.full((500, 1, 32, 32), 0.5)
    view = RandomView(probability=1, **(OFF | {"noise": (0.01, 0.1)})).set_random_state(0)(flat)[0] - 0.5
    deviation = view.std((1, 2, 3))
    assert 0.0095 < deviation.min() < 0.013 and 0.095 < deviation.max() < 0.108
    assert view.mean().abs() < 1e-3
    draw = RandomView(probability=1, **(OFF | {"intensity_scale": (0.9, 1.1), "intensity_shift": 0.1}))
    view = draw.set_random_state(0)(flat)[0]
    assert 0.35 <= view.min() < 0.37 and 0.63 < view.max() <= 0.65 + 1e-6
    ramp = torch.linspace(0, 1, 32).expand(500, 1, 32, 32)
    middle = RandomView(probability=1, **(OFF | {"gamma": (0.5, 2.0)})).set_random_state(0)(ramp)[0][:, 0, 0, 16]
    exponent = middle.log() / ramp[0, 0, 0, 16].log()
    assert 0.5 - 1e-4 <= exponent.min() < 0.51 and 1.95 < exponent.max() <= 2.001
    assert exponent.median().item() == pytest.approx(1, abs=0.1)  # a gamma and its inverse are equally likely


def test_a_network_without_borders_is_consistent_between_views():
    grid = torch.linspace(-1, 1, 96)
    batch = torch.exp(-3 * (grid[:, None] ** 2 + grid**2)).expand(4, 1, 96, 96)
    draw = RandomView(**{name: OFF[name] for name in OFF if name not in ("rotation", "translation", "scale", "shear")})
    views = [draw.set_random_state(seed)(batch) for seed in (0, 1)]
    (first, valid), (second, valid_other) = (unwarp(10 * torch.cat((view, 1 - view), 1), m) for view, m in views)
    both = valid & valid_other
    assert LogitConsistencyLoss()(first, second, valid=both) < 1e-3
    unaligned = [10 * torch.cat((view, 1 - view), 1) for view, _ in views]
    assert LogitConsistencyLoss()(*unaligned, valid=both) > 0.1


def test_empty_batches():
    batch, matrix = torch.zeros(0, 2, 4, 4), torch.zeros(0, 3, 3)
    assert warp(batch, matrix).shape == batch.shape
    assert unwarp(batch, matrix)[1].shape == (0, 1, 4, 4)


@pytest.mark.parametrize(
    "options",
    [
        {"probability": -0.1},
        {"probability": 1.1},
        {"rotation": -1},
        {"rotation": math.nan},
        {"translation": math.inf},
        {"shear": 90},
        {"intensity_shift": -1},
        {"scale": (0, 1)},
        {"gamma": (2, 1)},
        {"blur": (0, 1)},
        {"intensity_scale": (1, math.nan)},
        {"sharpening": (-0.1, 0.3)},
        {"noise": (0.1, 0.01)},
        {"spacing": (1, 0)},
    ],
    ids=str,
)
def test_refuses_arguments(options):
    with pytest.raises(InputError, match=next(iter(options))):
        RandomView(**options)


def test_refuses_shapes():
    with pytest.raises(InputError, match=r"got \(1, 3, 3\) for \(2, 1, 4, 4\)"):
        warp(torch.zeros(2, 1, 4, 4), torch.eye(3)[None])
    with pytest.raises(InputError, match="2 or 3 dimensions"):
        unwarp(torch.zeros(1, 1, 4), torch.eye(2)[None])
    with pytest.raises(InputError, match="singular"):
        warp(torch.zeros(1, 1, 4, 4), torch.zeros(1, 3, 3))
    none = torch.zeros(2, 1)
    with pytest.raises(InputError, match=r"rotation: expected the shape \(2, 1\).* got \(2, 3\)"):
        affine_matrix(torch.zeros(2, 3), torch.zeros(2, 2), torch.ones(2), none)
    with pytest.raises(InputError, match="scale"):
        affine_matrix(none, torch.zeros(2, 2), torch.ones(2, 2), none)
    with pytest.raises(InputError, match="2 voxel sizes"):
        affine_matrix(none, torch.zeros(2, 2), torch.ones(2), none, spacing=[1.0, 1.0, 1.0])
