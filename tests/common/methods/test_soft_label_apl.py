"""A small Mask R-CNN trained, validated, stopped and resumed on MONAI's own engines."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from monai.handlers import ValidationHandler
from monai.transforms import Lambdad

from common.datasets import SliceDataset
from common.errors import InputError
from common.losses import table_1_loss
from common.methods import DetectSlices, InstanceScores, LossAverages, PrepareInstances, SumOfLosses
from common.metrics import InstanceMetrics
from common.networks import IMaskRCNN, class_probabilities
from common.transforms import AugmentBatch, class_map, slice_instances
from common.workflow import EpochSeed, EpochTable, TrainingCheckpoint, load_weights

SIZE = 64


def volume(seed: int) -> dict:
    """Two slices: a bright square, and none."""
    generator = torch.Generator().manual_seed(seed)
    image, label = 0.1 * torch.randn(3, SIZE, SIZE, 2, generator=generator), torch.zeros(1, SIZE, SIZE, 2)
    top, left = torch.randint(4, 30, (2,), generator=generator).tolist()
    label[:, top : top + 20, left : left + 20, 0] = 0.9
    return {"image": image + 2 * label, "label": label, "case": str(seed)}


def small_network() -> IMaskRCNN:
    return IMaskRCNN(
        table_1_loss("apl_soft_1_1_1", sigmoid=True),
        block="basic",
        layers=(1, 1, 1, 1),
        features=(8, 8, 8, 8),
        channels=8,
        hidden=16,
        proposals=10,
        anchor_samples=32,
        region_samples=16,
        mask_cells=7,
    )


def evaluator(network: torch.nn.Module, count: int = 2, **options) -> SupervisedEvaluator:
    return SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset([volume(seed) for seed in range(count)]), batch_size=1, num_workers=0),
        network=network,
        iteration_update=DetectSlices(batch_size=3),
        decollate=False,
        key_val_metric={"val_key": InstanceScores(InstanceMetrics(), key="dice")},
        **options,
    )


def trainer(folder: Path, epochs: int, resume: bool = False, seed: int = 0) -> tuple[SupervisedTrainer, IMaskRCNN]:
    torch.manual_seed(seed)
    network = small_network()
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    validator = evaluator(network)
    engine = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=epochs,
        train_data_loader=DataLoader(SliceDataset([volume(0), volume(1)]), batch_size=2, shuffle=True, num_workers=0),
        network=network,
        optimizer=optimizer,
        loss_function=SumOfLosses(),
        prepare_batch=PrepareInstances(AugmentBatch()),
        decollate=False,
        train_handlers=[
            EpochSeed(0),
            ValidationHandler(1, validator),
            LossAverages(),
            EpochTable(str(folder), evaluators=[validator]),
            TrainingCheckpoint(str(folder), network, {"optimizer": optimizer}, resume, best_of=validator),
        ],
    )
    return engine, network


def test_training_writes_every_loss_and_score_and_resumes_bit_for_bit(tmp_path: Path) -> None:
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    engine, network = trainer(whole, 3)
    engine.run()
    trainer(halves, 1)[0].run()
    second, resumed = trainer(halves, 3, resume=True, seed=5)
    second.run()
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), resumed.parameters(), strict=True))
    assert (whole / "metrics.csv").read_bytes() == (halves / "metrics.csv").read_bytes()
    with open(whole / "metrics.csv", encoding="utf-8") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    losses = ["loss_rpn_objectness", "loss_rpn_box", "loss_class", "loss_box", "loss_mask"]
    assert len(rows) == 3
    for row in rows:
        assert row["loss"] == pytest.approx(sum(row[name] for name in losses), rel=1e-5)
        assert row["val_key"] == row["val_dice"]
        assert {"val_box_ap50", "val_mask_ap75", "val_detection_recall"} <= set(row)
    assert rows[-1]["loss"] < rows[0]["loss"]
    load_weights(small_network(), whole / "model.pt")


class Painter(torch.nn.Module):
    """Detects in each slice a mask of the values of its middle channel, of class 2, and a faint one of ones."""

    num_classes, map_threshold = 2, 0.5

    def detect(self, images: torch.Tensor) -> list[dict[str, torch.Tensor]]:
        assert not self.training and images.shape[1] == 3 and len(images) <= 3
        scores, classes, boxes = torch.tensor([0.9, 0.3]), torch.tensor([2, 1]), torch.tensor([[0.0, 0, 5, 4]] * 2)
        return [
            {"masks": torch.stack((image[1], torch.ones_like(image[1]))), "scores": scores, "classes": classes}
            | {"boxes": boxes}
            for image in images
        ]


def test_volumes_are_detected_slice_by_slice_and_transforms_can_change_what_comes_out() -> None:
    images = torch.rand(2, 3, 5, 4, 7, generator=torch.Generator().manual_seed(0))
    items = [{"image": MetaTensor(image), "case": str(index)} for index, image in enumerate(images)]
    seen: list[dict] = []
    engine = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(items), batch_size=2, num_workers=0),
        network=Painter(),
        iteration_update=DetectSlices(batch_size=3),
        decollate=False,
        postprocessing=Lambdad("case", lambda case: seen.append(case) or f"case {case}"),
    )
    engine.run()
    assert seen == ["0", "1"] and [item["case"] for item in engine.state.batch] == ["case 0", "case 1"]
    for image, item in zip(images, engine.state.output, strict=True):
        assert set(item) == {"image", "pred", "detections"}
        assert item["pred"].shape == (2, 5, 4, 7)
        assert torch.equal(item["pred"][1], image[1]) and (item["pred"][0] == 0).all()
        assert len(item["detections"]) == 7
        for index, found in enumerate(item["detections"]):
            assert found["masks"].dtype == torch.bool
            assert torch.equal(found["masks"][0], image[1, ..., index] >= 0.5)
        written = torch.stack([found["class_map"] for found in item["detections"]], -1)
        assert torch.equal(written, class_map(item["pred"]))  # what inference writes


def test_what_is_found_beside_a_slice_is_left_out() -> None:
    """A network sees smaller slices within zeros, as inference shows them, and what it finds there is not scored."""

    class Framer(torch.nn.Module):
        """Detects the whole field that it sees, its first row, and its last column."""

        num_classes, map_threshold = 1, 0.5

        def detect(self, images: torch.Tensor) -> list[dict[str, torch.Tensor]]:
            height, width = images.shape[2:]
            assert (height, width) == (8, 6)
            boxes = torch.tensor([[0, 0, height, width], [0, 0, 1, width], [0, width - 1, height, width]])
            masks = torch.stack([(image[0] > 0).float() for image in images for _ in boxes]).unflatten(0, (-1, 3))
            scores = torch.tensor([0.9, 0.8, 0.7])
            found = {"boxes": boxes.float(), "scores": scores, "classes": torch.ones(3, dtype=torch.int64)}
            return [found | {"masks": mask} for mask in masks]

    image = torch.ones(1, 5, 6, 2)
    image[:, 0] = -1
    engine = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset([{"image": image}]), batch_size=1, num_workers=0),
        network=Framer(),
        iteration_update=DetectSlices(batch_size=3, patch_size=(8, 4)),
        decollate=False,
    )
    engine.run()
    (item,) = engine.state.output
    assert torch.equal(item["pred"], (image > 0).float())
    for found in item["detections"]:  # three rows were added, of which one is before the slice
        assert found["boxes"].tolist() == [[0, 0, 5, 6], [0, 5, 5, 6]]
        assert found["scores"].tolist() == pytest.approx([0.9, 0.7])
        assert torch.equal(found["masks"], (image[0, ..., 0] > 0).expand(2, 5, 6))


def test_scores_are_those_of_all_slices() -> None:
    class Oracle(torch.nn.Module):
        """Answers the truth: what is bright."""

        num_classes, map_threshold = 1, 0.5

        def detect(self, images: torch.Tensor) -> list[dict]:
            found = slice_instances((images[:, :1] > 1).float().movedim(0, -1))
            return [one | {"scores": torch.ones(len(one["boxes"]))} for one in found]

    engine = evaluator(Oracle())
    engine.run()
    metrics = engine.state.metrics
    assert metrics["val_key"] == metrics["val_dice"] == 1 and metrics["val_mask_ap75"] == pytest.approx(1)
    assert engine.state.best_metric == 1
    assert engine.state.output[0]["label"].shape == (1, SIZE, SIZE, 2)


def test_targets_are_the_instances_of_the_mirrored_labels() -> None:
    prepare = PrepareInstances(AugmentBatch(mirror_probability=0.5, gamma_probability=0), threshold=0.6, min_pixels=2)
    label = torch.zeros(8, 2, 6, 8)
    label[:, 1, :2, 1:4] = 0.7
    label[:, 0, :2, 1:4] = 0.5  # below the threshold
    label[:, 0, 5, 5] = 1.0  # too small
    drawn = []
    for _ in range(2):
        prepare.set_random_state(3)
        batch = {"image": label[:, 1:].clone(), "label": label.clone()}
        images, targets, arguments, keywords = prepare(batch, "cpu")
        assert arguments == (targets,) and keywords == {}
        drawn.append([target["boxes"].tolist() for target in targets])
        for image, target in zip(images, targets, strict=True):
            assert target["classes"].tolist() == [2]
            top, left, bottom, right = target["boxes"][0].int().tolist()
            assert (image[0, top:bottom, left:right] > 0).all() and image.count_nonzero() == 6
            assert torch.equal(target["masks"][0], image[0])
    assert drawn[0] == drawn[1] and len({str(boxes) for boxes in drawn[0]}) == 4


def test_targets_say_where_nobody_labeled() -> None:
    label = torch.zeros(2, 1, 6, 8)
    label[0, :, :, 5:] = -1
    batch = {"image": label.clone(), "label": label}
    _, targets, _, _ = PrepareInstances(AugmentBatch(mirror_probability=0, gamma_probability=0))(batch, "cpu")
    assert torch.equal(targets[0]["unlabeled"], label[0, 0] < 0) and not targets[1]["unlabeled"].any()


def test_images_without_detections_have_no_probability() -> None:
    none = {"masks": torch.zeros(0, 4, 5), "scores": torch.zeros(0), "classes": torch.zeros(0)}
    assert torch.equal(class_probabilities([none], 3), torch.zeros(1, 3, 4, 5))


def test_scores_start_undefined() -> None:
    scores = InstanceScores(InstanceMetrics())
    assert math.isnan(scores.compute()["mask_ap50"])


def test_a_wrong_key_is_named() -> None:
    with pytest.raises(InputError, match=r"key: expected one of .*dice.*got 'accuracy'"):
        InstanceScores(InstanceMetrics(), key="accuracy")
