"""Results files and figures of the soft-label tables, from the runs that Snakemake made."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import fire
import nibabel as nib
import numpy as np

from benchmarks.report.tables import summarize_runs, write_results
from common.datasets import read_dataset
from common.errors import InputError
from common.io.files import read_csv
from common.methods import prepare_soft_labels
from common.report import draw_predictions, draw_soft_label_pipeline, soft_label_examples

ITSELF = "The soft label itself, no network"
ROWS = {
    "majority_bce": "BCE, majority vote",
    "bce": "BCE (baseline)",
    "apl_binary_1_0_1": "APL binary 1-0-1",
    "apl_binary_2_0_1": "APL binary 2-0-1",
    "soft_bce": "Soft BCE",
    "apl_soft_0_1_1": "APL soft 0-1-1",
    "apl_soft_0_2_1": "APL soft 0-2-1",
    "apl_soft_1_1_1": "APL soft 1-1-1",
    "apl_soft_2_2_1": "APL soft 2-2-1",
    "mae": "MAE",
    "sce": "SCE",
    "smoothed_bce": "BCE, labels smoothed by 0.1",
}
SPLITS = "bce"  # row whose trainings tell the test cases of each seed, the same for all rows
MEASURES = {
    "val_box_ap50": "Box AP50",
    "val_box_ap75": "Box AP75",
    "val_mask_ap50": "Mask AP50",
    "val_mask_ap75": "Mask AP75",
    "val_detection_precision": "Precision of instances",
    "val_detection_recall": "Recall of instances",
    "val_iou": "IoU",
    "val_recall": "Recall",
    "val_precision": "Precision",
    "val_dice": "Dice",
}
TITLES = {
    "phantom": "test volumes of the knee phantom, exact lesions",
    "beside": "test volumes of the knee phantom, exact lesions",
    "seeds": "test volumes of the knee phantom, exact lesions, 1,600 steps on 36 knees",
    "oai": "test scans of the Osteoarthritis Initiative, masks of experts",
    "oocytes": "test images of oocytes with three annotators",
    "hippocampus": "test slices of the hippocampus, exact truth",
}
NETWORKS = {"imaskrcnn": "IMaskRCNN", "unet": "U-Net"}
MEASURED = "Of all test images together"


def collect(folder: Path) -> list[dict[str, Any]]:
    """One record per run and measure under ``folder``, whose runs lie in ROW/seedN/REFERENCE/evaluation/.

    With one reference a measure is called by its name; with several only Dice is taken, and called by its reference.
    """
    found = [(path.parts[-5:-2], _metrics(path)) for path in folder.glob("*/seed*/*/evaluation/metrics.csv")]
    references = {reference for (_, _, reference), _ in found}
    runs = []
    for (row, seed, reference), metrics in found:
        for column, measure in MEASURES.items():
            if column not in metrics or (len(references) > 1 and measure != "Dice"):
                continue
            name = measure if len(references) == 1 else f"{measure} with {reference}"
            record = {"method": ROWS[row], "setting": {"measure": name}, "seed": int(seed.removeprefix("seed"))}
            runs.append(record | {"value": metrics[column]})
    rows, columns = list(ROWS.values()), list(MEASURES.values())

    def order(run: dict[str, Any]) -> tuple[int, bool, str, int, int]:
        measure, _, reference = run["setting"]["measure"].partition(" with ")
        return columns.index(measure), reference != "majority", reference, rows.index(run["method"]), run["seed"]

    return sorted(runs, key=order)


def _metrics(path: Path) -> dict[str, float]:
    """A value by its name; nan where nothing could be measured (see `common.metrics.CONVENTIONS`)."""
    with path.open(encoding="utf-8", newline="") as file:
        return {name: float(value) for name, value in csv.reader(file)}


def soft_labels_themselves(data: Path, splits: Iterable[Path]) -> list[dict[str, Any]]:
    """What a network would reach that gives the soft label of every test volume, above one half, against the truth.

    With TP, FP and FN of all test voxels and structures together: precision TP / (TP + FP), recall TP / (TP + FN),
    IoU TP / (TP + FP + FN), Dice 2 TP / (2 TP + FP + FN), as `common.metrics.InstanceMetrics` has them.

    Args:
        data: folder of a knee phantom.
        splits: split.json of one training for each seed, in folders ``seedN``.

    Returns:
        Records as those of `collect`.
    """
    counts = {}
    with tempfile.TemporaryDirectory() as folder:
        for path in Path(prepare_soft_labels(data, folder)).iterdir():
            found = np.moveaxis(np.asarray(nib.load(path).dataobj) > 0.5, -1, 0)  # type: ignore[attr-defined]
            classes = np.asarray(nib.load(data / "truth" / path.name).dataobj)  # type: ignore[attr-defined]
            truth = np.stack([classes == 1 + structure for structure in range(len(found))])
            hits = (found & truth).sum()
            counts[path.name.removesuffix(".nii.gz")] = np.asarray([hits, found.sum() - hits, truth.sum() - hits])
    runs = []
    for split in splits:
        cases = json.loads(split.read_text(encoding="utf-8"))["test"]
        tp, fp, fn = np.sum([counts[case] for case in cases], axis=0).tolist()
        values = {"IoU": tp / (tp + fp + fn), "Recall": tp / (tp + fn), "Precision": tp / (tp + fp)}
        for measure, value in (values | {"Dice": 2 * tp / (2 * tp + fp + fn)}).items():
            record = {"method": ITSELF, "setting": {"measure": measure}, "seed": int(split.parent.name[4:])}
            runs.append(record | {"value": value})
    return runs


def table(
    table: str,
    scale: str,
    configuration: dict,
    runs_dir: str,
    output_dir: str,
    data: str | None = None,
    figures: bool = False,
) -> None:
    """Writes TABLE_NETWORK.json for each network; with ``figures`` also TABLE_NETWORK.png and TABLE_pipeline.png.

    Args:
        table: name of the table's rule.
        scale: desk or paper; the latter ends the files' stem.
        configuration: of each network, what differs from the bundle's configuration, for the record.
        runs_dir: folder of the table's runs, NETWORK/ROW/seedN/REFERENCE.
        output_dir: where results and figures go.
        data: folder of the phantom, for the row of the soft label itself and the figures.
        figures: draw the figures of ``data``.
    """
    ending = "" if scale == "desk" else f"_{scale}"
    title = TITLES[table.removeprefix("soft_label_apl_")]
    for name in (name for name in NETWORKS if name in configuration):
        folder = Path(runs_dir) / name
        if not folder.is_dir():
            continue
        target = Path(output_dir) / f"{table}_{name}{ending}"
        runs = collect(folder)
        if data is not None:
            runs += soft_labels_themselves(Path(data), folder.glob(f"{SPLITS}/seed*/split.json"))
        summary = summarize_runs(runs, f"{NETWORKS[name]}, {title}", MEASURED, references={ITSELF})
        write_results(f"{target}.json", summary, runs, scale, configuration[name])
        if figures and data:
            _draw_predictions(folder, Path(data), f"{target}.png")
    if figures and data:
        pipeline = Path(output_dir) / f"{table}_pipeline{ending}.png"
        draw_soft_label_pipeline(pipeline, soft_label_examples(read_dataset(data).items))


def _draw_predictions(folder: Path, data: Path, output: str) -> None:
    """Fig. 2."""
    image = Path(example(str(min(folder.glob("bce/seed*/truth/evaluation"))), str(data)))
    name = image.name.replace(".nii", "_probabilities.nii")
    maps = {ROWS[row]: path for row in ROWS for path in folder.glob(f"{row}/seed*/example/{name}")}
    draw_predictions(output, image, data / "truth" / image.name, maps)


def example(evaluation: str, data: str) -> str:
    """The path of the image with the median Dice, of an even number the lower one; volumes without lesions apart.

    Args:
        evaluation: folder of an evaluation with summary.csv.
        data: folder of the data set.
    """
    rows = [row for row in read_csv(Path(evaluation) / "summary.csv") if row["dice"]]
    rows.sort(key=lambda row: (float(row["dice"]), row["case"]))
    path = Path(data) / "images" / f"{rows[(len(rows) - 1) // 2]['case']}.nii.gz"
    if not path.is_file():
        raise InputError(f"{data} must hold {path.name} in images/, which {evaluation} names.")
    return str(path)


if __name__ == "__main__":
    fire.Fire({"table": table, "example": example})
