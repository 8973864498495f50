"""Instance segmentation as Table I of the soft-label paper counts it: boxes, masks, pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.apps.detection.metrics.matching import matching_batch
from monai.data.box_utils import box_iou
from monai.metrics import Metric
from torch import distributed

from common.errors import ArgumentError
from common.fusion import exceeds
from common.metrics.average_precision import average_precision
from common.metrics.conventions import count_structures
from common.metrics.structures import dice_score

__all__ = ["InstanceMetrics", "mask_overlap"]

THRESHOLDS = (0.5, 0.75)
Instances = Mapping[str, torch.Tensor]


def mask_overlap(masks: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """IoU of every pair of masks.

        IoU(A, B) = |A ∩ B| / |A ∪ B|

    Args:
        masks: ``(N, *spatial)`` of True and False.
        others: ``(M, *spatial)``.

    Returns:
        ``(N, M)`` float32 in [0, 1], 0 for two empty masks.

    Example:
        >>> mask_overlap(torch.tensor([[True, True, False]]), torch.tensor([[False, True, True], [True, True, False]]))
        tensor([[0.3333, 1.0000]])
    """
    first, second = masks.flatten(1).float(), others.flatten(1).float()
    common = first @ second.T
    return common / (first.sum(1)[:, None] + second.sum(1) - common).clamp_min(1)


class InstanceMetrics(Metric):
    """Average precision, and precision, recall and overlap of instances and of their pixels.

    They are the columns of Table I of Felfeliyan et al., *Weakly Supervised Medical Image Segmentation With Soft Labels
    and Noise Robust Loss*, section IV.C.

    Average precision is that of `average_precision`, for boxes and for masks (the paper does not say which; the errata
    ask for both), of the 100 best detections of a class in an image, whatever their scores. The others are of the
    detections that come as ``counted``, else of those with a score of at least ``score_threshold``, and pool all images
    and classes:

    - ``box_ap50``, ``box_ap75``, ``mask_ap50``, ``mask_ap75``: mean over the classes that occur.
    - ``detection_precision`` = TP/(TP+FP) and ``detection_recall`` = TP/(TP+FN): instances, where a detection is right
      if its box and a true one of its class, that no better detection took, have an IoU of ``overlap`` or more.
    - ``detection_iou``: of each true box with the best detected one of its class, 0 if there is none; their mean.
    - ``precision``, ``recall``, ``iou`` = TP/(TP+FP+FN) and ``dice`` = 2TP/(2TP+FP+FN): pixels of a class in an image,
      of the class map that comes with the detections, which is what a user gets, else of the union of their masks.
      Masks are cut at one half, which itself is outside.
    - ``absent``, ``missed``, ``false``: in how many images, summed over the classes, neither truth nor detections have
      a pixel of the class, the truth alone has, the detections alone have.

    Table I cannot all be of one kind: an IoU above the Dice is none of the same pixels, and a recall of 0.46 with a
    precision of 0.52 none of instances at an IoU of 0.5, where its average precision is 12 %.

    Args:
        num_classes: without the background.
        score_threshold: from 0 to 1; of detections that say themselves which of them count it is not used.
        overlap: from 0 to 1; 0.1 is what detection in medical images usually takes.

    Raises:
        ArgumentError: if an argument is out of range.

    Example:
        >>> metric, masks = InstanceMetrics(), torch.ones(1, 2, 2)
        >>> truth = {"boxes": torch.tensor([[0.0, 0, 2, 2]]), "classes": torch.tensor([1]), "masks": masks}
        >>> metric([truth | {"scores": torch.tensor([0.9]), "masks": masks * torch.tensor([1, 0])}], [truth])
        >>> [round(metric.aggregate()[key], 2) for key in ("mask_ap50", "precision", "recall")]
        [1.0, 1.0, 0.5]
    """

    def __init__(self, num_classes: int = 1, score_threshold: float = 0.5, overlap: float = 0.1) -> None:
        super().__init__()
        for name, value in (("score_threshold", score_threshold), ("overlap", overlap)):
            if not 0 <= value <= 1:
                raise ArgumentError(f"{name}: expected a number from 0 to 1, got {value}.")
        if num_classes < 1:
            raise ArgumentError(f"num_classes: expected at least one beside the background, got {num_classes}.")
        self.num_classes = num_classes
        self.score_threshold = score_threshold
        self.overlap = overlap
        self.reset()

    def reset(self) -> None:
        """Forgets all images."""
        self.images: list[dict[str, Any]] = []

    def __call__(self, y_pred: Sequence[Instances], y: Sequence[Instances], **kwargs: Any) -> None:
        """Adds images.

        Args:
            y_pred: of each image ``boxes`` ``(D, 4)``, ``classes`` and ``scores`` ``(D,)``, ``masks`` ``(D, H, W)``
                of probabilities; D ≥ 0. Beside them, or not, a ``class_map`` ``(H, W)`` of 0 … K, and ``counted``
                ``(D,)`` of True and False, which detections belong to the segmentation.
            y: of each image ``boxes``, ``classes`` and ``masks`` (soft or hard) of the N ≥ 0 true instances.

        Raises:
            ArgumentError: if there are not as many predictions as truths, or their images differ in size.
        """
        if len(y_pred) != len(y):
            raise ArgumentError(f"y_pred and y: expected as many images, got {len(y_pred)} and {len(y)}.")
        self.images += [self._compare(found, truth) for found, truth in zip(y_pred, y, strict=True)]

    def aggregate(self) -> dict[str, float]:
        """All values of all images since the last reset, on every process the same.

        Without a true instance those that ask for one are nan: average precision, both recalls, ``detection_iou``.
        Without a detection both precisions are 0. Without any pixel ``iou`` and ``dice`` are nan.

        Returns:
            Values in [0, 1] or nan by the names above.
        """
        images = self._gathered()
        present = sorted({label for image in images for label in image["truths"]})
        values = {}
        for kind in ("box", "mask"):
            for threshold, overlap in enumerate(THRESHOLDS):
                each = [_average_precision([image[kind].get(c) for image in images], threshold) for c in present]
                values[f"{kind}_ap{100 * overlap:.0f}"] = float(np.mean(each)) if each else math.nan
        sums = np.sum([image["counts"] for image in images], axis=0) if images else np.zeros(10)
        right, found, true, overlap, hits, positives, pixels, absent, missed, false = map(float, sums)
        return values | {
            "detection_precision": _ratio(right, found, otherwise=0.0),
            "detection_recall": _ratio(right, true),
            "detection_iou": _ratio(overlap, true),
            "precision": _ratio(hits, positives, otherwise=0.0),
            "recall": _ratio(hits, pixels),
            "iou": _ratio(hits, positives + pixels - hits),
            "dice": _ratio(2 * hits, positives + pixels),
            "absent": absent,
            "missed": missed,
            "false": false,
        }

    def dice_of_images(self) -> torch.Tensor:
        """Dice of the pixels of each image and class since the last reset, on every process the same.

        Returns:
            ``(N, K)`` in [0, 1], nan where neither truth nor detections have a pixel of the class.
        """
        values = [image["dice"] for image in self._gathered()]
        return torch.stack(values) if values else torch.zeros(0, self.num_classes)

    def _gathered(self) -> list[dict[str, Any]]:
        if not (distributed.is_available() and distributed.is_initialized()):
            return self.images
        gathered: list[Any] = [None] * distributed.get_world_size()
        distributed.all_gather_object(gathered, self.images)
        return [image for part in gathered for image in part]

    def _compare(self, found: Instances, truth: Instances) -> dict[str, Any]:
        """What remains of an image: MONAI's matches, the classes that occur, and the counts of `aggregate`."""
        predicted = _plain(found, ("boxes", "classes", "masks", "scores"))
        expected = _plain(truth, ("boxes", "classes", "masks"))
        masks, true_masks = (exceeds(instances["masks"]) for instances in (predicted, expected))
        if masks.shape[1:] != true_masks.shape[1:]:
            raise ArgumentError(
                f"masks: expected the size {tuple(true_masks.shape[1:])} of the truth, got {tuple(masks.shape[1:])}."
            )
        boxes = torch.as_tensor(box_iou(predicted["boxes"].float(), expected["boxes"].float()))
        counted = found.get("counted")
        sure = predicted["scores"] >= self.score_threshold if counted is None else counted.detach().cpu().bool()
        classes, true_classes = predicted["classes"].long() - 1, expected["classes"].long() - 1
        same = classes[sure, None] == true_classes
        matches = _matches(boxes[sure], classes[sure], predicted["scores"][sure], true_classes, [self.overlap])
        right = sum(float(result["dtMatches"].sum()) for result in matches.values())
        best = (boxes[sure] * same).max(0).values if sure.any() else torch.zeros(len(true_classes))
        written = found.get("class_map")
        hits = positives = pixels = 0
        pairs = []
        for label in range(self.num_classes):
            chosen = masks[sure & (classes == label)].any(0)
            prediction = chosen if written is None else torch.as_tensor(written.cpu() == label + 1)
            target = true_masks[true_classes == label].any(0)
            hits += int((prediction & target).sum())
            positives += int(prediction.sum())
            pixels += int(target.sum())
            pairs.append(torch.stack((prediction, target)))
        pairs_of_masks = torch.stack(pairs, 1)[:, None]
        kinds = count_structures(*pairs_of_masks)
        return {
            "box": _matches(boxes, classes, predicted["scores"], true_classes, THRESHOLDS),
            "mask": _matches(mask_overlap(masks, true_masks), classes, predicted["scores"], true_classes, THRESHOLDS),
            "truths": set(true_classes.tolist()),
            "dice": dice_score(*pairs_of_masks)[0],
            "counts": [right, int(sure.sum()), len(true_classes), float(best.sum()), hits, positives, pixels, *kinds],
        }


def _plain(instances: Instances, keys: Sequence[str]) -> dict[str, torch.Tensor]:
    return {key: instances[key].detach().as_subclass(torch.Tensor).cpu() for key in keys}


def _average_precision(results: Sequence[Mapping[str, np.ndarray] | None], threshold: int) -> float:
    """Of one class, from MONAI's matches of each image, or None where it neither is nor was found."""
    found = [result for result in results if result is not None]
    right = np.concatenate([result["dtMatches"][threshold] > 0 for result in found])
    truths = sum(result["gtMatches"].shape[1] for result in found)
    return average_precision(right, np.concatenate([result["dtScores"] for result in found]), truths)


def _matches(
    overlap: torch.Tensor,
    classes: torch.Tensor,
    scores: torch.Tensor,
    true_classes: torch.Tensor,
    thresholds: Sequence[float],
) -> dict[int, dict[str, np.ndarray]]:
    """MONAI's matching of an image, by any overlap ``(D, N)``: what it takes for boxes are their numbers."""
    matrix = overlap.numpy()
    return matching_batch(
        iou_fn=lambda rows, columns: matrix[np.ix_(rows[:, 0], columns[:, 0])],
        iou_thresholds=thresholds,
        pred_boxes=[np.arange(len(classes))[:, None]],
        pred_classes=[classes.numpy()],
        pred_scores=[scores.float().numpy()],
        gt_boxes=[np.arange(len(true_classes))[:, None]],
        gt_classes=[true_classes.numpy()],
    )[0]


def _ratio(part: float, whole: float, otherwise: float = math.nan) -> float:
    return part / whole if whole else otherwise
