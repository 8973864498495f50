"""The soft-label bundle on images with several raters, real or simulated: overlays raters.yaml and hippocampus.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from bundle_runs import BUNDLES, run_bundle
from monai.bundle import ConfigParser
from PIL import Image

from common.files import read_csv

RATERS = ("AR", "HS", "SG")
SIZES = {"features": [4, 8], "max_epochs": 1, "iterations_per_epoch": 2, "batch_size": 2, "seed": 0}


def disc(radius: float, shape: tuple[int, int] = (24, 32), centre: tuple[float, float] = (10, 14)) -> np.ndarray:
    rows, columns = np.indices(shape)
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten pictures of 24 × 32 pixels of a disc that HS draws smaller; SG has labelled every second one."""
    root = tmp_path_factory.mktemp("pictures")
    for name in ("images", *RATERS):
        (root / name).mkdir()
    random = np.random.default_rng(0)
    for case in range(10):
        image = 60 + 120 * disc(7) + random.normal(0, 5, (24, 32))
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(root / f"images/{case}.png")
        for name, radius in zip(RATERS, (7, 5, 6), strict=True):
            if name != "SG" or case % 2 == 0:
                Image.fromarray(255 * disc(radius).astype(np.uint8)).save(root / f"{name}/{case}.png")
    return root


@pytest.fixture(scope="module")
def hippocampus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight volumes of 20 × 24 × 4 voxels, the disc's halves 1 and 2."""
    root = tmp_path_factory.mktemp("hippocampus")
    for name in ("imagesTr", "labelsTr"):
        (root / name).mkdir()
    label = disc(6, (20, 24))[..., None].astype(np.uint8) * np.ones(4, np.uint8)
    label[10:] *= 2
    for case in range(8):
        image = np.random.default_rng(case).normal(100, 5, label.shape) + 50 * (label > 0)
        for name, volume in (("imagesTr", image.astype(np.float32)), ("labelsTr", label)):
            nib.save(nib.Nifti1Image(volume, np.eye(4)), root / name / f"hippocampus_{case:03d}.nii.gz")
    return root


def settings(overlay: str, data: Path, **overrides: Any) -> ConfigParser:
    parser = ConfigParser()
    configs = BUNDLES / "soft_label_apl/configs"
    parser.read_config([str(configs / f"{name}.yaml") for name in ("train", "unet", overlay)])
    for key, value in {"dataset_dir": str(data), "image_size": [24, 32], **overrides}.items():
        parser[key] = value
    return parser


@pytest.mark.parametrize(
    ("fusion", "expected"), [("mean", {0, 1 / 3, 2 / 3, 1}), ("majority", {0, 1}), ("staple", None)]
)
def test_the_soft_label_is_the_share_of_who_rated(pictures: Path, fusion: str, expected: set[float] | None) -> None:
    parser = settings("raters", pictures, fusion=fusion)
    parser["image_size"] = [32, 24]  # a picture is (width, height): nothing is resampled
    item = parser.get_parsed_content("train#preprocessing")(
        {
            "image": str(pictures / "images/2.png"),
            "annotators": {name: str(pictures / name / "2.png") for name in RATERS},
            "case": "2",
        }
    )
    label = item["label"]
    assert item["image"].shape == label.shape == (1, 32, 24, 1)
    assert label.min() >= 0 and label.max() == pytest.approx(1, abs=1e-3)
    if expected is not None:
        assert sorted(label.unique().tolist()) == pytest.approx(sorted(expected))
    if fusion == "mean":
        shares = sum(disc(radius).astype(float) for radius in (7, 5, 6)) / 3
        np.testing.assert_allclose(label[0, ..., 0].T, shares, atol=1e-6)


def test_two_raters_share_halves(pictures: Path) -> None:
    parser = settings("raters", pictures, image_size=[32, 24])
    label = parser.get_parsed_content("train#preprocessing")(
        {
            "image": str(pictures / "images/1.png"),
            "annotators": {name: str(pictures / name / "1.png") for name in RATERS[:2]},
            "case": "1",
        }
    )["label"]
    assert sorted(label.unique().tolist()) == pytest.approx([0, 0.5, 1])


@pytest.mark.parametrize("network", ["unet", "mask_rcnn"])
def test_training_and_evaluation_against_each_rater(pictures: Path, tmp_path: Path, network: str) -> None:
    overlays = ["unet", "raters"] if network == "unet" else ["raters"]
    sizes = SIZES | ({} if network == "unet" else {"features": [4, 8, 8, 8]})
    places = {"dataset_dir": str(pictures), "image_size": [32, 32], "ckpt_dir": str(tmp_path)}
    run_bundle("soft_label_apl", "training", ["train", *overlays], output_dir=str(tmp_path), **places, **sizes)
    for reference in (None, "HS"):
        folder = tmp_path / str(reference)
        values = {**places, **sizes, "output_dir": str(folder), "reference": reference}
        run_bundle("soft_label_apl", "evaluating", ["train", *overlays, "evaluate"], **values)
        rows = read_csv(folder / "evaluation/summary.csv")
        assert len(rows) == 2 and all(0 <= float(row["dice"]) <= 1 for row in rows)
        assert not (folder / "evaluation/examples.png").exists(), "the steps of regions are none of raters' masks"


def test_simulated_readers_miss_a_half(hippocampus: Path) -> None:
    parser = settings("hippocampus", hippocampus, image_size=[20, 24])
    items = parser.get_parsed_content("datalist")(section="training")
    labels = [parser.get_parsed_content("train#preprocessing")(item)["label"] for item in items]
    truths = [parser.get_parsed_content("validate#preprocessing")(item)["label"] for item in items]
    for label, truth in zip(labels, truths, strict=True):
        assert label.shape == (1, 20, 24, 1) and (label <= truth).all()
    marked = sum(float(label.sum()) for label in labels) / sum(float(truth.sum()) for truth in truths)
    assert 0.3 < marked < 0.6
    assert {round(3 * value) for label in labels for value in label.unique().tolist()} >= {0, 1, 2}
    majority = settings("hippocampus", hippocampus, image_size=[20, 24], fusion="majority")
    hard = majority.get_parsed_content("train#preprocessing")(items[0])["label"]
    np.testing.assert_array_equal(hard, (labels[0] > 0.5).float())
