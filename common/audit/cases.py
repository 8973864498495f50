"""What the audit keeps of one case: a plain record, which is written before the next case is read."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import nibabel as nib
import numpy as np
import torch
import torch.nn.functional as F

from common.audit.border import BINS, border_products
from common.audit.geometry import Residuals, border_residuals, predicted_classes
from common.audit.inputs import LoadedCase, length_unit
from common.audit.kinds import find_kinds, gravest, structure_sizes
from common.audit.scores import (
    border_probabilities,
    certainty,
    entropy_corrected,
    foreground_box,
    likelihood_ratio,
    mean_dice,
    soft_dice,
    softmin,
)
from common.audit.surprise import structure_doubts
from common.audit.truth import truth_given_label
from common.io.rounding import rounded

__all__ = [
    "SIGNATURE_SIDE",
    "border_deviation",
    "case_record",
    "case_scores",
    "decode_signature",
    "foreground_signature",
    "pilot",
    "usual_border_deviation",
]

SIGNATURE_SIDE = {2: 24, 3: 12}  # voxels along each axis
COLUMNS = (
    *("rank", "case", "status", "wrong_probability", "expected_dice", "kind", "finding", "surprise", "score", "dice"),
    *("soft_dice", "softmin", "entropy_corrected", "certainty", "share_without_regard", "border_shift", "candidates"),
    *("exchanged_with", "changed", "previous_status", "previous_wrong_probability", "previous_expected_dice"),
)
PILOT = 40  # cases from which the usual deviation of a border is taken
USUAL = 25  # percentile of the deviations of cases, since most labels may be wrong
LEAST_DEVIATION = 1 / 3  # of a voxel
WITHIN = 5.0  # s: border points further off belong to no shaky border


def border_deviation(case: LoadedCase) -> float:
    """The usual distance of a label's border from the prediction's: the root mean square of the middle 90 %.

    Args:
        case: as it was read.

    Returns:
        mm; nan without a border.
    """
    residuals = _class_residuals(case)
    values = np.concatenate([one.outward for one in residuals]) if residuals else np.zeros(0)
    if not len(values):
        return math.nan
    low, high = np.percentile(values, (5, 95))
    return float(np.sqrt(np.mean(values[(values >= low) & (values <= high)] ** 2)))


def pilot(cases: Sequence[Any]) -> Sequence[Any]:
    """Up to 40 cases, evenly spread: those that tell how far borders usually deviate.

    Args:
        cases: in any form.

    Returns:
        Some of them, in their order.

    Example:
        >>> pilot(range(120))[:3], len(pilot(range(120))), len(pilot("abc"))
        (range(0, 9, 3), 40, 3)
    """
    return cases[:: max(1, len(cases) // PILOT)][:PILOT]


def usual_border_deviation(cases: Iterable[LoadedCase]) -> float:
    """How far borders usually deviate, s: the lower quartile of `border_deviation`, and at least a third of a voxel.

    Args:
        cases: as they were read; one at a time is in memory.

    Returns:
        mm, of four digits; of no cases a third.

    Example:
        >>> from common.audit.kinds import PICTURE_DIRECTIONS
        >>> drawn = np.zeros((20, 20), np.int16)
        >>> drawn[4:10, 4:16] = 1
        >>> sure = np.stack([drawn != 1, drawn == 1]).astype(np.float32)
        >>> usual_border_deviation([LoadedCase(drawn, sure, (1.5, 1.5), np.eye(4), PICTURE_DIRECTIONS, True)])
        0.5
    """
    found, finest = [], []
    for case in cases:
        found.append(border_deviation(case))
        finest.append(min(case.spacing))
    known = [value for value in found if math.isfinite(value)]
    least = LEAST_DEVIATION * (float(np.median(finest)) if finest else 1.0)
    return float(f"{max(least, float(np.percentile(known, USUAL)) if known else least):.4g}")


def case_scores(
    label: np.ndarray, probabilities: np.ndarray, spacing: Sequence[float], border_mm: float
) -> dict[str, float]:
    """All scores of a case; the higher, the less suspicious, but for ``share_without_regard``.

    Args:
        label: ``(*spatial)`` integers, 0 … C − 1, −1 where not labeled.
        probabilities: ``(C, *spatial)``, C ≥ 2, summing to 1.
        spacing: voxel size along each axis in mm.
        border_mm: standard deviation of the border in mm, above 0.

    Returns:
        ``score`` (`likelihood_ratio`), ``dice``, ``soft_dice``, ``softmin``, ``entropy_corrected``, ``certainty``, and
        of `truth_given_label` ``expected_dice`` and ``share_without_regard``.

    Example:
        >>> sure = np.stack([np.arange(9) < 5, np.arange(9) >= 5]).astype(np.float32)
        >>> case_scores(np.arange(9) // 5, sure, [1.0], 0.5)["dice"]
        1.0
    """
    prediction = predicted_classes(probabilities)
    box = foreground_box(label, prediction, spacing, border_mm)
    cut, maps = label[box], probabilities[(slice(None), *box)]
    borders = border_probabilities(prediction[box], len(maps), spacing, border_mm)
    truth = truth_given_label(label, probabilities, spacing, border_mm, borders)
    return {
        "score": likelihood_ratio(cut, maps, spacing, border_mm, borders),
        "dice": mean_dice(cut, prediction[box], len(maps)),
        "soft_dice": soft_dice(label, probabilities),
        "softmin": softmin(label, probabilities),
        "entropy_corrected": entropy_corrected(label, probabilities),
        "certainty": certainty(probabilities),
        "expected_dice": truth.expected_dice,
        "share_without_regard": truth.share,
    }


def case_record(name: str, case: LoadedCase, border_mm: float, class_names: Sequence[str] = ()) -> dict[str, Any]:
    """Scores, kinds, and what the summary of the data set needs.

    Args:
        name: of the case.
        case: as it was read.
        border_mm: s, the usual deviation of a border in mm.
        class_names: from class 0 on; empty for numbers.

    Returns:
        Plain values that JSON holds: ``case``, the scores of `case_scores`, ``kind`` and ``finding`` (the gravest),
        ``doubts`` (`structure_doubts` of each class, None of one that is neither labeled nor predicted), ``kinds``
        (all, with ``name``, ``class``, ``size``, ``message`` and ``voxels``), ``structures`` and ``missing`` (predicted
        connected parts, and those not labeled), ``structure_sizes`` and ``missing_sizes`` (mm³, in 2-D mm²),
        ``radius_mm`` (of a ball as large as the median part), ``border_shift`` (mean of how far the label's border lies
        outside of the prediction's, mm; None without a border) and ``sides`` (the same of the points that look to each
        side), ``products`` (of `border_products`), ``label_hash``, ``label_signature`` and ``prediction_signature``.

    Example:
        >>> from common.audit.kinds import PICTURE_DIRECTIONS
        >>> drawn = np.zeros((20, 20), np.int16)
        >>> drawn[4:10, 4:16] = 1
        >>> sure = np.stack([drawn != 1, drawn == 1]).astype(np.float32)
        >>> case = LoadedCase(np.roll(drawn, 4, axis=0), sure, (1.0, 1.0), np.eye(4), PICTURE_DIRECTIONS, True)
        >>> case_record("a", case, border_mm=0.5)["finding"]
        'displaced by 4 pixels (4 pixels to the right)'
    """
    scores = case_scores(case.label, case.probabilities, case.spacing, border_mm)
    place = case.spacing, border_mm, case.directions, class_names, length_unit(case.picture)
    kinds = find_kinds(case.label, case.probabilities, *place)
    first = gravest(kinds)
    prediction = predicted_classes(case.probabilities)
    box = foreground_box(case.label, prediction, case.spacing, border_mm)
    doubts = structure_doubts(case.label[box], case.probabilities[(slice(None), *box)])
    products = np.zeros((3, BINS))
    found = _class_residuals(case)
    for residuals in found:
        near = np.abs(residuals.outward) <= WITHIN * border_mm
        if near.any():
            kept = type(residuals)(residuals.points[near], residuals.normals[near], residuals.outward[near])
            products += border_products(kept, case.spacing)
    sizes = structure_sizes(prediction, case.spacing, border_mm)
    return {
        "case": name,
        **scores,
        "kind": first.name,
        "finding": first.message,
        "kinds": [
            {
                "name": kind.name,
                "class": kind.structure,
                "size": rounded(kind.size, 3),
                "message": kind.message,
                "voxels": kind.voxels,
            }
            for kind in kinds
        ],
        "doubts": [None if np.isnan(pair).any() else [round(float(one), 6) for one in pair] for pair in doubts],
        "structures": len(sizes),
        "missing": sum(kind.name == "missing" for kind in kinds),
        "structure_sizes": [rounded(size, 3) for size in sizes],
        "missing_sizes": [rounded(kind.size, 3) for kind in kinds if kind.name == "missing"],
        "radius_mm": _radius(sizes, case.label.ndim),
        "border_shift": float(np.concatenate([one.outward for one in found]).mean()) if found else None,
        "sides": _sides(found, case.directions),
        "label_hash": hashlib.blake2b(_upright(case.label, case.affine).tobytes(), digest_size=8).hexdigest(),
        "products": [[float(f"{value:.6g}") for value in row] for row in products],
        "label_signature": foreground_signature(np.where(case.label < 0, prediction, case.label), case.affine),
        "prediction_signature": foreground_signature(prediction, case.affine),
    }


def foreground_signature(label: np.ndarray, affine: np.ndarray) -> str:
    """The share of foreground on a coarse grid, to find labels that belong to other cases.

    Args:
        label: ``(*spatial)`` class map, 2-D or 3-D.
        affine: (4, 4); volumes are turned to RAS, whatever the order and direction of their axes.

    Returns:
        24² or 12³ numbers from 0 to 255 in base64.

    Example:
        >>> decode_signature(foreground_signature(np.ones((48, 30), int), np.eye(4))).tolist() == [1.0] * 576
        True
    """
    foreground = torch.from_numpy((_upright(label, affine) > 0).astype(np.float32, order="C"))[None, None]
    pool = F.adaptive_avg_pool2d if label.ndim == 2 else F.adaptive_avg_pool3d
    coarse = pool(foreground, SIGNATURE_SIDE[label.ndim])
    return base64.b64encode((coarse * 255).round().byte().numpy().tobytes()).decode("ascii")


def _upright(label: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """A volume from left to right, back to front and bottom to top, however its file has it; a picture as it is."""
    return label if label.ndim == 2 else nib.apply_orientation(label, nib.io_orientation(affine))


def decode_signature(text: str) -> np.ndarray:
    """The numbers of `foreground_signature`.

    Args:
        text: base64.

    Returns:
        (N,) float32 in [0, 1].

    Example:
        >>> decode_signature("AP8=").tolist()
        [0.0, 1.0]
    """
    return np.frombuffer(base64.b64decode(text), np.uint8).astype(np.float32) / 255


def public_row(record: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a record that belong in a table.

    Args:
        record: of `case_record`, with ``status`` and ``suspicion`` where known.

    Returns:
        The row of ``audit.csv``, numbers rounded.

    Example:
        >>> public_row({"case": "a", "score": 0.51234, "products": []})
        {'case': 'a', 'score': 0.5123}
    """
    row = {}
    for column in COLUMNS:
        if column in record:
            value = record[column]
            row[column] = round(value, 4) if isinstance(value, float) else value
    return row


def _class_residuals(case: LoadedCase) -> list[Residuals]:
    """Border residuals of each foreground class that label and prediction have."""
    known = case.label >= 0
    prediction = predicted_classes(case.probabilities)
    filled = np.where(known, case.label, prediction)
    found = []
    for index in range(1, len(case.probabilities)):
        residuals = border_residuals(filled == index, prediction == index, case.spacing, known)
        if len(residuals.outward):
            found.append(residuals)
    return found


def _sides(found: Sequence[Residuals], directions: Sequence[tuple[str, str]]) -> dict[str, float]:
    """The mean residual of the points whose normal looks mostly to each side, by the word for it."""
    if not found:
        return {}
    normals, outward = (np.concatenate([getattr(one, name) for one in found]) for name in ("normals", "outward"))
    axis = np.abs(normals).argmax(1)
    upward = np.take_along_axis(normals, axis[:, None], axis=1)[:, 0] > 0
    means = {}
    for place, words in enumerate(directions):
        for word, here in zip(words, ((axis == place) & ~upward, (axis == place) & upward), strict=True):
            if here.any():
                means[word] = round(float(outward[here].mean()), 4)
    return means


def _radius(sizes: Sequence[float], dimensions: int) -> float | None:
    if not sizes:
        return None
    size = float(np.median(sizes))
    return rounded(math.sqrt(size / math.pi) if dimensions == 2 else (0.75 * size / math.pi) ** (1 / 3), 3)
