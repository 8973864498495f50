"""``python -m benchmarks.label_audit``: ``predict``, ``score`` and ``table``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import fire
import torch

from benchmarks.label_audit.errors import ERRORS, errors_for
from benchmarks.label_audit.predictions import SETTINGS, load_folds, predict, write_predictions
from benchmarks.label_audit.results import summarize
from benchmarks.label_audit.scoring import score_cases
from benchmarks.label_audit.tables import all_tables
from benchmarks.report.tables import insert_between_markers, write_results
from common.errors import InputError
from common.io.files import whole_file

MARKER, PAGE = "label_audit", "docs/audit.md"


def predictions(data_set: str, dataset_dir: str, folder: str, seed: int) -> None:
    """Trains two networks under each error, and keeps what each says of the cases that it did not see.

    Args:
        data_set: a name in `benchmarks.label_audit.predictions.SETTINGS`.
        dataset_dir: its folder.
        folder: for ``predictions/DATA_SET/ERROR/SEED.pt``; what is there is not done again.
        seed: of halves, errors and trainings.
    """
    if data_set not in SETTINGS:
        raise InputError(f"data_set: expected one of {', '.join(SETTINGS)}, got {data_set!r}.")
    setting = SETTINGS[data_set]
    folds = load_folds(setting, dataset_dir, seed)
    plan = folds[0].plan
    for error in errors_for(plan.image_dims, plan.num_classes - 1):
        path = Path(folder) / "predictions" / data_set / error / f"{seed}.pt"
        if not path.is_file():
            write_predictions(path, predict(setting, folds, error, seed))


def score(folder: str, cleanlab_python: str) -> None:
    """Audits the cases of all trainings that are there, and scores them by everything else.

    Args:
        folder: with ``predictions``; for ``scores/DATA_SET/ERROR/SEED.json``. What is there is not done again.
        cleanlab_python: interpreter of an environment that has cleanlab (``pip install cleanlab==2.9.0``).
    """
    for path in sorted(Path(folder).glob("predictions/*/*/*.pt")):
        data_set, error, seed = *path.parent.parts[-2:], path.stem
        target = Path(folder) / "scores" / data_set / error / f"{seed}.json"
        if target.is_file():
            continue
        found = score_cases(torch.load(path, weights_only=True), cleanlab_python)
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(target) as partial:
            content = {"data_set": data_set, "error": error, "seed": int(seed), **found}
            partial.write_text(json.dumps(content), encoding="utf-8")


def table(folder: str, output: str, root: str | None = None) -> None:
    """Sums up what `score` wrote.

    Args:
        folder: with ``scores``.
        output: the JSON file.
        root: of the repository, whose page is written; None: no page.
    """
    trainings = [json.loads(path.read_text(encoding="utf-8")) for path in Path(folder).glob("scores/*/*/*.json")]
    order = (list(SETTINGS), list(ERRORS))
    trainings.sort(key=lambda one: (order[0].index(one["data_set"]), order[1].index(one["error"]), one["seed"]))
    settings = {name: asdict(setting) for name, setting in SETTINGS.items()}
    write_results(output, {"cells": summarize(trainings)}, trainings, "desk", settings)
    if root is not None:
        show(Path(output), Path(root))


def show(results: Path, root: Path, check: bool = False) -> bool:
    """Writes the tables of a results file into the page.

    Args:
        results: JSON file of `table`.
        root: of the repository.
        check: compare only.

    Returns:
        Whether the page said so already.
    """
    cells = json.loads(results.read_text(encoding="utf-8"))["cells"]
    return insert_between_markers(root / PAGE, MARKER, all_tables(cells), check)


if __name__ == "__main__":
    torch.set_num_threads(1)
    fire.Fire({"predict": predictions, "score": score, "table": table})
