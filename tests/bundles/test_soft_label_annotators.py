"""The soft-label bundle on data of several annotators, of one label, and of simulated annotators, without regions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from bundle_runs import BUNDLES, run_bundle
from monai.bundle import ConfigParser
from PIL import Image

from common.errors import find_input_error
from common.io.files import read_csv

ANNOTATORS = ("AR", "HS", "SG")
SIZES = {"features": [4, 8], "max_epochs": 1, "iterations_per_epoch": 2, "batch_size": 2, "seed": 0}


def disc(radius: float, shape: tuple[int, int] = (24, 32), center: tuple[float, float] = (10, 14)) -> np.ndarray:
    rows, columns = np.indices(shape)
    return (rows - center[0]) ** 2 + (columns - center[1]) ** 2 < radius**2


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten pictures of 24 × 32 pixels of a disc that HS draws smaller; SG has labeled every second one."""
    root = tmp_path_factory.mktemp("pictures")
    for name in ("images", *ANNOTATORS):
        (root / name).mkdir()
    random = np.random.default_rng(0)
    for case in range(10):
        image = 60 + 120 * disc(7) + random.normal(0, 5, (24, 32))
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(root / f"images/{case}.png")
        for name, radius in zip(ANNOTATORS, (7, 5, 6), strict=True):
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


def settings(data: Path, *overlays: str, **overrides: Any) -> ConfigParser:
    """Parsed train.yaml with the U-Net, whose plan is made anew."""
    parser = ConfigParser()
    configs = BUNDLES / "soft_label_apl/configs"
    parser.read_config([str(configs / f"{name}.yaml") for name in ("train", "unet", *overlays)])
    for key, value in {"dataset_dir": str(data), "ckpt_dir": "none", **overrides}.items():
        parser[key] = value
    return parser


def prepared(parser: ConfigParser, case: str, chain: str = "train#preprocessing") -> dict[str, Any]:
    """One case by its name, as training or validation sees it."""
    (item,) = (item for item in parser.get_parsed_content("data").items if item["case"] == case)
    return parser.get_parsed_content(chain)(item)


@pytest.mark.parametrize(
    ("fusion", "expected"), [("mean", {0, 1 / 3, 2 / 3, 1}), ("majority", {0, 1}), ("staple", None)]
)
def test_the_soft_label_is_the_share_of_who_labeled(pictures: Path, fusion: str, expected: set[float] | None) -> None:
    item = prepared(settings(pictures, fusion=fusion), "2")
    label = item["label"]
    assert item["image"].shape == label.shape == (1, 32, 24), "a picture is (width, height): nothing is resampled"
    assert label.min() >= 0 and label.max() == pytest.approx(1, abs=1e-3)
    assert item.keys() >= {"image", "label", "case"} and not item.keys() & {"annotators", "label_confusion"}
    if expected is not None:
        assert sorted(label.unique().tolist()) == pytest.approx(sorted(expected))
    if fusion == "mean":
        shares = sum(disc(radius).astype(float) for radius in (7, 5, 6)) / 3
        np.testing.assert_allclose(label[0].T, shares, atol=1e-6)


def test_who_is_absent_does_not_count(pictures: Path) -> None:
    label = prepared(settings(pictures), "1")["label"]
    assert sorted(label.unique().tolist()) == pytest.approx([0, 0.5, 1])


def test_validation_compares_with_the_majority_or_one_annotator(pictures: Path) -> None:
    majority = prepared(settings(pictures), "2", "validate#preprocessing")["label"]
    one = prepared(settings(pictures, compare_with="HS"), "2", "validate#preprocessing")["label"]
    np.testing.assert_array_equal(majority[0].T, disc(6))
    np.testing.assert_array_equal(one[0].T, disc(5))
    absent = prepared(settings(pictures, compare_with="SG"), "1", "validate#preprocessing")["label"]
    assert (absent == -1).all(), "what this annotator did not label is left out of the scores"
    with pytest.raises(Exception) as raised:
        settings(pictures, compare_with="XY").get_parsed_content("reference")
    assert "compare_with: expected one of AR, HS, SG, got XY" in str(find_input_error(raised.value))


@pytest.mark.parametrize("network", ["unet", "mask_rcnn"])
def test_training_and_evaluation_against_one_annotator(pictures: Path, tmp_path: Path, network: str) -> None:
    overlays = ["unet"] if network == "unet" else []
    sizes = SIZES | ({} if network == "unet" else {"features": [4, 8, 8, 8], "pyramid_channels": 4, "hidden": 8})
    places = {"dataset_dir": str(pictures), "image_size": [32, 32], "ckpt_dir": str(tmp_path)}
    run_bundle("soft_label_apl", "training", ["train", *overlays], output_dir=str(tmp_path), **places, **sizes)
    for name in (None, "HS"):
        folder = tmp_path / str(name)
        values = {**places, **sizes, "output_dir": str(folder), "compare_with": name}
        run_bundle("soft_label_apl", "evaluating", ["train", *overlays, "evaluate"], **values)
        rows = read_csv(folder / "evaluation/summary.csv")
        assert len(rows) == 3 and all(0 <= float(row["dice"]) <= 1 for row in rows)
        assert not (folder / "evaluation/examples.png").exists(), "the steps of regions are not those of outlines"


@pytest.fixture(scope="module")
def trained(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a U-Net's weights."""
    folder = tmp_path_factory.mktemp("trained")
    places = {"dataset_dir": str(pictures), "image_size": [32, 24], "ckpt_dir": str(folder), "output_dir": str(folder)}
    run_bundle("soft_label_apl", "training", ["train", "unet"], **places, **SIZES)
    return folder


def infer(trained: Path, images: Path, output: Path, **overrides: Any) -> dict[str, dict[str, str]]:
    """The rows of summary.csv by case."""
    places = {"ckpt_dir": str(trained), "dataset_dir": str(images), "output_dir": str(output)}
    run_bundle("soft_label_apl", "inferring", ["inference", "unet"], **{"threshold": 0.0, **places, **overrides})
    return {row["case"]: row for row in read_csv(output / "summary.csv")}


def test_inference_prepares_pictures_as_training_does(pictures: Path, trained: Path, tmp_path: Path) -> None:
    """A picture that needs no resampling: what is written is what the network says of a training image."""
    rows = infer(trained, pictures / "images", tmp_path)
    parser = settings(pictures, image_size=[32, 24], features=SIZES["features"], device=torch.device("cpu"))
    network = parser.get_parsed_content("network").eval()
    network.load_state_dict(torch.load(trained / "model.pt", weights_only=True))
    items = parser.get_parsed_content("data").items
    assert len(items) == len(rows) == 10
    for item in items:
        image = parser.get_parsed_content("validate#preprocessing")(item)["image"]
        with torch.no_grad():
            expected = network(image[None]).sigmoid()[0, 0].T.numpy()
        found = np.asarray(Image.open(tmp_path / f"{item['case']}_probability_foreground.png"))
        np.testing.assert_allclose(found / 255, expected, atol=0.5 / 255 + 1e-5)


def test_inference_on_pictures_of_another_size(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    for name, size in (("wide", (50, 20)), ("color", (7, 41))):
        Image.new("RGB" if name == "color" else "L", size, 90).save(tmp_path / f"new/{name}.png")
    rows = infer(trained, tmp_path / "new", tmp_path / "out")
    assert rows.keys() == {"wide", "color"}
    for name, size in (("wide", (50, 20)), ("color", (7, 41))):
        mask, instances = (Image.open(tmp_path / f"out/{name}_{kind}.png") for kind in ("mask", "instances"))
        assert mask.size == instances.size == size
        assert np.asarray(mask).astype(bool).sum() == int(rows[name]["foreground_pixels"]) > 0
        assert "volume_mm3" not in rows[name] and (rows[name]["first_slice"], rows[name]["last_slice"]) == ("0", "0")


def test_inference_on_volumes_in_any_orientation(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    values = np.random.default_rng(0).normal(100, 20, (32, 24, 3)).astype(np.float32)
    values[8:20, 6:15] += 100
    volume = nib.Nifti1Image(values, np.diag([0.5, 0.5, 3, 1]))
    nib.save(volume, tmp_path / "new/a.nii.gz")
    turned = volume.as_reoriented(nib.orientations.axcodes2ornt("SLP"))
    nib.save(turned, tmp_path / "new/b.nii.gz")
    rows = infer(trained, tmp_path / "new", tmp_path / "out", threshold=0.5)
    assert rows["a"] | {"case": "b"} == rows["b"] and int(rows["a"]["foreground_voxels"]) > 0
    found = {name: nib.load(tmp_path / f"out/{name}_mask.nii.gz") for name in "ab"}
    assert found["b"].shape == turned.shape and found["b"].shape != volume.shape
    np.testing.assert_array_equal(found["b"].affine, turned.affine)
    back = nib.as_closest_canonical(found["b"])
    np.testing.assert_array_equal(np.asarray(back.dataobj), np.asarray(found["a"].dataobj))


def test_training_on_volumes_in_any_orientation(tmp_path: Path) -> None:
    """Slices are those of the named orientation, however a file is stored."""
    values = np.random.default_rng(0).normal(100, 20, (24, 20, 4)).astype(np.float32)
    label = (values > 100).astype(np.uint8)
    for name, stored in (("a", "RAS"), ("b", "SLP")):
        for folder, array in (("images", values), *((annotator, label) for annotator in ANNOTATORS)):
            (tmp_path / folder).mkdir(exist_ok=True)
            volume = nib.Nifti1Image(array, np.diag([0.5, 0.5, 3, 1])).as_reoriented(
                nib.orientations.axcodes2ornt(stored)
            )
            nib.save(volume, tmp_path / folder / f"{name}.nii.gz")
    parser = settings(tmp_path, spatial_dims=2, neighbors=0, fractions=[1.0, 0.0, 0.0])
    first, second = (prepared(parser, name) for name in "ab")
    for key in ("image", "label"):
        assert first[key].shape == (1, 24, 20, 4)
        torch.testing.assert_close(first[key], second[key])
    assert torch.equal(first["label"][0], torch.from_numpy(label).float())


def test_one_label_of_two_classes(hippocampus: Path) -> None:
    """Without annotators the targets are the classes of the label, a channel each."""
    label = prepared(settings(hippocampus, spatial_dims=2), "hippocampus_003")["label"]
    expected = np.stack([disc(6, (20, 24))[..., None] * np.ones(4), np.zeros((20, 24, 4))])
    expected[1, 10:], expected[0, 10:] = expected[0, 10:], 0
    np.testing.assert_array_equal(label, expected)


def test_hippocampus_with_simulated_annotators(hippocampus: Path, tmp_path: Path) -> None:
    places = {"dataset_dir": str(hippocampus), "ckpt_dir": str(tmp_path), "output_dir": str(tmp_path)}
    sizes = SIZES | {"patch_size": [24, 32]}
    run_bundle("soft_label_apl", "training", ["train", "unet", "hippocampus"], **places, **sizes)
    places = {"dataset_dir": str(hippocampus / "imagesTr"), "output_dir": str(tmp_path / "out")}
    values = {"ckpt_dir": str(tmp_path), "threshold": 0.0}
    run_bundle("soft_label_apl", "inferring", ["inference", "unet"], **values, **places)
    rows = read_csv(tmp_path / "out/summary.csv")
    assert len(rows) == 8 and all(float(row["volume_mm3_hippocampus"]) == 20 * 24 * 4 for row in rows)
    assert nib.load(tmp_path / "out/hippocampus_003_mask.nii.gz").shape == (20, 24, 4)


def test_simulated_annotators_miss_a_half(hippocampus: Path) -> None:
    parser = settings(hippocampus, "hippocampus", patch_size=[20, 24])
    items = parser.get_parsed_content("data").items
    labels = [parser.get_parsed_content("train#preprocessing")(item)["label"] for item in items]
    truths = [parser.get_parsed_content("validate#preprocessing")(item)["label"] for item in items]
    for label, truth in zip(labels, truths, strict=True):
        assert label.shape == (1, 20, 24, 4) and (label <= truth).all()
    marked = sum(float(label.sum()) for label in labels) / sum(float(truth.sum()) for truth in truths)
    assert 0.3 < marked < 0.6
    assert {round(3 * value) for label in labels for value in label.unique().tolist()} >= {0, 1, 2}
    majority = settings(hippocampus, "hippocampus", patch_size=[20, 24], fusion="majority")
    hard = majority.get_parsed_content("train#preprocessing")(items[0])["label"]
    np.testing.assert_array_equal(hard, (labels[0] > 0.5).float())
