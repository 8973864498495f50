"""``python -m benchmarks.atlas``: ``rates``, ``runs`` and ``table``, as `benchmarks/atlas.smk` calls them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import fire
import torch

from benchmarks.atlas.data_sets import DATA_SETS, DataSet, Task, load_task
from benchmarks.atlas.label_errors import noisy_labels
from benchmarks.atlas.measures import measure
from benchmarks.atlas.methods import HALF, METHODS, SEVERAL, Method, methods_for
from benchmarks.atlas.pages import write_pages
from benchmarks.atlas.results import summarize
from benchmarks.atlas.training import Trainer
from benchmarks.report.statistics import known_mean
from common.errors import InputError
from common.io.files import whole_file

RATES = (3e-3, 1e-2)
RATES_SEED = 99  # no seed of the results


def rates(data_set: str, dataset_dir: str, folder: str, steps: int | None = None) -> None:
    """Tries each method's settings: learning rates, with consistency its weights too.

    What has the highest Dice on clean validation cases, of a split that no result uses, is used by `runs`.

    Methods for one annotator learn from clean labels, those for several from three annotators, or the real ones.

    Args:
        data_set: a name in `DATA_SETS`.
        dataset_dir: its folder.
        folder: for ``rates.json``: Dice by method and settings, a learning rate such as ``0.01`` or, with consistency,
            ``0.01 0.1``.
        steps: of the warm-up and of each training; None: those of the data set.
    """
    settings = _settings(data_set, steps)
    path = Path(folder) / "rates.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    task: Task | None = None
    trainers: dict[str, Trainer] = {}
    for name, method in METHODS.items():
        error = "three_annotators" if name in SEVERAL else "none"
        error = "real_annotators" if "real_annotators" in settings.errors else error
        for tried in _settings_of(method) if name in methods_for(error) else ():
            if tried in known.get(name, {}):
                continue
            task = task or load_task(settings, dataset_dir, RATES_SEED)
            if error not in trainers:
                trainers[error] = _trainer(task, settings, error, RATES_SEED)
            trained = trainers[error].train(method, *map(float, tried.split()))
            dice = known_mean(measure(trained, task, "validation", (HALF,))[HALF]["dice"])[0]
            known.setdefault(name, {})[tried] = dice
            _write(path, known)


def runs(data_set: str, dataset_dir: str, folder: str, seed: int, steps: int | None = None) -> None:
    """Trains and measures all methods under all errors with one seed; what is finished in the folder is not done again.

    Args:
        data_set: a name in `DATA_SETS`.
        dataset_dir: its folder.
        folder: with ``rates.json``; for ``runs/ERROR/METHOD/SEED.json``.
        seed: of the split, the errors and the trainings.
        steps: of the warm-up and of each training; None: those of the data set.
    """
    settings = _settings(data_set, steps)
    known = json.loads((Path(folder) / "rates.json").read_text(encoding="utf-8"))
    task: Task | None = None
    for error in settings.errors:
        trainer: Trainer | None = None
        for name, method in methods_for(error).items():
            path = Path(folder) / "runs" / error / name / f"{seed}.json"
            if path.is_file():
                continue
            task = task or load_task(settings, dataset_dir, seed)
            trainer = trainer or _trainer(task, settings, error, seed)
            learning_rate, *consistency = map(float, max(known[name], key=known[name].get).split())
            trained = trainer.train(method, learning_rate, *consistency)
            record: dict[str, Any] = {"learning_rate": learning_rate, "seconds": trained.seconds}
            record["consistency"] = consistency[0] if consistency else None
            record["steps"] = settings.steps
            record["cases"] = [case.name for case in task.sections["test"]]
            record["measures"] = measure(trained, task, "test", method.decisions)
            _write(path, record)


def table(output: str, root: str | None = None, **folders: str) -> None:
    """Sums up the finished runs.

    Args:
        output: the JSON file; the figure lies beside it.
        root: of the repository whose pages are written; None: no page.
        folders: of the runs, by data set: ``--shenzhen FOLDER``.
    """
    summary = summarize({name: Path(folder) for name, folder in folders.items()})
    write_pages(summary, Path(output), None if root is None else Path(root))


def _settings_of(method: Method) -> list[str]:
    weights = [f" {weight:g}" for weight in method.consistency] or [""]
    return [f"{rate:g}{weight}" for rate in RATES for weight in weights]


def _trainer(task: Task, settings: DataSet, error: str, seed: int) -> Trainer:
    return Trainer(task, settings, [noisy_labels(case, error, seed) for case in task.sections["training"]], seed)


def _settings(data_set: str, steps: int | None) -> DataSet:
    if data_set not in DATA_SETS:
        raise InputError(f"data_set: expected one of {', '.join(DATA_SETS)}, got {data_set!r}.")
    return DATA_SETS[data_set] if steps is None else replace(DATA_SETS[data_set], warm_up=steps, steps=steps)


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        partial.write_text(json.dumps(_rounded(content)) + "\n", encoding="utf-8")


def _rounded(value: Any) -> Any:
    """Four decimals; a value that is not there is null."""
    if isinstance(value, Mapping):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return (round(value, 5) if math.isfinite(value) else None) if isinstance(value, float) else value


if __name__ == "__main__":
    torch.set_num_threads(1)
    fire.Fire({"rates": rates, "runs": runs, "table": table})
