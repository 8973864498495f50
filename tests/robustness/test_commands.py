"""`python -m common.<verb>` with files and arguments that it cannot use, and what comes from elsewhere."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from monai.apps.utils import extractall
from PIL import Image

from common.audit.__main__ import audit
from common.demo import demo
from common.folds import folds
from common.fuse import fuse
from common.package import package
from common.report.__main__ import labeled_runs, memorisation
from common.threshold import threshold

LABEL = (np.indices((6, 5, 4)).sum(0) % 2).astype(np.int16)
Write = Callable[[Path], Any]


def nifti(array: np.ndarray, affine: np.ndarray | None = None) -> Write:
    return lambda path: nib.save(nib.Nifti1Image(array, np.eye(4) if affine is None else affine), path)


def cut(path: Path) -> None:
    nifti(LABEL.astype(np.float32))(path)
    path.write_bytes(path.read_bytes()[:380])


def colors(path: Path) -> None:
    nifti(np.zeros((6, 5, 4), dtype=[(channel, "u1") for channel in "RGB"]))(path)


PROBABILITY = (LABEL * 0.5).astype(np.float32)
MAPS: dict[str, tuple[Write, str]] = {
    "truncated": (cut, "a.nii"),
    "text": (lambda path: path.write_text("no map"), "a.nii"),
    "empty": (lambda path: path.write_bytes(b""), "a.nii"),
    "nan": (nifti(np.where(LABEL, np.nan, PROBABILITY)), "expected probabilities"),
    "percent": (nifti((100 * PROBABILITY).astype(np.float32)), "expected probabilities"),
    "negative": (nifti(-PROBABILITY), "expected probabilities"),
    "five dimensions": (nifti(np.zeros((2, 2, 2, 2, 2), np.float32)), "expected two or three dimensions"),
    "colors": (colors, "a.nii"),
}


@pytest.mark.hostile("threshold")
@pytest.mark.parametrize("name", MAPS)
def test_maps_that_are_none(name: str, refused: Callable, tmp_path: Path) -> None:
    write, message = MAPS[name]
    write(tmp_path / "a.nii")
    with refused("1 of 1 maps could not be used", message, unchanged=tmp_path):
        threshold(str(tmp_path / "a.nii"), str(tmp_path / "masks"))


@pytest.mark.hostile("threshold")
@pytest.mark.parametrize(
    ("source", "output", "message"),
    [("missing", "masks", "missing"), ("empty", "masks", "got none in the folder"), ("full", "full", "another folder")],
)
def test_folders_of_maps(source: str, output: str, message: str, refused: Callable, tmp_path: Path) -> None:
    for folder in ("empty", "full"):
        (tmp_path / folder).mkdir()
    nifti(PROBABILITY)(tmp_path / "full/a.nii")
    with refused(message, unchanged=tmp_path):
        threshold(str(tmp_path / source), str(tmp_path / output))


@pytest.mark.hostile("threshold")
def test_masks_cannot_go_into_a_file(refused: Callable, tmp_path: Path) -> None:
    nifti(PROBABILITY)(tmp_path / "a.nii")
    (tmp_path / "masks").write_text("mine")
    with refused("cannot be written", unchanged=tmp_path):
        threshold(str(tmp_path / "a.nii"), str(tmp_path / "masks"))


OTHER: dict[str, tuple[Write, str]] = {
    "truncated": (cut, "its header promises"),
    "text": (lambda path: path.write_text("no label"), "cannot be read as NIfTI"),
    "another shape": (nifti(LABEL[1:]), "its shape is 5 × 5 × 4"),
    "another place": (nifti(LABEL, np.diag([2.0, 1, 1, 1])), "its affine puts it up to 5 mm from"),
    "fractions": (nifti(PROBABILITY), "expected whole numbers"),
    "nan": (nifti(np.where(LABEL, np.nan, 0.0)), "60 values are not finite"),
    "below -1": (nifti(LABEL - 3), "expected values from 0 up"),
    "colors": (colors, "expected one real number per voxel"),
}  # fmt: skip


@pytest.mark.hostile("fuse")
@pytest.mark.parametrize("name", OTHER)
def test_labels_that_cannot_be_fused(name: str, refused: Callable, tmp_path: Path) -> None:
    write, message = OTHER[name]
    nifti(LABEL)(tmp_path / "a.nii")
    write(tmp_path / "b.nii")
    with refused("b.nii", message, unchanged=tmp_path):
        fuse([str(tmp_path / "a.nii"), str(tmp_path / "b.nii")], str(tmp_path / "c.nii"))


@pytest.mark.hostile("fuse")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "stapel"}, "expected one of mean, majority, staple"),
        ({"output": "c.png"}, "expected a name that ends with .nii"),
        ({"output": "c.mha"}, "expected a name that ends with"),
        ({"output": "a.nii"}, "expected a new file"),
        ({"labels": "a.nii"}, "at least two annotators"),
        ({"labels": ["a.nii", "d.png"]}, "expected a volume as a.nii is, got a picture"),
        ({"labels": ["a.nii", "missing.nii"]}, "missing.nii"),
        ({"max_iterations": 0}, "max_iterations"),
        ({"output": "a.nii/c.nii"}, "a.nii is a file"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_arguments_of_fuse(
    options: dict[str, Any], message: str, refused: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.nii", "b.nii"):
        nifti(LABEL)(Path(name))
    Image.fromarray(LABEL[..., 0].astype(np.uint8)).save("d.png")
    with refused(message, unchanged=tmp_path):
        fuse(**{"labels": ["a.nii", "b.nii"], "output": "c.nii", **options})


@pytest.mark.hostile("fuse")
def test_a_consensus_cannot_go_into_a_file(refused: Callable, tmp_path: Path) -> None:
    for name in ("AR", "HS"):
        (tmp_path / name).mkdir()
        nifti(LABEL)(tmp_path / name / "a.nii")
    (tmp_path / "out").write_text("mine")
    with refused("output: expected a folder for the results, but", "out is a file", unchanged=tmp_path):
        fuse([str(tmp_path / "AR"), str(tmp_path / "HS")], str(tmp_path / "out"))


@pytest.mark.hostile("package")
@pytest.mark.parametrize(
    ("bundle", "message"),
    [("t-loss", "did you mean 't_loss'"), ("", "expected all or one of"), ("../tests", "expected all")],
)
def test_bundles_that_there_are_not(bundle: str, message: str, refused: Callable, tmp_path: Path) -> None:
    with refused(message, unchanged=tmp_path):
        package(bundle, output=str(tmp_path / "dist"), train=False)


@pytest.mark.hostile("package")
def test_packages_cannot_go_into_a_file(refused: Callable, tmp_path: Path) -> None:
    (tmp_path / "dist").write_text("mine")
    with refused("output: expected a folder for the results, but", "dist is a file", unchanged=tmp_path):
        package("t_loss", output=str(tmp_path / "dist"))  # before weights are trained


@pytest.mark.hostile("demo")
def test_runs_cannot_go_into_a_file(refused: Callable, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("mine")
    for run in (demo, lambda bundle, output: folds(bundle, str(tmp_path), output)):
        with refused("output: expected a folder for the results, but", "runs is a file", unchanged=tmp_path):
            run("t_loss", output=str(tmp_path / "runs"))


@pytest.mark.hostile("package")
def test_a_list_of_models_that_is_none(refused: Callable, tmp_path: Path) -> None:
    (tmp_path / "model_info.json").write_text("[1, 2")
    with refused("model_info.json", "is no JSON dictionary", unchanged=tmp_path):
        package("t_loss", output=str(tmp_path), train=False)


@pytest.mark.hostile("demo")
def test_a_demo_that_there_is_not(refused: Callable, tmp_path: Path) -> None:
    with refused("did you mean 't_loss'", unchanged=tmp_path):
        demo("t_los", output=str(tmp_path))


@pytest.mark.hostile("report")
def test_reports_of_runs_that_there_are_not(refused: Callable, tmp_path: Path) -> None:
    with refused("is no folder: expected the folder of a training run", unchanged=tmp_path):
        memorisation(str(tmp_path / "run"), output=str(tmp_path / "a.png"))
    (tmp_path / "run").mkdir()
    with refused("two runs are called 'run'"):
        labeled_runs([str(tmp_path / "run"), str(tmp_path / "run")])
    with refused("memorisation.csv", unchanged=tmp_path):
        memorisation(str(tmp_path / "run"), output=str(tmp_path / "a.png"))


@pytest.mark.hostile("download")
@pytest.mark.parametrize("name", ["../outside.txt", "bundle/../../outside.txt", "/tmp/outside-of-the-bundle.txt"])
def test_a_zip_that_climbs_out_of_its_folder(name: str, tmp_path: Path) -> None:
    """What `monai.bundle download` unpacks with refuses it before that file is written."""
    archive = tmp_path / "bundle_v0.1.0.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(name, "climbed")
    with pytest.raises(ValueError, match="Unsafe path"):
        extractall(archive, tmp_path / "bundles", has_base=True)
    assert not list(tmp_path.rglob("outside*")) and not Path("/tmp/outside-of-the-bundle.txt").exists()


@pytest.mark.hostile("bwcr")
def test_a_missing_extra_is_named(
    data_sets: Callable, run_tiny: Callable, refused: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    correction = {"kind": "percentiles", "lower": 2, "upper": 98, "bias_field": "n4"}
    with refused("needs SimpleITK, which is not installed: pip install", unchanged=tmp_path):
        run_tiny("bwcr", "training", ["train"], data_sets("bwcr"), tmp_path, normalization=correction)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"suspicious": 5}, "suspicious: expected a probability above 0 and up to 1, got 5"),
        ({"class_names": 3}, "class_names: expected a list of names, got 3"),
        ({"class_values": 255}, "class_values: expected values by name, or a list of values, got 255"),
        ({}, "got 1 of 32 that are NaN"),
    ],
)
def test_arguments_of_audit(options: dict[str, Any], message: str, refused: Callable, tmp_path: Path) -> None:
    for folder in ("labels", "maps"):
        (tmp_path / folder).mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "labels/a.png")
    maps = np.full((2, 4, 4), 0.5)
    maps[0, 0, 0] = np.nan
    np.save(tmp_path / "maps/a.npy", maps)
    with refused(message):
        audit(str(tmp_path / "labels"), str(tmp_path / "maps"), str(tmp_path / "audit"), **options)
