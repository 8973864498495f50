"""A generated stand-in for sagittal knee MRI with bone marrow lesions that several readers marked in part."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter, label

from common.errors import InputError
from common.io.gzip_files import save_volume
from common.io.regions import Region, write_regions
from common.phantoms.folder import write_phantom_once

VERSION = 2
BONES = {"femur": 1, "tibia": 2}
PATELLA = {"patella": 3}  # a third bone of data sets whose readers marked it; those of the phantom did not
FIELD_OF_VIEW_MM = 160.0
SLICE_MM = 3.0
ORIENTATION = "IPL"  # rows run downward, columns backward, slices to the left
NEW_VOLUMES = ((1.0, 12, "IPL"), (1.25, 10, "LAS"))  # pixels relative to size, slices, stored orientation
MOST_READERS = 7
CELLS = 11  # of a reader's grid, across the field of view

Volume = NDArray[Any]


class Knee(NamedTuple):
    """One volume; all arrays are (rows, columns, slices).

    Attributes:
        image: gray values, float32.
        bones: 0, or 1 femur, 2 tibia, uint8.
        truth: lesions by bone, 0, 1 or 2, uint8.
        lesions: lesions by number, from 1, int32.
        contrasts: gray value that each lesion adds, (number of lesions,).
    """

    image: Volume
    bones: Volume
    truth: Volume
    lesions: Volume
    contrasts: Volume


def write_knee_phantom(
    folder: str | os.PathLike[str], num_cases: int = 24, size: int = 96, num_slices: int = 8, seed: int = 0
) -> str:
    """Writes the phantom once, in the layout ``oai`` of `common.datasets.read_dataset`, and returns its folder.

    ==================================  ================================================================================
    ``images/9000001_V00.nii.gz``       int16, size × size × num_slices voxels, 160 mm wide, 3 mm slices
    ``bones/9000001_V00.nii.gz``        uint8, 1 femur, 2 tibia
    ``truth/9000001_V00.nii.gz``        uint8, lesions, exact to the voxel: 1 in the femur, 2 in the tibia
    ``regions.csv``                     what 2 to 7 readers marked, in cells of a grid, about half of the lesions' area
    ``new/``, ``new_truth/``            volumes of other sizes and orientations
    ==================================  ================================================================================

    Lesions are bright, ill-defined areas in the marrow near the joint. Cartilage, joint fluid and vessels within the
    bones are as bright, the bones' levels differ between cases and drift across the image. Readers overlook lesions,
    dim ones more often and some all alike, and the slices where one starts or ends; each lays the case's coarse grid a
    little differently, and some mark a vessel. Everything is drawn from (seed, number of the case).

    Args:
        folder: to write; its parents are made. A phantom of the same parameters is left as it is.
        num_cases: at least 4.
        size: rows and columns, at least 48.
        num_slices: at least 3.
        seed: another seed, other cases.

    Returns:
        The folder's absolute path.

    Raises:
        InputError: a parameter out of range, or a folder that holds something else.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sorted(os.listdir(write_knee_phantom(f"{folder}/knee", num_cases=4, size=48, num_slices=3)))
        ['bones', 'images', 'new', 'new_truth', 'phantom.json', 'regions.csv', 'truth']
    """
    if num_cases < 4 or size < 48 or num_slices < 3:
        raise InputError(
            "A phantom needs num_cases ≥ 4, size ≥ 48 and num_slices ≥ 3, "
            f"got num_cases={num_cases}, size={size} and num_slices={num_slices}."
        )

    def write(root: Path) -> None:
        regions: list[Region] = []
        for index in range(num_cases):
            case = f"{9000001 + index}_V00"
            knee = draw_knee((size, size, num_slices), (seed, index))
            for name, volume in (("images", knee.image), ("bones", knee.bones), ("truth", knee.truth)):
                _save(volume, ORIENTATION, root / name / f"{case}.nii.gz")
            regions += draw_regions(knee, case, (seed, index, 1))
        write_regions(root / "regions.csv", regions)
        for index, (width, slices, orientation) in enumerate(NEW_VOLUMES):
            knee = draw_knee((round(width * size), round(width * size), slices), (seed, num_cases + index))
            for name, volume in (("new", knee.image), ("new_truth", knee.truth)):
                _save(volume, orientation, root / name / f"NEW_{index + 1:04d}.nii.gz")

    parameters = {"version": VERSION, "num_cases": num_cases, "size": size, "num_slices": num_slices, "seed": seed}
    return write_phantom_once(folder, parameters, write)


def draw_knee(shape: tuple[int, int, int], seed: tuple[int, ...]) -> Knee:
    """One knee in a field of view of 160 mm, rows downward, columns backward, slices of 3 mm to the left.

    Args:
        shape: rows, columns (as many), slices.
        seed: (seed, number of the case).

    Returns:
        `Knee`, with two to five lesions.
    """
    random = np.random.default_rng(seed)
    pixel = FIELD_OF_VIEW_MM / shape[0]
    spacing = (pixel, pixel, SLICE_MM)
    u, v, z = np.meshgrid(
        *((np.arange(n) + 0.5 - n / 2) * mm for n, mm in zip(shape, spacing, strict=True)), indexing="ij"
    )

    def smooth_noise(millimeters: float) -> Volume:
        noise = gaussian_filter(random.standard_normal(shape), [millimeters / mm for mm in spacing])
        return noise / noise.std()

    femur, tibia, patella, joint = _bones(u, v, z, random)
    bones = (femur + 2 * tibia).astype(np.uint8)
    marrow = femur | tibia | patella
    depth = distance_transform_edt(marrow, sampling=(pixel, pixel, 1e3))  # in the plane, in mm
    outside = distance_transform_edt(~marrow, sampling=(pixel, pixel, 1e3))

    leg = (v / random.uniform(64, 72)) ** 2 + (u / 400) ** 2 < 1
    image = np.where(leg, 62 + 10 * smooth_noise(5), 6.0)  # fat, suppressed
    behind = leg & (v > 34 + 0.15 * np.abs(u)) & (v < 60)
    image[behind] = 118  # muscle
    image[leg & (np.abs(v + 44 - 0.1 * u) < 3)] = 24  # patellar tendon
    image[leg & (outside < 6) & (np.abs(u - joint) < 16)] = 190  # joint fluid
    image[leg & (outside < 3.2) & (np.abs(u - joint) < 24)] = 160  # cartilage
    for _ in range(3):  # vessels behind the knee
        image[(u - random.uniform(-60, 60)) ** 2 + (v - random.uniform(36, 56)) ** 2 < random.uniform(2, 4) ** 2] = 230
    level = random.uniform(60, 85)
    image[marrow] = level
    image += marrow * 8 * smooth_noise(3)
    for _ in range(random.integers(4, 9)):  # vessels within the bones
        along, across, slope = random.uniform(-55, 65), random.uniform(-22, 24), random.uniform(-0.8, 0.8)
        distance = np.hypot(v - across - slope * (u - along), z - random.uniform(-10, 10))
        vessel = (distance < random.uniform(1.4, 2.4)) & (np.abs(u - along) < random.uniform(6, 14)) & marrow
        image[vessel] = level + random.uniform(50, 110)

    truth, lesions = np.zeros(shape, np.uint8), np.zeros(shape, np.int32)
    contrasts: list[float] = []
    added = np.zeros(shape)
    for _ in range(random.integers(2, 6)):
        bone = random.choice(list(BONES.values()))
        near_joint = (bones == bone) & (np.abs(u - joint) < 26) & (depth > 4) & (depth < 11)
        place = tuple(random.choice(np.argwhere(near_joint)))
        profile = _lesion(tuple(axis - axis[place] for axis in (u, v, z)), smooth_noise(4), random)
        profile *= bones == bone
        contrast = random.uniform(30, 95)
        parts, count = label((profile > 0.5) & (depth > 2) & (lesions == 0))
        mask = parts == 1 + np.bincount(parts.flat)[1:].argmax() if count else parts > 0
        if mask.sum() * pixel**2 * SLICE_MM < 150:
            continue
        contrasts.append(contrast)
        lesions[mask], truth[mask] = len(contrasts), bone
        added = np.maximum(added, contrast * profile)
    image += added
    image[marrow & (depth < 2)] = 26  # cortex

    image = gaussian_filter(image, [0.55, 0.55, 0.0])
    image *= 1 + 0.14 * smooth_noise(40)
    image = np.abs(image + 9 * random.standard_normal(shape))
    return Knee(image.astype(np.float32), bones, truth, lesions, np.array(contrasts))


def _bones(u: Volume, v: Volume, z: Volume, random: np.random.Generator) -> tuple[Volume, Volume, Volume, float]:
    """Masks of femur, tibia and patella, and the row of the joint in mm."""
    joint = 14 + random.uniform(-3, 3)
    reach = 1 - 0.5 * (z / 45) ** 2
    center, half = joint - 30 + random.uniform(-2, 2), random.uniform(26, 29)
    back = random.uniform(2, 8)
    condyle = ((u - center) / half) ** 2 + ((v - back) / (random.uniform(32, 37) * reach)) ** 2 < 1
    condyle &= u < joint - 3.5
    shaft = (u < center) & (np.abs(v - back + 6) < random.uniform(15, 18) + 14 * np.exp((u - center) / 14))
    top = joint + 3.5 + 0.002 * (v - back) ** 2 + 0.6 * np.sin(v / 9 + random.uniform(0, 6))
    width = random.uniform(17, 20) + random.uniform(12, 16) * np.exp(-(u - joint) / 18)
    tibia = (u > top) & (np.abs(v - back + 2) < width * (0.6 + 0.4 * reach))
    patella = ((u - joint + 34) / 15) ** 2 + ((v + 43) / 8) ** 2 + (z / 25) ** 2 < 1
    femur = condyle | shaft
    return femur, tibia, patella & ~femur & ~tibia, joint


def _lesion(offset_mm: tuple[Volume, Volume, Volume], noise: Volume, random: np.random.Generator) -> Volume:
    """Brightness of one lesion in [0, 1]: an uneven ellipsoid whose border, at one half, is several voxels wide."""
    turn = random.uniform(0, np.pi)
    along = np.cos(turn) * offset_mm[0] + np.sin(turn) * offset_mm[1]
    across = np.cos(turn) * offset_mm[1] - np.sin(turn) * offset_mm[0]
    radii = random.uniform(11, 22), random.uniform(8, 13), random.uniform(5, 10)
    distance = np.sqrt((along / radii[0]) ** 2 + (across / radii[1]) ** 2 + (offset_mm[2] / radii[2]) ** 2)
    return 1 / (1 + np.exp((distance + 0.18 * noise - 1) / 0.16))


def draw_regions(knee: Knee, case: str, seed: tuple[int, ...]) -> list[Region]:
    """What two to seven readers marked in one knee, cell by cell of their grids.

    Args:
        knee: of `draw_knee`.
        case: name.
        seed: of the readers' choices.

    Returns:
        `Region` rows, sorted by reader; who marked nothing has one row that says so.
    """
    random = np.random.default_rng(seed)
    numbers = np.sort(random.permutation(MOST_READERS)[: random.integers(2, MOST_READERS + 1)])
    bone = knee.bones > 0
    bright = bone & (knee.truth == 0) & (knee.image > np.quantile(knee.image[bone], 0.95))
    difficulty = 0.55 - 0.45 * (knee.contrasts - 30) / 65 + random.uniform(-0.25, 0.25, len(knee.contrasts))
    places = np.argwhere(bright)
    hard = _HardToRead(difficulty, random.choice(places, 3 if len(places) else 0), random.integers(0, 100, 2))
    regions: list[Region] = []
    for number in numbers:
        reader = f"reader_{number + 1}"
        marked = list(_marked_cells(knee, hard, case, reader, random))
        regions += marked or [Region(case, reader)]
    return regions


class _HardToRead(NamedTuple):
    """What a case's readers have in common: how likely each lesion is overlooked, bright voxels elsewhere, the grid."""

    difficulty: Volume
    misleading: Volume
    offset: Volume


def _marked_cells(
    knee: Knee, hard: _HardToRead, case: str, reader: str, random: np.random.Generator
) -> Iterator[Region]:
    rows, columns, slices = knee.truth.shape
    cell = max(3, round(rows / CELLS))
    offset = (hard.offset + random.integers(-1, 2, 2)) % cell
    seen = np.zeros(knee.truth.shape, bool)
    for number, difficulty in enumerate(hard.difficulty, start=1):
        if random.random() < difficulty:
            continue  # overlooked
        lesion = knee.lesions == number
        area = lesion.sum(axis=(0, 1))
        starting = (area < 0.5 * area.max()) & (random.random(slices) < 0.6)
        seen |= lesion & ~starting & (random.random(slices) > 0.1)
    misled = hard.misleading[random.random(len(hard.misleading)) < 0.3]
    threshold = random.uniform(0.2, 0.5)
    for bone, value in BONES.items():
        inside = seen & (knee.truth == value)
        border = [(start, -(size + start) % cell) for start, size in zip(offset, (rows, columns), strict=True)]
        blocks = np.pad(inside, [*border, (0, 0)])
        blocks = blocks.reshape(blocks.shape[0] // cell, cell, blocks.shape[1] // cell, cell, slices).mean(axis=(1, 3))
        chosen = blocks > threshold
        for row, column, index in misled[knee.bones[tuple(misled.T)] == value]:
            chosen[(row + offset[0]) // cell, (column + offset[1]) // cell, index] = True
        for row, column, index in np.argwhere(chosen):
            row0, column0 = int(row * cell - offset[0]), int(column * cell - offset[1])
            yield Region(
                case,
                reader,
                int(index),
                bone,
                max(row0, 0),
                max(column0, 0),
                min(row0 + cell, rows),
                min(column0 + cell, columns),
            )


def _save(volume: Volume, orientation: str, path: Path) -> None:
    """Writes a volume of rows downward, columns backward and slices to the left in another orientation."""
    pixel = FIELD_OF_VIEW_MM / volume.shape[0]
    affine = np.array([[0, 0, -SLICE_MM, 40.0], [0, -pixel, 0, 70.0], [-pixel, 0, 0, 90.0], [0, 0, 0, 1]])
    dtype = np.uint8 if volume.dtype == np.uint8 else np.int16
    image = nib.Nifti1Image(np.round(volume).astype(dtype), affine)
    axes = nib.orientations
    change = axes.ornt_transform(axes.axcodes2ornt(ORIENTATION), axes.axcodes2ornt(orientation))
    path.parent.mkdir(exist_ok=True)
    save_volume(image.as_reoriented(change), path)
