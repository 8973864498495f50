"""Data sets with one thing wrong: each is named before the first epoch and nothing is written. Odd ones that train."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image

from common.io.files import read_csv

# Where a bundle's images and labels lie; of those that split by case all are spoiled, for one is always read.
IMAGES = {
    "t_loss": "images/PHANTOM_0001_0.png",
    "marginal_thresholding": "s0001/ct.nii.gz",
    "bwcr": "patient*/patient*_frame??.nii.gz",
    "disentangling_annotators": "train/images/CASE_0001.nii.gz",
    "soft_label_apl": "images/*.nii.gz",
}
LABELS = {
    "t_loss": "masks/PHANTOM_0001_0.png",
    "marginal_thresholding": "s0001/segmentations/kidney_right.nii.gz",
    "bwcr": "patient*/patient*_frame??_gt.nii.gz",
    "disentangling_annotators": "train/good/CASE_0001.nii.gz",
    "soft_label_apl": "bones/*.nii.gz",
}
VOLUMES = sorted(set(IMAGES) - {"t_loss"})

Spoil = Callable[[Path], Any]


def change(edit: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]) -> Spoil:
    """Writes a NIfTI file anew with other voxels or another affine."""

    def spoil(path: Path) -> None:
        image = nib.Nifti1Image.from_filename(path)
        array, affine = edit(np.asarray(image.dataobj), image.affine.copy())
        nib.save(nib.Nifti1Image(array, affine), path)

    return spoil


def voxels(edit: Callable[[np.ndarray], np.ndarray]) -> Spoil:
    return change(lambda array, affine: (edit(array), affine))


def with_value(value: float) -> Spoil:
    def edit(array: np.ndarray) -> np.ndarray:
        changed = array.astype(np.float32)
        changed.flat[changed.size // 2] = value
        return changed

    return voxels(edit)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def colours(array: np.ndarray) -> np.ndarray:
    return np.zeros(array.shape, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])


def crop_picture(path: Path) -> None:
    Image.open(path).crop((0, 0, 20, 32)).save(path)


MOVED = np.array([[1, 0, 0, 9], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
CASES: list[tuple[str, list[str], dict[str, str], Spoil, str]] = [  # name, bundles, files, what is done, message
    ("image without label", ["t_loss"], LABELS, Path.unlink, "images without a mask: 1 (PHANTOM_0001_0.png)"),
    ("image without label", ["marginal_thresholding"], LABELS, Path.unlink, "missing: s0001/segmentations/kidney"),
    ("image without label", ["bwcr"], {"bwcr": "patient001/*09_gt.nii.gz"}, Path.unlink, "patient001_frame09"),
    (
        "image without label",
        ["soft_label_apl"],
        {"soft_label_apl": "bones/9000001_V00.nii.gz"},
        Path.unlink,
        "9000001_V00",
    ),
    ("truncated image", [*IMAGES], IMAGES, cut, "cannot be read"),
    ("truncated label", [*LABELS], LABELS, cut, "cannot be read"),
    ("text in place of an image", [*IMAGES], IMAGES, lambda path: path.write_text("no image"), "read"),
    ("empty file", ["t_loss", "bwcr"], IMAGES, lambda path: path.write_bytes(b""), "read"),
    (
        "wrong extension",
        ["t_loss"],
        {"t_loss": "images/*"},
        lambda path: path.rename(path.with_suffix(".webp")),
        "masks without an image",
    ),
    (
        "wrong extension",
        ["soft_label_apl"],
        {"soft_label_apl": "images/*"},
        lambda path: path.rename(path.with_suffix(".mha")),
        "images",
    ),
    ("label of another size", ["t_loss"], LABELS, crop_picture, "32×32 but its mask 20×32"),
    ("label of another shape", VOLUMES, LABELS, voxels(lambda array: array[:-1]), "shape"),
    ("label in another place", VOLUMES, LABELS, change(lambda array, affine: (array, affine @ MOVED)), "affine"),
    (
        "four dimensions",
        ["marginal_thresholding", "bwcr"],
        IMAGES,
        voxels(lambda array: np.stack([array, array], -1)),
        "expected 1 channel, got 2",
    ),
    (
        "four dimensions",
        ["soft_label_apl"],
        IMAGES,
        voxels(lambda array: np.stack([array, array], -1)),
        "is no volume, its shape is",
    ),
    (
        "a volume among slices",
        ["disentangling_annotators"],
        IMAGES,
        voxels(lambda array: np.stack([array, array], -1)),
        "got 3 where the other cases have 2",
    ),
    ("colours", VOLUMES, IMAGES, voxels(colours), "expected one real number per voxel"),
    ("not a number", VOLUMES, IMAGES, with_value(np.nan), "intensities are not finite"),
    ("infinite", VOLUMES, IMAGES, with_value(np.inf), "intensities are not finite"),
    (
        "label without numbers",
        ["marginal_thresholding", "bwcr", "soft_label_apl"],
        LABELS,
        with_value(np.nan),
        "not finite",
    ),
    ("no voxel", ["marginal_thresholding", "bwcr"], IMAGES, voxels(lambda array: array[:0]), "has no voxel"),
    ("an unknown class", ["bwcr", "soft_label_apl"], LABELS, with_value(7), "got 7"),
    ("fractions", ["bwcr", "soft_label_apl"], LABELS, with_value(0.4), "got 0.4"),
    (
        "empty label everywhere",
        ["marginal_thresholding"],
        {"marginal_thresholding": "s*/segmentations/kidney_right.nii.gz"},
        voxels(np.zeros_like),
        "kidney_right is empty in every case",
    ),
    (
        "one voxel with a volume's label",
        ["bwcr"],
        IMAGES,
        voxels(lambda array: array[:1, :1, :1]),
        "that of the image 1 × 1 × 1",
    ),
    (
        "duplicate names",
        ["t_loss"],
        {"t_loss": "images/PHANTOM_0001_0.png"},
        lambda path: Image.open(path).save(path.with_suffix(".jpg")),
        "two files of the case 'PHANTOM_0001_0'",
    ),
    (
        "duplicate names",
        ["disentangling_annotators"],
        {"disentangling_annotators": "train/images/CASE_0001.nii.gz"},
        lambda path: shutil.copy(path, path.with_name("CASE_0001.nii")),
        "CASE_0001",
    ),
    (
        "duplicate names",
        ["bwcr"],
        {"bwcr": "patient001"},
        lambda path: shutil.copytree(path, path.parent / "training/patient001"),
        "two folders of the subject patient001",
    ),
    (
        "an annotator without a folder",
        ["disentangling_annotators"],
        {"disentangling_annotators": "train/over"},
        shutil.rmtree,
        "over labeled no training case",
    ),
    (
        "an annotator without a label",
        ["disentangling_annotators"],
        {"disentangling_annotators": "train/over/*"},
        Path.unlink,
        "over labeled no training case",
    ),
    (
        "a region outside the image",
        ["soft_label_apl"],
        {"soft_label_apl": "regions.csv"},
        lambda path: path.write_text(path.read_text() + "9000001_V00,R1,0,femur,1,1,2,999\n"),
        "ends outside the image of 9000001_V00",
    ),
    (
        "a reader's unknown structure",
        ["soft_label_apl"],
        {"soft_label_apl": "regions.csv"},
        lambda path: path.write_text(path.read_text() + "9000001_V00,R1,0,patella,1,1,2,2\n"),
        "got 'patella'",
    ),
]


@pytest.mark.parametrize(
    ("bundle", "files", "spoil", "message"),
    [
        pytest.param(bundle, files[bundle], spoil, message, id=f"{bundle}-{name}", marks=pytest.mark.hostile(bundle))
        for name, bundles, files, spoil, message in CASES
        for bundle in bundles
    ],
)
def test_one_thing_is_wrong(
    bundle: str, files: str, spoil: Spoil, message: str,
    spoiled: Callable, run_tiny: Callable, refused: Callable, tmp_path: Path,
) -> None:  # fmt: skip
    data = spoiled(bundle)
    paths = sorted(data.glob(files))
    assert paths
    for path in paths:
        spoil(path)
    with refused(message, unchanged=tmp_path):
        run_tiny(bundle, "training", ["train"], data, tmp_path / "output")


@pytest.mark.parametrize("bundle", [pytest.param(name, marks=pytest.mark.hostile(name)) for name in IMAGES])
@pytest.mark.parametrize("empty", [False, True], ids=["missing", "empty"])
def test_no_data_set(bundle: str, empty: bool, run_tiny: Callable, refused: Callable, tmp_path: Path) -> None:
    data = tmp_path / "data set"
    if empty:
        data.mkdir()
    with refused(str(data), unchanged=tmp_path):
        run_tiny(bundle, "training", ["train"], data, tmp_path / "output")


ARGUMENTS: list[tuple[str, dict[str, Any], str]] = [
    ("t_loss", {"noise_alpha": 1.5}, "alpha"),
    ("t_loss", {"noise_alpha": -0.1}, "alpha"),
    ("t_loss", {"loss_name": "t-loss"}, "did you mean 't_loss'?"),
    ("marginal_thresholding", {"fold": 3}, "fold: expected 0 to 2 for 3 folds, got 3"),
    ("marginal_thresholding", {"fold": -1}, "fold: expected 0 to 2"),
    ("marginal_thresholding", {"fold": 0, "num_folds": 7}, "num_folds: expected 2 to 6"),
    ("marginal_thresholding", {"organ": "kidney_rihgt"}, "did you mean 'kidney_right'?"),
    ("bwcr", {"method": "bcwr"}, "did you mean 'bwcr'?"),
    ("bwcr", {"counts": {"training": 9, "validation": 1, "test": 1}}, "lower the numbers of training"),
    ("bwcr", {"radius": -1}, "radius"),
    ("disentangling_annotators", {"annotators": ["good", "carful"]}, "there is no carful"),
    ("disentangling_annotators", {"annotators": []}, "annotators: expected a list"),
    ("disentangling_annotators", {"labels_per_image": 0}, "got 0"),
    ("soft_label_apl", {"neighbor_evidence": 1.5}, "neighbour"),
    ("soft_label_apl", {"fractions": [0.0, 0.5, 1.0]}, "fractions"),
]


@pytest.mark.parametrize(
    ("bundle", "overrides", "message"),
    [
        pytest.param(*case, id=f"{case[0]}-{next(iter(case[1]))}", marks=pytest.mark.hostile(case[0]))
        for case in ARGUMENTS
    ],
)
def test_an_argument_is_out_of_range(
    bundle: str, overrides: dict[str, Any], message: str,
    data_sets: Callable, run_tiny: Callable, refused: Callable, tmp_path: Path,
) -> None:  # fmt: skip
    with refused(message, unchanged=tmp_path):
        run_tiny(bundle, "training", ["train"], data_sets(bundle), tmp_path / "output", **overrides)


@pytest.mark.hostile("marginal_thresholding")
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"noise_a": -0.1}, "a, the standard deviation of the displacement, must be finite and from 0 up"),
        ({"noise_b": -0.1}, "b, the correlation length, must be above 0"),
    ],
    ids=["noise_a", "noise_b"],
)
def test_label_noise_is_out_of_range(
    overrides: dict[str, Any], message: str, data_sets: Callable, run_tiny: Callable, refused: Callable, tmp_path: Path
) -> None:
    bundle = "marginal_thresholding"
    with refused(message, unchanged=tmp_path):
        run_tiny(bundle, "training", ["train", "noise"], data_sets(bundle), tmp_path / "output", **overrides)


@pytest.fixture
def odd(spoiled: Callable, tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A bundle's data set in a folder with a blank and an umlaut, one of its images constant."""

    def make(bundle: str) -> Path:
        data = Path(shutil.move(spoiled(bundle), tmp_path / "Köln Süd – 数据"))
        path = sorted(data.glob(IMAGES[bundle]))[0]
        if path.suffix == ".png":
            Image.new("L", Image.open(path).size, 90).save(path)
        else:
            voxels(lambda array: np.full_like(array, 90))(path)
        return data

    return make


@pytest.mark.parametrize("bundle", [pytest.param(name, marks=pytest.mark.hostile(name)) for name in IMAGES])
def test_odd_data_that_trains(bundle: str, odd: Callable, run_tiny: Callable, tmp_path: Path) -> None:
    output = tmp_path / "Ergebnis α"
    run_tiny(bundle, "training", ["train"], odd(bundle), output)
    assert math.isfinite(float(read_csv(output / "metrics.csv")[0]["loss"]))
    weights = torch.load(output / "model.pt", weights_only=True)
    assert all(tensor.isfinite().all() for tensor in weights.values())


@pytest.mark.hostile("marginal_thresholding")
def test_a_left_handed_affine_trains_the_same(
    spoiled: Callable, trained: Callable, run_tiny: Callable, tmp_path: Path
) -> None:
    """The same anatomy, stored from right to left."""

    def mirror(array: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        affine[:, 3] += (len(array) - 1) * affine[:, 0]
        affine[:, 0] *= -1
        return array[::-1], affine

    data = spoiled("marginal_thresholding")
    for path in data.glob("s*/**/*.nii.gz"):
        change(mirror)(path)
    assert np.linalg.det(nib.load(data / "s0001/ct.nii.gz").affine[:3, :3]) < 0
    run_tiny("marginal_thresholding", "training", ["train"], data, tmp_path)
    expected, found = (read_csv(folder / "metrics.csv")[0] for folder in (trained("marginal_thresholding"), tmp_path))
    assert {key: float(value) for key, value in found.items()} == pytest.approx(
        {key: float(value) for key, value in expected.items()}, rel=1e-4
    )
