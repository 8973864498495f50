"""Instance metrics against counts made by hand, and against a plain average precision written out in loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import distributed

from common.errors import ArgumentError
from common.metrics import InstanceMetrics
from common.metrics.instances import mask_overlap
from common.transforms import DetectInstancesd, slice_instances

SIZE = (12, 16)


def instances(boxes: list[list[float]], classes: list[int] | None = None, scores: list[float] | None = None) -> dict:
    """Rectangles: the mask of each is its box."""
    masks = torch.zeros(len(boxes), *SIZE)
    for mask, (top, left, bottom, right) in zip(masks, boxes, strict=True):
        mask[int(top) : int(bottom), int(left) : int(right)] = 0.8
    found = {
        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        "classes": torch.tensor(classes or [1] * len(boxes), dtype=torch.long),
        "masks": masks,
    }
    return found if scores is None else found | {"scores": torch.tensor(scores)}


def evaluate(y_pred: list[dict], y: list[dict], **options) -> dict[str, float]:
    metric = InstanceMetrics(**options)
    for found, truth in zip(y_pred, y, strict=True):
        metric([found], [truth])
    return metric.aggregate()


def average_precision(flags: list[tuple[float, bool]], truths: int) -> float:
    """Mean over 101 recalls of the best precision at that recall or more."""
    flags = sorted(flags, key=lambda pair: -pair[0])
    curve, right = [], 0
    for count, (_, hit) in enumerate(flags, 1):
        right += hit
        curve.append((right / truths, right / count))
    return sum(max((p for r, p in curve if r >= level), default=0.0) for level in np.linspace(0, 1, 101)) / 101


COUNTS = ("absent", "missed", "false")
TRUTH = [[0, 0, 4, 4], [6, 6, 10, 14]]


def test_the_truth_itself_scores_one_everywhere() -> None:
    truth = instances(TRUTH, [1, 2])
    scores = evaluate([truth | {"scores": torch.tensor([0.9, 0.8])}], [truth], num_classes=2)
    assert scores == {key: pytest.approx(float(key not in COUNTS)) for key in scores}
    assert len(scores) == 14


def test_counts_by_hand() -> None:
    """Of two true lesions one is found too small, beside a false alarm and a faint one that counts for AP only."""
    found = instances([[0, 0, 4, 2], [0, 10, 2, 12], [6, 6, 10, 14]], scores=[0.9, 0.8, 0.3])
    scores = evaluate([found], [instances(TRUTH)])
    assert scores["detection_precision"] == pytest.approx(1 / 2)
    assert scores["detection_recall"] == pytest.approx(1 / 2)
    assert scores["detection_iou"] == pytest.approx((8 / 16 + 0) / 2)
    assert scores["precision"] == pytest.approx(8 / (8 + 4))
    assert scores["recall"] == pytest.approx(8 / (16 + 32))
    assert scores["iou"] == pytest.approx(8 / (8 + 4 + 40))
    assert scores["dice"] == pytest.approx(16 / (16 + 4 + 40))
    at_50 = average_precision([(0.9, True), (0.8, False), (0.3, True)], 2)  # an IoU of exactly one half counts
    at_75 = average_precision([(0.9, False), (0.8, False), (0.3, True)], 2)
    assert scores["box_ap50"] == scores["mask_ap50"] == pytest.approx(at_50)
    assert scores["box_ap75"] == scores["mask_ap75"] == pytest.approx(at_75)


def test_masks_and_boxes_are_judged_apart() -> None:
    truth = instances(TRUTH[:1])
    found = instances(TRUTH[:1], scores=[0.9])
    found["masks"][:, 2:] = 0.4  # below one half: the lower half of the mask is gone
    scores = evaluate([found], [truth])
    assert scores["box_ap75"] == pytest.approx(1) and scores["mask_ap50"] == pytest.approx(1)
    assert scores["mask_ap75"] == 0
    assert scores["detection_iou"] == 1 and scores["iou"] == 0.5


def test_a_true_box_is_found_once_and_only_by_its_class() -> None:
    truth = instances([[0, 0, 4, 4]], [1])
    twice = instances([[0, 0, 4, 4], [0, 0, 4, 4], [0, 0, 4, 4]], [1, 1, 2], [0.9, 0.8, 0.7])
    scores = evaluate([twice], [truth], num_classes=2)
    assert scores["detection_precision"] == pytest.approx(1 / 3)
    assert scores["detection_recall"] == 1
    assert scores["precision"] == pytest.approx(1 / 2)  # class 2 has pixels, and no truth
    assert scores["box_ap50"] == pytest.approx(1)  # class 2 does not occur, so it has no average precision


def test_dice_of_each_image_and_class() -> None:
    """Absent from one image, missed in the next, half found in the third."""
    metric = InstanceMetrics(2)
    for boxes in ([], [], [[0, 0, 4, 2]]):
        true = [[0, 0, 4, 4]] if metric.images else []
        metric([instances(boxes, [2] * len(boxes), [0.9] * len(boxes))], [instances(true, [2] * len(true))])
    assert metric.dice_of_images()[:, 1].tolist() == pytest.approx([math.nan, 0, 2 / 3], nan_ok=True)
    assert metric.dice_of_images()[:, 0].isnan().all()
    metric.reset()
    assert metric.dice_of_images().shape == (0, 2)


def test_pixels_are_those_of_the_class_map_that_is_written() -> None:
    """Of a pixel in the masks of two classes the more probable one is written; detections count as they are."""
    truth = instances([[0, 0, 4, 4]], [1])
    both = instances([[0, 0, 4, 4], [0, 0, 4, 4]], [1, 2], [0.9, 0.8])
    written = both | {"class_map": both["masks"][0].ceil().byte()}
    apart, together = (evaluate([found], [truth], num_classes=2) for found in (both, written))
    assert apart["precision"] == 0.5 and together["precision"] == together["dice"] == 1
    assert together["detection_precision"] == apart["detection_precision"] == 0.5
    assert (apart["false"], together["false"]) == (1, 0)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31))
@example(1180)
def test_average_precision_of_random_images(seed: int) -> None:
    """Detections on disjoint cells of a grid: which are right needs no matching."""
    generator = torch.Generator().manual_seed(seed)
    predictions, truths, flags, count = [], [], [], 0
    for _ in range(3):
        cells = [[4.0 * i, 4.0 * j, 4.0 * i + 4, 4.0 * j + 4] for i in range(3) for j in range(4)]
        true = torch.rand(12, generator=generator) < 0.4
        found = torch.rand(12, generator=generator) < 0.5
        scores = torch.rand(12, generator=generator)
        count += int(true.sum())
        flags += [(scores[i].item(), bool(true[i])) for i in range(12) if found[i]]
        truths.append(instances([cell for cell, here in zip(cells, true, strict=True) if here]))
        chosen = [cell for cell, here in zip(cells, found, strict=True) if here]
        predictions.append(instances(chosen, scores=scores[found].tolist()))
    scores = evaluate(predictions, truths)
    expected = average_precision(flags, count) if count else math.nan
    assert scores["box_ap50"] == pytest.approx(expected, nan_ok=True)
    assert scores["mask_ap75"] == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("seed", range(6))
def test_average_precision_equals_pycocotools(seed: int) -> None:
    """Displaced boxes of two classes, so that detections compete for a truth; scores in steps, so that some tie."""
    pytest.importorskip("pycocotools")
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    draw = np.random.default_rng(seed)
    predictions, truths, annotations, results = [], [], [], []
    for image in range(8):
        boxes, labels = _boxes(draw, 5), draw.integers(1, 3, 5).tolist()
        moved = np.concatenate([boxes + draw.integers(-1, 2, boxes.shape), _boxes(draw, 4)])
        moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
        guesses, scores = [*labels, *draw.integers(1, 3, 4).tolist()], draw.integers(1, 20, 9) / 20
        truths.append(instances(boxes.tolist(), labels))
        predictions.append(instances(moved.tolist(), guesses, scores.tolist()))
        for box, label in zip(boxes, labels, strict=True):
            corner = {"bbox": [*box[:2], *(box[2:] - box[:2])], "area": float(np.prod(box[2:] - box[:2]))}
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": label, "iscrowd": 0, **corner}
            )
        for box, label, score in zip(moved, guesses, scores, strict=True):
            corner = {"bbox": [*box[:2], *(box[2:] - box[:2])]}
            results.append({"image_id": image, "category_id": label, "score": float(np.float32(score)), **corner})
    coco = COCO()
    coco.dataset = {
        "images": [{"id": k} for k in range(8)],
        "annotations": annotations,
        "categories": [{"id": 1}, {"id": 2}],
    }
    coco.createIndex()
    theirs = COCOeval(coco, coco.loadRes(results), "bbox")
    theirs.evaluate()
    theirs.accumulate()
    ours = evaluate(predictions, truths, num_classes=2)
    for name, threshold in (("box_ap50", 0), ("box_ap75", 5)):
        expected = theirs.eval["precision"][threshold, :, :, 0, -1].mean()
        assert ours[name] == pytest.approx(expected, abs=1e-12), name


def _boxes(draw: np.random.Generator, count: int) -> np.ndarray:
    corner = draw.integers(0, 7, (count, 2))
    return np.concatenate((corner, corner + draw.integers(2, 6, (count, 2))), 1).astype(np.float64)


def test_components_of_a_mask_count_whatever_their_scores() -> None:
    """Those of a U-Net, or of an average of networks: what is in the mask is a detection, also below the threshold."""
    probability = torch.zeros(1, *SIZE)
    probability[0, 1:5, 1:5], probability[0, 7:9, 7:9] = 0.6, 0.9
    (found,) = DetectInstancesd("pred")({"pred": probability})["detections"]
    truth = slice_instances((probability > 0).float())
    values = evaluate([found], truth, score_threshold=0.75)
    assert [values[name] for name in ("detection_recall", "detection_precision", "recall")] == [1, 1, 1]
    del found["counted"]
    assert evaluate([found], truth, score_threshold=0.75)["detection_recall"] == 0.5, "else the score decides"


def test_nothing_found_and_nothing_true() -> None:
    none, truth = instances([]), instances(TRUTH)
    empty = none | {"scores": torch.zeros(0)}
    missed = evaluate([empty], [truth])
    assert {key: value for key, value in missed.items() if value} == {"missed": 1}
    alarm = evaluate([instances(TRUTH[:1], scores=[0.9])], [none])
    undefined = {"box_ap50", "box_ap75", "mask_ap50", "mask_ap75", "detection_recall", "detection_iou", "recall"}
    assert {key for key, value in alarm.items() if math.isnan(value)} == undefined
    assert alarm["detection_precision"] == alarm["dice"] == alarm["iou"] == 0
    quiet = evaluate([empty], [none])
    assert {key for key, value in quiet.items() if value == 0} == {
        "detection_precision",
        "precision",
        "missed",
        "false",
    }
    assert all(math.isnan(value) for key, value in quiet.items() if "precision" not in key and key not in COUNTS)
    assert InstanceMetrics().aggregate().keys() == quiet.keys()
    both = evaluate([empty, truth | {"scores": torch.ones(2)}], [none, truth])
    assert both["mask_ap50"] == pytest.approx(1) and both["dice"] == 1


def test_processes_share_their_images(tmp_path) -> None:
    metric = InstanceMetrics()
    metric([instances(TRUTH[:1], scores=[0.9])], [instances(TRUTH)])
    alone = metric.aggregate()
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        assert metric.aggregate() == alone
    finally:
        distributed.destroy_process_group()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 4), st.integers(0, 4), st.sampled_from([(4, 5), (3, 2, 4)]))
def test_mask_overlaps(seed: int, count: int, others: int, shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(seed)
    first = torch.rand(count, *shape, generator=generator) < 0.5
    second = torch.rand(others, *shape, generator=generator) < 0.5
    out = mask_overlap(first, second)
    assert out.shape == (count, others)
    for i in range(count):
        for j in range(others):
            union = (first[i] | second[j]).sum().item()
            assert out[i, j].item() == pytest.approx((first[i] & second[j]).sum().item() / max(union, 1))


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ArgumentError, match=r"score_threshold: .*got 2"):
        InstanceMetrics(score_threshold=2)
    with pytest.raises(ArgumentError, match=r"overlap: .*got -1"):
        InstanceMetrics(overlap=-1)
    with pytest.raises(ArgumentError, match=r"num_classes: .*got 0"):
        InstanceMetrics(num_classes=0)
    truth = instances(TRUTH)
    with pytest.raises(ArgumentError, match=r"y_pred and y: .*got 0 and 1"):
        InstanceMetrics()([], [truth])
    with pytest.raises(ArgumentError, match=r"masks: expected the size \(12, 16\) of the truth, got \(5, 5\)"):
        InstanceMetrics()([truth | {"scores": torch.ones(2), "masks": torch.ones(2, 5, 5)}], [truth])
