"""How good a trained network is on test cases: against the clean labels, or against every real annotator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from benchmarks.atlas.data_sets import Case, Task, whole
from benchmarks.atlas.training import Trained
from benchmarks.report.statistics import known_mean
from common.decision import decide
from common.errors import InputError
from common.metrics import (
    dice_score,
    expected_calibration_error,
    hausdorff_distance_95,
    structure_pair,
    thresholded_adaptive_calibration_error,
)

MEASURES = ("dice", "hausdorff_95", "expected_dice", "ece", "tace")


def measure(trained: Trained, task: Task, section: str, decisions: Sequence[str]) -> dict[str, dict[str, list[float]]]:
    """All measures of every case of a section.

    Args:
        trained: the network.
        task: with the cases.
        section: ``test`` or ``validation``.
        decisions: rules of `common.decision.decide`.

    Returns:
        By decision and name in `MEASURES` a value for each case: means over the structures that the case has, of
        calibration errors over all classes, and with several annotators over them. 95 % Hausdorff distances are in mm
        where images have a spacing, else in pixels.

    Raises:
        InputError: a case without any label.
    """
    found: dict[str, dict[str, list[float]]] = {rule: {name: [] for name in MEASURES} for rule in decisions}
    for case in task.sections[section]:
        probabilities = whole(trained.probabilities(case.images), task.plan)
        for rule, row in _case(probabilities, case, task, decisions).items():
            for name, value in row.items():
                found[rule][name].append(value)
    return found


def _references(case: Case, task: Task) -> list[torch.Tensor]:
    """The labels ``(1, 1, *spatial)`` that a case is compared with."""
    if case.label is None and case.annotators is None:
        raise InputError(f"Case {case.name}: expected a label to compare with, got none.")
    drawn = list(case.annotators) if case.label is None else [case.label]  # type: ignore[arg-type]
    return [whole(label[:, None], task.plan) for label in drawn]


def _case(
    probabilities: torch.Tensor, case: Case, task: Task, decisions: Sequence[str]
) -> Mapping[str, Mapping[str, float]]:
    references = _references(case, task)
    errors = {
        "ece": [expected_calibration_error(probabilities, label) for label in references],
        "tace": [thresholded_adaptive_calibration_error(probabilities, label) for label in references],
    }
    calibration = {name: _mean(values) for name, values in errors.items()}
    rows = {}
    for rule in decisions:
        decision = decide(probabilities, rule)
        pairs = [structure_pair(decision.class_map, label, task.plan.num_classes, False) for label in references]
        rows[rule] = {
            "dice": _mean([dice_score(*pair) for pair in pairs]),
            "hausdorff_95": _mean([hausdorff_distance_95(*pair, case.sides) for pair in pairs]),
            "expected_dice": _mean([decision.expected_dice]),
            **calibration,
        }
    return rows


def _mean(values: Sequence[torch.Tensor]) -> float:
    """Of what is known; an absent structure has no Dice."""
    return known_mean(torch.cat([value.flatten().double() for value in values]).tolist())[0]
