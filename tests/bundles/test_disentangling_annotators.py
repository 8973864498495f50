"""The annotators' bundle: every method of the paper's tables, a user's own folders, and new images and volumes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from annotator_runs import ANNOTATORS, CONFIGS, LEFT_OUT, SMALL, bundle_run
from monai.bundle import ConfigParser
from PIL import Image

from common.errors import find_input_error
from common.io.files import read_csv

METHODS = ["confusion_matrices", "mean", "majority", "staple", "spatial_staple", "separate"]
METHODS += ["probabilistic_unet", "oracle"]
SECTIONS = {"train": 8, "validate": 4, "test": 4}


def write_folders(folder: Path, spatial: tuple[int, ...], classes: int, suffix: str, truth: bool = True) -> Path:
    """Bright boxes in noise; HS draws them larger, SG has not labeled the first image of each section."""
    rng = np.random.default_rng(0)
    for section, count in SECTIONS.items():
        for case in range(count):
            mask = np.zeros(spatial, dtype=np.uint8)
            low = rng.integers(2, 5, size=len(spatial))
            box = tuple(slice(start, start + 7) for start in low)
            mask[box] = 1
            if classes > 2:
                mask[(slice(low[0] + 3, low[0] + 7), *box[1:])] = 2
            larger = mask.copy()
            larger[tuple(slice(start - 1, start + 8) for start in low)] = 1
            larger[mask > 0] = mask[mask > 0]
            image = rng.normal(60, 10, spatial) + 50 * mask
            files = {"images": image, "AR": mask, "HS": larger} | ({"truth": mask} if truth else {})
            files |= {"SG": mask} if case else {}
            for name, array in files.items():
                path = folder / section / name / f"{section}_{case}{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                if suffix == ".png":
                    scale = 1 if name == "images" or classes > 2 else 255
                    Image.fromarray((array * scale).astype(np.uint8).T).save(path)
                else:
                    nib.save(nib.Nifti1Image(np.asarray(array, dtype=np.float32), np.diag([2.0, 2.0, 3.0, 1.0])), path)
    return folder


IN_THE_PLAN = ("method", "rank", "add_identity", "image_dependent", "feature_channels", "latent_dim")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folders(tmp_path_factory.mktemp("pictures"), (16, 14), 2, ".png")


def train(folder: Path, data: Path, **overrides: Any) -> None:
    """An evaluation has the method and its options from the plan."""
    values = {"dataset_dir": str(data), "max_epochs": 1, **overrides}
    bundle_run("training", ["train"], folder, **values)
    bundle_run("evaluating", ["train", "evaluate"], folder, **{k: v for k, v in values.items() if k not in IN_THE_PLAN})


def mean(folder: Path, column: str) -> float:
    return float(np.mean([float(row[column]) for row in read_csv(folder / "evaluation/summary.csv")]))


@pytest.mark.parametrize("method", METHODS)
def test_every_method(method: str, pictures: Path, tmp_path: Path) -> None:
    """A row per test case, with cells where there is something to compare; the engine's metrics are the means."""
    train(tmp_path, pictures, method=method)
    table = read_csv(tmp_path / "evaluation/summary.csv")
    assert [row["case"] for row in table] == [f"test_{case}" for case in range(SECTIONS["test"])]
    scores = ["dice", "ged", *(f"{kind}_{name}" for kind in ("dice", "nll") for name in ANNOTATORS)]
    matrices = method not in ("separate", "probabilistic_unet", "oracle")
    assert set(table[0]) == {"case", *scores} | ({"cm_error"} if matrices else set())
    for row in table:
        empty = {key for key in row if row[key] == ""}
        assert empty == ({"dice_SG", "nll_SG"} if row["case"] == "test_0" else set())
    means = dict(line.split(",") for line in (tmp_path / "evaluation/metrics.csv").read_text().splitlines())
    assert float(means["val_mean_dice"]) == pytest.approx(mean(tmp_path, "dice"), abs=1e-5)
    assert float(means["val_ged"]) == pytest.approx(mean(tmp_path, "ged"), abs=1e-5)
    if matrices:
        assert float(means["val_cm_error"]) == pytest.approx(mean(tmp_path, "cm_error"), abs=0.05)  # of unequal numbers
    epoch = read_csv(tmp_path / "metrics.csv")[-1]
    assert 0 <= float(epoch["val_mean_dice"]) <= 1 and float(epoch["val_log_likelihood"]) < 0


@pytest.mark.parametrize(
    "head",
    [{"rank": 1, "add_identity": "true"}, {"image_dependent": "false"}, {"trace_weight": 0}, {"shift": 2}],
)
def test_variants(head: dict[str, Any], pictures: Path, tmp_path: Path) -> None:
    train(tmp_path, pictures, **head)
    weights = torch.load(tmp_path / "model.pt", weights_only=True)
    shapes = {name: tuple(tensor.shape) for name, tensor in weights.items() if ".confusion." in name}
    if head.get("image_dependent"):
        assert shapes == {"network.confusion.logits": (3, 2, 2)}
    else:
        channels = 3 * (2 * 2 * head.get("rank", 1) + ("add_identity" in head))
        assert shapes["network.confusion.entries.weight"] == (channels, 4, 1, 1)


@pytest.mark.parametrize("method", ["mean", "majority", "staple", "spatial_staple"])
def test_a_shifted_consensus_is_still_one(method: str, pictures: Path) -> None:
    """Between pixels shares are interpolated, but a class index between two classes would be cut to the lower one."""
    parser = ConfigParser()
    parser.read_config(str(CONFIGS / "train.yaml"))
    parser.update({"dataset_dir": str(pictures), "method": method, "shift": 2, **SMALL})
    dataset = parser.get_parsed_content("train#dataset")
    key = "shares" if method == "mean" else "consensus"
    labels = torch.stack([dataset[index][key].as_subclass(torch.Tensor) for index in range(len(dataset))])
    if method == "mean":
        torch.testing.assert_close(labels.sum(1), torch.ones_like(labels[:, 0]))
        assert (labels != labels.round()).any()
    else:
        assert torch.equal(labels.unique(), torch.tensor([0.0, 1.0]))


def test_any_network_is_a_backbone(pictures: Path, tmp_path: Path) -> None:
    backbone = {
        "_target_": "SegResNet",
        "_mode_": "callable",
        "spatial_dims": 2,
        "in_channels": 1,
        "init_filters": 8,
        "blocks_down": [1, 1],
        "blocks_up": [1],
    }
    train(tmp_path, pictures, backbone=backbone)
    names = torch.load(tmp_path / "model.pt", weights_only=True)
    assert any(name.startswith("network.backbone.convInit") for name in names)


def test_the_papers_patch_network(pictures: Path, tmp_path: Path) -> None:
    """With its overlay it trains, is evaluated and segments; without it inference names what differs."""
    overlays = ["train", "nicmslesions"]
    values = {"dataset_dir": str(pictures), "max_epochs": 1}
    bundle_run("training", overlays, tmp_path, **values)
    bundle_run("evaluating", [*overlays, "evaluate"], tmp_path, **values)
    assert len(read_csv(tmp_path / "evaluation/summary.csv")) == SECTIONS["test"]
    new = {"dataset_dir": str(pictures / "test/images")}
    bundle_run("inferring", ["inference", "nicmslesions"], tmp_path, **new)
    assert len(list(tmp_path.rglob("*_mask.png"))) == SECTIONS["test"]
    with pytest.raises(RuntimeError) as caught:
        bundle_run("inferring", ["inference"], tmp_path, **new, overwrite=True)
    assert "model.pt" in str(find_input_error(caught.value))


def test_one_label_per_image(pictures: Path, tmp_path: Path) -> None:
    """The warm-up maximizes the trace of one annotator, not of three: −2 at best, where all three would give −6."""
    for folder, labels in (("one", 1), ("all", None)):
        train(tmp_path / folder, pictures, labels_per_image=labels, warmup_epochs=1)
    one, everyone = (float(read_csv(tmp_path / name / "metrics.csv")[0]["loss"]) for name in ("one", "all"))
    assert -2 < one < 0 and everyone < -3


def test_one_label_for_each_image(tmp_path: Path) -> None:
    """The label is that of the only annotator, who is predicted like any other; plan and notes say so."""
    data = write_folders(tmp_path / "data", (16, 14), 2, ".png", truth=False)
    for folder in [*data.glob("*/HS"), *data.glob("*/SG")]:
        shutil.rmtree(folder)
    for folder in list(data.glob("*/AR")):
        folder.rename(folder.with_name("masks"))
    train(tmp_path, data, annotators=None)
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert plan["annotators"] == ["label"] and "nothing tells errors from the truth" in " ".join(plan["notes"])
    assert set(read_csv(tmp_path / "evaluation/summary.csv")[0]) == {"case", "ged", "dice_label", "nll_label"}


@pytest.mark.parametrize(
    ("truth", "given", "expected"),
    [
        (True, {}, ("vote", 0.0, 0, 0.005)),
        (False, {}, ("vote", 0.0, 0, 0.005)),
        (True, {"learning_rate": 5e-3}, ("vote", 0.0, 0, 0.01)),
        (True, {"learning_rate": 0.05}, ("vote", 0.0, 0, 0.05)),
        (True, {"readout": "estimate"}, ("estimate", 0.1, 5, None)),
        (True, {"method": "majority"}, ("estimate", 0.1, 5, None)),
        (False, {"trace_weight": 0.2, "warmup_epochs": 3, "confusion_learning_rate": 0}, ("vote", 0.2, 3, 0)),
        (True, {"readout": "estimate", "trace_weight": 0, "warmup_epochs": 0}, ("estimate", 0, 0, None)),
    ],
)
def test_a_vote_has_settings_of_its_own(
    truth: bool, given: dict[str, Any], expected: tuple[Any, ...], pictures: Path, tmp_path: Path
) -> None:
    data = pictures if truth else write_folders(tmp_path, (16, 14), 2, ".png", truth=False)
    parser = ConfigParser()
    parser.read_config(str(CONFIGS / "train.yaml"))
    parser.update({"dataset_dir": str(data), **SMALL, "learning_rate": 5e-4, **given})
    chosen = ("chosen_readout", "chosen_trace_weight", "chosen_warmup_epochs", "chosen_confusion_rate")
    assert tuple(parser.get_parsed_content(name) for name in chosen) == expected
    heads, others = parser.get_parsed_content("optimizer").param_groups
    rate = given.get("learning_rate", 5e-4)
    assert others["lr"] == rate and heads["lr"] == (rate if expected[3] is None else expected[3])
    if "method" not in given:
        assert parser.get_parsed_content("loss").trace_weight == expected[1]


@pytest.mark.parametrize("readout", ["vote", "estimate"])
def test_what_was_trained_is_measured_inferred_and_calibrated(readout: str, pictures: Path, tmp_path: Path) -> None:
    """Unless another readout is asked for; of a vote the mean is calibrated, whose maps are written."""
    places = {"dataset_dir": str(pictures), "ckpt_dir": str(tmp_path)}
    bundle_run("training", ["train"], tmp_path, **places, max_epochs=1, readout=readout)
    for configs, expected in (
        (["inference"], readout),
        (["train", "evaluate"], readout),
        (["train", "calibrate"], "mean" if readout == "vote" else readout),
    ):
        for given, chosen in ((None, expected), ("mean", "mean")):
            parser = ConfigParser()
            parser.read_config([str(CONFIGS / f"{name}.yaml") for name in configs])
            parser.update({**places, "readout": given})
            assert parser.get_parsed_content("chosen_readout") == chosen


@pytest.mark.parametrize("key", ["trace_weight", "warmup_epochs", "confusion_learning_rate"])
def test_a_setting_of_the_vote_that_is_no_number_is_refused(key: str, pictures: Path, tmp_path: Path) -> None:
    for value in ("much", -1):
        with pytest.raises(RuntimeError) as caught:
            bundle_run("training", ["train"], tmp_path, dataset_dir=str(pictures), **{key: value})
        assert re.search(rf"{key}: expected a .*number.* from 0 up, got {value!r}", str(find_input_error(caught.value)))


def test_warm_up_ends(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(tmp_path, pictures, max_epochs=3, warmup_epochs=2)
    losses = [float(row["loss"]) for row in read_csv(tmp_path / "metrics.csv")]
    assert losses[0] < 0 and losses[1] < 0 < losses[2]
    assert "warmup_epochs is" not in capsys.readouterr().out
    values = {"dataset_dir": str(pictures), "max_epochs": 1, "readout": "estimate"}
    bundle_run("training", ["train"], tmp_path / "short", **values)
    assert capsys.readouterr().out.count("warmup_epochs is 5 in a training of 1 epoch") == 1


@pytest.mark.parametrize("method", ["confusion_matrices", "probabilistic_unet"])
def test_without_a_truth(method: str, tmp_path: Path) -> None:
    """The annotators' likelihood selects the epoch, their vote is read; nothing that needs a truth is reported."""
    data = write_folders(tmp_path / "data", (16, 14), 2, ".png", truth=False)
    train(tmp_path, data, method=method)
    row = read_csv(tmp_path / "evaluation/summary.csv")[1]
    assert "dice" not in row and "cm_error" not in row
    means = dict(line.split(",") for line in (tmp_path / "evaluation/metrics.csv").read_text().splitlines())
    assert means["val_mean_dice"] == means["val_annotator_dice"]


def test_volumes_of_several_classes(tmp_path: Path) -> None:
    """A 3-D network, from folders of NIfTI to probabilities of each class in the geometry of a scan."""
    data = write_folders(tmp_path / "data", (16, 14, 12), 3, ".nii.gz")
    train(tmp_path, data, spatial_dims=3, patch_size=[16, 16, 16], image_size=LEFT_OUT)
    assert 0 <= mean(tmp_path, "dice") <= 1
    scans = data / "test/images"
    values = {"dataset_dir": str(scans), "ckpt_dir": str(tmp_path), "readout": "mean"}  # its maps give the mask
    bundle_run("inferring", ["inference"], tmp_path / "out", **values)
    for path in scans.iterdir():
        case = path.name.split(".")[0]
        mask, maps = (nib.load(tmp_path / f"out/{case}_{name}.nii.gz") for name in ("mask", "probabilities"))
        assert mask.shape == nib.load(path).shape and maps.shape == (*mask.shape, 3)
        np.testing.assert_array_equal(mask.affine, nib.load(path).affine)
        p = np.asarray(maps.dataobj)
        np.testing.assert_allclose(p.sum(-1), 1, atol=1e-4)
        np.testing.assert_array_equal(np.asarray(mask.dataobj), p.argmax(-1))


@pytest.fixture(scope="module")
def trained(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    train(folder, pictures, max_epochs=20, batch_size=2, learning_rate=1e-2, warmup_epochs=3, select_by="likelihood")
    return folder


def test_boxes_are_found_and_the_larger_ones_are_told_apart(trained: Path) -> None:
    """Two of three annotators draw the truth, so any method finds it; only this one knows what HS makes of it."""
    assert mean(trained, "dice") > 0.9
    assert mean(trained, "dice_HS") > 0.85


def test_inference(trained: Path, tmp_path: Path) -> None:
    """A picture and a volume of other sizes, slice by slice: every file in the input's geometry, a row for each."""
    rng = np.random.default_rng(0)
    volume = rng.normal(60, 10, (4, 20, 18))  # slices along the first axis as it is stored
    volume[:, 5:14, 4:12] += 50
    affine = np.array([[0, 2.0, 0, 5], [0, 0, 2.0, 0], [3.0, 0, 0, 1], [0, 0, 0, 1]])
    (tmp_path / "new").mkdir()
    nib.save(nib.Nifti1Image(volume.astype(np.float32), affine), tmp_path / "new/scan.nii.gz")
    Image.fromarray(volume[0].astype(np.uint8)).save(tmp_path / "new/photo.png")
    values = {"dataset_dir": str(tmp_path / "new"), "ckpt_dir": str(trained), "save_annotators": "true"}
    bundle_run("inferring", ["inference"], tmp_path / "out", **values)
    table = {row["case"]: row for row in read_csv(tmp_path / "out/summary.csv")}
    assert table.keys() == {"scan", "photo"}
    masks = ["mask", *(f"annotator_{name}" for name in ANNOTATORS)]
    for name in (*masks, "entropy", "disagreement"):
        written = nib.load(tmp_path / f"out/scan_{name}.nii.gz")
        assert written.shape == volume.shape
        np.testing.assert_allclose(written.affine, affine)
        assert Image.open(tmp_path / f"out/photo_{name}.png").size == (18, 20)
    areas = {name: int(np.asarray(nib.load(tmp_path / f"out/scan_{name}.nii.gz").dataobj).sum()) for name in masks}
    assert areas["annotator_HS"] > areas["annotator_AR"]
    assert float(table["scan"]["volume_mm3_foreground"]) == pytest.approx(areas["mask"] * 12)
    photo = np.asarray(Image.open(tmp_path / "out/photo_mask.png")) > 0
    assert table["photo"]["volume_mm3_foreground"] == "" and int(table["photo"]["pixels_foreground"]) == photo.sum()
    assert 0 < float(table["photo"]["expected_pixels_foreground"]) < photo.size
    assert all(0 < float(row["mean_disagreement"]) < 1 for row in table.values())


def test_the_vote_gives_the_mask_and_the_mean_the_maps(trained: Path, tmp_path: Path) -> None:
    """Whether or not annotators are written, too; in pictures of the network's size, which nothing interpolates."""
    rng = np.random.default_rng(1)
    (tmp_path / "new").mkdir()
    for case in "abc":
        image = rng.normal(60, 10, (16, 16))
        image[4:11, 3:10] += rng.uniform(10, 40, (7, 7))  # an object of which the network is not sure
        Image.fromarray(image.astype(np.uint8)).save(tmp_path / f"new/{case}.png")
    values = {"dataset_dir": str(tmp_path / "new"), "ckpt_dir": str(trained)}
    runs = {"vote": {}, "everyone": {"save_annotators": "true"}, "mean": {"readout": "mean"}}
    for name, options in runs.items():
        bundle_run("inferring", ["inference"], tmp_path / name, **values, **options)

    def read(run: str, kind: str) -> np.ndarray:
        return np.stack([np.asarray(Image.open(tmp_path / f"{run}/{case}_{kind}.png")).astype(int) for case in "abc"])

    votes = sum(read("everyone", f"annotator_{name}") > 0 for name in ANNOTATORS)
    for run in ("vote", "everyone"):
        np.testing.assert_array_equal(read(run, "mask") > 0, votes >= 2)
        for kind in ("probability_foreground", "entropy"):
            np.testing.assert_allclose(read(run, kind), read("mean", kind), atol=1)  # of 255, by rounding
    assert len(np.unique(read("vote", "probability_foreground"))) > len(ANNOTATORS) + 1
    for one, other in zip(
        read_csv(tmp_path / "vote/summary.csv"), read_csv(tmp_path / "mean/summary.csv"), strict=True
    ):
        for column in ("expected_pixels_foreground", "mean_entropy"):
            assert float(one[column]) == pytest.approx(float(other[column]), abs=1e-4)


def test_a_mistyped_method_is_one_sentence(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(Exception) as raised:
        train(tmp_path, pictures, method="majorty")
    assert "did you mean 'majority'" in str(find_input_error(raised.value))


@pytest.mark.real_data
def test_the_papers_sample(real_data: Path, tmp_path: Path) -> None:
    """One epoch on the published MNIST sample, in its own layout."""
    values = {
        "dataset_dir": str(real_data / "mnist_annotators"),
        "annotators": LEFT_OUT,
        "image_size": [28, 28],
        "max_epochs": 1,
        "labels_per_image": 1,
    }
    bundle_run("training", ["train", "mnist"], tmp_path, **values)
    bundle_run("evaluating", ["train", "mnist", "evaluate"], tmp_path, **values)
    assert len(read_csv(tmp_path / "evaluation/summary.csv")) == 20


def test_a_temperature_without_a_ground_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The case is named, once, before anything runs; what the sentence advises can be done."""
    data = write_folders(tmp_path / "data", (16, 14), 2, ".png", truth=False)
    values = {"dataset_dir": str(data), "max_epochs": 1}
    bundle_run("training", ["train"], tmp_path / "run", **values)
    capsys.readouterr()
    with pytest.raises(Exception) as raised:
        bundle_run("calibrating", ["train", "calibrate"], tmp_path / "run", **values)
    said = str(find_input_error(raised.value))
    assert "got 4 of 4 with the labels of annotators alone, the first of them validate_0" in said
    assert "a folder truth/" in said and "--truth AR" in said
    assert "terminating" not in capsys.readouterr().out
    values["annotators"] = LEFT_OUT
    for name in ("AR", None):
        bundle_run("calibrating", ["train", "calibrate"], tmp_path / "run", **values, truth=name)
        (tmp_path / "run/temperature.json").unlink()
        shutil.copytree(data / "validate/HS", data / "validate/truth", dirs_exist_ok=True)


@pytest.mark.parametrize("readout", ["vote", "estimate"])
def test_a_fitted_temperature_changes_probabilities_and_no_mask(readout: str, pictures: Path, tmp_path: Path) -> None:
    """It is of what was trained: of the estimate, or of the mean beside a vote."""
    values = {"dataset_dir": str(pictures), "max_epochs": 1}
    bundle_run("training", ["train"], tmp_path / "run", **values, readout=readout)
    bundle_run("calibrating", ["train", "calibrate"], tmp_path / "run", **values)
    assert 0.01 <= json.loads((tmp_path / "run/temperature.json").read_text())["temperature"] <= 100
    (tmp_path / "run/temperature.json").write_text('{"temperature": 3.0}')
    new = {"dataset_dir": str(pictures / "test/images"), "ckpt_dir": str(tmp_path / "run")}
    for name, value in (("plain", None), ("fitted", "fitted")):
        bundle_run("inferring", ["inference"], tmp_path / name, **new, temperature=value)
    plain, fitted = (
        [np.asarray(Image.open(path)) for path in sorted((tmp_path / name).glob("*_probability*.png"))]
        for name in ("plain", "fitted")
    )
    masks = [
        [np.asarray(Image.open(path)) for path in sorted((tmp_path / n).glob("*_mask.png"))]
        for n in ("plain", "fitted")
    ]
    assert masks[0] and all(np.array_equal(a, b) for a, b in zip(*masks, strict=True))
    assert plain and all(not np.array_equal(a, b) for a, b in zip(plain, fitted, strict=True))
