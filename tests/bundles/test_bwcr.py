"""Boundary-weighted consistency: probabilities that can be believed, and files of a trained bundle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from bundle_runs import run_bundle
from conftest import TINY

from common.errors import find_input_error
from common.files import read_csv
from common.losses import CrossEntropyLoss
from common.metrics import thresholded_adaptive_calibration_error
from common.networks import UNet
from common.transforms import RandomView, boundary_weight
from common.workflow import PrepareViews, ViewLoss


def discs(count: int, seed: int, size: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    """Discs with a soft edge in noise, drawn by a hand that misses the radius by 1.5 pixels."""
    generator = torch.Generator().manual_seed(seed)
    axis = torch.arange(size) - (size - 1) / 2
    centre = 6 * torch.rand(count, 2, 1, 1, generator=generator) - 3
    radius = 7 + 2 * torch.rand(count, 1, 1, generator=generator)
    distance = torch.hypot(axis[:, None] - centre[:, 0], axis - centre[:, 1])
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


def test_a_mistyped_method_is_one_sentence(small: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(Exception) as raised:
        bundle_run("training", ["train"], tmp_path, small, method="bwrc")
    assert "did you mean 'bwcr'" in str(find_input_error(raised.value))
