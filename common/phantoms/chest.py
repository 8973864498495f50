"""A generated stand-in for chest X-rays with lung masks, as files in the layout of the Shenzhen set."""

from __future__ import annotations

import os
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image

from common.errors import InputError
from common.io.gzip_files import save_volume
from common.phantoms.chest_anatomy import draw_anatomy, render_chest
from common.phantoms.folder import write_phantom_once

VERSION = 1
SLICES = 5
SPACING_MM = (1.5, 1.5, 8.0)
NEW_IMAGES = ((".png", 1.0, 1.0), (".png", 1.25, 1.5), (".jpg", 1.7, 1.3))  # suffix, width and height relative to size
RAS = nib.orientations.axcodes2ornt("RAS")
ORIENTATIONS = ("RAS", "LPS", "SRA")


def write_chest_phantom(
    folder: str | os.PathLike[str], num_cases: int = 160, size: int = 128, seed: int = 0, num_volumes: int = 3
) -> str:
    """Writes the phantom once, and returns its folder.

    ====================================  ==========================================================================
    ``images/PHANTOM_0001_0.png``         8-bit gray, size × size; the ending is the stratum (1: opacities in the lungs)
    ``masks/PHANTOM_0001_0.png``          0 and 255
    ``new/``, ``new_masks/``              images of unseen cases in other sizes and file formats, for inference
    ``volumes/``, ``volumes_labels/``     NIfTI stacks of slices, stored in different orientations; in RAS orientation
                                          every slice along the third axis lies as the images do
    ====================================  ==========================================================================

    The task is a small copy of the real one: no gray value separates the lungs from the air around the body and in the
    stomach, ribs and clavicles cross their borders, and the costophrenic angles are faint. Everything is drawn from
    (seed, number of the case). The folder appears when all its files are written, also where several processes call
    this at the same time.

    Args:
        folder: to write; its parents are made. A phantom of the same parameters is left as it is.
        num_cases: images with masks, half of each stratum, at least 4.
        size: of the images in pixels, at least 16.
        seed: another seed, other cases.
        num_volumes: volumes of 5 slices, at least 1.

    Returns:
        The folder, absolute.

    Raises:
        InputError: the folder holds something else, or a phantom of other parameters; nothing is overwritten.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sorted(os.listdir(write_chest_phantom(f"{folder}/chest", num_cases=4, size=16)))
        ['images', 'masks', 'new', 'new_masks', 'phantom.json', 'volumes', 'volumes_labels']
    """
    if num_cases < 4 or size < 16 or num_volumes < 1:
        raise InputError(
            "A phantom needs num_cases ≥ 4, size ≥ 16 and num_volumes ≥ 1, "
            f"got num_cases={num_cases}, size={size} and num_volumes={num_volumes}."
        )
    parameters = {"version": VERSION, "num_cases": num_cases, "size": size, "seed": seed, "num_volumes": num_volumes}

    def write(root: Path) -> None:
        _write_cases(root, num_cases, size, seed)
        _write_new_images(root, num_cases, size, seed)
        _write_volumes(root, num_cases + len(NEW_IMAGES), size, seed, num_volumes)

    return write_phantom_once(folder, parameters, write)


def _write_cases(root: Path, num_cases: int, size: int, seed: int) -> None:
    (root / "images").mkdir()
    (root / "masks").mkdir()
    for index in range(num_cases):
        anatomy = draw_anatomy(seed, index)
        image, mask = render_chest(anatomy, size, size)
        name = f"PHANTOM_{index + 1:04d}_{anatomy.stratum}.png"
        Image.fromarray(_to_bytes(image)).save(root / "images" / name)
        Image.fromarray(_to_bytes(mask)).save(root / "masks" / name)


def _write_new_images(root: Path, first: int, size: int, seed: int) -> None:
    (root / "new").mkdir()
    (root / "new_masks").mkdir()
    for index, (suffix, relative_width, relative_height) in enumerate(NEW_IMAGES):
        anatomy = draw_anatomy(seed, first + index)
        image, mask = render_chest(anatomy, round(relative_width * size), round(relative_height * size))
        stem = f"NEW_{index + 1:04d}_{anatomy.stratum}"
        Image.fromarray(_to_bytes(image)).save(root / "new" / f"{stem}{suffix}")
        Image.fromarray(_to_bytes(mask)).save(root / "new_masks" / f"{stem}.png")


def _write_volumes(root: Path, first: int, size: int, seed: int, num_volumes: int) -> None:
    (root / "volumes").mkdir()
    (root / "volumes_labels").mkdir()
    for index in range(num_volumes):
        anatomy = draw_anatomy(seed, first + index)
        slices = [render_chest(anatomy, size, size, depth) for depth in np.linspace(-1, 1, SLICES)]
        affine = np.diag([*SPACING_MM, 1.0])
        affine[:3, 3] = -90.0, -110.0, -20.0
        for folder, part, dtype in (("volumes", 0, np.int16), ("volumes_labels", 1, np.uint8)):
            stack = np.stack([slice_[part].T for slice_ in slices], axis=-1)
            voxels = np.round(1000 * stack) if part == 0 else stack
            volume = nib.Nifti1Image(voxels.astype(dtype), affine)
            orientation = nib.orientations.axcodes2ornt(ORIENTATIONS[index % len(ORIENTATIONS)])
            volume = volume.as_reoriented(nib.orientations.ornt_transform(RAS, orientation))
            if index % len(ORIENTATIONS) == 2:
                volume = nib.Nifti1Image(np.asarray(volume.dataobj), _oblique(10) @ volume.affine)
            save_volume(volume, root / folder / f"VOLUME_{index + 1:04d}.nii.gz")


def _oblique(degrees: float) -> np.ndarray:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1, 0, 0, 0], [0, cos, -sin, 0], [0, sin, cos, 0], [0, 0, 0, 1.0]])


def _to_bytes(values: np.ndarray) -> np.ndarray:
    return np.round(255 * values.astype(np.float64)).astype(np.uint8)
