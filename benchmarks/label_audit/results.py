"""From the scores of single trainings to what is found, by data set and error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.report.statistics import mean_and_std
from common.metrics import paired_permutation_test

OURS = ("surprise", "expected_dice", "score")
SIMPLE = ("dice", "soft_dice", "squared_error", "entropy_corrected")
CLEANLAB = ("softmin", "pixel_issues")
SCORES = (*OURS, *SIMPLE, *CLEANLAB)
PRECISION = 0.95  # of the cases found, whose kinds are counted
LIMITS = (0.1, 0.5, 0.9)  # between ranges of the probability that a label is wrong


def placements(wrong: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The share of the right cases with a better score than each wrong one, ties as one half; its mean is the AUROC.

    Args:
        wrong: (N,) scores of wrong labels, the lower, the more suspicious.
        right: (M,) of right ones.

    Returns:
        (N,) in [0, 1].

    Example:
        >>> placements(np.array([0.1, 0.5]), np.array([0.5, 0.9])).tolist()
        [1.0, 0.75]
    """
    return np.mean((wrong[:, None] < right) + 0.5 * (wrong[:, None] == right), axis=1)


def average_precision(score: np.ndarray, wrong: np.ndarray) -> float:
    """The mean precision at each of the wrong ones, from the lowest score on; of equal scores that of all of them.

    Args:
        score: (N,) of cases or pixels, the lower, the more suspicious.
        wrong: (N,) bool, at least one True.

    Returns:
        In (0, 1].

    Example:
        >>> average_precision(np.array([1, 2, 3]), np.array([True, False, True])).__round__(3)
        0.833
    """
    values, place = np.unique(score, return_inverse=True)
    hits, count = np.bincount(place, wrong, len(values)), np.bincount(place, minlength=len(values))
    return float((hits * np.cumsum(hits) / np.cumsum(count)).sum() / wrong.sum())


def named(cases: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """How many of the wrong cases found have a right kind, and how many were found.

    Args:
        cases: with ``rank``, ``kind`` and ``kinds``. Found are the first in rank of which 95 % are wrong, as many as
            possible.

    Returns:
        Two numbers.

    Example:
        >>> named([{"rank": 1, "kind": "missing", "kinds": ["missing"]}, {"rank": 2, "kind": "fine", "kinds": []}])
        (1, 1)
    """
    ordered = sorted(cases, key=lambda case: case["rank"])
    wrong = np.array([bool(case["kinds"]) for case in ordered])
    precise = np.flatnonzero(np.cumsum(wrong) >= PRECISION * np.arange(1, len(wrong) + 1))
    found = [case for case in ordered[: precise[-1] + 1 if len(precise) else 0] if case["kinds"]]
    return sum(case["kind"] in case["kinds"] for case in found), len(found)


def calibration(cases: Sequence[Mapping[str, Any]]) -> list[tuple[int, int, float]]:
    """How many labels are wrong of those with a low, a middle and a high probability, and how many are to expect.

    Args:
        cases: with ``wrong_probability``, None of those that were not judged, and ``kinds``.

    Returns:
        For each range between `LIMITS`: labels, wrong ones, the sum of the probabilities.

    Example:
        >>> calibration([{"wrong_probability": 0.95, "kinds": ["missing"]}, {"wrong_probability": None, "kinds": []}])
        [(0, 0, 0.0), (0, 0, 0.0), (0, 0, 0.0), (1, 1, 0.95)]
    """
    judged = [case for case in cases if case["wrong_probability"] is not None]
    probability = np.array([case["wrong_probability"] for case in judged], float)
    wrong = np.array([bool(case["kinds"]) for case in judged], bool)
    place = np.searchsorted(LIMITS, probability, side="right")
    ranges = [place == index for index in range(len(LIMITS) + 1)]
    return [(int(one.sum()), int(wrong[one].sum()), float(probability[one].sum())) for one in ranges]


def summarize(trainings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One entry for each data set and error.

    Args:
        trainings: of `benchmarks.label_audit.scoring.score_cases`, with ``data_set``, ``error`` and ``seed``.

    Returns:
        In their order: ``data_set``, ``error``, ``seeds``, ``cases`` and ``wrong`` (of all seeds), ``flagged`` (wrong
        and right labels that are suspicious), ``calibration`` (of the function), ``named`` and ``found`` of `named`; by
        score ``auroc`` and ``precision``, each the mean and the standard deviation over seeds; ``p`` of one score of
        the audit against each other one, by the placements of the wrong cases of all seeds; ``pixels``, the average
        precision of each map, likewise.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for training in trainings:
        groups.setdefault((training["data_set"], training["error"]), []).append(training)
    return [_cell(*key, sorted(group, key=lambda one: one["seed"])) for key, group in groups.items()]


def _cell(data_set: str, error: str, group: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    cases = [case for one in group for case in one["cases"]]
    flagged = [bool(case["kinds"]) for case in cases if case["status"] == "suspicious"]
    entry: dict[str, Any] = {
        "data_set": data_set,
        "error": error,
        "seeds": [one["seed"] for one in group],
        "cases": len(cases),
        "wrong": sum(bool(case["kinds"]) for case in cases),
        "not_judged": sum(case["status"] == "not judged" for case in cases),
        "flagged": {"wrong": sum(flagged), "right": len(flagged) - sum(flagged)},
        "calibration": calibration(cases),
    }
    if not entry["wrong"]:
        return entry
    counts = [named(one["cases"]) for one in group]
    entry |= {"named": sum(right for right, _ in counts), "found": sum(found for _, found in counts)}
    places: dict[str, list[float]] = {score: [] for score in SCORES}
    for score in SCORES:
        auroc, precision = [], []
        for one in group:
            values = np.array([np.nan if case[score] is None else case[score] for case in one["cases"]], float)
            values = np.nan_to_num(-values if score == "surprise" else values, nan=np.inf)  # of no structure: usual
            wrong = np.array([bool(case["kinds"]) for case in one["cases"]])
            found = placements(values[wrong], values[~wrong])
            places[score] += found.tolist()
            auroc.append(float(found.mean()))
            precision.append(average_precision(values, wrong))
        entry.setdefault("auroc", {})[score] = mean_and_std(auroc)
        entry.setdefault("precision", {})[score] = mean_and_std(precision)
    first = OURS[0]
    entry["p"] = {other: paired_permutation_test(places[first], places[other]) for other in SCORES if other != first}
    maps = [one["pixels"] for one in group]
    entry["pixels"] = {name: mean_and_std([one[name] for one in maps]) for name in maps[0]}
    return entry
