"""Average precision of detections, as COCO defines it."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["RECALLS", "average_precision"]

RECALLS = np.linspace(0, 1, 101)


def average_precision(right: np.ndarray, scores: np.ndarray, truths: int) -> float:
    """The area under precision over recall, sampled at 101 recalls.

        AP = 1/101 Σ_r max{P_n : R_n ≥ r},   P_n = TP_n / n,   R_n = TP_n / truths,   r = 0, 0.01, …, 1

    where TP_n counts the right ones among the n detections with the highest scores; those with equal scores stay in
    the order in which they are given. It equals pycocotools 2.0.11 but for the rounding of a sum. MONAI 1.6.1 has the
    recalls in single precision, so that one of exactly 0.29 may lie below its sampling point: up to 0.0052 apart.

    Args:
        right: ``(D,)`` of True where a detection took a true instance of its own.
        scores: ``(D,)`` of the detections.
        truths: number of true instances, at least the number of right detections.

    Returns:
        A number in [0, 1]; 0 without detections, nan without true instances.

    Source: the evaluation of COCO, https://cocodataset.org/#detection-eval.

    Example:
        >>> round(average_precision(np.array([True, False, True]), np.array([0.9, 0.8, 0.7]), truths=2), 4)
        0.835
    """
    if truths == 0:
        return math.nan
    hits = np.cumsum(right[np.argsort(-scores, kind="stable")])
    precision = hits / np.arange(1, len(hits) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]  # at this recall or more
    first = np.searchsorted(hits / truths, RECALLS, side="left")  # the fewest detections that reach a recall
    return float(np.append(best, 0.0)[first].mean())
