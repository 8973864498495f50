"""Boundary-weighted consistency: probabilities that can be believed, and files of a trained bundle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from bundle_runs import BUNDLES, run_bundle
from conftest import TINY
from monai.bundle import ConfigParser
from PIL import Image

from common.errors import find_input_error
from common.io.files import read_csv
from common.losses import CrossEntropyLoss
from common.methods import PrepareViews, ViewLoss
from common.metrics import thresholded_adaptive_calibration_error
from common.networks import UNet
from common.transforms import RandomView, boundary_weight


def discs(count: int, seed: int, size: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    """Discs with a soft edge in noise, drawn by a hand that misses the radius by 1.5 pixels."""
    generator = torch.Generator().manual_seed(seed)
    axis = torch.arange(size) - (size - 1) / 2
    center = 6 * torch.rand(count, 2, 1, 1, generator=generator) - 3
    radius = 7 + 2 * torch.rand(count, 1, 1, generator=generator)
    distance = torch.hypot(axis[:, None] - center[:, 0], axis - center[:, 1])
    image = torch.sigmoid(radius - distance) + 0.2 * torch.randn(count, size, size, generator=generator)
    drawn = radius + 1.5 * torch.randn(count, 1, 1, generator=generator)
    return image[:, None], (distance < drawn).float()[:, None]


def calibration_and_accuracy(views: int, seed: int) -> tuple[float, float]:
    """TACE and accuracy on new discs after training on six."""
    image, label = discs(6, seed)
    weight = torch.stack([boundary_weight(one, radius=5) for one in label[:, 0]])[:, None]
    torch.manual_seed(seed)
    network = UNet(2, 1, 2, (8, 16))
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    prepare = PrepareViews(RandomView(), views).set_random_state(seed)
    loss = ViewLoss(CrossEntropyLoss(softmax=True, to_onehot_y=True, reduction="none"))
    for _ in range(150):
        batch, target = prepare({"image": image, "label": label, "label_weight": weight})
        optimizer.zero_grad()
        loss(network(batch), target).backward()
        optimizer.step()
    image, label = discs(40, 999)
    with torch.no_grad():
        probabilities = network(image).softmax(1)
    error = thresholded_adaptive_calibration_error(probabilities, label)[:, 1].mean()
    return float(error), float(((probabilities[:, 1] > 0.5) == label[:, 0].bool()).float().mean())


def test_the_claim() -> None:
    """Table 2: two views held together are better calibrated than one, and as accurate."""
    one, two = (torch.tensor([calibration_and_accuracy(views, seed) for seed in (0, 1)]).mean(0) for views in (1, 2))
    assert two[0] < 0.85 * one[0]
    assert two[1] > one[1] - 0.01


def bundle_run(verb: str, configs: list[str], folder: Path, tiny: dict[str, Any], **overrides: Any) -> None:
    run_bundle("bwcr", verb, configs, **{"bundle_root": str(folder), **tiny, **overrides})


@pytest.fixture(scope="module")
def small() -> dict[str, Any]:
    return TINY["bwcr"]["train"]


@pytest.fixture(scope="module")
def trained(small: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bwcr")
    bundle_run("training", ["train"], folder, small)
    return folder


def test_training_logs_both_terms(trained: Path) -> None:
    (row,) = read_csv(trained / "output/metrics.csv")
    parts = float(row["train_supervised"]) + float(row["train_consistency"])
    assert float(row["loss"]) == pytest.approx(parts, rel=1e-4) and float(row["train_consistency"]) > 0


def test_model_is_the_average(trained: Path) -> None:
    state = torch.load(trained / "models/checkpoint.pt", weights_only=True)["objects"]
    model = torch.load(trained / "models/model.pt", weights_only=True)
    assert all(torch.equal(model[name], tensor) for name, tensor in state["network"].items())
    assert any(not torch.equal(model[name], tensor) for name, tensor in state["trained_network"].items())


def test_evaluation_and_temperature(trained: Path, small: dict[str, Any]) -> None:
    """Means of the table are the engine's metrics; a fitted temperature changes calibration and no mask."""
    bundle_run("calibrating", ["train", "calibrate"], trained, small)
    temperature = json.loads((trained / "models/temperature.json").read_text())["temperature"]
    found = {}
    for value in (1.0, "fitted"):
        bundle_run("evaluating", ["train", "evaluate"], trained, small, temperature=value)
        found[value] = read_csv(trained / "output/evaluation/summary.csv")
    means = dict(line.split(",") for line in (trained / "output/evaluation/metrics.csv").read_text().splitlines())
    for metric, column in (("val_ece_foreground", "ece_foreground"), ("val_tace", "tace")):
        expected = sum(float(row[column]) for row in found["fitted"]) / len(found["fitted"])
        assert float(means[metric]) == pytest.approx(expected, abs=1e-4)
    assert temperature != 1
    assert [row["dice"] for row in found[1.0]] == [row["dice"] for row in found["fitted"]]
    assert [row["ece_all"] for row in found[1.0]] != [row["ece_all"] for row in found["fitted"]]
    assert len({row["subject"] for row in found[1.0]}) == 1 and len(found[1.0]) == 2  # both frames of the test subject
    assert {row["class"] for row in read_csv(trained / "output/evaluation/reliability.csv")} >= {
        "background",
        "myocardium",
    }


@pytest.mark.parametrize("method", ["baseline", "da", "cr", "svls", "mls"])
def test_every_row_of_table_2_trains(method: str, small: dict[str, Any], tmp_path: Path) -> None:
    bundle_run("training", ["train"], tmp_path, small, method=method)
    (row,) = read_csv(tmp_path / "output/metrics.csv")
    assert (float(row["train_consistency"]) > 0) == (method == "cr")


def test_the_network_of_the_authors_code_is_kept_in_the_plan(small: dict[str, Any], tmp_path: Path) -> None:
    """What follows a training finds it there, and another one is refused."""
    bundle_run("training", ["train"], tmp_path, small)
    assert any("running_mean" in name for name in torch.load(tmp_path / "models/model.pt", weights_only=True))
    bundle_run("evaluating", ["train", "evaluate"], tmp_path, small)
    bundle_run("inferring", ["inference"], tmp_path, {}, dataset_dir=str(tmp_path / "phantom/new"))
    assert list((tmp_path / "output/inference").glob("*_mask.nii.gz"))
    with pytest.raises(RuntimeError) as caught:
        bundle_run("evaluating", ["train", "evaluate"], tmp_path, small, architecture="unet")
    error = find_input_error(caught.value)
    assert "architecture: the network was trained with bilinear_unet, got unet" in str(error)


@pytest.fixture(scope="module")
def hippocampi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six volumes of 16 × 20 × 12 voxels of 1 mm with a ball in two halves."""
    root = tmp_path_factory.mktemp("hippocampi")
    rows, columns, slices = np.indices((16, 20, 12))
    for case in range(6):
        ball = (rows - 8) ** 2 + (columns - 9 - case % 3) ** 2 + (slices - 6) ** 2 < 20
        label = (ball * np.where(slices < 6, 1, 2)).astype(np.uint8)
        image = np.random.default_rng(case).normal(100, 10, label.shape) + 60 * label
        for folder, array in (("imagesTr", image.astype(np.float32)), ("labelsTr", label)):
            (root / folder).mkdir(exist_ok=True)
            nib.save(nib.Nifti1Image(array, np.eye(4)), root / folder / f"hippocampus_{case:03d}.nii.gz")
    return root


@pytest.fixture(scope="module")
def volumes(hippocampi: Path) -> dict[str, Any]:
    """Overrides by which a 3-D network is trained on small blocks of them."""
    counts = {"training": 3, "validation": 1, "test": 2}
    sizes = {"spatial_dims": 3, "patch_size": [16, 16, 8], "features": [4, 8], "radius": 3.0}
    return {
        **sizes,
        "dataset_dir": str(hippocampi),
        "counts": counts,
        "batch_size": 2,
        "max_epochs": 1,
        "iterations_per_epoch": 2,
    }


@pytest.mark.parametrize("method", ["bwcr", "svls"])
def test_volumes(method: str, hippocampi: Path, volumes: dict[str, Any], tmp_path: Path) -> None:
    """A 3-D network is trained on blocks, measured and used on whole volumes."""
    bundle_run("training", ["train"], tmp_path, volumes, method=method)
    (row,) = read_csv(tmp_path / "output/metrics.csv")
    assert (float(row["train_consistency"]) > 0) == (method == "bwcr")
    bundle_run("evaluating", ["train", "evaluate"], tmp_path, volumes, method=method)
    rows = read_csv(tmp_path / "output/evaluation/summary.csv")
    assert len(rows) == 2 and all(0 <= float(row["ece_band"]) <= 1 for row in rows)
    image = hippocampi / "imagesTr/hippocampus_004.nii.gz"
    bundle_run("inferring", ["inference"], tmp_path, {}, dataset_dir=str(image))
    found = nib.load(tmp_path / "output/inference/hippocampus_004_probabilities.nii.gz")
    assert found.shape == (16, 20, 12, 3)
    np.testing.assert_allclose(np.asarray(found.dataobj).sum(-1), 1, atol=1e-5)


def train_dataset(overrides: dict[str, Any], folder: Path) -> Any:
    parser = ConfigParser()
    parser.read_config(str(BUNDLES / "bwcr/configs/train.yaml"))
    parser.update({"bundle_root": str(folder), **overrides})
    return parser.get_parsed_content("train#dataset")


def test_blocks_keep_image_label_and_weight_together(volumes: dict[str, Any], tmp_path: Path) -> None:
    """Weights are those of surfaces in the whole volume, and a block is cut from all three at one place."""
    samples = train_dataset(volumes | {"patch_size": [8, 8, 8]}, tmp_path)
    case = samples.cases[0]
    weight = boundary_weight(case["label"][0].long(), radius=3.0)  # across slices, too
    torch.testing.assert_close(case["label_weight"][0], weight)
    within = boundary_weight(case["label"][0].long(), radius=3.0, slice_axis=2)
    assert not torch.allclose(case["label_weight"][0], within)
    blocks = [samples[0] for _ in range(3)]
    for block in blocks:
        assert {block[key].shape for key in ("image", "label", "label_weight")} == {(1, 8, 8, 8)}
        windows = [case[key][0].unfold(0, 8, 1).unfold(1, 8, 1).unfold(2, 8, 1) for key in ("image", "label_weight")]
        same = [
            (window == block[key]).flatten(3).all(3)
            for window, key in zip(windows, ("image", "label_weight"), strict=True)
        ]
        assert int(same[0].sum()) == 1 and bool(same[1][same[0]].all())
    assert not all(torch.equal(blocks[0]["image"], block["image"]) for block in blocks[1:])


def test_pixels_that_nobody_labeled(tmp_path: Path) -> None:
    """They are no boundary of a class, teach nothing and are not measured, in pictures too."""
    generator = np.random.default_rng(0)
    for case in range(6):
        label = np.zeros((24, 24), np.uint8)
        label[8:16, 6 + case : 14 + case] = 1
        image = generator.normal(80, 10, label.shape) + 80 * label
        label[:, 20:] = 9
        for folder, array in (("images", image.clip(0, 255).astype(np.uint8)), ("labels", label)):
            (tmp_path / "data" / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(tmp_path / "data" / folder / f"case{case}.png")
    small = {
        "dataset_dir": str(tmp_path / "data"),
        "counts": [4, 1, 1],
        "ignore_value": 9,
        "class_values": {"object": 1},
        "features": [4, 8],
        "batch_size": 2,
        "max_epochs": 1,
        "iterations_per_epoch": 2,
    }
    case = train_dataset(small, tmp_path).cases[0]
    assert case["label"].unique().tolist() == [-1, 0, 1]
    column = case["label"][0, :, 0].tolist().index(-1)  # pictures lie (columns, rows)
    assert case["label_weight"][0, column - 1, 0] == pytest.approx(0.01), "the border of what was labeled is none"
    bundle_run("training", ["train"], tmp_path, small)
    bundle_run("calibrating", ["train", "calibrate"], tmp_path, small)
    bundle_run("evaluating", ["train", "evaluate"], tmp_path, small, temperature="fitted")
    (background, *_) = rows = read_csv(tmp_path / "output/evaluation/reliability.csv")
    assert {row["class"] for row in rows} == {"background", "object"}
    counted = sum(int(row["count"]) for row in rows if row["class"] == background["class"])
    assert 0 < counted < 24 * 24 and counted % 24 == 0


def test_a_mistyped_method_is_one_sentence(small: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(Exception) as raised:
        bundle_run("training", ["train"], tmp_path, small, method="bwrc")
    assert "did you mean 'bwcr'" in str(find_input_error(raised.value))
