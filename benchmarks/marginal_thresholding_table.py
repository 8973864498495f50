"""Results files and figures of a marginal thresholding table, from the runs that Snakemake made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fire

from benchmarks.report.noise_levels import draw_dice_by_noise_level
from benchmarks.report.statistics import mean_and_std
from benchmarks.report.tables import summarize_runs, write_results
from common.io.files import read_csv

LOSSES = {"cross_entropy": "CE", "soft_dice": "SD"}
SELECTIONS = {"": "", "train_dice": ", epoch of the best training Dice"}
DECISIONS = {"half": "at 1/2", "optimal": "Dice-optimal"}


def collect(folder: Path, label: str) -> list[dict[str, Any]]:
    """One record per run and decision under ``folder``, whose runs lie in organ/loss[-select_by]/aLEVEL/runN/.

    Args:
        folder: of the table's runs.
        label: the labels that predictions are measured against, noisy or clean.
    """
    paths = list(folder.glob("*/*/a*/run*/evaluation/summary.csv"))
    several = len({path.parts[-6] for path in paths}) > 1
    runs = []
    for path in paths:
        organ, losses, level, run = path.parts[-6:-2]
        loss, _, select_by = losses.partition("-")
        rows = read_csv(path)
        for decision, name in DECISIONS.items():
            runs.append(
                {
                    "method": f"{LOSSES[loss]} {name}{SELECTIONS[select_by]}",
                    "setting": ({"organ": organ} if several else {}) | {"a": float(level.removeprefix("a"))},
                    "seed": int(run.removeprefix("run")),
                    "value": sum(float(row[f"dice_{decision}_{label}"]) for row in rows) / len(rows),
                    "rows": rows,
                }
            )
    methods = [
        f"{loss} {name}{ending}"
        for ending in SELECTIONS.values()
        for name in DECISIONS.values()
        for loss in LOSSES.values()
    ]
    organs = ["kidney_right", "aorta", "esophagus"]
    return sorted(
        runs,
        key=lambda run: (
            organs.index(run["setting"].get("organ", organs[0])),
            run["setting"]["a"],
            methods.index(run["method"]),
            run["seed"],
        ),
    )


def thresholds(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Threshold, expected and obtained Dice of the Dice-optimal masks, over all cases of a setting."""
    optimal = [run for run in runs if DECISIONS["optimal"] in run["method"]]
    found = []
    for setting in {json.dumps(run["setting"]): run["setting"] for run in optimal}.values():
        for method in dict.fromkeys(run["method"] for run in optimal):
            rows = [
                row for run in optimal if (run["setting"], run["method"]) == (setting, method) for row in run["rows"]
            ]
            columns = {"threshold": "threshold", "expected_dice": "expected_dice", "dice": "dice_optimal_noisy"}
            found.append(
                {"setting": setting, "method": method, "cases": len(rows)}
                | {
                    name: dict(zip(("mean", "std"), mean_and_std([float(row[column]) for row in rows]), strict=True))
                    for name, column in columns.items()
                }
            )
    return found


def write_table(table: str, scale: str, configuration: dict, runs_dir: str, output_dir: str) -> None:
    """Writes TABLE.json (Dice with the noisy labels, as the paper) and TABLE_clean.json, each with its figure.

    Args:
        table: name of the table's rule.
        scale: desk or paper; the latter ends the files' stem.
        configuration: what differs from the bundle's configuration, for the record.
        runs_dir: folder of the table's runs.
        output_dir: where results and figures go.
    """
    data = table.removeprefix("marginal_thresholding_")
    for label, suffix in (("noisy", ""), ("clean", "_clean")):
        runs = collect(Path(runs_dir), label)
        summary = summarize_runs(runs, f"Dice with the {label} test labels of {data}")
        target = Path(output_dir) / f"{table}{suffix}{'' if scale == 'desk' else f'_{scale}'}"
        draw_dice_by_noise_level(summary, f"{target}.png")
        summary["thresholds"] = thresholds(runs)
        write_results(f"{target}.json", summary, runs, scale, configuration)


if __name__ == "__main__":
    fire.Fire(write_table)
