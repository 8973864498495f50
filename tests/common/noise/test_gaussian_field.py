"""The theorems of the marginal thresholding paper: law of the field, marginal, volume; borders included."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.stats import norm

from common.errors import ArgumentError
from common.noise import deform_label, gaussian_marginal, sample_gaussian_field, volume_bias
from common.noise.gaussian_field import correlation_factor

PAPER_B = 0.15 / math.sqrt(2)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def law(shape: tuple[int, ...], b: float, spacing: tuple[float, ...] | None = None) -> np.ndarray:
    """Eq. 8 with a = 1 between all voxel centers, in float64."""
    steps = spacing or [1 / size for size in shape]
    axes = [step * (np.arange(size) + 0.5) for step, size in zip(steps, shape, strict=True)]
    centers = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(shape))
    return np.exp(-((centers[:, None] - centers) ** 2).sum(-1) / (2 * b**2))


def objects(shape: tuple[int, ...]) -> torch.Tensor:
    """A box in a corner of the image and one inside, which leaves a gap of background."""
    label = torch.zeros(1, 1, *shape)
    label[(..., *(slice(0, size // 3) for size in shape))] = 1
    label[(..., *(slice(size // 2, size - size // 5) for size in shape))] = 1
    return label


# -- Theorem 3: the law of the field -----------------------------------------------------------------------------------


@pytest.mark.parametrize("b", [0.02, 0.05, PAPER_B, 0.5, math.inf])
@pytest.mark.parametrize("shape", [(9, 7), (5, 4, 3)])
def test_field_covariance_is_its_law_at_every_pair_of_voxels(shape: tuple[int, ...], b: float):
    a, count = 0.03, 20_000
    field = sample_gaussian_field(shape, a, b, seeded(), batch_size=count)
    values = field.double().flatten(2).div(a).permute(1, 0, 2).numpy()
    expected = law(shape, b)
    error = np.sqrt((1 + expected**2) / count)  # of a sample covariance of Gaussians with mean zero
    for component in values:
        assert np.abs((component.T @ component / count - expected) / error).max() < 5
    for one, other in itertools.combinations(values, 2):
        assert np.abs(one.T @ other / count).max() < 5 / math.sqrt(count)
    assert np.abs(values.mean(1)).max() < 5 / math.sqrt(count)


def test_standard_deviation_is_a_in_the_interior_on_edges_and_in_corners():
    a, count, size = 0.06, 3000, 16
    field = sample_gaussian_field((size,) * 3, a, PAPER_B, seeded(1), batch_size=count).double()
    deviation = field.square().mean(0).sqrt()
    outer = [0, size - 1]
    corners = deviation[:, outer][:, :, outer][:, :, :, outer]
    for region in (corners, deviation[:, outer][:, :, outer], deviation[:, 4:12, 4:12, 4:12]):
        assert abs(region.mean().item() / a - 1) < 0.01  # the corners alone are 24 · 3000 nearly independent values
    assert (deviation / a - 1).abs().max() < 6 / math.sqrt(2 * count)


@settings(max_examples=30, deadline=None)
@given(size=st.integers(1, 80), length=st.floats(1e-3, 1e3))
def test_factor_of_one_axis_is_exact(size: int, length: float):
    factor = correlation_factor(size, length)
    correlation = law((size,), length, (1.0,))
    np.testing.assert_allclose((factor @ factor.T).numpy(), correlation, atol=1e-6)
    np.testing.assert_allclose(factor.norm(dim=1).numpy(), 1, atol=1e-12)


def test_smooth_fields_need_few_random_numbers():
    assert correlation_factor(128, PAPER_B * 128).shape[1] < 24


def test_field_has_the_law_of_the_filtered_noise_of_theorem_3():
    size, a = 64, 0.03
    impulse = np.zeros((size, size))
    impulse[size // 2, size // 2] = 1
    kernel = gaussian_filter(impulse, PAPER_B / math.sqrt(2) * size, mode="constant", truncate=8)
    kernel *= a * math.sqrt(2 * math.pi * PAPER_B**2) * size  # a (2πb²)^(n/4) √(∏ shape), n = 2
    factor = a * correlation_factor(size, PAPER_B * size).numpy()
    for lag in (0, 3, 10):
        filtered = (kernel[lag:] * kernel[: size - lag]).sum()
        assert filtered == pytest.approx(factor[0] @ factor[lag], abs=1e-6 * a**2)


def test_millimeters_follow_the_spacing():
    spacing, shape, a, b, count = (1.0, 2.5), (12, 4), 1.5, 3.0, 20_000
    field = sample_gaussian_field(shape, a, b, seeded(), spacing=spacing, batch_size=count).double()
    millimeters = field * torch.tensor([12 * 1.0, 4 * 2.5]).view(2, 1, 1) / a
    values = millimeters[:, 1].flatten(1).numpy()
    expected = law(shape, b, spacing)
    assert np.abs((values.T @ values / count - expected) / np.sqrt((1 + expected**2) / count)).max() < 5
    deviation = millimeters.square().mean((0, 2, 3)).sqrt()
    assert (deviation - 1).abs().max() < 0.02


def test_millimeters_and_fractions_agree():
    fractions = sample_gaussian_field((20, 10), 0.05, 0.1, seeded())
    millimeters = sample_gaussian_field((20, 10), 5.0, 10.0, seeded(), spacing=(5.0, 10.0))
    torch.testing.assert_close(fractions, millimeters)
    label = objects((20, 10))
    torch.testing.assert_close(gaussian_marginal(label, 0.05), gaussian_marginal(label, 5.0, spacing=(5.0, 10.0)))
    torch.testing.assert_close(volume_bias(label, 0.05), volume_bias(label, 5.0, spacing=(5.0, 10.0)))


def test_the_generator_alone_decides():
    draw = lambda seed: sample_gaussian_field((16, 12, 8), 0.03, 0.1, seeded(seed))  # noqa: E731
    state = torch.get_rng_state()
    assert torch.equal(draw(0), draw(0))
    assert not torch.equal(draw(0), draw(1))
    assert torch.equal(torch.get_rng_state(), state)
    assert draw(0).dtype == torch.float32


def test_a_batch_is_what_single_draws_give():
    generator = seeded()
    singles = [sample_gaussian_field((16, 12), 0.03, 0.1, generator) for _ in range(3)]
    torch.testing.assert_close(sample_gaussian_field((16, 12), 0.03, 0.1, seeded(), batch_size=3), torch.stack(singles))


def test_an_infinite_correlation_length_moves_everything_alike():
    field = sample_gaussian_field((8, 6), 0.1, math.inf, seeded())
    torch.testing.assert_close(field, field[:, :1, :1].expand_as(field), rtol=1e-5, atol=1e-7)
    assert field.abs().min() > 0


def test_without_noise_there_is_no_displacement():
    assert not sample_gaussian_field((8, 6), 0.0, 0.1, seeded()).any()
    assert sample_gaussian_field((1, 1), 0.1, 0.1, seeded()).shape == (2, 1, 1)


# -- the deformed label ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(11, 8), (6, 5, 7)])
def test_deformation_looks_up_the_voxel_that_the_point_falls_in(shape: tuple[int, ...], dtype: torch.dtype):
    label = (torch.rand(2, 3, *shape, generator=seeded()) * 4).to(dtype)
    field = sample_gaussian_field(shape, 0.2, 0.2, seeded(), batch_size=2)
    deformed = deform_label(label, field)
    expected = torch.zeros_like(label)
    for image in range(2):
        for voxel in np.ndindex(*shape):
            moved = [
                math.floor(index + 0.5 + size * field[(image, axis, *voxel)].item())
                for axis, (index, size) in enumerate(zip(voxel, shape, strict=True))
            ]
            if all(0 <= index < size for index, size in zip(moved, shape, strict=True)):
                expected[(image, slice(None), *voxel)] = label[(image, slice(None), *moved)]
    assert torch.equal(deformed, expected)
    assert deformed.dtype == dtype


@pytest.mark.parametrize("shape", [(700, 500), (3, 700, 300)])
def test_deformation_of_a_large_image(shape: tuple[int, ...]):
    label = torch.rand(1, 1, *shape, generator=seeded())
    field = sample_gaussian_field(shape, 0.05, 0.1, seeded())
    moved = np.indices(shape) + 0.5 + field.double().numpy() * np.array(shape).reshape(-1, *[1] * len(shape))
    inside = np.all([(axis >= 0) & (axis < size) for axis, size in zip(moved, shape, strict=True)], axis=0)
    expected = np.where(inside, label[0, 0].numpy()[tuple(np.where(inside, np.floor(moved), 0).astype(int))], 0)
    differs = deform_label(label, field)[0, 0].numpy() != expected
    assert differs.mean() < 1e-4  # single precision next to a face between voxels


def test_no_displacement_changes_nothing():
    label = torch.rand(2, 2, 5, 6, 7)
    assert torch.equal(deform_label(label, torch.zeros(3, 5, 6, 7)), label)


def test_the_outer_half_voxel_belongs_to_the_label():
    label = torch.ones(1, 1, 4, 4)
    assert deform_label(label, torch.full((2, 4, 4), 0.49 / 4)).sum() == 16
    assert deform_label(label, torch.full((2, 4, 4), -0.51 / 4)).sum() == 9


def test_far_outside_is_background():
    assert not deform_label(torch.ones(1, 1, 4, 4), torch.full((2, 4, 4), 1e9)).any()
    assert not deform_label(torch.ones(1, 1, 4, 4), torch.full((2, 4, 4), -math.inf)).any()


def test_one_field_serves_all_images():
    label = torch.rand(3, 2, 9, 8, generator=seeded())
    field = sample_gaussian_field((9, 8), 0.1, 0.2, seeded())
    assert torch.equal(deform_label(label, field), deform_label(label, field.expand(3, -1, -1, -1)))


def test_empty_label_stays_empty():
    assert not deform_label(torch.zeros(1, 2, 9, 8), sample_gaussian_field((9, 8), 0.1, 0.2, seeded())).any()
    assert deform_label(torch.zeros(0, 2, 9, 8), torch.zeros(2, 9, 8)).shape == (0, 2, 9, 8)


def test_soft_labels_pass_gradients():
    label = torch.rand(1, 1, 4, 5, dtype=torch.float64, requires_grad=True)
    field = sample_gaussian_field((4, 5), 0.2, 0.2, seeded())
    assert torch.autograd.gradcheck(lambda values: deform_label(values, field), label)


# -- Theorems 1 and 2: marginal and volume -----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(18, 13), (9, 8, 7)])
@pytest.mark.parametrize("a", [0.01, 0.05, 0.15])
def test_mean_of_samples_is_the_marginal(shape: tuple[int, ...], a: float):
    count = 4000
    label = objects(shape)
    label = torch.cat([label, 0.5 * label.flip(2)], 1)  # a second, soft, channel
    marginal = gaussian_marginal(label, a)
    fields = sample_gaussian_field(shape, a, 0.1, seeded(), batch_size=count)
    samples = deform_label(label.expand(count, *label.shape[1:]), fields)
    # m(1 − m) bounds the variance; where m is tiny the count is Poisson, and 1/count keeps its tail within six
    error = ((marginal * (1 - marginal)).clamp_min(0) / count + 1 / count**2).sqrt()
    assert ((samples.mean(0, keepdim=True) - marginal).abs() / error).max() < 6

    volumes = samples.double().mean((2, 3) if len(shape) == 2 else (2, 3, 4))
    expected = label.double().flatten(2).mean(2)[0] - volume_bias(label, a)[0]
    assert ((volumes.mean(0) - expected).abs() < 5 * volumes.std(0) / math.sqrt(count) + 1e-6).all()


@settings(max_examples=20, deadline=None)
@given(
    shape=st.sampled_from([(1, 1), (6, 1), (5, 7), (3, 4, 5)]),
    a=st.floats(0, 2),
    seed=st.integers(0, 1000),
)
def test_marginal_and_volume_bias_against_their_sums(shape: tuple[int, ...], a: float, seed: int):
    label = torch.rand(2, 1, *shape, dtype=torch.float64, generator=seeded(seed))
    expected = label.numpy()
    for axis, size in enumerate(shape, start=2):
        upper = (np.arange(size + 1) - (np.arange(size)[:, None] + 0.5)) / max(a * size, 1e-300)
        expected = np.moveaxis(np.moveaxis(expected, axis, -1) @ np.diff(norm.cdf(upper), axis=1).T, -1, axis)
    marginal = gaussian_marginal(label, a)
    np.testing.assert_allclose(marginal.numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(gaussian_marginal(label.float(), a).numpy(), expected, atol=1e-6)
    lost = (label - marginal).flatten(2).mean(2)
    torch.testing.assert_close(volume_bias(label, a), lost, atol=1e-12, rtol=0)


def test_marginal_of_a_smooth_filter_is_the_corrected_listing_1():
    label, a = objects((60, 50)), 0.06
    filtered = gaussian_filter(label[0, 0].double().numpy(), [a * 60, a * 50], mode="constant", truncate=8)
    np.testing.assert_allclose(gaussian_marginal(label, a)[0, 0].numpy(), filtered, atol=3e-3)


def test_volume_bias_of_a_full_image_is_the_double_integral():
    a = 0.1
    x = (np.arange(100_000) + 0.5) / 100_000
    inside = (norm.cdf((1 - x) / a) - norm.cdf(-x / a)).mean()
    assert volume_bias(torch.ones(1, 1, 256, 256), a).item() == pytest.approx(1 - inside**2, abs=1e-5)


def test_volume_bias_is_negligible_far_from_the_border():
    label = torch.zeros(1, 1, 64, 64)
    label[..., 24:40, 24:40] = 1
    assert 0 <= volume_bias(label, 0.03).item() < 1e-12


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float16, torch.bfloat16])
def test_integer_and_half_labels_have_the_marginal_of_their_values(dtype: torch.dtype):
    label = objects((12, 9)).to(dtype)
    marginal = gaussian_marginal(label, 0.05)
    assert marginal.dtype == torch.float32
    assert torch.equal(marginal, gaussian_marginal(label.float(), 0.05))
    assert torch.equal(volume_bias(label, 0.05), volume_bias(label.double(), 0.05))


def test_marginal_without_noise_is_the_label_and_of_nothing_is_nothing():
    label = objects((12, 9, 5))
    assert torch.equal(gaussian_marginal(label, 0.0), label)
    assert not volume_bias(label, 0.0).any()
    assert not gaussian_marginal(torch.zeros_like(label), 0.1).any()
    assert not volume_bias(torch.zeros_like(label), 0.1).any()


def test_marginal_passes_gradients():
    label = torch.rand(1, 1, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda values: gaussian_marginal(values, 0.2), label)


def test_a_slice_is_a_volume_of_one_slice():
    plane = objects((16, 12))
    volume = plane[..., None]
    flat = sample_gaussian_field((16, 12), 0.03, 0.1, seeded())
    thick = sample_gaussian_field((16, 12, 1), 0.03, 0.1, seeded())
    torch.testing.assert_close(flat, thick[:2, ..., 0])
    assert torch.equal(deform_label(plane, flat), deform_label(volume, thick)[..., 0])
    torch.testing.assert_close(gaussian_marginal(plane, 0.03), gaussian_marginal(volume, 0.03)[..., 0])
    torch.testing.assert_close(volume_bias(plane, 0.03), volume_bias(volume, 0.03))


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: sample_gaussian_field((), 0.1, 0.1), "shape"),
        (lambda: sample_gaussian_field((4, 0), 0.1, 0.1), "shape"),
        (lambda: sample_gaussian_field((4, 4), -0.1, 0.1), "^a:"),
        (lambda: sample_gaussian_field((4, 4), math.nan, 0.1), "^a:"),
        (lambda: sample_gaussian_field((4, 4), 0.1, 0.0), "^b:"),
        (lambda: sample_gaussian_field((4, 4), 0.1, math.nan), "^b:"),
        (lambda: sample_gaussian_field((4, 4), 0.1, 0.1, spacing=(1.0,)), "spacing"),
        (lambda: sample_gaussian_field((4, 4), 0.1, 0.1, spacing=(1.0, 0.0)), "spacing"),
        (lambda: gaussian_marginal(torch.ones(4, 4), 0.1), "label"),
        (lambda: volume_bias(torch.ones(1, 1, 4, 0), 0.1), "label"),
        (lambda: gaussian_marginal(torch.ones(1, 1, 4, 4), math.inf), "^a:"),
        (lambda: volume_bias(torch.ones(1, 1, 4, 4), -1), "^a:"),
        (lambda: deform_label(torch.ones(4, 4), torch.zeros(2, 4, 4)), "label"),
        (lambda: deform_label(torch.ones(1, 1, 4, 4), torch.zeros(2, 4, 5)), "field"),
        (lambda: deform_label(torch.ones(3, 1, 4, 4), torch.zeros(2, 2, 4, 4)), "field"),
        (lambda: deform_label(torch.ones(1, 1, 4, 4, 4), torch.zeros(2, 4, 4)), "field"),
    ],
)
def test_mistakes_are_named(call, word: str):
    with pytest.raises(ArgumentError, match=word):
        call()
