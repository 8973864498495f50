"""Out-of-fold probabilities: two networks on two halves of a data set whose labels have errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.atlas.data_sets import DATA_SETS, Case, DataSet, Task, prepare_task, whole
from benchmarks.atlas.methods import SINGLE
from benchmarks.atlas.training import train
from benchmarks.label_audit.errors import Wrong, errors_for, spoil
from common.datasets import Split, read_dataset, split_dataset
from common.errors import InputError
from common.io.files import whole_file
from common.networks import UNet

METHOD = SINGLE["ce_dice"]  # what the audit advises
LEARNING_RATE = 1e-2


@dataclass(frozen=True)
class Setting:
    """How a data set takes part.

    Attributes:
        data_set: network, plan and steps, in the terms of `benchmarks.atlas`.
        most_cases: drawn by the seed; None for all.
    """

    data_set: DataSet
    most_cases: int | None = None


SETTINGS = {
    "shenzhen": Setting(replace(DATA_SETS["shenzhen"], plan={"image_size": (64, 64)}, steps=500), 200),
    "acdc": Setting(
        replace(
            DATA_SETS["acdc"],
            plan={"spatial_dims": 2, "spacing": (3.0, 3.0, -1.0), "patch_size": (64, 64), "crop": "center"},
            steps=1500,
        )
    ),
    "hippocampus": Setting(replace(DATA_SETS["hippocampus"], features=(8, 16, 32), steps=700)),
}


def load_folds(setting: Setting, dataset_dir: str | Path, seed: int) -> list[Task]:
    """Two halves of the subjects, each of them the training cases of one task.

    Args:
        setting: of the data set.
        dataset_dir: its folder, in any layout.
        seed: of the halves, and of the cases where not all take part.

    Returns:
        Two tasks; each has the other's training cases as ``test``.
    """
    dataset = read_dataset(str(dataset_dir))
    halves = [split_dataset(dataset, seed=seed, fold=fold, num_folds=2).validation for fold in (0, 1)]
    if setting.most_cases is not None:
        random = np.random.default_rng(seed)
        halves = [[half[i] for i in random.permutation(len(half))[: setting.most_cases // 2]] for half in halves]
    return [
        prepare_task(setting.data_set, dataset, Split(training=halves[one], test=halves[1 - one])) for one in (0, 1)
    ]


def predict(setting: Setting, folds: list[Task], error: str, seed: int) -> dict[str, Any]:
    """Spoils the labels, trains on each half, and predicts the other.

    Args:
        setting: of the data set.
        folds: of `load_folds`.
        error: a name in `benchmarks.label_audit.errors.ERRORS`.
        seed: of errors, weights, order and views.

    Returns:
        ``picture`` and ``cases``, of each ``case``, ``sides`` (voxel size in mm), ``clean`` and ``label``
        ``(*spatial)`` uint8, ``probabilities`` ``(C, *spatial)`` float16 of the network that did not see it, and
        ``kinds``: what a wrong label may be called, empty for a right one.
    """
    plan = folds[0].plan
    cases = [case for task in folds for case in task.sections["training"]]
    if error not in errors_for(plan.image_dims, plan.num_classes - 1):
        raise InputError(f"error: {error!r} cannot be in this data set.")
    wrong = spoil(cases, error, seed)
    rows = []
    for task in folds:
        labels = [_drawn(case, wrong)[None] for case in task.sections["training"]]
        torch.manual_seed(seed)
        settings = setting.data_set
        network = UNet(plan.spatial_dims, plan.channels, plan.num_classes, settings.features)
        trained = train(METHOD, task, settings, labels, LEARNING_RATE, seed, network, settings.steps)
        for case in task.sections["test"]:
            found = whole(trained.probabilities(case.images), plan)[0]
            drawn = {"clean": _drawn(case, {}), "label": _drawn(case, wrong)}
            rows.append(
                {
                    "case": case.name,
                    "sides": list(case.sides),
                    "kinds": list(wrong[case.name].kinds) if case.name in wrong else [],
                    "probabilities": found.half(),
                    **{key: whole(each[:, None], plan)[0, 0].byte() for key, each in drawn.items()},
                }
            )
    return {"picture": plan.image_dims == 2, "cases": rows}


def write_predictions(path: Path, predictions: Mapping[str, Any]) -> None:
    """Writes what `predict` returned.

    Args:
        path: of the file.
        predictions: plain values and tensors.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        torch.save(predictions, partial)


def _drawn(case: Case, wrong: Mapping[str, Wrong]) -> torch.Tensor:
    if case.label is None:
        raise InputError(f"Case {case.name}: expected a ground truth, got none.")
    return wrong[case.name].label if case.name in wrong else case.label
