"""Label files of annotators for tests, written and read without the code that is tested."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image

AFFINE = np.array([[0.0, -1.5, 0, 10], [2.0, 0, 0, -7], [0, 0, 2.5, 3], [0, 0, 0, 1]])


def annotators(*spatial: int, classes: int = 2) -> np.ndarray:
    generator = np.random.default_rng(0)
    truth = generator.integers(0, classes, spatial)
    return np.stack([np.where(generator.random(spatial) < 0.85, truth, 0) for _ in range(3)])


def save(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".png":
        Image.fromarray(array.astype(np.uint8).T).save(path)
    else:
        image = nib.Nifti1Image(array, affine)
        image.set_qform(affine, code=1)
        nib.save(image, path)
    return path


def save_all(folder: Path, arrays: np.ndarray, suffix: str = ".nii.gz") -> list[str]:
    return [str(save(folder / f"r{number}{suffix}", array)) for number, array in enumerate(arrays)]


def read(path: Path) -> np.ndarray:
    return np.asarray(nib.Nifti1Image.from_filename(path).dataobj)
