"""Trainings in float32 and, with ``--amp true`` on a CPU, in bfloat16: the time, and the Dice on real data.

    python -m benchmarks.training_bfloat16 --data DATA --work WORK [--seeds "[0,1,2]"] [--only "['bwcr']"]

The trainings of `benchmarks.plan_or_overlay` with the plan that each bundle finds by itself, a half as long for bwcr.
Inference is in float32 in both. What is finished in WORK is not done again, and bundles that are not asked for stay in
the results.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import fire

from benchmarks.plan_or_overlay import TRIALS, Trial, own_plan, run
from benchmarks.report.statistics import mean_and_std
from benchmarks.report.tables import insert_between_markers
from common.io.files import whole_file

REPOSITORY = Path(__file__).parents[1]
PRECISIONS: dict[str, dict[str, Any]] = {"float32": {}, "bfloat16": {"amp": True}}
SHORTER = {"bwcr": {"max_epochs": 6}}


def measure(trial: Trial, seeds: Sequence[int], data: Path, work: Path) -> dict[str, Any]:
    """Both trainings of a bundle with each seed, after each other.

    Args:
        trial: what is trained.
        seeds: of split and training.
        data: folder of the data sets.
        work: folder of the runs.

    Returns:
        The settings, and by precision for each seed the Dice of each class and under ``seconds`` the processor's time.
    """
    found: dict[str, list[dict[str, float]]] = {precision: [] for precision in PRECISIONS}
    for seed in seeds:
        for precision, given in PRECISIONS.items():
            folder = work / trial.bundle / precision / f"seed{seed}"
            found[precision].append(run(trial, own_plan(trial) | given, seed, data / trial.overlay, folder))
            print(trial.bundle, seed, precision, found[precision][-1], flush=True)
    return {
        "data": trial.overlay,
        "cases": trial.counts,
        "configuration": trial.both,
        "seeds": list(seeds),
        "by": found,
    }


def table(results: Mapping[str, Any]) -> str:
    """A row per bundle: Dice in both, the change with its standard error over the seeds, the ratio of the times.

    Args:
        results: of `measure`, by bundle.

    Returns:
        Markdown.

    Example:
        >>> runs = {"float32": [{"lungs": 0.9, "seconds": 4}], "bfloat16": [{"lungs": 0.8, "seconds": 2}]}
        >>> print(table({"t_loss": {"data": "shenzhen", "seeds": [0], "by": runs}}).splitlines()[-1])
        | t_loss on shenzhen | 1 | 0.900 | 0.800 | -0.100 | 0.50 |
    """
    lines = [
        "| training | seeds | Dice of the classes, float32 | bfloat16 | change of the mean | CPU s over float32 |",
        "| :--- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for bundle, result in results.items():
        runs = result["by"]
        classes = [name for name in runs["float32"][0] if name != "seconds"]
        dice = {
            precision: ", ".join(f"{mean_and_std([one[name] for one in rows])[0]:.3f}" for name in classes)
            for precision, rows in runs.items()
        }
        pairs = list(zip(runs["float32"], runs["bfloat16"], strict=True))
        changes = [sum(after[name] - before[name] for name in classes) / len(classes) for before, after in pairs]
        mean, std = mean_and_std(changes)
        error = f" ± {std / len(changes) ** 0.5:.3f}" if len(changes) > 1 else ""
        seconds = [sum(one["seconds"] for one in rows) for rows in runs.values()]
        lines.append(
            f"| {bundle} on {result['data']} | {len(pairs)} | {dice['float32']} | {dice['bfloat16']} |"
            f" {mean:+.3f}{error} | {seconds[1] / seconds[0]:.2f} |"
        )
    return "\n".join(lines)


def main(
    data: str,
    work: str,
    seeds: Sequence[int] = (0,),
    only: Sequence[str] = (),
    output: str = "docs/results/training_bfloat16.json",
    document: str = "docs/performance.md",
) -> None:
    """Trains what is not trained, writes JSON and puts its table into the document.

    Args:
        data: folder with hippocampus/, acdc/ and shenzhen/.
        work: folder of the runs.
        seeds: of split and training.
        only: names of bundles, to run these alone.
        output: JSON file, in which other bundles stay.
        document: page with the table's markers.
    """
    path = REPOSITORY / output
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for trial in TRIALS:
        if not only or trial.bundle in only:
            chosen = replace(trial, both={**trial.both, **SHORTER.get(trial.bundle, {})})
            results[trial.bundle] = measure(chosen, seeds, Path(data).resolve(), Path(work).resolve())
    with whole_file(path) as partial:
        partial.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    insert_between_markers(REPOSITORY / document, "training_bfloat16", table(results))


if __name__ == "__main__":
    fire.Fire(main)
