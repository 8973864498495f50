"""Soft labels of readers' regions: every loss of Table I trains, and files of a trained bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from bundle_runs import run_bundle
from conftest import TINY

from common.data import write_knee_phantom
from common.errors import find_input_error
from common.files import read_csv

SMALL = TINY["soft_label_apl"]["train"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_knee_phantom(tmp_path_factory.mktemp("knee") / "phantom", num_cases=4, size=48, num_slices=3)


def bundle_run(verb: str, configs: list[str], folder: Path, dataset: str, **overrides: Any) -> None:
    """The phantom is written once for all tests."""
    sizes = {key: value for key, value in SMALL.items() if not key.startswith("dataset_dir")}
    places = {"bundle_root": str(folder), "dataset_dir": dataset}
    run_bundle("soft_label_apl", verb, configs, **{**places, **sizes, **overrides})


@pytest.fixture(scope="module")
def trained(dataset: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("soft_label_apl")
    bundle_run("training", ["train"], folder, dataset)
    return folder


def test_prepared_files_train_as_regions_do(trained: Path, dataset: str, tmp_path: Path) -> None:
    """Soft labels that `preparing` wrote are those that training makes in memory."""
    bundle_run("preparing", ["train"], tmp_path, dataset)
    label = nib.load(next((Path(dataset) / "soft_labels").glob("*.nii.gz"))).get_fdata()
    assert label.shape == (48, 48, 3, 2) and len(np.unique(label)) > 2
    assert label.min() == 0 and label.max() == 1
    bundle_run("training", ["train"], tmp_path, dataset, soft_labels="soft_labels")
    (from_files,), (from_regions,) = (read_csv(folder / "output/metrics.csv") for folder in (tmp_path, trained))
    assert from_files.keys() == from_regions.keys() >= {"val_dice", "val_iou", "val_precision", "val_recall"}
    for name, value in from_files.items():
        assert float(value) == pytest.approx(float(from_regions[name]), rel=1e-4, nan_ok=True)


@pytest.mark.parametrize("row", ["bce", "soft_bce", "apl_binary_2_0_1", "apl_soft_0_1_1"])
def test_rows_of_table_1_are_one_override(row: str, trained: Path, dataset: str, tmp_path: Path) -> None:
    bundle_run("training", ["train"], tmp_path, dataset, loss_name=row)
    (own,), (default,) = (read_csv(folder / "output/metrics.csv") for folder in (tmp_path, trained))
    assert np.isfinite(float(own["loss"])) and own["loss"] != default["loss"]


def test_a_mistyped_loss_is_one_sentence(dataset: str, tmp_path: Path) -> None:
    with pytest.raises(Exception) as raised:
        bundle_run("training", ["train"], tmp_path, dataset, loss_name="apl_soft_1_1")
    assert "expected one of bce, apl_binary_1_0_1" in str(find_input_error(raised.value))


def test_evaluation(trained: Path, dataset: str) -> None:
    """The tables agree: with one test volume, all voxels together are those of the volume."""
    bundle_run("evaluating", ["train", "evaluate"], trained, dataset)
    (row,) = read_csv(trained / "output/evaluation/summary.csv")
    lines = (trained / "output/evaluation/metrics.csv").read_text().splitlines()
    metrics = dict(line.split(",") for line in lines)
    for name in ("dice", "iou", "recall"):
        assert float(metrics[f"val_{name}"]) == pytest.approx(float(row[name]), abs=1e-5)
    assert (trained / "output/evaluation/examples.png").is_file()


def test_inference_in_the_geometry_of_the_input(trained: Path, dataset: str) -> None:
    """An orientation other than the training's: maps, rows and scores are of the same voxels."""
    sizes = {key: value for key, value in TINY["soft_label_apl"]["inference"].items() if not key.startswith("phantom")}
    image = Path(dataset) / "new/NEW_0002.nii.gz"
    assert nib.aff2axcodes(nib.load(image).affine) != ("I", "P", "L")
    places = {"bundle_root": str(trained), "dataset_dir": str(image), "phantom": dataset}
    run_bundle("soft_label_apl", "inferring", ["inference"], **places, **sizes, threshold=0.4)
    output = trained / "output/inference"
    reference = nib.load(image)
    mask, instances, probabilities = (
        nib.load(output / f"NEW_0002_{name}.nii.gz") for name in ("mask", "instances", "probabilities")
    )
    for volume in (mask, instances, probabilities):
        np.testing.assert_array_equal(volume.affine, reference.affine)
        assert volume.shape[:3] == reference.shape
    mask, instances, probabilities = (np.asarray(volume.dataobj) for volume in (mask, instances, probabilities))
    np.testing.assert_array_equal(mask > 0, instances > 0)
    np.testing.assert_array_equal(mask > 0, probabilities[..., 1:].max(-1) > 0.4)
    (row,), rows = read_csv(output / "summary.csv"), read_csv(output / "instances.csv")
    assert int(row["instances"]) == len(rows) == instances.max() > 0
    voxel = float(np.prod(reference.header.get_zooms()))
    assert float(row["volume_mm3"]) == pytest.approx(voxel * (mask > 0).sum(), rel=1e-4)
    axis = nib.aff2axcodes(reference.affine).index("L")
    for number, found in enumerate(rows, start=1):
        where = instances == number
        (structure,) = np.unique(mask[where])
        assert found["structure"] == ("femur", "tibia")[structure - 1] and int(found["instance"]) == number
        assert float(found["score"]) == pytest.approx(probabilities[where][:, structure].mean(), abs=1e-5)
        slices = np.nonzero(where)[axis]
        assert [int(found["first_slice"]), int(found["last_slice"])] == [slices.min(), slices.max()]
