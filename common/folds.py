"""Cross-validation: as many networks as folds, and every case measured and segmented by the one that did not see it.

The plan is made from all cases that are dealt to the folds, without those of weight 0, so that the networks can be
averaged: inference with ``--ckpt_dir runs/mine`` does. Of a case that a network did not see it knows sizes, spacings,
the values in label files and, of CT, shares of the intensities' statistics, as in nnU-Net, whose fingerprint is of all
cases, too.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event
from typing import Annotated, Any

import numpy as np
from tqdm import tqdm

from common.command import POSITIONAL, listed, run_command, threads_of_each
from common.datasets import Dataset, read_dataset, split_dataset
from common.datasets.case_weights import read_case_weights
from common.datasets.split import Split, can_be_held_out
from common.errors import InputError, counted, reason_of
from common.from_training import BUNDLES, file_beside, held_out, inference_options, reading_options, segment
from common.io.files import check_writable, read_csv, whole_file, write_csv
from common.io.folder_lock import locked_folder
from common.run_bundle import POLLED, run_bundle, stage_of, stop_runs
from common.workflow.kept_split import SPLIT_FILE, read_split
from common.workflow.overrides import choose
from common.workflow.trainings import FINISHED

PLANNED = "$@split.of_all_folds"  # the same cases in every fold, so that there is one plan
MEASURED = "$@split.validation"  # by each fold its own, also where the data set has test cases
OWN = {"fold": "trains all folds", "ckpt_dir": "has the folders below --output", "output_dir": "has --output"}
TABLE = "out_of_fold.csv"
FIRST_WORD = 60.0  # seconds until a log hears how far the folds are; then twice as many, and so on
NO_OVERLAYS = ("train", "inference", "evaluate", "calibrate", "audit", "demo", "multi_gpu_train")
NAMES = ("case", "subject")  # columns of a summary that are no measures, also where the names are numbers


def measures(fold: Path) -> list[dict[str, Any]]:
    """What an evaluation has measured of each case.

    Args:
        fold: folder with ``evaluation/``, in it ``summary.csv`` (a row per case, a column per measure), or
            ``<metric>_raw.csv`` with the mean over classes.

    Returns:
        ``{"metric", "case", "value"}``. Columns that are not numbers are left out; a value that is not there is NaN.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_csv(f"{folder}/evaluation/summary.csv", [{"case": "a", "dice": 0.5}])
        ...     measures(Path(folder))
        [{'metric': 'dice', 'case': 'a', 'value': 0.5}]
    """
    rows = []
    summary = fold / "evaluation/summary.csv"
    for row in read_csv(summary) if summary.is_file() else []:
        found = {name: _number(text) for name, text in row.items() if name not in NAMES}
        rows += [{"metric": name, "case": row["case"], "value": v} for name, v in found.items() if v is not None]
    for path in sorted(fold.glob("evaluation/*_raw.csv")):
        name = path.name.removesuffix("_raw.csv")
        rows += [{"metric": name, "case": row["filename"], "value": float(row["mean"])} for row in read_csv(path)]
    return rows


def _number(text: str) -> float | None:
    try:
        return float(text) if text else math.nan
    except ValueError:
        return None


def summarize(rows: Sequence[dict[str, Any]]) -> dict[str, tuple[float, float, int]]:
    """Means of measures over the cases of all folds.

    Args:
        rows: ``{"fold", "metric", "case", "value"}``.

    Returns:
        For each metric the mean over cases, the standard deviation of the folds' means (n − 1; NaN of a single fold),
        and the number of cases. Cases in which a metric is not defined (NaN, infinite) count in neither; one that is
        defined nowhere is NaN, NaN, 0.

    Example:
        >>> rows = [{"fold": k, "metric": "dice", "case": str(k), "value": v} for k, v in enumerate((0.5, 1.0))]
        >>> summarize(rows)["dice"]
        (0.75, 0.3535533905932738, 2)
    """
    means = {}
    for name in dict.fromkeys(row["metric"] for row in rows):
        values: dict[int, list[float]] = defaultdict(list)
        for row in rows:
            if row["metric"] == name and math.isfinite(row["value"]):
                values[row["fold"]].append(row["value"])
        whole = [value for found in values.values() for value in found]
        each = [float(np.mean(found)) for found in values.values()]
        spread = float(np.std(each, ddof=1)) if len(each) > 1 else math.nan
        means[name] = (float(np.mean(whole)) if whole else math.nan, spread, len(whole))
    return means


def cross_validate(
    configs: Sequence[Path],
    data: Path,
    dataset: Dataset,
    target: Path,
    num_folds: int,
    parallel: int = 1,
    **options: Any,
) -> list[Path]:
    """Trains a network per fold, measures and segments the cases that it did not see.

    Args:
        configs: configuration files of the bundle's training, absolute, train first.
        data: folder or file of the data set, absolute.
        dataset: that was read from it.
        target: folder of the results, absolute.
        num_folds: number of folds, at least 2.
        parallel: trainings side by side, which share the cores, at least 1.
        **options: of the training.

    Returns:
        The folder of each fold, with weights, evaluation/ and out_of_fold/.

    Raises:
        InputError: a number out of range, folds of which not each case is held out by one, a fold of other options or
            of other cases in the folder, another process that is writing into it, or a training, evaluation or
            inference that failed; finished folds are kept.
    """
    if num_folds < 2 or parallel < 1:
        raise InputError(f"--num_folds must be at least 2 and --parallel at least 1, got {num_folds} and {parallel}.")
    splits = _held_out_once(dataset, num_folds, options.get("split_file"))
    name = configs[0].parents[1].name
    runs = [target / f"fold_{index}" for index in range(num_folds)]
    overlays = [path.stem for path in configs[1:]]
    question = {"bundle": name, "dataset_dir": str(data), "num_folds": num_folds, "overlays": overlays}
    question |= {key: str(value) for key, value in options.items()}
    if weights := options.get("case_weights"):  # what the file says, not only its name
        question["weights"] = read_case_weights(Path(weights).expanduser(), dataset)
    threads = threads_of_each(parallel)
    shared = inference_options(configs, options)
    failed = Event()

    def run(index: int) -> None:
        folder, done = runs[index], runs[index] / FINISHED
        if done.is_file():
            _say(f"{folder.name} is finished already.")
            return
        places = {"dataset_dir": data, "output_dir": folder, "ckpt_dir": folder}
        given = options | places | {"fold": index, "num_folds": num_folds, "plan#items": PLANNED}
        resume = {"resume": True} if (folder / "checkpoint.pt").is_file() else {}

        def train() -> None:
            run_bundle(Path.cwd(), "training", configs, folder / "training.log", threads, **given, **resume)

        def evaluate() -> None:
            files, log = [*configs, file_beside(configs, "evaluate")], folder / "evaluating.log"
            run_bundle(Path.cwd(), "evaluating", files, log, threads, **given, tested=MEASURED)

        def infer() -> None:
            segment(configs, held_out(folder, dataset.items), [folder], folder / "out_of_fold", threads, **shared)

        for stage, log in ((train, "training.log"), (evaluate, "evaluating.log"), (infer, "inferring.log")):
            if failed.is_set():
                return
            _say(f"{folder.name}: {log.removesuffix('.log')}, see {folder / log}")
            try:
                stage()
            except BaseException:
                failed.set()  # at once: this thread would begin the next fold before anybody hears of it
                raise
        with whole_file(done) as partial:
            partial.write_text(json.dumps(question, indent=1) + "\n", encoding="utf-8")

    with locked_folder(target):
        for folder, split in zip(runs, splits, strict=True):
            _require_same(folder, question)
            _require_same_cases(folder, split, dataset)
        _side_by_side(run, runs, parallel, f"folds of {name}", failed)
    return runs


def _say(text: str) -> None:
    """Says where there is no bar, which is on a terminal alone, how far the folds are."""
    if not sys.stderr.isatty():
        print(text, flush=True)


def _side_by_side(run: Callable[[int], None], runs: Sequence[Path], parallel: int, title: str, failed: Event) -> None:
    """Runs all, so many at a time; an error or a signal ends the others, whose trainings go on the next time."""
    bar = tqdm(desc=title, total=len(runs), unit="fold", disable=None)
    began, next_word = time.monotonic(), FIRST_WORD
    with ThreadPoolExecutor(parallel) as pool, bar:
        waiting = {pool.submit(run, index): folder for index, folder in enumerate(runs)}
        try:
            while waiting:
                for future in wait(waiting, POLLED, FIRST_COMPLETED).done:
                    future.result()
                    del waiting[future]
                    bar.update()
                running = (folder for future, folder in waiting.items() if future.running())
                stages = ", ".join(f"{folder.name}: {stage_of(folder)}" for folder in running)
                bar.set_postfix_str(stages)
                if stages and time.monotonic() - began > next_word:
                    next_word *= 2
                    _say(stages)
        except BaseException:
            failed.set()
            pool.shutdown(wait=False, cancel_futures=True)
            stop_runs()
            raise


def _require_same(folder: Path, question: Mapping[str, Any]) -> None:
    """Refuses a finished fold of other options, before anything is written."""
    done = folder / FINISHED
    if not done.is_file():
        return
    try:
        before = dict(json.loads(done.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(f"{done} cannot be read: {reason_of(error)}; remove {folder}.") from error
    if other := [key for key in {**before, **question} if before.get(key) != question.get(key)]:
        raise InputError(
            f"{folder} holds a fold with other options ({', '.join(other)}); name another folder or remove it."
        )


def _require_same_cases(folder: Path, split: Split, dataset: Dataset) -> None:
    """Refuses a fold, finished or begun, of other cases: folds of different deals would leave cases out."""
    if not (folder / SPLIT_FILE).is_file():
        return
    sections, weights = read_split(folder / SPLIT_FILE, dataset.cases)
    before = {case for names in sections.values() for case in names} | weights.keys()
    now = {str(item["case"]) for item in (*split.training, *split.validation, *split.test)}
    if changed := sorted(before ^ now):
        what = "lacks" if changed[0] in before else "has"
        raise InputError(
            f"{folder} holds a fold of other cases: {dataset.root} now {what} {changed[0]}, one of "
            f"{counted(len(changed), 'case')} that differ; name another folder or remove it."
        )


def _held_out_once(dataset: Dataset, num_folds: int, file: Any) -> list[Split]:
    """The folds; refuses those that would leave cases out, here in a moment, by a training after its start."""
    own = len(dataset.folds) or len({item["fold"] for item in dataset.items if "fold" in item})
    if own and not file and num_folds != own:
        raise InputError(f"num_folds: {dataset.root} has {own} folds of its own, got {num_folds}.")
    splits = [split_dataset(dataset, fold=fold, num_folds=num_folds, file=file) for fold in range(num_folds)]
    used = (item for split in splits for item in split.training + split.validation)
    dealt = sorted({item["case"] for item in used if can_be_held_out(item)})
    times = Counter(item["case"] for split in splits for item in split.validation)
    if wrong := [case for case in dealt if times[case] != 1]:
        raise InputError(
            f"num_folds: expected each case to be held out by one fold, but {len(wrong)} of {len(dealt)} are not, such "
            f"as {wrong[0]}, which {times[wrong[0]]} of {num_folds} folds hold out ({splits[0].origin.rstrip('.')})."
        )
    return splits


def folds(
    bundle: Annotated[str, POSITIONAL],
    dataset_dir: str,
    output: str = "folds",
    num_folds: int = 5,
    parallel: int = 1,
    overlays: str | Sequence[str] = (),
    bundles_dir: str | Path = BUNDLES,
    **options: Any,
) -> None:
    """Trains a network for each fold, then segments and evaluates the cases that it did not see.

    The output folder gets ``fold_0``, ``fold_1``, … with weights, ``evaluation/`` and ``out_of_fold/`` (masks and
    probability maps of the fold's cases), and ``out_of_fold.csv`` (fold, metric, case, value); the means are printed.
    You can stop the command and start it again: finished folds are kept, and a training continues after its last whole
    epoch. Relative paths start at the folder in which the command is given.

    Args:
        bundle: name of the method, a folder of ``bundles/``.
        dataset_dir: folder of your data set, in any layout.
        output: folder of the results.
        num_folds: number of folds, at least 2; a subject's cases are all in one fold.
        parallel: number of trainings that run at the same time and share the cores.
        overlays: names of the bundle's configuration files besides train, such as noise.
        bundles_dir: folder of the bundles; by default the repository's.
        **options: any option of the bundle's training, such as ``--max_epochs 60``.

    Raises:
        InputError: an unknown bundle or overlay, a data set that cannot be read, an option that this command sets for
            each fold, or as `cross_validate`.

    Example:
        Five folds of short trainings, and three with an overlay:

            python -m common.folds t_loss --dataset_dir /data/mine --output runs/mine --max_epochs 60
            python -m common.folds bwcr --dataset_dir /data/acdc --num_folds 3 --overlays acdc
    """
    for name in OWN.keys() & options.keys():
        raise InputError(f"--{name}: expected none, since python -m common.folds {OWN[name]}; got {options[name]!r}.")
    available = {path.parents[1].name: path.parents[1] for path in Path(bundles_dir).glob("*/configs/train.yaml")}
    source: Path = choose(bundle, available, kind="bundle").resolve()
    data = Path(dataset_dir).expanduser().resolve()
    target = Path(output).expanduser().resolve()
    check_writable("output", target)
    files = {path.stem: path for path in sorted((source / "configs").glob("*.yaml")) if path.stem not in NO_OVERLAYS}
    configs = [source / "configs/train.yaml", *(choose(name, files, kind="overlays") for name in listed(overlays))]
    dataset = read_dataset(data, **reading_options(configs, options))
    runs = cross_validate(configs, data, dataset, target, num_folds, parallel, **options)
    rows = [{"fold": index, **row} for index, folder in enumerate(runs) for row in measures(folder)]
    write_csv(target / TABLE, rows)
    for name, (mean, spread, count) in summarize(rows).items():
        between = "" if math.isnan(spread) else f", {spread:.4f} between folds"
        print(f"{name}: {mean:.4f} over {counted(count, 'case')}{between}")
    print(f"{target / TABLE}; probability maps in {target}/fold_*/out_of_fold")
    print(f"The average of the {num_folds} networks segments new images: inferring with --ckpt_dir {target}")


if __name__ == "__main__":
    run_command(folds)
