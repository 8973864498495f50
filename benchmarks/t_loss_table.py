"""Results file and figures of a T-Loss table, from the runs that Snakemake made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import fire

from benchmarks.report.curves import draw_dice_by_setting
from benchmarks.report.statistics import last_epochs_mean
from benchmarks.report.tables import summarize_runs, write_results
from common.io.files import read_csv
from common.report import draw_memorisation, draw_nu_path

DATA = {"shenzhen": "the Shenzhen radiographs", "isic": "ISIC 2017"}
NAMES = {"t_loss": "T-Loss", "bce": "BCE", "soft_dice": "soft Dice"}


def name_of(loss: str) -> str:
    return NAMES.get(loss, loss.upper().replace("_", "+"))


def collect(folder: Path, metric: str, epochs: int) -> list[dict[str, Any]]:
    """One record per finished run under ``folder``, whose runs lie in loss/α_β/nuX/seedN/."""
    runs = []
    for path in sorted(folder.glob("*/*/nu*/seed*/done")):
        loss, setting, nu, seed = path.parts[-5:-1]
        alpha, beta = map(float, setting.split("_"))
        runs.append(
            {
                "method": name_of(loss),
                "setting": {"alpha": alpha, "beta": beta},
                "nu": float(nu.removeprefix("nu")),
                "seed": int(seed.removeprefix("seed")),
                "value": last_epochs_mean(read_csv(path.parent / "metrics.csv"), metric, epochs),
                "folder": path.parent,
            }
        )
    return sorted(runs, key=lambda run: (run["method"] == "T-Loss", run["setting"]["alpha"], run["setting"]["beta"]))


def highest_epochs(runs: Sequence[Mapping[str, Any]], metric: str) -> list[dict[str, Any]]:
    """Of the runs with most noise the highest value of any epoch, as another measure: that of a perfect early stop."""
    alpha, beta = max((run["setting"]["alpha"], run["setting"]["beta"]) for run in runs)
    measure = {"measure": f"best epoch, α = {alpha}, β = {beta}"}
    return [
        {**run, "setting": measure, "value": max(float(row[metric]) for row in rows if row[metric])}
        for run in runs
        for rows in [read_csv(run["folder"] / "metrics.csv")]
        if run["setting"] == {"alpha": alpha, "beta": beta}
    ]


def write_table(
    table: str, scale: str, data: str, configuration: dict, runs_dir: str, output_dir: str, best_epoch: bool = False
) -> None:
    """Writes <table>[_paper].json and its figures.

    Args:
        table: name of the table's rule.
        scale: desk or paper.
        data: name of the data set.
        configuration: what differs from the bundle's configuration, for the record.
        runs_dir: folder of the table's runs.
        output_dir: where results and figures go.
        best_epoch: also give the highest Dice of any epoch, with most noise.
    """
    runs = collect(Path(runs_dir), "val_mean_dice", 10)
    stem = table if scale == "desk" else f"{table}_{scale}"
    target = Path(output_dir) / stem
    starts = {f"{run['nu']:g}": run["folder"] for run in sorted(runs, key=lambda run: run["nu"])}
    if len(starts) > 1:
        draw_nu_path({}, Path(f"{target}.png"), starts)
        summary: dict[str, Any] = {
            "title": f"T-Loss on {DATA[data]}, by the start of ν̃",
            "runs": [
                {
                    "nu_tilde_start": run["nu"],
                    "nu_tilde_end": float(read_csv(run["folder"] / "metrics.csv")[-1]["nu_tilde"]),
                    "dice": run["value"],
                }
                for run in runs
            ],
        }
    else:
        summary = summarize_runs(runs, f"Dice on the clean test labels of {DATA[data]}")
        draw_dice_by_setting(summary, Path(f"{target}_dice.png"), highlight="T-Loss")
        noisiest = max((run["setting"]["alpha"], run["setting"]["beta"]) for run in runs)
        shown = {
            run["method"]: run["folder"]
            for run in runs
            if (run["setting"]["alpha"], run["setting"]["beta"]) == noisiest and run["seed"] == 0
        }
        draw_memorisation(shown, Path(f"{target}_memorisation.png"), highlight="T-Loss")
        paths = {
            f"α = {run['setting']['alpha']:g}, β = {run['setting']['beta']:g}": run["folder"]
            for run in runs
            if run["method"] == "T-Loss" and run["seed"] == 0
        }
        draw_nu_path(paths, Path(f"{target}_nu_tilde.png"))
        if best_epoch:
            summary = summarize_runs([*runs, *highest_epochs(runs, "val_mean_dice")], summary["title"])
    write_results(f"{target}.json", summary, runs, scale, configuration)


if __name__ == "__main__":
    fire.Fire(write_table)
