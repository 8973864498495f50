"""Results files and figures of the tables of several annotators, from the runs that Snakemake made."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fire
import numpy as np
import torch
from PIL import Image

from benchmarks.report.noise_levels import draw_dice_by_noise_level
from benchmarks.report.statistics import known_mean, mean_and_std
from benchmarks.report.tables import summarize_runs, write_results
from common.datasets import read_dataset, write_mnist_annotators
from common.errors import InputError
from common.fuse import fuse
from common.io import LoadCased
from common.io.annotator_meanings import infer_annotator_meanings
from common.io.files import read_csv
from common.io.label_meaning import LabelObservation, observe_label
from common.io.label_values import read_label_values
from common.metrics import pairwise_dice
from common.noise import case_generator, simulate_annotator
from common.noise.simulated_annotators import STRENGTHS
from common.report import draw_confusion_matrices, read_confusion
from common.transforms.binary_mask import binary_mask

NAMES = {
    "mean": "Mean label",
    "mean_by_likelihood": "Mean label, chosen by likelihood",
    "majority": "Majority vote",
    "majority_by_likelihood": "Majority vote, chosen by likelihood",
    "staple": "STAPLE",
    "spatial_staple": "Spatial STAPLE",
    "separate": "Network per annotator",
    "separate_vote": "Network per annotator, vote, chosen by likelihood",
    "probabilistic_unet": "Probabilistic U-Net",
    "matrices_neither": "Confusion matrices without trace, without warm-up",
    "matrices_warm_up": "Confusion matrices without trace",
    "matrices_trace": "Confusion matrices without warm-up",
    "matrices": "Confusion matrices",
    "matrices_vote": "Confusion matrices, vote, chosen by likelihood",
    "matrices_rank": "Confusion matrices, rank 1",
    "matrices_rank_identity": "Confusion matrices, s·I + rank 1",
    "oracle": "Oracle (known matrices)",
}
TITLES = {
    "mnist": "noisy digits",
    "mnist_full": "noisy digits of all of MNIST",
    "ms_lesion": "slices of multiple sclerosis",
    "brats": "slices of glioma",
    "lidc": "lung nodules",
    "rank": "slices of glioma, matrices of low rank",
    "rank_heart": "slices of the heart, matrices of low rank",
    "phantom": "the lesion phantom",
    "hippocampus": "hippocampus slices",
    "oocytes": "oocytes",
}
LABELS = {"dense": "all annotators label each training image", "one": "one label per training image"}
SHOWN = ("matrices_vote", "matrices")  # of the first that was run the matrices are drawn
LOWER = ("CM error", "GED²", "NLL")
SECTIONS = ("train", "validate", "test")
LISTS = {"training": "training", "validation": "validation", "test": "testing"}  # by section
ERRING = ("over", "under", "wrong")


def measures(row: dict[str, str]) -> dict[str, float]:
    """What a test image's row of summary.csv tells of a method; nan where the method has no such thing."""
    annotators = [name.removeprefix("nll_") for name in row if name.startswith("nll_")]

    def mean(prefix: str) -> float:
        return known_mean(float(row[f"{prefix}_{name}"] or "nan") for name in annotators)[0]

    found = {
        name: float(row[column]) for name, column in (("Dice", "dice"), ("CM error", "cm_error")) if row.get(column)
    }
    if "Dice" not in found:
        found |= {f"Dice with {name}": float(row[f"dice_{name}"]) for name in annotators}
    return found | {"GED²": float(row["ged"]), "Annotators' Dice": mean("dice"), "NLL": mean("nll")}


def collect(folder: Path) -> list[dict[str, Any]]:
    """One record per run and measure under ``folder``, whose runs lie in METHOD/seedN/: means over test images."""
    runs: list[dict[str, Any]] = []
    for path in folder.glob("*/seed*/evaluation/summary.csv"):
        method, seed = path.parts[-4:-2]
        rows = [measures(row) for row in read_csv(path)]
        if method == "oracle":  # learns no annotators of its own
            rows = [{"Dice": row["Dice"]} for row in rows]
        for measure in dict.fromkeys(name for row in rows for name in row):
            value, missing = known_mean(row.get(measure, math.nan) for row in rows)
            record = {"method": NAMES[method], "setting": {"measure": measure}, "seed": int(seed.removeprefix("seed"))}
            runs.append(record | {"value": value, "images_without_a_value": missing})
    order = list(NAMES.values())
    columns = list(dict.fromkeys(run["setting"]["measure"] for run in runs))
    return sorted(
        runs, key=lambda run: (columns.index(run["setting"]["measure"]), order.index(run["method"]), run["seed"])
    )


def agreement(data: str, annotators: list[str]) -> dict[str, dict[str, float]]:
    """Mean and standard deviation of the Dice of each pair of annotators over the test images.

    ``missing`` are the images of which the two labeled no pixel both.
    """
    items: list[Any] = [item for item in read_dataset(data, annotators=annotators).items if item["section"] == "test"]
    seen: dict[str, list[LabelObservation]] = {}
    for name, path in (pair for item in items for pair in item["annotators"].items() if pair[1] is not None):
        seen.setdefault(name, []).append(observe_label(path))
    load = LoadCased("annotators", infer_annotator_meanings(seen)[0], annotators=annotators)
    labels = [load(item)["annotators"].as_subclass(torch.Tensor) for item in items]
    dice = np.array([pairwise_dice(label).numpy() for label in labels])
    pairs = [(a, b) for a in range(len(annotators)) for b in range(a)]
    found = {}
    for a, b in pairs:
        known = dice[np.isfinite(dice[:, a, b]), a, b].tolist()  # nan where the two labeled no pixel both
        mean, std = mean_and_std(known) if known else (math.nan, math.nan)
        found[f"{annotators[b]} and {annotators[a]}"] = {"mean": mean, "std": std, "missing": len(dice) - len(known)}
    return found


def mean_matrices(folder: Path) -> dict[str, torch.Tensor]:
    """The learned matrix of each annotator, averaged over the seeds, from confusion.csv of each evaluation.

    Classes are in the order of the files, in which they have names, or numbers as files of earlier evaluations do.
    """
    found: dict[str, list[torch.Tensor]] = {}
    for path in sorted(folder.glob("seed*/evaluation/confusion.csv")):
        for name, matrix in read_confusion(path)[0].items():
            found.setdefault(name, []).append(matrix)
    return {name: torch.stack(seeds).double().mean(0).float() for name, seeds in found.items()}


def write_table(
    table: str, scale: str, configuration: dict, runs_dir: str, output_dir: str, data: str | None = None
) -> None:
    """Writes TABLE_LABELS.json for each way of labeling, and TABLE_LABELS_confusion.png of the learned matrices.

    Args:
        table: name of the table's rule.
        scale: desk or paper; the latter ends the files' stem.
        configuration: what differs from the bundle's configuration, for the record.
        runs_dir: folder of the table's runs, LABELS/METHOD/seedN.
        output_dir: where results and figures go.
        data: folder of images with real annotators, whose agreement with each other is recorded.
    """
    name = table.removeprefix("disentangling_annotators_")
    for folder in sorted(path for path in Path(runs_dir).iterdir() if path.name in LABELS):
        runs = collect(folder)
        title = f"{TITLES[name]}, {LABELS[folder.name]}"
        summary = summarize_runs(runs, title, "Average of test images", LOWER)
        target = Path(output_dir) / f"{table}_{folder.name}{'' if scale == 'desk' else f'_{scale}'}"
        matrices = mean_matrices(next(run for name in SHOWN if (run := folder / name).is_dir()))
        summary["confusion"] = {annotator: matrix.tolist() for annotator, matrix in matrices.items()}
        draw_confusion_matrices(matrices, f"{target}_confusion.png")
        if data is not None:
            summary["agreement"] = agreement(data, list(matrices))
        write_results(f"{target}.json", summary, runs, scale, configuration)


def write_sample(data: str, output_dir: str, share: float | None = None) -> None:
    """Writes the authors' sample with the paper's fifth annotator, who marks nothing and whom the sample lacks.

    Args:
        data: folder of the sample.
        output_dir: folder of the same layout; files of the sample are links.
        share: of their errors that the annotators make, drawn anew from the truth; None for the sample's own labels.
    """
    linked = ("image", "truth", *(ERRING if share is None else ()))
    for section in SECTIONS:
        source, target = Path(data).resolve() / section, Path(output_dir) / section
        for name in ("image", "truth", *ERRING, "blank"):
            (target / name).mkdir(parents=True, exist_ok=True)
        for path in sorted((source / "truth").glob("*.tif")):
            for name in linked:
                (target / name / path.name).unlink(missing_ok=True)
                (target / name / path.name).symlink_to(source / name / path.name)
            digit = np.asarray(Image.open(path))
            mask = torch.from_numpy((digit > digit.max() / 2).astype(np.uint8))
            Image.fromarray(np.zeros_like(mask.numpy())).save(target / "blank" / path.name)
            if share is None:
                continue
            for kind in ERRING:
                generator = case_generator(0, path.stem, kind)
                label = simulate_annotator(mask, kind, generator, strength=share * STRENGTHS[kind])
                Image.fromarray(255 * label.numpy()).save(target / kind / path.name)


def write_digits(data: str, output_dir: str, counts: Sequence[int]) -> None:
    """Writes MNIST with the paper's five annotators.

    Args:
        data: folder that holds ``train-images-idx3-ubyte`` and ``t10k-images-idx3-ubyte``, packed (``.gz``) or not.
        output_dir: folder to write, see `common.datasets.write_mnist_annotators`.
        counts: of training, validation and test digits (paper: 48000, 12000, 10000).
    """
    write_mnist_annotators(output_dir, data, *counts)


def write_consensus(data: str, output_dir: str, counts: Sequence[int]) -> None:
    """Writes datalist.json of crops of LIDC, whose ground truth is the spatial STAPLE of the radiologists' labels.

    Args:
        data: folder of the crops in the layout ``lidc``, with sections.
        output_dir: gets ``datalist.json``, and what the consensus is made from and written to in folders of its own.
        counts: of training, validation and test crops (paper: 5000, 1000, 1000), drawn at random from each section.

    Raises:
        InputError: a section has fewer crops.
    """
    dataset = read_dataset(data, "lidc")
    lists: dict[str, list[dict[str, Any]]] = {}
    for (section, name), count in zip(LISTS.items(), counts, strict=True):
        items = [item for item in dataset.items if item.get("section") == section]
        if len(items) < count:
            raise InputError(f"{data}: expected at least {count} crops for {section}, got {len(items)}.")
        chosen = sorted(random.Random(0).sample(items, count), key=lambda item: item["case"])
        lists[name] = [
            {
                "case": item["case"],
                "subject": item["subject"],
                "image": str(dataset.root / item["image"]),
                "annotators": {name: str(dataset.root / file) for name, file in item["annotators"].items()},
            }
            for item in chosen
        ]
    folder = Path(output_dir)
    (folder / "crops").mkdir(parents=True, exist_ok=True)
    (folder / "crops/datalist.json").write_text(json.dumps(lists), encoding="utf-8")
    fuse(dataset_dir=f"{folder}/crops", layout="datalist", method="spatial_staple", output=f"{folder}/consensus")
    fused = json.loads((folder / "consensus/datalist.json").read_text(encoding="utf-8"))
    labels = {entry["case"]: f"consensus/{entry['label']}" for name in lists for entry in fused[name]}
    for entry in (entry for entries in lists.values() for entry in entries):
        entry["label"] = labels[entry["case"]]
    (folder / "datalist.json").write_text(json.dumps(lists), encoding="utf-8")


def quality(data: str) -> float:
    """Mean Dice with the truth of the training labels of all annotators who mark something, the good one included."""
    annotators = ["good", *ERRING]
    items = read_dataset(data, "mnist", annotators=annotators).items
    files = [[item["annotators"][name] for name in annotators] for item in items if item["section"] == "training"]
    labels = [torch.cat([binary_mask(read_label_values(path)) for path in paths]) for paths in files]
    return float(np.mean([pairwise_dice(label.as_subclass(torch.Tensor)).numpy()[0] for label in labels]))


def write_noise(*runs: str, scale: str, configuration: dict, output_dir: str) -> None:
    """Writes disentangling_annotators_noise.json and .png: Dice of each method over that of the labels.

    Args:
        runs: DATA:RUNS of each level of noise: the folder of its labels, and of its runs, LABELS/METHOD/seedN.
        scale, configuration, output_dir: of `write_table`.
    """
    records = []
    for run in runs:
        data, folder = run.split(":")
        level = round(quality(data), 3)
        for labels in (path for path in sorted(Path(folder).iterdir()) if path.name in LABELS):
            records += [
                found | {"setting": {"labels": LABELS[labels.name], "quality": level}}
                for found in collect(labels)
                if found["setting"]["measure"] == "Dice"
            ]
    summary = summarize_runs(records, "noisy digits whose annotators err more or less", "Dice")
    target = Path(output_dir) / f"disentangling_annotators_noise{'' if scale == 'desk' else f'_{scale}'}"
    label = "Dice of the training labels with the truth"
    draw_dice_by_noise_level(summary, f"{target}.png", "quality", "labels", label)
    write_results(f"{target}.json", summary, records, scale, configuration)


if __name__ == "__main__":
    fire.Fire(
        {
            "table": write_table,
            "sample": write_sample,
            "digits": write_digits,
            "consensus": write_consensus,
            "noise": write_noise,
        }
    )
