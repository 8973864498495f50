"""A generated stand-in for abdominal CT with three organs of different shape, in the layout of TotalSegmentator."""

from __future__ import annotations

import os
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from common.errors import InputError
from common.io.gzip_files import save_volume
from common.phantoms.folder import write_phantom_once

VERSION = 1
SPACING_MM = 1.5
NEW_VOLUMES = ((1.25, 3.0, "LPS"), (1.0, 1.5, "RAS"))  # width relative to size, slice spacing in mm, stored orientation

Volume = NDArray[np.float32]


def write_ct_phantom(folder: str | os.PathLike[str], num_cases: int = 48, size: int = 64, seed: int = 0) -> str:
    """Writes the phantom once, and returns its folder.

    ======================================================  ========================================================
    ``s0001/ct.nii.gz``                                     int16 Hounsfield units, size³ voxels of 1.5 mm, RAS
    ``s0001/segmentations/kidney_right.nii.gz``             roundish, about 27 × 21 × 33 mm
    ``s0001/segmentations/aorta.nii.gz``                    thick tube, about 15 mm across
    ``s0001/segmentations/esophagus.nii.gz``                thin tube, about 6 mm across
    ``new/``, ``new_labels/<organ>/``                       volumes of other sizes, spacings and orientations
    ======================================================  ========================================================

    No gray value separates an organ: vena cava, liver, spleen and bowel have the same ones, spine and ribs are bright,
    and noise is as large as the contrasts. Everything is drawn from (seed, number of the case).

    Args:
        folder: to write; its parents are made. A phantom of the same parameters is left as it is.
        num_cases: at least 5.
        size: voxels along each axis, at least 32.
        seed: another seed, other cases.

    Returns:
        The folder's absolute path.

    Raises:
        InputError: a parameter out of range, or a folder that holds something else.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sorted(os.listdir(write_ct_phantom(f"{folder}/ct", num_cases=5, size=32)))
        ['new', 'new_labels', 'phantom.json', 's0001', 's0002', 's0003', 's0004', 's0005']
    """
    if num_cases < 5 or size < 32:
        raise InputError(f"A phantom needs num_cases ≥ 5 and size ≥ 32, got num_cases={num_cases} and size={size}.")

    def write(root: Path) -> None:
        cube = (SPACING_MM,) * 3
        for index in range(num_cases):
            case = root / f"s{index + 1:04d}"
            (case / "segmentations").mkdir(parents=True)
            image, organs = draw_abdomen((size,) * 3, cube, (seed, index))
            _save(image, cube, "RAS", case / "ct.nii.gz")
            for name, mask in organs.items():
                _save(mask, cube, "RAS", case / "segmentations" / f"{name}.nii.gz")
        for index, (width, thickness, orientation) in enumerate(NEW_VOLUMES):
            spacing = (SPACING_MM, SPACING_MM, thickness)
            shape = (round(width * size), size, round(size * SPACING_MM / thickness))
            image, organs = draw_abdomen(shape, spacing, (seed, num_cases + index))
            (root / "new").mkdir(exist_ok=True)
            _save(image, spacing, orientation, root / "new" / f"NEW_{index + 1:04d}.nii.gz")
            for name, mask in organs.items():
                (root / "new_labels" / name).mkdir(parents=True, exist_ok=True)
                _save(mask, spacing, orientation, root / "new_labels" / name / f"NEW_{index + 1:04d}.nii.gz")

    return write_phantom_once(folder, {"version": VERSION, "num_cases": num_cases, "size": size, "seed": seed}, write)


def draw_abdomen(
    shape: tuple[int, int, int], spacing_mm: tuple[float, float, float], seed: tuple[int, int]
) -> tuple[Volume, dict[str, Volume]]:
    """One volume in Hounsfield units and its organs' masks, x to the right, y to the front, z upward.

    Args:
        shape: voxels.
        spacing_mm: of the voxels; the body is scaled to the volume's smallest half-width in the plane.
        seed: (seed, number of the case).

    Returns:
        The image and {organ: mask}, all of ``shape``; a mask holds 0 and 1.
    """
    random = np.random.default_rng(seed)
    extent = [n * mm for n, mm in zip(shape, spacing_mm, strict=True)]
    x, y, z = np.meshgrid(
        *((np.arange(n) + 0.5) * mm - size / 2 for n, mm, size in zip(shape, spacing_mm, extent, strict=True)),
        indexing="ij",
        sparse=True,
    )
    unit = min(extent[:2]) / 96  # the body is drawn in millimeters for a plane of 96 mm
    x, y, height = x / unit, y / unit, 2 * z / extent[2]

    def jitter(*values: float, by: float = 1.5) -> list[float]:
        return [float(value + random.uniform(-by, by)) for value in values]

    def ellipsoid(center: list[float], radii: list[float]) -> NDArray[np.bool_]:
        depth = z / unit - center[2]
        return ((x - center[0]) / radii[0]) ** 2 + ((y - center[1]) / radii[1]) ** 2 + (depth / radii[2]) ** 2 <= 1

    def tube(center: list[float], radius: float, bend: float) -> NDArray[np.bool_]:
        phase, turn = random.uniform(0, 2 * np.pi, 2)
        along_x = center[0] + bend * np.sin(1.6 * height + phase)
        along_y = center[1] + bend * np.cos(1.9 * height + turn)
        return (x - along_x) ** 2 + (y - along_y) ** 2 <= radius**2

    everywhere = np.ones(shape, dtype=bool)
    body_radii = jitter(45, 40)
    body = ((x / body_radii[0]) ** 2 + (y / body_radii[1]) ** 2 <= 1) & everywhere
    muscle = ((x / (body_radii[0] - 4)) ** 2 + (y / (body_radii[1] - 4)) ** 2 <= 1) & everywhere
    image = np.where(body, -100.0, -1000.0)
    image[muscle] = 15

    image[ellipsoid(jitter(22, 8, 18, by=3), jitter(20, 20, 30, by=3))] = 70  # liver, on the body's right: +x
    image[ellipsoid(jitter(-28, -4, 22, by=3), jitter(9, 13, 18, by=2))] = 75  # spleen
    for _ in range(7):  # bowel, with gas in some loops
        loop = ellipsoid(jitter(-8, 20, -12, by=16), jitter(7, 6, 9, by=2.5))
        image[loop & muscle] = random.choice([-600.0, 20.0, 45.0, 110.0], p=[0.25, 0.3, 0.3, 0.15])
    image[tube(jitter(9, -10), random.uniform(5.5, 7), 2) & muscle] = 95  # vena cava, as bright as the aorta
    for _ in range(4):  # vessels and nodes as thin as the oesophagus
        image[tube(jitter(0, 2, by=22), random.uniform(2, 3.2), 4) & muscle] = random.uniform(35, 100)

    radii = jitter(13.5, 10.5, 16.5)
    organs = {
        "kidney_right": ellipsoid(jitter(24, -17, -8, by=3), radii),
        "aorta": tube(jitter(-7, -9), random.uniform(6.8, 8.2), 2.5) & everywhere,
        "esophagus": tube(jitter(-2, 5, by=3), random.uniform(2.7, 3.4), 4) & everywhere,
    }
    organs["aorta"] &= ~organs["kidney_right"]
    organs["esophagus"] &= ~(organs["kidney_right"] | organs["aorta"])
    for name, level in (("kidney_right", 100), ("aorta", 110), ("esophagus", 60)):
        image[organs[name]] = level + random.uniform(-12, 12)

    spine = (x / 8) ** 2 + ((y + 26) / 8) ** 2 <= 1
    disc = np.abs(np.mod(z / unit + random.uniform(0, 22), 22) - 11) > 8.5
    image[spine & ~disc & everywhere & ~organs["kidney_right"]] = 260
    ring = np.abs(np.sqrt((x / (body_radii[0] - 7)) ** 2 + (y / (body_radii[1] - 7)) ** 2) - 1) < 0.035
    rib = np.sin(2 * np.pi * (z / unit + 0.4 * y) / 24 + random.uniform(0, 6)) > 0.55
    image[ring & rib & ~organs["kidney_right"]] = 320

    blur = [0.5 * SPACING_MM / mm for mm in spacing_mm]
    texture = gaussian_filter(random.standard_normal(shape), [1.2 * SPACING_MM / mm for mm in spacing_mm])
    image = gaussian_filter(image, blur) + 14 * random.standard_normal(shape) + 18 * texture / texture.std()
    return image.astype(np.float32), {name: mask.astype(np.float32) for name, mask in organs.items()}


def _save(volume: Volume, spacing_mm: tuple[float, float, float], orientation: str, path: Path) -> None:
    """Writes a volume that lies in RAS in another orientation, with the affine that says so."""
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = -60.0, -80.0, 30.0
    dtype = np.int16 if path.name.startswith(("ct", "NEW")) and volume.max() > 1 else np.uint8
    image = nib.Nifti1Image(np.round(volume).astype(dtype), affine)
    axes = nib.orientations
    change = axes.ornt_transform(axes.axcodes2ornt("RAS"), axes.axcodes2ornt(orientation))
    save_volume(image.as_reoriented(change), path)
