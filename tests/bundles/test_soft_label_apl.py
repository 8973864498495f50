"""Soft labels of annotators' regions: both networks train by every loss of Table I, and files of a trained bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
import pytest
import torch
from bundle_runs import BUNDLES, run_bundle
from conftest import TINY
from monai.bundle import ConfigParser

from common.datasets import Plan
from common.errors import find_input_error
from common.io.files import read_csv
from common.phantoms import write_knee_phantom

SMALL = TINY["soft_label_apl"]["train"]
OVERLAYS: dict[str, list[str]] = {"mask_rcnn": [], "unet": ["unet"], "unet_3d": ["unet"]}
DIMENSIONS: dict[str, dict[str, Any]] = {"unet_3d": {"spatial_dims": 3, "patch_size": [16, 24, 4], "features": [4, 8]}}
TABLE_1 = ["box_ap50", "box_ap75", "mask_ap50", "mask_ap75", "iou", "precision", "recall", "dice"]


class Trained(NamedTuple):
    folder: Path
    overlay: list[str]
    dimensions: dict[str, Any]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_knee_phantom(tmp_path_factory.mktemp("knee") / "phantom", num_cases=4, size=48, num_slices=3)


def bundle_run(verb: str, configs: list[str], folder: Path, dataset: str, **overrides: Any) -> None:
    """The phantom is written once for all tests. An evaluation has the network's sizes from the plan."""
    left = ("dataset_dir", *(("pyramid_channels", "hidden") if verb == "evaluating" else ()))
    sizes = {key: value for key, value in SMALL.items() if not key.startswith(left)}
    places = {"bundle_root": str(folder), "dataset_dir": dataset}
    run_bundle("soft_label_apl", verb, configs, **{**places, **sizes, **overrides})


def infer(trained: Trained, image: Path | str, phantom: str, **overrides: Any) -> Path:
    """The folder of what is written. Weights of two steps are sure of nothing: every detection counts."""
    sizes = {key: value for key, value in TINY["soft_label_apl"]["inference"].items() if not key.startswith("phantom")}
    places = {"bundle_root": str(trained.folder), "dataset_dir": str(image), "phantom": phantom}
    settings = {**places, **sizes, "map_threshold": 0.0, **overrides}
    run_bundle("soft_label_apl", "inferring", ["inference", *trained.overlay], **settings)
    return trained.folder / "output/inference"


@pytest.fixture(scope="module", params=list(OVERLAYS))
def trained(request: pytest.FixtureRequest, dataset: str, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Each network in turn."""
    folder, overlay = tmp_path_factory.mktemp(request.param), OVERLAYS[request.param]
    dimensions = DIMENSIONS.get(request.param, {})
    bundle_run("training", ["train", *overlay], folder, dataset, **dimensions)
    return Trained(folder, overlay, dimensions)


@pytest.mark.parametrize("row", ["bce", "soft_bce", "apl_binary_2_0_1"])
def test_rows_of_table_1_are_one_override(row: str, trained: Trained, dataset: str, tmp_path: Path) -> None:
    bundle_run("training", ["train", *trained.overlay], tmp_path, dataset, loss_name=row, **trained.dimensions)
    (own,), (default,) = (read_csv(folder / "output/metrics.csv") for folder in (tmp_path, trained.folder))
    assert own.keys() >= {f"val_{name}" for name in TABLE_1}
    name = "loss" if trained.overlay else "loss_mask"  # proposals, classes and boxes have losses of their own
    assert np.isfinite(float(own[name])) and own[name] != default[name]


def test_evaluation(trained: Trained, dataset: str) -> None:
    """The tables agree: with one test volume, all slices together are those of the volume."""
    configs = ["train", *trained.overlay, "evaluate"]
    bundle_run("evaluating", configs, trained.folder, dataset, map_threshold=0.0, **trained.dimensions)
    evaluation = trained.folder / "output/evaluation"
    (row,) = read_csv(evaluation / "summary.csv")
    metrics = dict(line.split(",") for line in (evaluation / "metrics.csv").read_text().splitlines())
    for name in TABLE_1:
        assert float(metrics[f"val_{name}"]) == pytest.approx(float(row[name] or "nan"), abs=1e-5, nan_ok=True)
    assert (evaluation / "examples.png").is_file()


def test_inference_in_the_geometry_of_the_input(trained: Trained, dataset: str) -> None:
    """An orientation other than the training's: maps, rows and scores are of the same voxels."""
    image = Path(dataset) / "new/NEW_0002.nii.gz"
    assert nib.aff2axcodes(nib.load(image).affine) != ("I", "P", "L")
    output = infer(trained, image, dataset, threshold=0.4)
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
        if trained.overlay:
            assert float(found["score"]) == pytest.approx(probabilities[where][:, structure].mean(), abs=1e-5)
        else:  # of the best detection in it, which after two steps is not as sure as its mask
            assert 0 < float(found["score"]) < probabilities[where][:, structure].mean()
        slices = np.nonzero(where)[axis]
        assert [int(found["first_slice"]), int(found["last_slice"])] == [slices.min(), slices.max()]


def test_plan_and_patches(dataset: str) -> None:
    """A 3-D network sees random patches, label and image of the same place; slices have their neighbors beside them."""
    places = {"dataset_dir": dataset, "ckpt_dir": "none", "orientation": "IPL"}
    parser = ConfigParser()
    parser.read_config([str(BUNDLES / f"soft_label_apl/configs/{name}.yaml") for name in ("train", "unet")])
    parser.update(places | {"patch_size": [16, 24, 2], "spatial_dims": 3})
    samples = parser.get_parsed_content("train#dataset")
    assert len(samples) == len(samples.cases)
    for item in samples.cases:
        assert item["image"].shape == (1, 48, 48, 3) and item["label"].shape == (2, 48, 48, 3)
    assert samples[0]["image"].shape == (1, 16, 24, 2) and samples[0]["label"].shape == (2, 16, 24, 2)
    parser = ConfigParser()
    parser.read_config(str(BUNDLES / "soft_label_apl/configs/train.yaml"))
    parser.update(places | {"neighbors": 2})
    slices = parser.get_parsed_content("train#dataset")
    first, last = slices[0]["image"], slices[2]["image"]
    assert (
        len(slices) == 3 * len(slices.cases) and first.shape == (5, 48, 48) and slices[0]["label"].shape == (2, 48, 48)
    )
    assert torch.equal(first[0], first[2]) and torch.equal(first[4], last[2]), "beyond the border a slice is repeated"


def test_a_mask_rcnn_of_volumes_is_refused(dataset: str, tmp_path: Path) -> None:
    with pytest.raises(Exception) as raised:
        bundle_run("training", ["train"], tmp_path, dataset, spatial_dims=3)
    assert "a Mask R-CNN has 2 and takes volumes slice by slice" in str(find_input_error(raised.value))


def test_prepared_files_train_as_regions_do(dataset: str, tmp_path: Path) -> None:
    """Soft labels that `preparing` wrote are those that training makes in memory."""
    files, regions = tmp_path / "files", tmp_path / "regions"
    bundle_run("preparing", ["train"], files, dataset)
    label = nib.load(next((Path(dataset) / "soft_labels").glob("*.nii.gz"))).get_fdata()
    assert label.shape == (48, 48, 3, 2) and len(np.unique(label)) > 2
    assert label.min() == 0 and label.max() == 1
    bundle_run("training", ["train", "unet"], files, dataset, soft_labels="soft_labels")
    bundle_run("training", ["train", "unet"], regions, dataset)
    (from_files,), (from_regions,) = (read_csv(folder / "output/metrics.csv") for folder in (files, regions))
    assert from_files.keys() == from_regions.keys()
    for name, value in from_files.items():
        assert float(value) == pytest.approx(float(from_regions[name]), rel=1e-4, nan_ok=True)


def test_a_mistyped_loss_is_one_sentence(dataset: str, tmp_path: Path) -> None:
    with pytest.raises(Exception) as raised:
        bundle_run("training", ["train"], tmp_path, dataset, loss_name="apl_soft_1_1")
    assert "expected one of bce, apl_binary_1_0_1" in str(find_input_error(raised.value))


def write_miniature_oai(folder: Path) -> str:
    """The layout of docs/README.md with what the phantom lacks: two scans of a subject, a scan that nobody rated, one
    without a ground truth, planes that are not square, float images, unsigned labels."""
    generator, rows = np.random.default_rng(0), ["case,reader,slice,structure,row0,column0,row1,column1"]
    affine = np.array([[0, 0, 3.0, 0], [0, -0.36, 0, 0], [-0.36, 0, 0, 0], [0, 0, 0, 1]])  # sagittal
    cases = [f"{subject}_V{visit:02}" for subject in (9000099, 9000296, 9000622, 9000798) for visit in (0, 24)]
    for case in cases:
        image, bones, truth = generator.normal(300, 20, (88, 96, 4)), np.zeros((88, 96, 4)), np.zeros((88, 96, 4))
        bones[4:40, 10:80], bones[50:84, 10:80] = 1, 2
        truth[10:22, 20:40, 1:3] = truth[60:70, 40:64, 1:3] = 1
        image[truth > 0] += 400
        truth *= bones
        arrays = {"images": image.astype(np.float32), "bones": bones.astype(np.uint8), "truth": truth.astype(np.uint8)}
        for name, array in arrays.items():
            (folder / name).mkdir(parents=True, exist_ok=True)
            if (name, case) != ("truth", cases[0]):
                nib.save(nib.Nifti1Image(array, affine), folder / name / f"{case}.nii.gz")
        if case != cases[1]:
            rows += [f"{case},{reader},1,femur,8,16,24,44" for reader in ("A", "B")]
            rows += [f"{case},A,2,tibia,56,36,72,64"]
    (folder / "regions.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return str(folder)


@pytest.mark.parametrize("network", ["mask_rcnn", "unet"])
def test_knee_mri_of_the_osteoarthritis_initiative(network: str, tmp_path: Path) -> None:
    """`oai.yaml` on a miniature of its layout: a split by numbers of subjects, and a crop at the scanned spacing."""
    dataset = write_miniature_oai(tmp_path / "oai")
    overlay = OVERLAYS[network] or ["resnet50"]
    sizes: dict[str, Any] = {"features": [4, 4, 4, 4]}
    small = {} if network == "unet" else {"pyramid_channels": 4, "hidden": 8, "proposals": 20, "mask_cells": 7}
    short = {"max_epochs": 1, "iterations_per_epoch": 2, "batch_size": 4, "num_workers": 0, "counts": [2, 1, 1]}
    places = {"bundle_root": str(tmp_path), "dataset_dir": dataset}
    crop = {"patch_size": [64, 64]}
    run_bundle("soft_label_apl", "training", ["train", *overlay, "oai"], **places, **sizes, **small, **short, **crop)
    plan = Plan.from_json((tmp_path / "models/plan.json").read_text())
    assert (plan.orientation, plan.spacing, plan.crop) == ("IPL", (0.357, 0.357, -1.0), "center")
    (row,) = read_csv(tmp_path / "output/metrics.csv")
    assert np.isfinite(float(row["loss"])) and set(row) >= {f"val_{name}" for name in TABLE_1}
    places["dataset_dir"] = str(Path(dataset) / "images/9000099_V00.nii.gz")
    run_bundle("soft_label_apl", "inferring", ["inference", *overlay], **places, **small)
    (found,) = read_csv(tmp_path / "output/inference/summary.csv")
    assert found["case"] == "9000099_V00"
    mask = nib.load(tmp_path / "output/inference/9000099_V00_mask.nii.gz")
    assert mask.shape == (88, 96, 4) and mask.header.get_zooms() == pytest.approx((0.36, 0.36, 3.0))
