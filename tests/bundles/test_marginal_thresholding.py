"""The marginal thresholding bundle: from data in any layout to a table, and new images of any geometry."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from bundle_runs import run_bundle
from PIL import Image

from common.datasets import Plan
from common.decision import dice_optimal_partition, dice_optimal_threshold
from common.errors import InputError, find_input_error
from common.io.files import read_csv

SIZE = 24  # voxels of 3 mm
FEATURES = [4, 8]


def write_volumes(folder: Path, cases: int) -> Path:
    """A miniature of TotalSegmentator: a bright thin rod (``esophagus``) in noise, and a case without it."""
    rng = np.random.default_rng(0)
    affine = np.diag([-3.0, -3.0, 3.0, 1.0])
    for case in range(cases + 1):
        target = folder / f"s{case:04d}"
        (target / "segmentations").mkdir(parents=True)
        mask = np.zeros((SIZE,) * 3, dtype=np.uint8)
        if case < cases:
            x, y = rng.integers(8, 14, size=2)
            mask[x : x + 4, y : y + 4, 2:-2] = 1
        image = rng.normal(0, 25, mask.shape) + 120 * mask
        nib.save(nib.Nifti1Image(image.astype(np.int16), affine), target / "ct.nii.gz")
        nib.save(nib.Nifti1Image(mask, affine), target / "segmentations/esophagus.nii.gz")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_volumes(tmp_path_factory.mktemp("totalsegmentator"), cases=15)


def bundle_run(verb: str, configs: list[str], folder: Path, **overrides: Any) -> None:
    places = {"output_dir": str(folder), "ckpt_dir": str(folder)}
    run_bundle("marginal_thresholding", verb, configs, **{**places, **overrides})


def train(folder: Path, data: Path, **overrides: Any) -> None:
    small = {"organ": "esophagus", "shift": 1, "num_workers": 0, "batch_size": 2, "learning_rate": 2e-2}
    small |= {"features": FEATURES, "patch_size": [16, 16, 16], "select_by": "train_loss"}
    values = {"dataset_dir": str(data), **small, **overrides}
    bundle_run("training", ["train", "totalsegmentator", "noise"], folder, **values)
    bundle_run("evaluating", ["train", "totalsegmentator", "noise", "evaluate"], folder, **values)


def mean(folder: Path, column: str) -> float:
    return mean_of(read_csv(folder / "evaluation/summary.csv"), column)


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A network of each loss, trained on labels whose borders move by 40 % of the rod's width."""
    folders = {}
    for loss in ("cross_entropy", "soft_dice"):
        folders[loss] = tmp_path_factory.mktemp(loss)
        train(folders[loss], data, loss_name=loss, noise_a=0.1, max_epochs=45, val_interval=45)
    return folders


def test_the_claim(trained: dict[str, Path]) -> None:
    """Table 1: cut at one half cross-entropy loses to soft-Dice, cut where Dice is highest it does not."""
    ce_half, ce_optimal = (mean(trained["cross_entropy"], f"dice_{name}_noisy") for name in ("half", "optimal"))
    sd_half = mean(trained["soft_dice"], "dice_half_noisy")
    assert ce_optimal > ce_half + 0.05
    assert ce_optimal > sd_half - 0.02


def test_evaluation(trained: dict[str, Path]) -> None:
    """A row per case of the tested fold, empty organs left out; the engine's metrics are the means of its columns."""
    for folder in trained.values():
        table = read_csv(folder / "evaluation/summary.csv")
        assert len(table) == 3
        assert len({row["case"] for row in table}) == 3
        assert all(0 < float(row["threshold"]) <= 0.5 for row in table)
        assert all(float(row["expected_dice"]) == pytest.approx(2 * float(row["threshold"]), abs=1e-5) for row in table)
        last = read_csv(folder / "metrics.csv")[-1]
        assert float(last["train_negative_loss"]) == pytest.approx(-float(last["loss"]), rel=1e-4)
        means = dict(line.split(",") for line in (folder / "evaluation/metrics.csv").read_text().splitlines())
        columns = {"val_mean_dice": "optimal_noisy", "val_dice_half": "half_noisy"}
        columns |= {"val_dice_clean": "optimal_clean", "val_dice_half_clean": "half_clean"}
        for metric, column in columns.items():
            assert float(means[metric]) == pytest.approx(mean(folder, f"dice_{column}"), abs=1e-5)


def test_a_fitted_temperature_changes_thresholds_and_expected_dice(
    trained: dict[str, Path], data: Path, tmp_path: Path
) -> None:
    """On the logits' scale: the fit is written beside the weights, and evaluation reads it."""
    folder = shutil.copytree(trained["soft_dice"], tmp_path / "run")
    before = read_csv(folder / "evaluation/summary.csv")
    values = {
        "dataset_dir": str(data),
        "organ": "esophagus",
        "num_workers": 0,
        "noise_a": 0.1,
        "loss_name": "soft_dice",
    }
    values |= {"features": FEATURES, "patch_size": [16, 16, 16]}
    overlays = ["train", "totalsegmentator", "noise"]
    bundle_run("calibrating", [*overlays, "calibrate"], folder, **values)
    temperature = json.loads((folder / "temperature.json").read_text())["temperature"]
    bundle_run("evaluating", [*overlays, "evaluate"], folder, **values, temperature="fitted")
    after = read_csv(folder / "evaluation/summary.csv")
    assert temperature > 1.5, "soft-Dice pushes probabilities to 0 and 1"
    error = [abs(mean_of(rows, "expected_dice") - mean_of(rows, "dice_optimal_noisy")) for rows in (before, after)]
    assert error[1] < error[0]
    assert [row["dice_half_noisy"] for row in before] == [row["dice_half_noisy"] for row in after]


def mean_of(rows: list[dict[str, str]], column: str) -> float:
    return float(np.mean([float(row[column]) for row in rows]))


def test_labels_without_noise_are_clean(data: Path, tmp_path: Path) -> None:
    train(tmp_path, data, noise_a=0.0, max_epochs=1, val_interval=1, fold=1)
    for decision in ("half", "optimal"):
        assert mean(tmp_path, f"dice_{decision}_noisy") == mean(tmp_path, f"dice_{decision}_clean")


def test_folds_partition_the_cases(trained: dict[str, Path], data: Path, tmp_path: Path) -> None:
    train(tmp_path, data, max_epochs=1, val_interval=1, fold=1)
    tested = [
        {row["case"] for row in read_csv(folder / "evaluation/summary.csv")}
        for folder in (trained["soft_dice"], tmp_path)
    ]
    assert not tested[0] & tested[1]


def test_learning_rate_is_divided_by_five(data: Path, tmp_path: Path) -> None:
    """After ``patience`` epochs without improvement, and so again from the checkpoint."""
    still = {"learning_rate": 1e-30, "augmentation_probability": 0.0, "patience": 2, "val_interval": 9}
    for epochs, divisions, resume in ((3, 1, False), (5, 2, True)):
        train(tmp_path, data, **still, max_epochs=epochs, resume=resume)
        state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
        assert state["objects"]["optimizer"]["param_groups"][0]["lr"] == pytest.approx(1e-30 / 5**divisions)


def test_the_epoch_of_the_highest_training_dice_is_kept(data: Path, tmp_path: Path) -> None:
    train(tmp_path, data, select_by="train_dice", noise_a=0.0, max_epochs=2, val_interval=9)
    scores = [float(row["train_mean_dice"]) for row in read_csv(tmp_path / "metrics.csv")]
    assert min(scores) > 0 and max(scores) < 1
    best, epoch = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["best"]
    assert best == pytest.approx(max(scores)) and epoch == scores.index(max(scores)) + 1


def test_a_mistyped_loss_is_one_sentence(data: Path, tmp_path: Path) -> None:
    with pytest.raises(Exception) as raised:
        train(tmp_path, data, loss_name="soft_dise", max_epochs=1)
    assert "did you mean 'soft_dice'" in str(find_input_error(raised.value))


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Two volumes that are no multiple of anything: oblique order of axes and coarse slices; smaller than a window."""
    rng = np.random.default_rng(0)
    affine = np.array([[0, 0, 5.0, -40], [-2.0, 0, 0, 30], [0, 2.5, 0, 10], [0, 0, 0, 1]])
    image = rng.normal(0, 25, (41, 30, 13))
    image[10:20, 8:16, 3:9] += 120
    (tmp_path / "scans").mkdir()
    nib.save(nib.Nifti1Image(image.astype(np.int16), affine), tmp_path / "scans/oblique.nii.gz")
    nib.save(nib.Nifti1Image(image[:9, :8, :7].astype(np.float32), np.diag([3, 3, 3, 1])), tmp_path / "scans/small.nii")
    return tmp_path / "scans"


@pytest.mark.parametrize("decision", ["dice_optimal", "half", 0.2])
def test_inference(decision: str | float, trained: dict[str, Path], scans: Path, tmp_path: Path) -> None:
    """Mask and row follow from the marginal that was written, in the geometry of the scan."""
    bundle_run(
        *("inferring", ["inference"], tmp_path / "out"),
        dataset_dir=str(scans),
        decision=decision,
        ckpt_dir=str(trained["cross_entropy"]),
    )
    table = {row["case"]: row for row in read_csv(tmp_path / "out/summary.csv")}
    assert table.keys() == {"oblique", "small"}
    for path in scans.iterdir():
        scan, case = nib.load(path), path.name.split(".")[0]
        mask, marginal = (nib.load(tmp_path / f"out/{case}_{kind}.nii.gz") for kind in ("mask", "marginal"))
        for written in (mask, marginal):
            assert written.shape == scan.shape
            np.testing.assert_allclose(written.affine, scan.affine)
        m = np.asarray(marginal.dataobj)
        best = float(dice_optimal_threshold(torch.from_numpy(m)[None, None])[0])
        threshold = {"dice_optimal": best, "half": 0.5}.get(decision, decision)
        row = table[case]
        assert float(row["threshold"]) == pytest.approx(threshold, abs=1e-6)
        np.testing.assert_array_equal(np.asarray(mask.dataobj), m >= threshold)
        voxel = float(np.prod(scan.header.get_zooms()))
        assert float(row["volume_mm3"]) == pytest.approx((m >= threshold).sum() * voxel, abs=1e-2)
        assert float(row["volume_at_half_mm3"]) == pytest.approx((m >= 0.5).sum() * voxel, abs=1e-2)


def test_windows_agree_with_the_whole_volume(tmp_path: Path) -> None:
    """Of a network that looks at single voxels: windows and their blending change nothing."""
    volume = np.random.default_rng(0).normal(0, 100, (40, 37, 34)).astype(np.float32)
    nib.save(nib.Nifti1Image(volume, np.diag([-3.0, -3.0, 3.0, 1])), tmp_path / "scan.nii.gz")
    torch.save(torch.nn.Conv3d(1, 1, 1).state_dict(), tmp_path / "model.pt")
    window = {"kind": "window", "lower": -160, "upper": 240}
    plan = Plan(
        3, 3, 1, ("CT",), ("background", "organ"), {}, (), "RAS", (3.0, 3.0, 3.0), None, (16, 16, 16), "label", window,
        (4, 8),
    )  # fmt: skip
    (tmp_path / "plan.json").write_text(plan.to_json(), encoding="utf-8")
    bundle_run(
        *("inferring", ["inference"], tmp_path),
        dataset_dir=str(tmp_path / "scan.nii.gz"),
        network_def=torch.nn.Conv3d(1, 1, 1),
    )
    weights = torch.load(tmp_path / "model.pt", weights_only=True)
    scaled = np.clip((volume + 160) / 400, 0, 1) * 2 - 1
    expected = 1 / (1 + np.exp(-(scaled * weights["weight"].item() + weights["bias"].item())))
    np.testing.assert_allclose(nib.load(tmp_path / "scan_marginal.nii.gz").dataobj, expected, atol=1e-5)


def test_inference_without_weights_is_one_sentence(scans: Path, tmp_path: Path) -> None:
    with pytest.raises(Exception) as raised:
        bundle_run("inferring", ["inference"], tmp_path, dataset_dir=str(scans))
    assert isinstance(find_input_error(raised.value), InputError)
    assert "there is no such checkpoint" in str(find_input_error(raised.value))


COLORS = {0: 40, 1: 120, 2: 200}  # gray value of each class


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of two classes that touch each other, with a corner that was not labeled, and what they train."""
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for name in ("data/images", "data/masks", "new"):
        (folder / name).mkdir(parents=True)
    for case in range(6):
        label = np.zeros((20, 16), dtype=np.uint8)
        at = 3 + case % 3
        label[at : at + 6, 4:12], label[at + 6 : at + 10, 4:12] = 1, 2
        image = np.vectorize(COLORS.get)(label) + rng.normal(0, 5, label.shape)
        label[:3, :3] = 255
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / f"data/images/{case}.png")
        Image.fromarray(label).save(folder / f"data/masks/{case}.png")
    Image.fromarray(np.kron(image, np.ones((2, 2))).clip(0, 255).astype(np.uint8)).save(folder / "new/large.png")
    values = {"dataset_dir": str(folder / "data"), "ignore_value": 255, "features": [8, 16], "shift": 1}
    values |= {"max_epochs": 8, "val_interval": 8, "learning_rate": 2e-2, "fractions": [0.7, 0.3, 0.0]}
    bundle_run("training", ["train"], folder / "run", **values)
    bundle_run("evaluating", ["train", "evaluate"], folder / "run", **values)
    return folder


def test_several_classes_of_pictures(pictures: Path) -> None:
    """Learned, evaluated class by class without what was not labeled, and without noise against the label alone."""
    rows = read_csv(pictures / "run/evaluation/summary.csv")
    assert len(rows) == 2
    for row in rows:
        both = [float(row[f"dice_optimal_class_{k}"]) for k in (1, 2)]
        assert min(both) > 0.6, "foreground that was learned, where a third of the picture is foreground"
        assert float(row["dice_optimal"]) == pytest.approx(sum(both) / 2, abs=1e-5)
        assert all(0 < float(row[f"threshold_class_{k}"]) <= 0.5 for k in (1, 2))
        assert not any("noisy" in column or "clean" in column for column in row)
    means = dict(line.split(",") for line in (pictures / "run/evaluation/metrics.csv").read_text().splitlines())
    optimal = np.mean([float(row["dice_optimal"]) for row in rows])
    assert float(means["val_mean_dice"]) == pytest.approx(optimal, abs=1e-5)
    assert 0 <= float(means["val_hausdorff_95"]) < np.hypot(20, 16)


def test_a_new_picture_gets_one_class_map(pictures: Path, tmp_path: Path) -> None:
    places = {"dataset_dir": str(pictures / "new"), "ckpt_dir": str(pictures / "run")}
    bundle_run("inferring", ["inference"], tmp_path, **places)
    mask = np.asarray(Image.open(tmp_path / "large_mask.png"))
    assert mask.shape == (40, 32) and set(np.unique(mask)) == {0, 1, 2}
    maps = [np.asarray(Image.open(tmp_path / f"large_probability_class_{k}.png")) / 255 for k in (1, 2)]
    (row,) = read_csv(tmp_path / "summary.csv")
    thresholds = [float(row[f"threshold_class_{k}"]) for k in (1, 2)]
    p = torch.tensor(np.stack([1 - sum(maps), *maps]))[None].clamp(0, 1)
    _, again = dice_optimal_partition(p)  # of what was written in 8 bits
    np.testing.assert_allclose(thresholds, again[0], atol=0.01)
    for k in (1, 2):
        assert (maps[k - 1][mask == k] >= thresholds[k - 1] - 1 / 255).all()
        assert float(row[f"expected_dice_class_{k}"]) > 0.5


def test_noise_of_several_classes_is_scored_against_both_labels(pictures: Path, tmp_path: Path) -> None:
    values = {"dataset_dir": str(pictures / "data"), "ignore_value": 255, "features": [4, 8], "max_epochs": 1}
    bundle_run("training", ["train", "noise"], tmp_path, noise_a=0.05, **values)
    bundle_run("evaluating", ["train", "noise", "evaluate"], tmp_path, noise_a=0.05, **values)
    (row, *_) = read_csv(tmp_path / "evaluation/summary.csv")
    for decision in ("half", "optimal"):
        assert {f"dice_{decision}_{label}_class_{k}" for label in ("noisy", "clean") for k in (1, 2)} <= row.keys()
    means = dict(line.split(",") for line in (tmp_path / "evaluation/metrics.csv").read_text().splitlines())
    assert {"val_dice_clean", "val_dice_half_clean", "val_mean_dice", "val_dice_half"} <= means.keys()
