"""Data sets with one thing wrong: each is named before the first epoch and nothing is written. Odd ones that train."""

from __future__ import annotations

import json
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


def colors(array: np.ndarray) -> np.ndarray:
    return np.zeros(array.shape, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])


def crop_picture(path: Path) -> None:
    Image.open(path).crop((0, 0, 20, 32)).save(path)


FRAME = "patient001/patient001_frame09"
MOVED = np.array([[1, 0, 0, 9], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
CASES: list[tuple[str, list[str], dict[str, str], Spoil, str]] = [  # name, bundles, files, what is done, message
    ("no label", ["t_loss"], {"t_loss": "masks/*"}, Path.unlink, "there is no folder masks of labels"),
    (
        "no label",
        ["marginal_thresholding"],
        {"marginal_thresholding": "s*/segmentations/*.nii.gz"},
        Path.unlink,
        "has no masks of organs",
    ),
    ("no label", ["bwcr"], {"bwcr": "patient*/*_gt.nii.gz"}, Path.unlink, "holds no labeled case"),
    ("no label", ["soft_label_apl"], {"soft_label_apl": "bones/*"}, Path.unlink, "holds no labeled case"),
    ("truncated image", [*IMAGES], IMAGES, cut, "cannot be read"),
    ("truncated label", [*LABELS], LABELS, cut, "cannot be read"),
    ("text in place of an image", [*IMAGES], IMAGES, lambda path: path.write_text("no image"), "read"),
    ("empty file", ["t_loss", "bwcr"], IMAGES, lambda path: path.write_bytes(b""), "read"),
    (
        "wrong extension",
        ["t_loss"],
        {"t_loss": "images/*"},
        lambda path: path.rename(path.with_suffix(".webp")),
        "holds no labeled case",
    ),
    (
        "wrong extension",
        ["soft_label_apl"],
        {"soft_label_apl": "images/*"},
        lambda path: path.rename(path.with_suffix(".mha")),
        "regions.csv, line 2: expected a known case",
    ),
    ("label of another size", ["t_loss"], LABELS, crop_picture, "its shape is 20 × 32, that of the image 32 × 32"),
    ("label of another shape", VOLUMES, LABELS, voxels(lambda array: array[:-1]), "shape"),
    ("label in another place", VOLUMES, LABELS, change(lambda array, affine: (array, affine @ MOVED)), "affine"),
    (
        "four dimensions",
        ["marginal_thresholding"],
        IMAGES,
        voxels(lambda array: np.stack([array, array], -1)),
        "expected 1 channel, got 2",
    ),
    (
        "four dimensions",
        ["soft_label_apl"],
        IMAGES,
        voxels(lambda array: np.stack([array, array], -1)),
        "expected 1 channel (IWFS), which the data set names, got 2",
    ),
    (
        "a volume among slices",
        ["disentangling_annotators"],
        IMAGES,
        voxels(lambda array: np.stack([array, array], -1)),
        "got 3 where the other cases have 2",
    ),
    ("colors", VOLUMES, IMAGES, voxels(colors), "expected one real number per voxel"),
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
        "a region in a bone that the mask lacks",
        ["soft_label_apl"],
        {"soft_label_apl": "regions.csv"},
        lambda path: path.write_text(path.read_text() + "9000001_V00,R1,0,patella,1,1,2,2\n"),
        "that has the patella (value 3), got one without it",
    ),
    (
        "a reader's unknown structure",
        ["soft_label_apl"],
        {"soft_label_apl": "regions.csv"},
        lambda path: path.write_text(path.read_text() + "9000001_V00,R1,0,fibula,1,1,2,2\n"),
        "got 'fibula'",
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


@pytest.mark.parametrize(
    ("bundle", "label", "image", "case"),
    [
        pytest.param(*row, marks=pytest.mark.hostile(row[0]), id=row[0])
        for row in (
            ("t_loss", "masks/PHANTOM_0001_0.png", "images/PHANTOM_0001_0.png", "PHANTOM_0001_0"),
            ("marginal_thresholding", "s0001/segmentations/kidney_right.nii.gz", "s0001/ct.nii.gz", "s0001"),
            ("soft_label_apl", "bones/9000001_V00.nii.gz", "images/9000001_V00.nii.gz", "9000001_V00"),
            ("bwcr", f"{FRAME}_gt.nii.gz", f"{FRAME}.nii.gz", "patient001_frame09"),
        )
    ],
)
def test_an_image_without_label_is_left_out(
    bundle: str, label: str, image: str, case: str, spoiled: Callable, run_tiny: Callable, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """It is named, and the others train."""
    data = spoiled(bundle)
    (data / label).unlink()
    run_tiny(bundle, "training", ["train"], data, tmp_path / "output")
    assert f"left out: 1; the first is {image}" in capsys.readouterr().out
    used = json.loads((tmp_path / "output/split.json").read_text())
    assert case not in [name for names in used.values() for name in names]
    assert read_csv(tmp_path / "output/metrics.csv")


@pytest.mark.parametrize("bundle", [pytest.param(name, marks=pytest.mark.hostile(name)) for name in IMAGES])
@pytest.mark.parametrize("empty", [False, True], ids=["missing", "empty"])
def test_no_data_set(bundle: str, empty: bool, run_tiny: Callable, refused: Callable, tmp_path: Path) -> None:
    data = tmp_path / "data set"
    if empty:
        data.mkdir()
    with refused(str(data), unchanged=tmp_path):
        run_tiny(bundle, "training", ["train"], data, tmp_path / "output")


ARGUMENTS: list[tuple[str, dict[str, Any], str]] = [  # noise_… are those of the overlay noise.yaml
    ("t_loss", {"noise_alpha": 1.5}, "alpha"),
    ("t_loss", {"noise_alpha": -0.1}, "alpha"),
    ("t_loss", {"loss_name": "t-loss"}, "did you mean 't_loss'?"),
    ("t_loss", {"image_size": 64}, "expected two whole numbers above 0, width and height in pixels, got 64"),
    ("t_loss", {"image_size": [64, 64, 64]}, "image_size: expected two whole numbers above 0"),
    ("t_loss", {"image_size": [0, 8]}, "image_size: expected two whole numbers above 0"),
    ("t_loss", {"features": 16}, "features: expected positive whole numbers, one for each resolution, got 16"),
    ("t_loss", {"channels": "gray"}, "channels: expected a whole number from 1 up, got 'gray'"),
    ("t_loss", {"spatial_dims": 3}, "spatial_dims: expected 2 for images of 2 dimensions, got 3"),
    ("t_loss", {"class_names": "lung"}, "class_names: expected a list of names, got 'lung'"),
    ("t_loss", {"class_values": 255}, "class_values: expected a mapping from names to values in the label files"),
    ("t_loss", {"fractions": [0.5, "half", 0.1]}, "fractions: expected three shares that sum to 1"),
    ("t_loss", {"layout": "plian"}, "layout: expected one of"),
    ("t_loss", {"cache": "disc"}, "cache: expected one of memory, disk, none, got 'disc'"),
    ("marginal_thresholding", {"fold": 3}, "fold: expected 0 to 2 for 3 folds, got 3"),
    ("marginal_thresholding", {"fold": -1}, "fold: expected a whole number from 0 up, got -1"),
    ("marginal_thresholding", {"fold": "first"}, "fold: expected a whole number from 0 up, got 'first'"),
    ("marginal_thresholding", {"fold": 0, "num_folds": 7}, "num_folds: expected 2 to 6"),
    ("marginal_thresholding", {"patch_size": [16, 16]}, "patch_size: expected 3 sides in voxels, got [16, 16]"),
    ("marginal_thresholding", {"spacing": "fine"}, "spacing: expected sides of a voxel in mm (−1: as they are)"),
    ("marginal_thresholding", {"max_cases": "all"}, "max_cases: expected a whole number from 2 up, got 'all'"),
    (
        "marginal_thresholding",
        {"noise_a": -0.1},
        "a: expected the standard deviation of the displacement, finite and at least 0",
    ),
    ("marginal_thresholding", {"noise_b": -0.1}, "b: expected the correlation length, above 0"),
    ("marginal_thresholding", {"organ": "kidney_rihgt"}, "did you mean 'kidney_right'?"),
    ("bwcr", {"method": "bcwr"}, "did you mean 'bwcr'?"),
    ("bwcr", {"counts": {"training": 9, "validation": 1, "test": 1}}, "lower the numbers of training"),
    ("bwcr", {"counts": 5}, "counts: expected whole numbers of training, validation and test subjects, got 5"),
    ("bwcr", {"orientation": "RAR"}, "orientation: expected three axis codes such as RAS"),
    ("bwcr", {"annotators": ["HS"]}, "The layout acdc has no option annotators"),
    ("bwcr", {"radius": -1}, "radius"),
    ("disentangling_annotators", {"annotators": ["good", "carful"]}, "there is no carful"),
    ("disentangling_annotators", {"annotators": []}, "annotators: expected a list"),
    ("disentangling_annotators", {"labels_per_image": 0}, "got 0"),
    ("soft_label_apl", {"neighbor_evidence": 1.5}, "neighbour_slices"),
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
    configs = ["train", "noise"] if any(key.startswith("noise_") for key in overrides) else ["train"]
    with refused(message, unchanged=tmp_path):
        run_tiny(bundle, "training", configs, data_sets(bundle), tmp_path / "output", **overrides)


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
