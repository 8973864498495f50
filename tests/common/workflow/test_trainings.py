"""One training or several: folders, plans, splits, weights, temperatures, and the average in the image's geometry."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Activationsd

from common.datasets.dataset import Dataset
from common.datasets.plan import Plan, example_plan
from common.errors import InputError
from common.networks import IMaskRCNN, UNet
from common.workflow import (
    FitTemperature,
    inferer_of,
    load_plan,
    load_split,
    load_temperature,
    load_weights,
    new_image_inferer,
    training_folders,
)

VOLUMES = replace(example_plan(), image_dims=3, orientation="RAS", spacing=(1.0, 1.0, -1.0), patch_size=(8, 8))
WINDOWS = replace(VOLUMES, spatial_dims=3, spacing=(1.5, 1.0, 1.0), patch_size=(8, 8, 8))
SEVERAL = replace(WINDOWS, class_names=("background", "a", "b"))


def network_of(plan: Plan, seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return UNet(plan.spatial_dims, out_channels=plan.logits, features=(4, 8)).eval()


def write_training(folder: Path, plan: Plan, seed: int, names: dict[str, list[str]] | None = None) -> Path:
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text(plan.to_json(), encoding="utf-8")
    torch.save(network_of(plan, seed).state_dict(), folder / "model.pt")
    sections = {"training": [], "validation": [], "test": []} | (names or {})
    (folder / "split.json").write_text(json.dumps(sections), encoding="utf-8")
    return folder


@pytest.fixture
def folds(tmp_path: Path) -> list[Path]:
    names = ({"training": ["b"], "validation": ["a"]}, {"training": ["a"], "validation": ["b"]})
    return [write_training(tmp_path / f"fold_{k}", example_plan(), k, names[k]) for k in range(2)]


@pytest.mark.parametrize(
    ("plan", "shape"),
    [(example_plan(), (20, 12)), (VOLUMES, (9, 10, 5)), (WINDOWS, (14, 13, 12)), (SEVERAL, (9, 9, 9))],
)
def test_an_ensemble_is_the_mean_of_its_networks(plan: Plan, shape: tuple[int, ...], tmp_path: Path) -> None:
    """Of a picture, slices, and windows that overlap; in the geometry of the file, and as an evaluation sees it."""
    folders = [write_training(tmp_path / str(seed), plan, seed) for seed in range(2)]
    kind = {"sigmoid": plan.binary, "softmax": plan.several_classes}
    both = load_weights(network_of(plan), [str(folder) for folder in folders], **kind)
    single = [load_weights(network_of(plan), folder) for folder in folders]
    activation = Activationsd("pred", **kind)
    image = MetaTensor(torch.rand(1, 1, *shape, generator=torch.Generator().manual_seed(0)), affine=torch.eye(4)[None])

    inferer = new_image_inferer(plan, [activation], overlap=0.5)
    first, second = (inferer(image, network).as_tensor() for network in single)
    torch.testing.assert_close(inferer(image, both).as_tensor(), (first + second) / 2, rtol=1e-4, atol=1e-5)
    assert (first - second).abs().max() > 1e-2

    evaluated = inferer_of(plan, overlap=0.5)
    with torch.inference_mode():
        found = [evaluated(image.as_tensor(), network)[0] for network in (*single, both)]
    first, second, average = (activation({"pred": logits})["pred"] for logits in found)
    torch.testing.assert_close(average, (first + second) / 2, rtol=1e-4, atol=1e-5)


def test_maps_and_scores_of_several_mask_rcnn_are_averaged(tmp_path: Path) -> None:
    sizes = {"layers": (1, 1, 1, 1), "features": (4, 4, 4, 4), "channels": 4, "hidden": 8, "mask_cells": 7}
    for seed in range(2):
        torch.manual_seed(seed)
        network = IMaskRCNN(in_channels=1, block="basic", proposals=8, map_threshold=0.05, **sizes)
        (tmp_path / f"fold_{seed}").mkdir()
        torch.save(network.state_dict(), tmp_path / f"fold_{seed}/model.pt")
    image = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    inferer = new_image_inferer(example_plan(), call="scored_segmentation")
    both = load_weights(network, tmp_path).eval()
    first, second = (inferer(image, member) for member in both.members)
    assert first.shape == (1, 2, 32, 32) and max(first.max(), second.max()) > 0
    torch.testing.assert_close(inferer(image, both), (first + second) / 2)


def test_folders_of_trainings(folds: list[Path], tmp_path: Path) -> None:
    names = [str(fold) for fold in folds]
    for places in (names, tmp_path, str(tmp_path), ",".join(names), f"[{names[0]}, {names[1]}]"):
        assert training_folders(places) == folds
    assert training_folders(names[1]) == [folds[1]]
    with pytest.raises(InputError, match="fold_0 is named twice"):
        training_folders([names[0], tmp_path / "fold_0"])
    with pytest.raises(InputError, match=r"absent/model.pt is missing; each of 2 trainings"):
        training_folders([names[0], tmp_path / "absent"])
    assert training_folders(f"{names[0]}, {names[1]},") == folds
    named = tmp_path / "Miller, J/models"  # into which is going to be trained
    assert training_folders(named) == training_folders(str(named)) == [named]
    assert training_folders([1, 2][:1]) == [Path("1")]  # type: ignore[list-item]
    with pytest.raises(InputError, match=r"expected the folder of a training, got the file .*model\.pt"):
        load_plan(folds[0] / "model.pt")


@pytest.mark.parametrize(("num_folds", "waiting"), [(2, 1), (3, 2)])
def test_folds_that_are_not_finished_or_not_begun(
    num_folds: int, waiting: int, folds: list[Path], tmp_path: Path
) -> None:
    for fold in folds[:waiting]:
        (fold / "finished.json").write_text(json.dumps({"num_folds": num_folds}), encoding="utf-8")
    with pytest.raises(InputError, match=f"fold_{waiting} is not finished"):
        training_folders(tmp_path)


def test_plans_must_agree_in_what_a_network_sees(folds: list[Path], tmp_path: Path) -> None:
    plan = example_plan()
    (folds[1] / "plan.json").write_text(replace(plan, notes=("other",), fingerprint={"cases": 3}).to_json())
    assert load_plan(folds) == plan
    other = replace(plan, normalization={"kind": "window", "lower": 0, "upper": 9})
    (folds[1] / "plan.json").write_text(other.to_json())
    with pytest.raises(InputError, match=r'differ in normalization: \{"kind": "zscore"\} and \{"kind": "window"'):
        load_plan(tmp_path)


def test_an_ensemble_is_measured_on_what_no_network_learned(folds: list[Path], tmp_path: Path) -> None:
    dataset = Dataset("plain", tmp_path, tuple({"case": name, "image": name} for name in "abc"))
    with pytest.raises(InputError, match="each of the 2 cases trained at least one of the 2 networks"):
        load_split(dataset, folds)
    for fold in folds:
        names = json.loads((fold / "split.json").read_text())
        (fold / "split.json").write_text(json.dumps(names | {"test": ["c"]}))
    split = load_split(dataset, folds)
    sections = [[item["case"] for item in part] for part in (split.training, split.validation, split.test)]
    assert sections == [["b", "a"], [], ["c"]]
    other = Dataset("plain", tmp_path, ({"case": "z", "image": "z"},))
    assert load_split(other, folds).test == list(other.items)


def test_each_network_has_its_own_temperature(folds: list[Path]) -> None:
    for fold, value in zip(folds, (0.5, 2.0), strict=True):
        (fold / "temperature.json").write_text(json.dumps({"temperature": value}))
    assert load_temperature(folds) == (0.5, 2.0) and load_temperature(folds, 3) == (3.0, 3.0)
    assert load_temperature(folds[0]) == 0.5
    network = load_weights(network_of(example_plan()), folds, sigmoid=True, temperatures=load_temperature(folds))
    assert network.temperatures == (0.5, 2.0)
    with pytest.raises(InputError, match="expected one training, whose temperature is fitted, got 2"):
        FitTemperature(folds)
