"""A generated stand-in for slices of brain MRI with lesions, segmented by simulated annotators of five habits."""

from __future__ import annotations

import os
from pathlib import Path

import nibabel as nib
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from common.errors import InputError
from common.io.gzip_files import save_volume
from common.noise.seed import case_generator
from common.noise.simulated_annotators import ANNOTATOR_KINDS, simulate_annotator
from common.phantoms.folder import write_phantom_once

VERSION = 1
SLICES = 7
SPACING_MM = (3.0, 3.0, 5.0)
NEW_IMAGES = (1.0, 1.25, 1.5)  # width and height relative to size

Plane = NDArray[np.float32]


def write_lesion_phantom(folder: str | os.PathLike[str], num_cases: int = 120, size: int = 64, seed: int = 0) -> str:
    """Writes the phantom once, and returns its folder.

    ==============================================================  =================================================
    ``train/``, ``validate/``, ``test/``                            two thirds, a sixth and a sixth of the cases, each:
    ``…/images/CASE_0001.nii.gz``                                   FLAIR-like slice, int16, size × size
    ``…/truth/``                                                    the lesions, 0 and 1, same names
    ``…/good/``, ``over/``, ``under/``, ``wrong/``, ``blank/``      `simulate_annotator` of each kind, same names
    ``new/``, ``new_labels/``                                       three slices of other sizes and a stack of seven
    ==============================================================  =================================================

    No gray value separates the lesions: choroid plexus in the ventricles, artifacts in the cortex and the scalp are
    as bright, and a bias field is as large as the contrasts. What makes a lesion is that it lies in white matter.
    Everything is drawn from (seed, number of the case).

    Args:
        folder: to write; its parents are made. A phantom of the same parameters is left as it is.
        num_cases: slices with labels, at least 6.
        size: of the slices in pixels, at least 32.
        seed: another seed, other cases.

    Returns:
        The folder's absolute path.

    Raises:
        InputError: a parameter out of range, or a folder that holds something else.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     root = write_lesion_phantom(f"{folder}/lesions", num_cases=6, size=32)
        ...     sorted(os.listdir(root)), sorted(os.listdir(f"{root}/test"))[:4]
        (['new', 'new_labels', 'phantom.json', 'test', 'train', 'validate'], ['blank', 'good', 'images', 'over'])
    """
    if num_cases < 6 or size < 32:
        raise InputError(f"A phantom needs num_cases ≥ 6 and size ≥ 32, got num_cases={num_cases} and size={size}.")

    def write(root: Path) -> None:
        held_out = num_cases // 6
        sections = ["train"] * (num_cases - 2 * held_out) + ["validate"] * held_out + ["test"] * held_out
        for index, section in enumerate(sections):
            case = f"CASE_{index + 1:04d}"
            image, truth = draw_brain((seed, index), size)
            _save(image, root / section / "images" / f"{case}.nii.gz")
            _save(truth, root / section / "truth" / f"{case}.nii.gz")
            for kind in ANNOTATOR_KINDS:
                label = simulate_annotator(torch.from_numpy(truth), kind, case_generator(seed, case, kind))
                _save(label.numpy(), root / section / kind / f"{case}.nii.gz")
        for index, scale in enumerate(NEW_IMAGES):
            image, truth = draw_brain((seed, num_cases + index), round(scale * size))
            _save(image, root / "new" / f"NEW_{index + 1:04d}.nii.gz")
            _save(truth, root / "new_labels" / f"NEW_{index + 1:04d}.nii.gz")
        depths = np.linspace(-0.6, 0.6, SLICES)
        planes = [draw_brain((seed, num_cases + len(NEW_IMAGES)), size, depth) for depth in depths]
        _save(np.stack([image for image, _ in planes], axis=-1), root / "new" / "STACK_0001.nii.gz")
        _save(np.stack([truth for _, truth in planes], axis=-1), root / "new_labels" / "STACK_0001.nii.gz")

    return write_phantom_once(folder, {"version": VERSION, "num_cases": num_cases, "size": size, "seed": seed}, write)


def draw_brain(seed: tuple[int, int], size: int, depth: float = 0.0) -> tuple[Plane, Plane]:
    """One axial slice and its lesions, x to the right, y to the front.

    Args:
        seed: (seed, number of the case).
        size: pixels along both axes.
        depth: of the slice in the same head, in −1 … 1; lesions are largest near 0.

    Returns:
        The image, about 0 … 1, and the mask of the lesions, 0 and 1, both (size, size).
    """
    random = np.random.default_rng(seed)
    axis = (np.arange(size) + 0.5) / size * 2 - 1
    x, y = np.meshgrid(axis, axis, indexing="ij")
    turn = random.uniform(-0.25, 0.25)
    x, y = x - random.uniform(-0.05, 0.05), y - random.uniform(-0.05, 0.05)
    x, y = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x

    def ellipse(
        center: tuple[float, float], radii: tuple[float, float], angle: float = 0.0, flat: float = 0.0
    ) -> NDArray[np.bool_]:
        shrink = np.sqrt(max(0.0, 1 - (flat * depth) ** 2))
        along = np.cos(angle) * (x - center[0]) + np.sin(angle) * (y - center[1])
        across = np.cos(angle) * (y - center[1]) - np.sin(angle) * (x - center[0])
        return (along / radii[0]) ** 2 + (across / radii[1]) ** 2 <= shrink**2

    width, height = random.uniform(0.62, 0.72), random.uniform(0.74, 0.84)
    radius = np.sqrt((x / width) ** 2 + (y / height) ** 2) / np.sqrt(1 - 0.4 * depth**2)
    around = np.arctan2(y, x)
    phases, folds = random.uniform(0, 2 * np.pi, 2), random.integers(9, 14)
    inner = 0.8 + 0.05 * np.sin(folds * around + phases[0]) + 0.03 * np.sin(2 * folds * around + phases[1])
    white = radius < inner
    image = np.select([white, radius < 1, radius < 1.08, radius < 1.16], [0.42, 0.56, 0.1, 0.75], 0.02)

    spread, tilt = random.uniform(0.11, 0.17), random.uniform(0.1, 0.3)
    breadth, length = random.uniform(0.06, 0.1), random.uniform(0.28, 0.38)
    sides = (-1, 1)
    ventricles = np.zeros_like(white)
    for side in sides:
        ventricles |= ellipse((side * spread, 0.0), (breadth, length), -side * tilt, flat=0.8)
    image[ventricles] = 0.1

    bright = 0.84
    for side in sides:  # choroid plexus, as bright as a lesion, in each ventricle
        plexus = ellipse(
            (side * spread * 1.1, random.uniform(-0.2, 0.05)), (0.07, random.uniform(0.09, 0.15)), flat=1.0
        )
        image[plexus & ventricles] = bright + random.uniform(-0.08, 0.08)
    for angle in random.uniform(0, 2 * np.pi, 4):  # flow artifacts, as bright as a lesion, in the cortex
        center = (0.9 * width * np.cos(angle), 0.9 * height * np.sin(angle))
        artifact = ellipse(center, (random.uniform(0.06, 0.1), random.uniform(0.06, 0.13)), angle, flat=1.0)
        image[artifact & ~white & (radius < 1)] = bright + random.uniform(-0.08, 0.08)

    lesions = np.zeros_like(white)
    for _ in range(random.integers(2, 6)):
        side, forward = random.choice(sides), random.uniform(-0.95, 0.95)
        beside = spread + breadth * np.sqrt(1 - forward**2) + random.exponential(0.07)
        center = (side * (beside - tilt * forward * length * 0.5), forward * length * 1.15)
        radii = random.uniform(0.06, 0.15) * np.array([random.uniform(1.1, 1.9), 1.0])
        angle = np.arctan2(center[1], center[0]) + random.uniform(
            -0.5, 0.5
        )  # away from the ventricle, as Dawson's fingers
        lesion = ellipse(center, (radii[0], radii[1]), angle, flat=random.uniform(0.7, 2.0)) & white & ~ventricles
        image[lesion] = bright + random.uniform(-0.1, 0.08)
        lesions |= lesion

    def smooth_field(width: float) -> Plane:
        field = gaussian_filter(random.standard_normal((size, size)), width * size, mode="wrap")
        return field / field.std()

    image = gaussian_filter(image, 0.011 * size) + 0.025 * smooth_field(0.02) * (radius < 1)
    image = image * (1 + 0.12 * smooth_field(0.25)) + 0.045 * random.standard_normal((size, size))
    return image.astype(np.float32), lesions.astype(np.float32)


def _save(plane: Plane, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    label = path.parent.name not in ("images", "new")
    voxels = plane.astype(np.uint8) if label else np.round(1000 * plane).astype(np.int16)
    affine = np.diag([*SPACING_MM, 1.0])
    affine[:3, 3] = -96.0, -96.0, 10.0
    save_volume(nib.Nifti1Image(voxels, affine), path)
