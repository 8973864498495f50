"""A small Mask R-CNN trained, validated, stopped and resumed on MONAI's own engines."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.data.utils import no_collation
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from monai.handlers import ValidationHandler
from monai.transforms import Lambdad

from common.errors import InputError
from common.losses import table_1_loss
from common.metrics import InstanceMetrics
from common.networks import IMaskRCNN
from common.transforms.neighbour_slices import neighbour_slices
from common.workflow import (
    EpochSeed,
    EpochTable,
    InstanceScores,
    LossAverages,
    SliceDetectionInferer,
    SumOfLosses,
    TrainingCheckpoint,
    detect_instances,
    load_weights,
    prepare_instances,
)
from common.workflow.detection import class_probabilities

SIZE = 64


def item(seed: int) -> dict:
    """A bright square, or none in every third image."""
    generator = torch.Generator().manual_seed(seed)
    image, count = 0.1 * torch.randn(3, SIZE, SIZE, generator=generator), int(seed % 3 != 2)
    start = torch.randint(4, 30, (2,), generator=generator)
    boxes = torch.cat((start, start + 20)).float()[None][:count]
    masks = torch.zeros(count, SIZE, SIZE)
    for mask, (top, left, bottom, right) in zip(masks, boxes.int().tolist(), strict=True):
        mask[top:bottom, left:right] = 0.9
        image += 2 * mask
    return {"image": MetaTensor(image), "boxes": boxes, "classes": torch.ones(count), "masks": masks}


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


def loader(count: int, shuffle: bool = False) -> DataLoader:
    items = [item(seed) for seed in range(count)]
    return DataLoader(Dataset(items), batch_size=2, shuffle=shuffle, num_workers=0, collate_fn=no_collation)


def evaluator(network: IMaskRCNN, count: int = 3, **options) -> SupervisedEvaluator:
    return SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=loader(count),
        network=network,
        iteration_update=detect_instances,
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
        train_data_loader=loader(4, shuffle=True),
        network=network,
        optimizer=optimizer,
        loss_function=SumOfLosses(),
        prepare_batch=prepare_instances,
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


def test_evaluation_gives_items_with_detections_and_truth_that_transforms_can_change() -> None:
    torch.manual_seed(0)
    seen = []
    mark = Lambdad("pred", lambda found: seen.append(found) or found | {"seen": True})
    engine = evaluator(small_network(), postprocessing=mark)
    modes = []
    engine.network.register_forward_hook(lambda network, *_: modes.append(network.training))
    engine.run()
    assert len(seen) == 3
    last = engine.state.output  # the third image, alone in its batch, has no instance
    assert len(last) == 1 and last[0]["pred"]["seen"] and last[0]["image"].shape == (3, SIZE, SIZE)
    assert last[0]["label"]["boxes"].shape == (0, 4)
    assert set(last[0]["pred"]) == {"boxes", "classes", "masks", "scores", "seen"}
    assert modes == [False, False]


def test_images_without_truth_are_detected_too() -> None:
    engine = evaluator(small_network())
    engine.state.device = torch.device("cpu")
    items = detect_instances(engine, [{"image": item(0)["image"]}])
    assert set(items[0]) == {"image", "pred"}


def test_scores_are_those_of_all_images() -> None:
    class Oracle(torch.nn.Module):
        """Answers the truth of the images it is asked for in turn."""

        def __init__(self) -> None:
            super().__init__()
            self.answers = iter([item(seed) for seed in range(3)])

        def forward(self, images: torch.Tensor) -> list[dict]:
            return [next(self.answers) | {"scores": torch.ones(1)[: int(index)]} for index in self.counts(images)]

        def counts(self, images: torch.Tensor) -> list[int]:
            return [int(image.max() > 1) for image in images]

    engine = evaluator(Oracle())
    engine.run()
    metrics = engine.state.metrics
    assert metrics["val_key"] == metrics["val_dice"] == 1 and metrics["val_mask_ap75"] == pytest.approx(1)
    assert engine.state.best_metric == 1


def test_batches_become_images_and_targets() -> None:
    items = [item(seed) for seed in (0, 2)]
    images, targets, arguments, keywords = prepare_instances(items, "cpu", dtype=torch.float64)
    assert type(images) is torch.Tensor and images.dtype == torch.float64
    assert torch.equal(images[0].float(), items[0]["image"].as_tensor())
    assert [len(target["boxes"]) for target in targets] == [1, 0]
    assert arguments == (targets,) and keywords == {}
    assert targets[0].keys() == {"boxes", "classes", "masks"}


class Painter(torch.nn.Module):
    """Detects in each slice a mask of the values of its middle channel, of class 2, and a faint one of ones."""

    def forward(self, images: torch.Tensor) -> list[dict[str, torch.Tensor]]:
        assert images.shape[1] == 3 and len(images) <= 2
        scores, classes = torch.tensor([0.9, 0.3]), torch.tensor([2, 1])
        return [
            {"masks": torch.stack((image[1], torch.ones_like(image[1]))), "scores": scores, "classes": classes}
            for image in images
        ]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_volumes_are_detected_slice_by_slice(axis: int) -> None:
    volume = torch.rand(2, 1, 5, 4, 3, generator=torch.Generator().manual_seed(0))
    stacked = torch.stack([neighbour_slices(one, axis=axis) for one in volume])
    out = SliceDetectionInferer(2, slice_axis=axis, batch_size=2)(stacked, Painter())
    assert out.shape == (2, 2, 5, 4, 3)
    assert torch.equal(out[:, 1], volume[:, 0]) and (out[:, 0] == 0).all()


def test_the_network_segments_a_volume() -> None:
    torch.manual_seed(0)
    network = small_network().eval()
    with torch.no_grad():
        out = SliceDetectionInferer(1, score_threshold=0.0)(torch.rand(1, 3, 40, 50, 2), network)
    assert out.shape == (1, 1, 40, 50, 2) and 0 <= out.min() < out.max() <= 1


def test_images_without_detections_have_no_probability() -> None:
    none = {"masks": torch.zeros(0, 4, 5), "scores": torch.zeros(0), "classes": torch.zeros(0)}
    assert torch.equal(class_probabilities([none], 3), torch.zeros(1, 3, 4, 5))


def test_scores_start_undefined() -> None:
    scores = InstanceScores(InstanceMetrics())
    assert math.isnan(scores.compute()["mask_ap50"])


def test_wrong_batches_and_keys_are_named() -> None:
    with pytest.raises(InputError, match=r"batch: expected a list of items, got dict; .*no_collation"):
        prepare_instances({"image": torch.zeros(2, 3, 4, 4)})
    with pytest.raises(InputError, match=r"image: expected one shape in a batch, got \[\(3, 4, 4\), \(3, 5, 4\)\]"):
        prepare_instances([{"image": torch.zeros(3, 4, 4)}, {"image": torch.zeros(3, 5, 4)}])
    with pytest.raises(InputError, match=r"key: expected one of .*dice.*got 'accuracy'"):
        InstanceScores(InstanceMetrics(), key="accuracy")
