"""Drawing of grey-scale chest-like images with two lung-like shapes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

Array = np.ndarray


@dataclass(frozen=True)
class ChestAnatomy:
    """What varies from one chest to the next; lengths in half image widths, x to the right, y downwards."""

    seed: tuple[int, ...]
    stratum: int
    shift_x: float
    shift_y: float
    scale: float
    tilt: float
    cage_width: float
    cage_height: float
    apex: float
    diaphragm_right: float
    diaphragm_left: float
    mediastinum: float
    heart_width: float
    heart_x: float
    rib_spacing: float
    rib_phase: float
    rib_slope: float
    rib_contrast: float
    lung_contrast: float
    clavicle_y: float
    shoulder: float
    bubble: float
    exposure_x: float
    exposure_y: float
    gamma: float
    noise: float


def draw_anatomy(seed: int, index: int) -> ChestAnatomy:
    """The chest number ``index``; odd numbers are stratum 1 and have opacities in their lungs."""
    rng = np.random.default_rng([seed, index])
    between = rng.uniform
    return ChestAnatomy(
        seed=(seed, index),
        stratum=index % 2,
        shift_x=between(-0.06, 0.06),
        shift_y=between(-0.06, 0.06),
        scale=between(0.88, 1.08),
        tilt=between(-0.07, 0.07),
        cage_width=between(0.66, 0.78),
        cage_height=between(0.88, 1.02),
        apex=between(-0.78, -0.68),
        diaphragm_right=between(0.16, 0.38),
        diaphragm_left=between(0.22, 0.44),
        mediastinum=between(0.10, 0.15),
        heart_width=between(0.22, 0.32),
        heart_x=between(0.08, 0.14),
        rib_spacing=between(0.15, 0.19),
        rib_phase=between(0, 1),
        rib_slope=between(0.16, 0.34),
        rib_contrast=between(0.06, 0.12),
        lung_contrast=between(0.20, 0.34),
        clavicle_y=between(-0.72, -0.60),
        shoulder=between(0.84, 1.0),
        bubble=between(-0.5, 1),
        exposure_x=between(-0.10, 0.10),
        exposure_y=between(-0.10, 0.10),
        gamma=between(0.75, 1.3),
        noise=between(0.012, 0.03),
    )


def render_chest(anatomy: ChestAnatomy, width: int, height: int, depth: float = 0.0) -> tuple[Array, Array]:
    """Grey values and lung mask of one chest.

    Args:
        anatomy: of the chest.
        width: of the image in pixels.
        height: of the image in pixels.
        depth: position of a slice through the chest in [-1, 1]; the lungs shrink away from 0.

    Returns:
        Image in [0, 1] and mask in {False, True}, both (height, width).
    """
    rng = np.random.default_rng([*anatomy.seed, round(1000 * (depth + 1))])
    pixels = min(width, height) / 2
    x, y = _coordinates(anatomy, width, height)
    shrink = 1 + 0.25 * depth**2
    x, y = x * shrink, y * shrink

    lungs = _lungs(anatomy, x, y)
    body = _body(anatomy, x, y)
    edge = 1.2 / pixels

    image = 0.05 + 0.62 * _inside(body, 3 * edge) * (0.75 + 0.25 * np.sqrt(np.clip(1 - (x / 1.1) ** 2, 0, 1)))
    basal = np.clip((y + 0.1) / 0.6, 0, 1)  # the thick base of the lungs absorbs more: the costophrenic angle is faint
    aerated = gaussian_filter(_inside(lungs, edge), 0.012 * pixels)
    image -= anatomy.lung_contrast * aerated * (1 - 0.55 * basal * np.clip(np.abs(x) / 0.6, 0, 1))
    image += _mediastinum(anatomy, x, y)
    image += _bones(anatomy, x, y)
    image += _gas(anatomy, x, y)
    image += aerated * _vessels(rng, x, y, pixels)
    if anatomy.stratum:
        image += aerated * _opacities(rng, x, y)
    image += 0.03 * _smooth_noise(rng, image.shape, 0.25 * pixels) + 0.015 * _smooth_noise(
        rng, image.shape, 0.05 * pixels
    )
    image = np.clip(image * (1 + anatomy.exposure_x * x + anatomy.exposure_y * y), 0, 1) ** anatomy.gamma
    image = gaussian_filter(image, 0.006 * pixels) + anatomy.noise * rng.standard_normal(image.shape)
    return np.clip(image, 0, 1), lungs > 0


def _coordinates(anatomy: ChestAnatomy, width: int, height: int) -> tuple[Array, Array]:
    half = min(width, height) / 2
    across = (np.arange(width) - (width - 1) / 2) / half
    down = (np.arange(height) - (height - 1) / 2) / half
    x, y = np.meshgrid(across - anatomy.shift_x, down - anatomy.shift_y)
    cos, sin = np.cos(anatomy.tilt), np.sin(anatomy.tilt)
    return (cos * x + sin * y) / anatomy.scale, (cos * y - sin * x) / anatomy.scale


def _inside(signed: Array, softness: float) -> Array:
    return 1 / (1 + np.exp(-np.clip(signed / softness, -30, 30)))


def _lungs(anatomy: ChestAnatomy, x: Array, y: Array) -> Array:
    """Positive inside the lungs, about a distance; image left is the patient's right."""
    left = x > 0
    base = 0.62
    # the rib cage narrows to the apex like a superellipse
    rise = np.clip((base - y) / (base - anatomy.apex), 0, None)
    half_width = anatomy.cage_width * np.clip(1 - rise ** (2.8 * anatomy.cage_height), 0, None) ** 0.55
    half_width = half_width * (1 - 0.05 * np.clip((y - 0.2) / 0.4, 0, 1))
    lateral = np.where(rise < 1, half_width, -1.0) - np.abs(x)
    heart = _heart(anatomy, x, y)
    inner = anatomy.mediastinum + 0.05 * np.clip(y + 0.2, 0, None) + 0.25 * np.clip(-0.5 - y, 0, None)
    medial = np.minimum(np.abs(x) - inner, -heart)
    level = np.where(left, anatomy.diaphragm_left, anatomy.diaphragm_right)
    across = (np.abs(x) - 0.30) / 0.4
    dome = level + np.where(across > 0, 0.42 * np.abs(across) ** 2.2, 0.10 * across**2)
    return np.minimum.reduce([lateral, medial, dome - y])


def _heart(anatomy: ChestAnatomy, x: Array, y: Array) -> Array:
    """Positive inside the heart, which bulges to the patient's left."""
    tilted_x = (x - anatomy.heart_x) * 0.9 - (y - 0.2) * 0.35
    tilted_y = (y - 0.2) * 0.9 + (x - anatomy.heart_x) * 0.35
    radius = np.sqrt((tilted_x / anatomy.heart_width) ** 2 + (tilted_y / 0.36) ** 2)
    return (1 - radius) * anatomy.heart_width


def _body(anatomy: ChestAnatomy, x: Array, y: Array) -> Array:
    """Positive inside neck, shoulders and trunk."""
    neck = 0.24 + 0 * y
    slope = np.clip((y + 0.98) / 0.3, 0, 1)
    trunk = 0.24 + (anatomy.shoulder + 0.12 - 0.24) * np.sqrt(slope)
    waist = anatomy.cage_width + 0.16
    trunk = np.minimum(trunk, waist + np.clip(0.25 - 0.5 * (y + 0.2), 0, 0.3))
    return np.where(y < -0.98, neck, trunk) - np.abs(x)


def _mediastinum(anatomy: ChestAnatomy, x: Array, y: Array) -> Array:
    column = np.exp(-((x / (0.9 * anatomy.mediastinum)) ** 4))
    vertebrae = 1 + 0.12 * np.cos(2 * np.pi * y / 0.13)
    heart = _inside(_heart(anatomy, x, y), 0.02)
    knob = np.exp(-(((x - 0.12) / 0.07) ** 2 + ((y + 0.28) / 0.09) ** 2))
    abdomen = np.clip((y - 0.25) / 0.4, 0, 1)
    return 0.12 * column * vertebrae + 0.10 * heart + 0.06 * knob + 0.05 * abdomen


def _bones(anatomy: ChestAnatomy, x: Array, y: Array) -> Array:
    distance = np.abs(x)
    cage = _inside(anatomy.cage_width + 0.05 - distance, 0.02) * _inside(0.75 - y, 0.05) * _inside(y + 0.85, 0.05)
    # posterior ribs fall from the spine to the side, anterior ribs rise from the side to the front
    arch = (
        y
        - anatomy.rib_slope * (distance - 0.35) * np.abs(distance - 0.35) / 0.35
        - 0.55 * np.clip(distance - 0.5, 0, None)
    )
    phase = arch / anatomy.rib_spacing + anatomy.rib_phase
    posterior = _band(phase, 0.20)
    front = (y + 0.9 * (distance - 0.4)) / (1.25 * anatomy.rib_spacing) + anatomy.rib_phase
    anterior = _band(front, 0.16) * _inside(distance - 0.35, 0.05)
    ribs = anatomy.rib_contrast * cage * _inside(distance - 0.08, 0.03) * (posterior + 0.6 * anterior)
    along = anatomy.clavicle_y + 0.16 * (0.5 - distance) + 0.03 * np.sin(6 * distance)
    clavicle = np.exp(-(((y - along) / 0.035) ** 2)) * _inside(distance - 0.06, 0.02) * _inside(0.8 - distance, 0.03)
    return ribs + 0.09 * clavicle


def _band(phase: Array, half_width: float) -> Array:
    """Bands at every integer phase, brighter at their edges (the cortex of the bone)."""
    offset = np.abs(phase - np.round(phase))
    return _inside(half_width - offset, 0.04) * (0.75 + 0.5 * np.clip(offset / half_width, 0, 1) ** 3)


def _gas(anatomy: ChestAnatomy, x: Array, y: Array) -> Array:
    """The stomach's bubble below the left diaphragm: as dark as lung, and no lung."""
    size = max(anatomy.bubble, 0.0)
    radius = np.sqrt(((x - 0.36) / 0.17) ** 2 + ((y - anatomy.diaphragm_left - 0.20) / 0.09) ** 2)
    return -0.24 * size * _inside(1 - radius, 0.12)


def _vessels(rng: np.random.Generator, x: Array, y: Array, pixels: float) -> Array:
    texture = np.abs(_smooth_noise(rng, x.shape, 0.022 * pixels)) + 0.6 * np.abs(
        _smooth_noise(rng, x.shape, 0.05 * pixels)
    )
    hilum = np.exp(-(((np.abs(x) - 0.18) / 0.22) ** 2 + ((y + 0.02) / 0.3) ** 2))
    return 0.05 * (0.35 + hilum) * texture + 0.06 * hilum


def _opacities(rng: np.random.Generator, x: Array, y: Array) -> Array:
    total = np.zeros_like(x)
    for _ in range(rng.integers(2, 6)):
        centre_x = rng.uniform(0.2, 0.55) * rng.choice([-1, 1])
        centre_y = rng.uniform(-0.6, 0.2)
        width, height = rng.uniform(0.05, 0.16, size=2)
        total += rng.uniform(0.05, 0.16) * np.exp(-(((x - centre_x) / width) ** 2 + ((y - centre_y) / height) ** 2))
    return total


def _smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], sigma: float) -> Array:
    noise = gaussian_filter(rng.standard_normal(shape), sigma, mode="wrap")
    return noise / max(float(noise.std()), 1e-12)
