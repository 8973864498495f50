"""All scores of the cases of one training, from the same out-of-fold probabilities."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.label_audit.results import average_precision
from common.audit import LoadedCase, case_record, rank_records, truth_given_label, usual_border_deviation
from common.audit.cases import pilot
from common.audit.kinds import PICTURE_DIRECTIONS

VOLUME_DIRECTIONS = (("left", "right"), ("back", "front"), ("down", "up"))
PIXEL_ISSUES = """
import sys
import numpy as np
from cleanlab.segmentation.filter import find_label_issues
given = np.load(sys.argv[1])
labels, maps = given["labels"].astype(int)[None, None], np.ascontiguousarray(given["maps"][None, :, None])
np.save(sys.argv[2], find_label_issues(labels, maps, n_jobs=1, verbose=False)[0, 0])
"""


def loaded_cases(predictions: Mapping[str, Any]) -> list[LoadedCase]:
    """What `predict` wrote, as the audit takes it.

    Args:
        predictions: of `benchmarks.label_audit.predictions.predict`.

    Returns:
        A case for each, in this order.
    """
    found = []
    for row in predictions["cases"]:
        probabilities = row["probabilities"].float().numpy()
        probabilities /= probabilities.sum(0)
        directions = PICTURE_DIRECTIONS if predictions["picture"] else VOLUME_DIRECTIONS
        label = row["label"].numpy().astype(np.int16)
        place = tuple(row["sides"]), np.eye(4), directions, bool(predictions["picture"])
        found.append(LoadedCase(label, probabilities, *place))
    return found


def score_cases(predictions: Mapping[str, Any], cleanlab_python: str | Path) -> dict[str, Any]:
    """Audits the cases, and scores them by everything else.

    Args:
        predictions: of `benchmarks.label_audit.predictions.predict`.
        cleanlab_python: interpreter of an environment that has cleanlab.

    Returns:
        ``cases``: of each ``case``, ``kinds`` (that are right for a wrong label, else empty), what `rank_records` gives
        it, ``squared_error`` (−Σ (p − y)², in whose order T-Loss weighs images of one size) and ``pixel_issues`` (−
        their share by cleanlab); ``pixels``: average precision of each map for the pixels that are falsely labeled,
        None where there are none.
    """
    cases = loaded_cases(predictions)
    border_mm = usual_border_deviation(pilot(cases))
    names = [row["case"] for row in predictions["cases"]]
    records = [case_record(name, case, border_mm) for name, case in zip(names, cases, strict=True)]
    issues = pixel_issues(cases, cleanlab_python)
    rows = {record["case"]: record for record in rank_records(records)}
    kept = ("rank", "status", "wrong_probability", "kind", "surprise", "expected_dice", "score", "dice", "soft_dice")
    found, maps = [], []
    for given, case, issue in zip(predictions["cases"], cases, issues, strict=True):
        row = rows[given["case"]]
        labeled = np.take_along_axis(case.probabilities, case.label[None].astype(np.int64), 0)[0]
        errors = (case.probabilities**2).sum(0) - 2 * labeled + 1
        found.append(
            {
                "case": given["case"],
                "kinds": given["kinds"],
                **{key: row[key] for key in (*kept, "softmin", "entropy_corrected")},
                "squared_error": -float(errors.sum()),
                "pixel_issues": -float(issue.mean()),
            }
        )
        false = case.label != given["clean"].numpy()
        truth = truth_given_label(case.label, case.probabilities, case.spacing, border_mm)
        maps.append((false, truth.false_label, 1 - labeled, issue))
    return {"border_mm": border_mm, "cases": found, "pixels": _pixels(maps)}


def pixel_issues(cases: Sequence[LoadedCase], python: str | Path) -> list[np.ndarray]:
    """The pixels that cleanlab's ``segmentation.filter.find_label_issues`` finds, of all cases taken as one image.

    Its thresholds are of all pixels together, so how they are arranged does not matter.

    Args:
        cases: completely labeled.
        python: interpreter that has cleanlab.

    Returns:
        (N,) bool of the voxels of each case, in the order of its memory.
    """
    labels = np.concatenate([case.label.ravel() for case in cases])
    maps = np.concatenate([case.probabilities.reshape(len(case.probabilities), -1) for case in cases], axis=1)
    with tempfile.TemporaryDirectory() as name:
        given, issues = Path(name) / "given.npz", Path(name) / "issues.npy"
        np.savez(given, labels=labels, maps=maps)
        subprocess.run([str(python), "-c", PIXEL_ISSUES, given, issues], check=True)
        found = np.load(issues)
    return np.split(found, np.cumsum([case.label.size for case in cases])[:-1])


def _pixels(maps: Sequence[tuple[np.ndarray, ...]]) -> dict[str, float] | None:
    false, *scores = (np.concatenate([np.ravel(one) for one in parts]) for parts in zip(*maps, strict=True))
    if not false.any():
        return None
    names = ("false_label", "1 - p", "pixel_issues")
    return {name: average_precision(-score.astype(float), false) for name, score in zip(names, scores, strict=True)}
