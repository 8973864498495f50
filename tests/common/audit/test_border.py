"""a and b of the borders' noise: unbiased on labels that were deformed by fields of known a and b."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from common.audit import border_products, border_residuals, estimate_border_noise
from common.noise import deform_label, sample_gaussian_field


def disc(shape: tuple[int, ...], spacing: tuple[float, ...], radii: tuple[float, ...]) -> np.ndarray:
    axes = np.meshgrid(*((np.arange(n) - n / 2 + 0.3) * s for n, s in zip(shape, spacing, strict=True)), indexing="ij")
    return sum((axis / radius) ** 2 for axis, radius in zip(axes, radii, strict=True)) < 1


def simulated(
    a: float, b: float, cases: int, shape: tuple[int, ...], spacing: tuple[float, ...], radius: float, seed: int = 0
) -> list[np.ndarray]:
    generator = torch.Generator().manual_seed(seed)
    products = []
    for case in range(cases):
        radii = tuple(radius * (1 + 0.15 * math.cos(case + axis)) for axis in range(len(shape)))
        mask = disc(shape, spacing, radii)
        field = sample_gaussian_field(shape, a, b, generator, spacing=spacing)
        label = deform_label(torch.from_numpy(mask.astype(np.uint8))[None, None], field)[0, 0].numpy() > 0
        products.append(border_products(border_residuals(label, mask, spacing), spacing))
    return products


@pytest.mark.parametrize(("a", "b"), [(0.8, 8.0), (2.0, 16.0)])
def test_a_and_b_of_pictures(a: float, b: float) -> None:
    """The means of two estimates of 40 cases: a within 10 %, b within 25 %."""
    found = [estimate_border_noise(simulated(a, b, 40, (100, 72), (1.0, 1.5), 30.0, seed)) for seed in range(2)]
    assert np.mean([one.a for one in found if one]) == pytest.approx(a, rel=0.10)
    assert np.mean([one.b for one in found if one]) == pytest.approx(b, rel=0.25)
    for one in found:
        assert one is not None
        assert one.a_interval[0] < one.a < one.a_interval[1]
        assert one.cases == 40


def test_a_of_volumes_of_thick_slices() -> None:
    found = estimate_border_noise(simulated(1.5, 12.0, 15, (56, 56, 18), (1.0, 1.0, 3.0), 19.0))
    assert found is not None
    assert found.a == pytest.approx(1.5, rel=0.15)


def test_small_voxels_are_measured_as_well() -> None:
    """Of 82 micrometers, as of bone: points nearer than the first distance of the fit have no part in it."""
    products = simulated(0.16, 0.8, 2, (48, 48, 24), (0.082,) * 3, 1.2)
    assert all(np.isfinite(one).all() and one[1].sum() > 0 for one in products)


def test_rounding_to_voxels_is_not_noise() -> None:
    """A label on the predicted border, but for single voxels flipped along it: a is far below a voxel."""
    random = np.random.default_rng(0)
    products = []
    for _ in range(20):
        mask = disc((80, 80), (1.0, 1.0), (25.0, 25.0))
        flips = np.abs(np.hypot(*(np.indices((80, 80)) - 39.7)) - 25) < 0.7
        products.append(
            border_products(border_residuals(mask ^ (flips & (random.random((80, 80)) < 0.5)), mask, (1, 1)), (1, 1))
        )
    found = estimate_border_noise(products)
    assert found is not None
    assert found.a < 0.3


def test_residuals_of_a_displaced_disc() -> None:
    """To first order the displacement along the normal; the difference is far below a voxel."""
    spacing = (1.0, 1.5)
    mask = disc((90, 70), spacing, (28.0, 28.0))
    found = border_residuals(np.roll(mask, (2, 2), (0, 1)), mask, spacing)
    expected = found.normals @ np.array([2.0, 3.0])
    assert np.sqrt(np.mean((found.outward - expected) ** 2)) < 0.35
    assert np.mean(found.outward * expected) / np.mean(expected**2) == pytest.approx(1.0, abs=0.04)
    center = (np.array([90, 70]) / 2 - 0.3) * spacing
    radial = (found.points - center) / np.linalg.norm(found.points - center, axis=1, keepdims=True)
    assert (found.normals * radial).sum(1).min() > 0.95


def test_what_is_not_labeled_has_no_border() -> None:
    mask = disc((60, 60), (1.0, 1.0), (18.0, 18.0))
    known = np.ones_like(mask)
    known[:30] = False
    found = border_residuals(mask, mask, (1.0, 1.0), known)
    assert found.points[:, 0].min() >= 29.5
    np.testing.assert_allclose(found.outward, 0, atol=1e-6)


def test_too_few_cases_give_no_estimate() -> None:
    products = simulated(1.0, 10.0, 2, (48, 48), (1.0, 1.0), 14.0)
    assert estimate_border_noise(products) is None
    empty = border_residuals(np.zeros((8, 8), bool), np.eye(8) > 0, (1.0, 1.0))
    assert estimate_border_noise([border_products(empty, (1.0, 1.0))] * 5) is None
