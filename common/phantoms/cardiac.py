"""A generated stand-in for short-axis cardiac MRI whose boundaries are ambiguous in places, in the layout of ACDC."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from common.errors import InputError
from common.io.gzip_files import save_volume
from common.phantoms.folder import write_phantom_once

VERSION = 1
SPACING_MM = 1.5
SLICE_MM = 10.0
FIELD_OF_VIEW_MM = 144.0  # the heart is drawn for it and scaled to other ones
ORIENTATION = "LPS"
NEW_STACKS = ((1.25, 1.25, 10, "LPS"), (1.0, 1.5, 7, "RAS"))  # width relative to size, pixel in mm, slices, orientation
FINE = 3  # lines of the drawing per pixel, and planes per slice
FRAMES = 30
RIGHT_VENTRICLE, MYOCARDIUM, LEFT_VENTRICLE = 1, 2, 3

Array = NDArray[Any]


class Shape(NamedTuple):
    """A group's heart at end diastole.

    Attributes:
        radius: of the left ventricle with its wall, in mm.
        wall: thickness, in mm.
        shortening: share of the cavity's radius that end systole takes away.
        right: size of the right ventricle relative to a healthy one.
        scar: share of the wall's thickness that an infarct takes away.
    """

    radius: float
    wall: float
    shortening: float
    right: float = 1.0
    scar: float = 0.0


GROUPS = {
    "DCM": Shape(36.0, 7.0, 0.12),
    "HCM": Shape(32.0, 12.0, 0.45, right=0.9),
    "MINF": Shape(32.0, 8.5, 0.2, scar=0.6),
    "NOR": Shape(30.0, 8.5, 0.35),
    "RV": Shape(29.0, 8.0, 0.33, right=1.3),
}


def write_cardiac_phantom(
    folder: str | os.PathLike[str], num_subjects: int = 20, size: int = 96, slices: int = 8, seed: int = 0
) -> str:
    """Writes the phantom once, in the layout `acdc` of `common.datasets.read_dataset`, and returns its folder.

    ========================================  ==========================================================================
    ``patient001/patient001_frame01.nii.gz``  end diastole, int16, size × size × slices voxels of 1.5 × 1.5 × 10 mm
    ``patient001/patient001_frameFF.nii.gz``  end systole
    ``…_gt.nii.gz``                           uint8, 1 right ventricle, 2 myocardium, 3 left ventricle
    ``patient001/Info.cfg``                   the frames' numbers and the group, DCM, HCM, MINF, NOR or RV in turn
    ``new/``, ``new_labels/``                 stacks of other sizes, pixels and orientations
    ========================================  ==========================================================================

    The label of a voxel is the class with the largest share of it; gray values are averages over the voxel, so borders
    are blurred, most along the slices' 10 mm. The wall's lower side lies on a liver of its own gray value, muscles and
    a spongy layer in the cavity look like the wall but belong to the cavity, and fat is as bright as the right
    ventricle beside it: there the true boundary cannot be seen. Everything is drawn from (seed, number of the subject).

    Args:
        folder: to write; its parents are made. A phantom of the same parameters is left as it is.
        num_subjects: at least 3.
        size: pixels along each side, at least 32.
        slices: from the apex to the base, at least 3.
        seed: another seed, other subjects.

    Returns:
        The folder's absolute path.

    Raises:
        InputError: a parameter out of range, or a folder that holds something else.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sorted(os.listdir(write_cardiac_phantom(f"{folder}/heart", num_subjects=3, size=32, slices=3)))
        ['new', 'new_labels', 'patient001', 'patient002', 'patient003', 'phantom.json']
    """
    if num_subjects < 3 or size < 32 or slices < 3:
        raise InputError(
            "A phantom needs num_subjects ≥ 3, size ≥ 32 and slices ≥ 3, "
            f"got num_subjects={num_subjects}, size={size} and slices={slices}."
        )
    groups = list(GROUPS)

    def write(root: Path) -> None:
        for index in range(num_subjects):
            subject, group = f"patient{index + 1:03d}", groups[index % len(groups)]
            systole = int(np.random.default_rng((seed, index, FRAMES)).integers(8, 15))
            spacing = (SPACING_MM, SPACING_MM, SLICE_MM)
            for frame, contraction in ((1, 0.0), (systole, 1.0)):
                image, label = draw_heart((size, size, slices), spacing, (seed, index), group, contraction)
                path = root / subject / f"{subject}_frame{frame:02d}.nii.gz"
                _save(image.astype(np.int16), spacing, ORIENTATION, path)
                _save(label, spacing, ORIENTATION, path.with_name(f"{subject}_frame{frame:02d}_gt.nii.gz"))
            (root / subject / "Info.cfg").write_text(
                f"ED: 1\nES: {systole}\nGroup: {group}\nNbFrame: {FRAMES}\n", encoding="utf-8"
            )
        for index, (width, pixel, planes, orientation) in enumerate(NEW_STACKS):
            side = round(width * size)
            seeds, spacing = (seed, num_subjects + index), (pixel, pixel, SLICE_MM)
            image, label = draw_heart((side, side, planes), spacing, seeds, groups[(3 + index) % len(groups)], 0.0)
            _save(image.astype(np.int16), spacing, orientation, root / "new" / f"NEW_{index + 1:04d}.nii.gz")
            _save(label, spacing, orientation, root / "new_labels" / f"NEW_{index + 1:04d}.nii.gz")

    parameters = {"version": VERSION, "num_subjects": num_subjects, "size": size, "slices": slices, "seed": seed}
    return write_phantom_once(folder, parameters, write)


def draw_heart(
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    seed: tuple[int, int],
    group: str = "NOR",
    contraction: float = 0.0,
) -> tuple[Array, Array]:
    """One stack, x to the left, y to the back, slices from the apex to the base.

    Args:
        shape: voxels.
        spacing_mm: of the voxels; the heart is scaled to the smaller side of the plane.
        seed: (seed, number of the subject).
        group: one of `GROUPS`.
        contraction: 0 at end diastole … 1 at end systole, of the same heart.

    Returns:
        Gray values 0 … about 300, float32, and classes 0 … 3, uint8, both of ``shape``.
    """
    heart = _Heart(GROUPS[group], contraction, np.random.default_rng(seed))
    random = np.random.default_rng((*seed, round(1000 * contraction)))
    width, height, slices = shape
    unit = min(width * spacing_mm[0], height * spacing_mm[1]) / FIELD_OF_VIEW_MM
    x, y = (
        (((np.arange(n * FINE) + 0.5) / FINE - n / 2) * mm / unit).astype(np.float32)
        for n, mm in zip(shape[:2], spacing_mm[:2], strict=True)
    )
    image: Array = np.zeros(shape, np.float32)
    label: Array = np.zeros(shape, np.uint8)
    for index in range(slices):
        shift = random.uniform(-1.2, 1.2, 2).tolist()  # each slice is another breath hold
        place = x[:, None] + shift[0], y[None] + shift[1]
        surroundings = heart.surroundings(*place)
        shares = np.zeros((4, width, height), np.float32)
        for plane in range(FINE):
            below = 1.04 * (1 - (index + (plane + 0.5) / FINE) / slices)  # 0 at the base, 1 at the apex
            gray, classes = heart.draw(*place, below, surroundings)
            image[..., index] += _mean_of_pixels(gray) / FINE
            shares += [_mean_of_pixels(classes == c) for c in range(4)]
        label[..., index] = shares.argmax(0)

    def smooth_noise(millimeters: float) -> Array:
        sigma = millimeters * unit
        noise = gaussian_filter(random.standard_normal(shape), [sigma / mm for mm in spacing_mm], mode="wrap")
        return noise / noise.std()

    image = gaussian_filter(image, [0.45, 0.45, 0.0]) * (1 + 0.06 * smooth_noise(3.0))
    slope = random.uniform(-0.25, 0.25, 2)
    bias = slope[0] * np.linspace(-1, 1, width)[:, None, None] + slope[1] * np.linspace(-1, 1, height)[:, None]
    bias = bias + 0.08 * smooth_noise(30.0)
    image = image * np.exp(bias) + 9.0 * random.standard_normal(shape)
    return np.abs(image).astype(np.float32), label


class _Heart:
    """A subject's anatomy, in mm in the plane; `draw` gives gray values and classes of a plane."""

    def __init__(self, shape: Shape, contraction: float, random: np.random.Generator) -> None:
        def about(value: float, by: float) -> float:
            return float(value * random.uniform(1 - by, 1 + by))

        wall = about(shape.wall, 0.12)
        outer = about(shape.radius, 0.07)
        inner = outer - wall
        self.inner = inner * (1 - contraction * about(shape.shortening, 0.15))
        self.outer = math.sqrt(outer**2 - inner**2 + self.inner**2) + 0.5 * contraction  # the wall keeps its area
        self.right = about(shape.right, 0.1) * (1 - 0.25 * contraction)
        self.scar = shape.scar
        self.center = random.uniform(8, 18), random.uniform(-4, 6)
        self.septum = math.pi + random.uniform(-0.2, 0.6)  # direction of the right ventricle: to the right, forward
        self.tilt = random.uniform(-6, 6, 2).tolist()  # of the long axis, mm from base to apex
        self.waves = random.uniform(0, 2 * np.pi, 8).tolist()
        self.blood, self.muscle = about(185, 0.1), about(72, 0.1)
        self.liver = about(self.muscle, 0.06)
        self.fat, self.lung = about(190, 0.1), about(22, 0.3)
        self.diaphragm = random.uniform(14, 25), random.uniform(-0.2, 0.2)
        self.chest = random.uniform(-52, -44)
        self.vessels = [(*random.uniform(-70, 70, 2).tolist(), random.uniform(1.2, 3.0)) for _ in range(14)]
        self.papillary = [(self.septum + turn + random.uniform(-0.3, 0.3), about(4.2, 0.25)) for turn in (2.0, -2.0)]

    def draw(self, x: Array, y: Array, below: float, gray: Array) -> tuple[Array, Array]:
        """Gray values and classes at (x, y), the share ``below`` of the way from the base to the apex.

        ``gray`` is what lies around the heart, from `surroundings`, the same for all planes of a slice.
        """
        waves = self.waves
        u = x - self.center[0] - self.tilt[0] * below
        v = y - self.center[1] - self.tilt[1] * below
        radius, angle = np.hypot(u, v), np.arctan2(v, u)
        taper = max(0.0, 1 - below**2.6) ** 0.5
        outer = self.outer * taper
        outer = outer * (1 + 0.04 * np.cos(2 * angle + waves[0]) + 0.025 * np.cos(3 * angle + waves[1]))
        inner = self.inner * max(0.0, 1 - (below / 0.92) ** 2.6) ** 0.5
        inner = inner * (1 + 0.05 * np.cos(2 * angle + waves[2]) + 0.03 * np.cos(3 * angle + waves[3]))
        infarct = np.exp(4 * (np.cos(angle - waves[4]) - 1))
        inner = np.minimum(inner + self.scar * infarct * (outer - inner) * (inner > 0), outer - 2.5)

        cos, sin = math.cos(self.septum), math.sin(self.septum)
        across = cos * u + sin * v - (self.outer + 1) * taper
        along = cos * v - sin * u
        size = self.right * max(0.0, 1 - (below / 0.88) ** 2) ** 0.5
        free = across / (19 * size + 1e-6) + 0.25 * np.cos(along / 13 + waves[5])
        reach = np.sqrt(free**2 + (along / (29 * size + 1e-6)) ** 2) - 1  # of the right ventricle: below 0 inside
        edge = reach * 19 * size  # about mm
        pericardium = np.minimum(radius - outer, edge - 2.2 if size > 0 else np.inf)
        fatty = (3.5 + 2.5 * np.cos(angle - self.septum - 0.5)) * taper  # thickest in front, on the right
        gray = np.where((pericardium < fatty) & (y < self._diaphragm(x) - 3), self.fat, gray)
        gray = np.where((edge < 2.2) & (size > 0), self.muscle, gray)  # the right ventricle's own thin wall
        classes = np.zeros(gray.shape, np.uint8)

        right = (edge < 0) & (size > 0)
        spongy = 0.5 + 0.5 * np.cos(x / 2.3 + waves[6]) * np.cos(y / 2.7 + waves[7])
        gray = np.where(right, self.blood - 30 * spongy, gray)
        classes[right] = RIGHT_VENTRICLE
        wall = radius < outer
        gray = np.where(wall, self.muscle, gray)
        classes[wall] = MYOCARDIUM
        cavity = radius < inner
        layer = np.clip((radius - inner) / (3.5 + 3.0 * np.cos(angle + waves[6])).clip(0.8) + 1, 0, 1)
        gray = np.where(cavity, self.blood - (self.blood - self.muscle) * 0.65 * layer, gray)
        for direction, spot in self.papillary:
            place = 0.68 * inner
            distance = np.hypot(u - place * math.cos(direction), v - place * math.sin(direction))
            gray = np.where(cavity & (distance < spot * taper), self.muscle + 10, gray)
        classes[cavity] = LEFT_VENTRICLE
        return gray, classes

    def _diaphragm(self, x: Array) -> Array:
        return self.diaphragm[0] + self.diaphragm[1] * x + 0.004 * (x + 10) ** 2

    def surroundings(self, x: Array, y: Array) -> Array:
        """Gray values at (x, y) without the heart."""
        gray = np.full(np.broadcast_shapes(x.shape, y.shape), self.lung, np.float32)
        for x0, y0, size in self.vessels:  # in the lung
            gray[(x - x0) ** 2 + (y - y0) ** 2 < size**2] = 120
        liver = y > self._diaphragm(x)
        gray[liver] = self.liver
        for x0, y0, size in self.vessels:  # in the liver
            gray[((x - x0) ** 2 + (y - abs(y0) - 8) ** 2 < (1.3 * size) ** 2) & liver] = 0.7 * self.blood
        aorta = np.hypot(x - 44, y - 52)
        gray[aorta < 11] = self.muscle
        gray[aorta < 9] = self.blood
        chest = self.chest + 0.006 * x**2 - y
        gray[np.broadcast_to(chest > 0, gray.shape)] = 0.9 * self.muscle
        gray[np.broadcast_to(chest > 9, gray.shape)] = self.fat
        gray[np.broadcast_to(chest > 24, gray.shape)] = 4
        return gray


def _mean_of_pixels(plane: Array) -> Array:
    width, height = (n // FINE for n in plane.shape)
    rows = plane.reshape(width, FINE, height * FINE).sum(1, dtype=np.float32)
    return rows.reshape(width, height, FINE).sum(2) / FINE**2


def _save(volume: Array, spacing_mm: tuple[float, float, float], orientation: str, path: Path) -> None:
    """Writes a volume that lies in `ORIENTATION` in another one, with the affine that says so."""
    affine = np.diag([-spacing_mm[0], -spacing_mm[1], spacing_mm[2], 1.0])
    affine[:3, 3] = 70.0, 60.0, -40.0
    axes = nib.orientations
    change = axes.ornt_transform(axes.axcodes2ornt(ORIENTATION), axes.axcodes2ornt(orientation))
    path.parent.mkdir(exist_ok=True)
    save_volume(nib.Nifti1Image(volume, affine).as_reoriented(change), path)
