"""Drawing of gray-scale chest-like images with two lung-like shapes.

Lengths are in half image sides: x runs from -1 to 1 to the image's right (the patient's left), y from -1 to 1 down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

LUNG_BASE = 0.62
NECK = 0.24


@dataclass(frozen=True)
class ChestAnatomy:
    """What differs from one chest, and one exposure, to the next."""

    seed: tuple[int, int]
    stratum: int  # 1: opacities in the lungs
    shift_x: float
    shift_y: float
    scale: float
    tilt: float
    cage_width: float
    cage_roundness: float
    apex: float
    diaphragm_right: float
    diaphragm_left: float
    mediastinum: float
    heart_x: float
    heart_width: float
    shoulder: float
    rib_spacing: float
    rib_phase: float
    rib_slope: float
    rib_contrast: float
    clavicle: float
    lung_contrast: float
    gas: float
    exposure_x: float
    exposure_y: float
    gamma: float
    noise: float


def draw_anatomy(seed: int, index: int) -> ChestAnatomy:
    """The chest number ``index`` of a phantom; odd ones are of stratum 1."""
    between = np.random.default_rng([seed, index]).uniform
    return ChestAnatomy(
        seed=(seed, index),
        stratum=index % 2,
        shift_x=between(-0.06, 0.06),
        shift_y=between(-0.06, 0.06),
        scale=between(0.90, 1.10),
        tilt=between(-0.07, 0.07),
        cage_width=between(0.66, 0.78),
        cage_roundness=between(2.6, 3.4),
        apex=between(-0.80, -0.70),
        diaphragm_right=between(0.16, 0.38),
        diaphragm_left=between(0.22, 0.44),
        mediastinum=between(0.10, 0.15),
        heart_x=between(0.08, 0.14),
        heart_width=between(0.22, 0.32),
        shoulder=between(0.92, 1.12),
        rib_spacing=between(0.15, 0.19),
        rib_phase=between(0, 1),
        rib_slope=between(0.16, 0.34),
        rib_contrast=between(0.06, 0.11),
        clavicle=between(-0.66, -0.52),
        lung_contrast=between(0.22, 0.36),
        gas=max(between(-0.5, 1), 0.0),
        exposure_x=between(-0.12, 0.12),
        exposure_y=between(-0.12, 0.12),
        gamma=between(0.75, 1.3),
        noise=between(0.012, 0.03),
    )


def render_chest(anatomy: ChestAnatomy, width: int, height: int, depth: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Gray values and lung mask of one chest.

    Args:
        anatomy: what is drawn.
        width: of the image in pixels.
        height: of the image in pixels.
        depth: place of a slice of a volume in [-1, 1]; the chest is largest at 0.

    Returns:
        Image in [0, 1] and mask of bool, both (height, width).
    """
    unit = min(width, height) / 2
    x, y = _coordinates(anatomy, width, height, 1 + 0.25 * depth**2)
    rng = np.random.default_rng([*anatomy.seed, round(1000 * (1 + depth))])
    lungs = _lungs(anatomy, x, y)
    aerated = gaussian_filter(_inside(lungs, 1.2 / unit), 0.012 * unit)

    image = 0.05 + 0.62 * _inside(_body(anatomy, x, y), 3.6 / unit) * (0.75 + 0.25 * np.sqrt(np.clip(1 - x**2, 0, 1)))
    base = np.clip((y + 0.1) / 0.6, 0, 1) * np.clip(np.abs(x) / 0.6, 0, 1)  # the costophrenic angles are faint
    image -= anatomy.lung_contrast * aerated * (1 - 0.55 * base)
    image += _mediastinum(anatomy, x, y) + _bones(anatomy, x, y) - _stomach_gas(anatomy, x, y)
    image += aerated * _vessels(rng, x, y, unit)
    if anatomy.stratum == 1:
        image += aerated * _opacities(rng, x, y)
    image += 0.030 * _texture(rng, image.shape, 0.25 * unit) + 0.015 * _texture(rng, image.shape, 0.05 * unit)

    exposure = 1 + anatomy.exposure_x * x + anatomy.exposure_y * y
    image = gaussian_filter(np.clip(image * exposure, 0, 1) ** anatomy.gamma, 0.006 * unit)
    return np.clip(image + anatomy.noise * rng.standard_normal(image.shape), 0, 1), lungs > 0


def _coordinates(anatomy: ChestAnatomy, width: int, height: int, shrink: float) -> tuple[np.ndarray, np.ndarray]:
    """Body coordinates of every pixel: shifted, turned, scaled and slightly warped."""
    unit = min(width, height) / 2
    across = (np.arange(width) - (width - 1) / 2) / unit - anatomy.shift_x
    down = (np.arange(height) - (height - 1) / 2) / unit - anatomy.shift_y
    x, y = np.meshgrid(across, down)
    cos, sin = np.cos(anatomy.tilt) * shrink / anatomy.scale, np.sin(anatomy.tilt) * shrink / anatomy.scale
    rng = np.random.default_rng(anatomy.seed)
    warp_x, warp_y = (0.012 * _texture(rng, x.shape, 0.2 * unit) for _ in range(2))
    return cos * x + sin * y + warp_x, cos * y - sin * x + warp_y


def _inside(signed: np.ndarray, softness: float) -> np.ndarray:
    """1 where ``signed`` is positive, 0 where negative, with a soft edge."""
    return 1 / (1 + np.exp(-np.clip(signed / softness, -30, 30)))


def _texture(rng: np.random.Generator, shape: tuple[int, ...], sigma: float) -> np.ndarray:
    """Gaussian noise of standard deviation 1 that is smooth over ``sigma`` pixels."""
    noise = gaussian_filter(rng.standard_normal(shape), sigma, mode="wrap")
    return noise / max(float(noise.std()), 1e-12)


def _cage(anatomy: ChestAnatomy, y: np.ndarray) -> np.ndarray:
    """Half the width of the rib cage at height y: a superellipse from the base of the lungs to their apex."""
    rise = np.clip((LUNG_BASE - y) / (LUNG_BASE - anatomy.apex), 0, 1)
    return anatomy.cage_width * (1 - rise**anatomy.cage_roundness) ** 0.55


def _lungs(anatomy: ChestAnatomy, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Positive inside the lungs: within the cage, above the diaphragm, beside heart and mediastinum."""
    distance = np.abs(x)
    lateral = _cage(anatomy, y) - distance
    medial = distance - anatomy.mediastinum - 0.05 * np.clip(y + 0.2, 0, None) - 0.25 * np.clip(-0.5 - y, 0, None)
    off_center = (distance - 0.30) / 0.4
    dome = np.where(off_center > 0, 0.42 * np.abs(off_center) ** 2.2, 0.10 * off_center**2)
    level = np.where(x > 0, anatomy.diaphragm_left, anatomy.diaphragm_right)
    return np.minimum.reduce([lateral, medial, level + dome - y, -_heart(anatomy, x, y)])


def _heart(anatomy: ChestAnatomy, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Positive inside the heart, an oblique ellipse that bulges to the patient's left."""
    across = 0.9 * (x - anatomy.heart_x) - 0.35 * (y - 0.2)
    along = 0.9 * (y - 0.2) + 0.35 * (x - anatomy.heart_x)
    return anatomy.heart_width - np.hypot(across, along * anatomy.heart_width / 0.36)


def _body(anatomy: ChestAnatomy, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Positive inside neck, shoulders and trunk."""
    shoulders = NECK + (anatomy.shoulder - NECK) * np.sqrt(np.clip((y + 0.98) / 0.3, 0, 1))
    trunk = anatomy.cage_width + 0.16 + np.clip(0.15 - 0.5 * y, 0, 0.3)
    return np.minimum(shoulders, trunk) - np.abs(x)


def _mediastinum(anatomy: ChestAnatomy, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Spine, heart, aortic knob and abdomen."""
    vertebrae = 1 + 0.15 * np.cos(2 * np.pi * y / 0.13)
    spine = np.exp(-((x / (0.9 * anatomy.mediastinum)) ** 4)) * vertebrae
    heart = _inside(_heart(anatomy, x, y), 0.02)
    knob = np.exp(-(((x - 0.12) / 0.07) ** 2) - ((y + 0.28) / 0.09) ** 2)
    return 0.12 * spine + 0.10 * heart + 0.06 * knob + 0.08 * np.clip((y - 0.25) / 0.4, 0, 1)


def _bones(anatomy: ChestAnatomy, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Ribs, which fall from the spine to the side and rise again to the front, and clavicles."""
    distance = np.abs(x)
    bend = anatomy.rib_slope * (distance - 0.35) * np.abs(distance - 0.35) / 0.35
    back = y - bend - 0.55 * np.clip(distance - 0.5, 0, None)
    front = (y + 0.9 * (distance - 0.4)) / 1.25
    bands = _band(back / anatomy.rib_spacing + anatomy.rib_phase)
    bands += 0.6 * _band(front / anatomy.rib_spacing + anatomy.rib_phase) * _inside(distance - 0.35, 0.05)
    to_side = _cage(anatomy, np.minimum(y, 0.3)) + 0.03 - distance
    cage = _inside(to_side, 0.015) * _inside(distance - 0.08, 0.03) * _inside(0.75 - y, 0.08)
    ribs = anatomy.rib_contrast * (bands * cage + 0.5 * np.exp(-((to_side / 0.025) ** 2)) * _inside(0.75 - y, 0.05))
    course = anatomy.clavicle + 0.16 * (0.5 - distance) + 0.03 * np.sin(6 * distance)
    clavicles = np.exp(-(((y - course) / 0.042) ** 2)) * _inside(distance - 0.06, 0.02) * _inside(0.8 - distance, 0.03)
    return ribs + 0.09 * clavicles


def _band(phase: np.ndarray) -> np.ndarray:
    """Bands at every integer phase, brighter at their edges as the cortex of a bone is."""
    offset = np.abs(phase - np.round(phase)) / 0.2
    return _inside(1 - offset, 0.2) * (0.75 + 0.5 * np.clip(offset, 0, 1) ** 3)


def _stomach_gas(anatomy: ChestAnatomy, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Darkness of the bubble under the left diaphragm: as dark as a lung, and none."""
    bubble = 1 - np.hypot((x - 0.36) / 0.17, (y - anatomy.diaphragm_left - 0.20) / 0.09)
    return 0.24 * anatomy.gas * _inside(bubble, 0.12)


def _vessels(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, unit: float) -> np.ndarray:
    """Lung markings, densest at the hila."""
    hilum = np.exp(-(((np.abs(x) - 0.18) / 0.22) ** 2) - ((y + 0.02) / 0.3) ** 2)
    markings = np.abs(_texture(rng, x.shape, 0.022 * unit)) + 0.6 * np.abs(_texture(rng, x.shape, 0.05 * unit))
    return 0.05 * (0.35 + hilum) * markings + 0.06 * hilum


def _opacities(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A few soft bright patches; the lung under them still is lung."""
    patches = np.zeros_like(x)
    for _ in range(rng.integers(2, 6)):
        center_x, center_y = rng.choice([-1, 1]) * rng.uniform(0.2, 0.55), rng.uniform(-0.6, 0.2)
        width, height = rng.uniform(0.05, 0.16, size=2)
        brightness = rng.uniform(0.05, 0.16)
        patches += brightness * np.exp(-(((x - center_x) / width) ** 2) - ((y - center_y) / height) ** 2)
    return patches
