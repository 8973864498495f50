"""The plan that a bundle finds by itself against the overlay that was set by hand, on real data, trained alike.

    python -m benchmarks.plan_or_overlay --data DATA --work WORK [--seeds "[0,1,2]"]

DATA holds the folders ``hippocampus``, ``acdc`` and ``shenzhen`` (layouts of docs/data_sets.md). Both trainings have
the overlay's task (classes, simulated annotators), the same cases, seed, steps, batch and optimizer; with ``own plan``
every entry of the plan that the overlay gives is put back to what train.yaml has, so that it is found out. Dice is
measured on the same test cases, in the geometry of their files. What is finished in WORK is not done again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import fire
import numpy as np
import torch
import yaml

from benchmarks.report.tables import results_table, summarize_runs, write_results
from common.datasets import Plan, read_dataset
from common.io import read_label_values
from common.io.files import whole_file
from common.run_bundle import run_bundle

BUNDLES = Path(__file__).parents[1] / "bundles"
ENTRIES = {entry.name for entry in fields(Plan)} - {"class_names", "annotators"}  # which are the task, no guess
OWN, OVERLAY = "own plan", "overlay"
HIPPOCAMPUS = ("hippocampus",)
SLICES = {"spatial_dims": 2}  # of both: an epoch of slices has thirty times the steps of one of volumes


@dataclass(frozen=True)
class Trial:
    """One bundle on one data set.

    Attributes:
        bundle: its name.
        overlay: of the data set, in the bundle's configs.
        counts: of training, validation and test cases, drawn by the seed.
        classes: beside the background; one takes all labels as one.
        both: overrides of both trainings: how long, and what the overlay's schedule would make too slow or too long.
        network: overlays of the network.
        scaled: entries of the plan in which the overlay is made smaller for a desk, as in the tables.
    """

    bundle: str
    overlay: str
    counts: tuple[int, int, int]
    classes: tuple[str, ...]
    both: Mapping[str, Any]
    network: tuple[str, ...] = ()
    scaled: Mapping[str, Any] = field(default_factory=dict)


TRIALS = (
    Trial(
        "t_loss",
        "shenzhen",
        (40, 2, 40),
        ("lungs",),
        {"max_epochs": 12, "batch_size": 4},
        scaled={"features": [32, 64, 128, 256, 512, 512, 512]},  # nnU-Net's for 256 × 256
    ),
    Trial(
        "marginal_thresholding",
        "hippocampus",
        (24, 2, 20),
        ("anterior", "posterior"),
        {"max_epochs": 24, "fold": None, "class_values": {"background": 0, "anterior": 1, "posterior": 2}},
    ),
    Trial(
        "disentangling_annotators",
        "hippocampus",
        (8, 2, 20),
        HIPPOCAMPUS,
        {"max_epochs": 16, "readout": "estimate", "warmup_epochs": 4} | SLICES,
    ),
    Trial(
        "soft_label_apl",
        "hippocampus",
        (16, 2, 20),
        HIPPOCAMPUS,
        {"max_epochs": 40, "iterations_per_epoch": 60, "loss_name": "soft_bce"} | SLICES,
        ("unet",),
    ),
    Trial(
        "bwcr",
        "acdc",
        (10, 2, 20),
        ("right ventricle", "myocardium", "left ventricle"),
        {
            "max_epochs": 12,
            "iterations_per_epoch": 150,
            "batch_size": 4,
            "learning_rate": 3e-3,
            "last_learning_rate": 3e-5,
            "average_momentum": 0.1,
            "counts": None,
            "spacing": [4.0, 4.0, -1.0],  # of the overlay's 1.33 mm nine times the work
            "features": [16, 32, 64, 64],
            "normalization": {"kind": "percentiles", "lower": 2, "upper": 98},  # N4 takes longer than the training
        },
        scaled={"patch_size": [72, 72]},
    ),
)


def own_plan(trial: Trial) -> dict[str, Any]:
    """What the overlay says of the plan, as train.yaml (with the overlays of the network) has it.

    Args:
        trial: whose overlay it is.

    Returns:
        Overrides by key; None is found out.
    """
    stems = ("train", *trial.network)
    written: dict[str, Any] = {}
    for stem in stems:
        written |= yaml.safe_load((BUNDLES / trial.bundle / f"configs/{stem}.yaml").read_text(encoding="utf-8"))
    overlay = yaml.safe_load((BUNDLES / trial.bundle / f"configs/{trial.overlay}.yaml").read_text(encoding="utf-8"))
    return {key: written[key] for key in sorted(ENTRIES & overlay.keys())}


def draw_split(trial: Trial, data: Path, seed: int) -> dict[str, list[str]]:
    """Names of training, validation and test cases, drawn by subject; the test cases are those of every seed.

    Args:
        trial: with the numbers of cases.
        data: folder of the data set.
        seed: of the training and validation cases.

    Returns:
        Names by section.
    """
    by_subject: dict[str, list[str]] = {}
    for item in read_dataset(data, layout=trial.overlay).items:
        by_subject.setdefault(str(item.get("subject", item["case"])), []).append(item["case"])
    order = np.random.default_rng(0).permutation(sorted(by_subject)).tolist()
    training, validation, test = trial.counts
    rest = np.random.default_rng(seed).permutation(order[test:]).tolist()
    subjects = {
        "training": rest[:training],
        "validation": rest[training : training + validation],
        "test": order[:test],
    }
    return {section: [case for one in names for case in by_subject[one]] for section, names in subjects.items()}


def run(trial: Trial, given: Mapping[str, Any], seed: int, data: Path, folder: Path) -> dict[str, float]:
    """Trains, segments the test cases and measures.

    Args:
        trial: what is trained.
        given: overrides of this training beside ``trial.both``.
        seed: of split, weights, order and augmentation.
        data: folder of the data set.
        folder: of the run; a finished one is read.

    Returns:
        Mean Dice over the test cases by class, and under ``seconds`` the processor's time for the training.
    """
    done = folder / "dice.json"
    if done.is_file():
        return dict(json.loads(done.read_text(encoding="utf-8")))
    bundle = BUNDLES / trial.bundle
    split = draw_split(trial, data, seed)
    with whole_file(folder / "chosen.json") as partial:
        partial.write_text(json.dumps(split), encoding="utf-8")
    places = {"dataset_dir": data, "output_dir": folder, "ckpt_dir": folder, "split_file": folder / "chosen.json"}
    schedule = {"seed": seed, "val_interval": trial.both["max_epochs"], "overwrite": True}
    configs = ["train", *trial.network, trial.overlay]
    start = children_seconds()
    run_bundle(bundle, "training", configs, folder / "training.log", 1, **{**given, **trial.both, **places, **schedule})
    seconds = children_seconds() - start
    items = {item["case"]: item for item in read_dataset(data, layout=trial.overlay).items}
    images = [{"case": case, "image": str(Path(items[case]["image"]).resolve())} for case in split["test"]]
    with whole_file(folder / "test.json") as partial:
        partial.write_text(json.dumps({"testing": images}), encoding="utf-8")
    places = {"dataset_dir": folder / "test.json", "output_dir": folder / "masks", "ckpt_dir": folder}
    run_bundle(bundle, "inferring", ["inference", *trial.network], folder / "inferring.log", 1, **places)
    dice = [
        case_dice(next((folder / "masks").glob(f"{case}_mask.*")), items[case]["label"], len(trial.classes))
        for case in split["test"]
    ]
    means = dict(zip(trial.classes, np.nanmean(np.array(dice), axis=0).tolist(), strict=True))
    with whole_file(done) as partial:
        partial.write_text(json.dumps(means | {"seconds": round(seconds, 1)}), encoding="utf-8")
    return means | {"seconds": round(seconds, 1)}


def children_seconds() -> float:
    """The processor's time of all processes that this one has started and that have ended."""
    used = os.times()
    return used.children_user + used.children_system


def case_dice(mask: Path, label: str | Path, classes: int) -> list[float]:
    """Dice of each class in one case.

    Args:
        mask: that inference wrote.
        label: the reference.
        classes: beside the background; one takes all values but 0 as one.

    Returns:
        A number per class, nan where neither has it.
    """
    found, truth = (read_label_values(path).as_subclass(torch.Tensor)[0] for path in (mask, label))
    pairs = [(found > 0, truth > 0)] if classes == 1 else [(found == k, truth == k) for k in range(1, classes + 1)]
    sizes = [(int((a & b).sum()), int(a.sum() + b.sum())) for a, b in pairs]
    return [2 * both / total if total else float("nan") for both, total in sizes]


def trained(trials: Sequence[Trial], seeds: Sequence[int], data: Path, work: Path) -> Iterator[dict[str, Any]]:
    """Records of all runs, a seed after the other.

    Args:
        trials: what is trained.
        seeds: of split and training.
        data: folder of the data sets.
        work: folder of the runs.

    Yields:
        ``method``, ``setting``, ``seed`` and ``value`` as `summarize_runs` takes them.
    """
    for seed in seeds:
        for trial, kind in [(trial, kind) for trial in trials for kind in (OWN, OVERLAY)]:
            folder = work / f"{trial.bundle}_{trial.overlay}/{kind.replace(' ', '_')}/seed{seed}"
            given = own_plan(trial) if kind == OWN else trial.scaled
            for name, value in run(trial, given, seed, data / trial.overlay, folder).items():
                setting = {"measure": f"{trial.bundle}, {name}"}
                print(seed, kind, setting["measure"], round(value, 4), flush=True)
                yield {"method": kind, "setting": setting, "seed": seed, "value": value}


def main(
    data: str, work: str, seeds: Sequence[int] = (0,), only: Sequence[str] = (), output_dir: str = "docs/results"
) -> None:
    """Trains what is not trained, writes plan_or_overlay.json and prints the table.

    Args:
        data: folder with hippocampus/, acdc/ and shenzhen/.
        work: folder of the runs.
        seeds: of split and training.
        only: names of bundles, to run and write these alone.
        output_dir: of the JSON file.
    """
    chosen = [trial for trial in TRIALS if not only or trial.bundle in only]
    runs = list(trained(chosen, seeds, Path(data).resolve(), Path(work).resolve()))
    seconds = [run for run in runs if run["setting"]["measure"].endswith(", seconds")]
    runs = [run for run in runs if run not in seconds]
    summary = summarize_runs(runs, "Own plan or overlay, the same steps and cases", "Dice of the test cases")
    summary["seconds"] = summarize_runs(seconds, "Training", "seconds")["settings"]
    configuration = {f"{one.bundle}, {one.overlay}": {"cases": one.counts, **one.both} for one in chosen}
    write_results(Path(output_dir) / "plan_or_overlay.json", summary, runs, "desk", configuration)
    print(results_table(summary))


if __name__ == "__main__":
    fire.Fire(main)
