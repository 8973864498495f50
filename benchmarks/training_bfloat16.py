"""Trainings in float32 and, with ``--amp true`` on a CPU, in bfloat16: the time, and the Dice on real data.

    python -m benchmarks.training_bfloat16 --data DATA --work WORK [--seeds "[0,1,2]"]

The trainings of `benchmarks.plan_or_overlay` with the plan that each bundle finds by itself, a half as long for bwcr.
Inference is in float32 in both. What is finished in WORK is not done again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import fire

from benchmarks.plan_or_overlay import TRIALS, Trial, own_plan, run
from benchmarks.report.tables import results_table, summarize_runs, write_results

PRECISIONS = {"float32": {}, "bfloat16": {"amp": True}}
SHORTER = {"bwcr": {"max_epochs": 6}}


def trained(trials: Sequence[Trial], seeds: Sequence[int], data: Path, work: Path) -> Iterator[dict[str, Any]]:
    """Records of all runs, a seed after the other, both precisions of a training after each other.

    Args:
        trials: what is trained.
        seeds: of split and training.
        data: folder of the data sets.
        work: folder of the runs.

    Yields:
        ``method``, ``setting``, ``seed`` and ``value`` as `summarize_runs` takes them.
    """
    for seed in seeds:
        for trial, precision in [(trial, precision) for trial in trials for precision in PRECISIONS]:
            folder = work / trial.bundle / precision / f"seed{seed}"
            given = own_plan(trial) | PRECISIONS[precision]
            for name, value in run(trial, given, seed, data / trial.overlay, folder).items():
                setting = {"measure": f"{trial.bundle}, {name}"}
                print(seed, precision, setting["measure"], round(value, 4), flush=True)
                yield {"method": precision, "setting": setting, "seed": seed, "value": value}


def main(
    data: str, work: str, seeds: Sequence[int] = (0,), only: Sequence[str] = (), output_dir: str = "docs/results"
) -> None:
    """Trains what is not trained, writes training_bfloat16.json and prints the table.

    Args:
        data: folder with hippocampus/, acdc/ and shenzhen/.
        work: folder of the runs.
        seeds: of split and training.
        only: names of bundles, to run and write these alone.
        output_dir: of the JSON file.
    """
    chosen = [replace(one, both={**one.both, **SHORTER.get(one.bundle, {})}) for one in TRIALS]
    chosen = [one for one in chosen if not only or one.bundle in only]
    runs = list(trained(chosen, seeds, Path(data).resolve(), Path(work).resolve()))
    summary = summarize_runs(runs, "Trainings in float32 and bfloat16", "Dice of the test cases, CPU seconds")
    configuration = {f"{one.bundle}, {one.overlay}": {"cases": one.counts, **one.both} for one in chosen}
    write_results(Path(output_dir) / "training_bfloat16.json", summary, runs, "desk", configuration)
    print(results_table(summary))


if __name__ == "__main__":
    fire.Fire(main)
