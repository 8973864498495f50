"""Results files and figures of the boundary-weighted consistency tables, from the runs that Snakemake made."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fire
import nibabel as nib
import numpy as np

from benchmarks.report.calibration import draw_improvement, draw_probabilities
from benchmarks.report.tables import summarize_runs, write_results
from common.errors import InputError
from common.io.files import read_csv
from common.metrics import paired_permutation_test
from common.report import draw_reliability

NAMES = {"baseline": "Baseline", "da": "DA", "svls": "SVLS", "mls": "MLS", "cr": "CR", "bwcr": "BWCR"}
MEASURES = {
    "Dice": "dice",
    "ECE, all pixels": "ece_all",
    "ECE, foreground": "ece_foreground",
    "ECE of the paper": "ece_paper",
    "TACE": "tace",
    "ECE near boundaries": "ece_band",
    "ECE, most probable class": "ece_top_all",
    "Brier score": "brier_all",
    "NLL": "nll_all",
}
LOWER = tuple(MEASURES)[1:]
DISTANCES = {"jensen_shannon": "Jensen-Shannon", "cosine": "cosine"}
PROPOSED, REFERENCE = "BWCR", "DA"
MARGIN = 8  # pixels around the structures of the qualitative figure


def method_label(method: str, sweep: bool) -> str:
    """How a run's method is called; in a sweep with its weight of consistency and a distance that is not the paper's.

    Example:
        >>> method_label("bwcr_0.1", sweep=True), method_label("bwcr_1", sweep=False)
        ('BWCR, λ = 0.1', 'BWCR')
        >>> method_label("cr_10_jensen_shannon", sweep=True)
        'CR, λ = 10, Jensen-Shannon'
    """
    name, weight, distance = [*method.split("_", 2), "", ""][:3]
    if not sweep:
        return NAMES[name]
    return f"{NAMES[name]}, λ = {weight or 0}" + (f", {DISTANCES[distance]}" if distance else "")


def subject_means(rows: Sequence[dict[str, str]], column: str) -> dict[str, float]:
    """The mean of each subject's images, of those that have a value; nan without any.

    Raises:
        InputError: the evaluation was made before the column was.
    """
    if rows and column not in rows[0]:
        raise InputError(f"summary.csv must have the column {column}, but has {', '.join(rows[0])}: evaluate again.")
    values = defaultdict(list)
    for row in rows:
        values[row["subject"]].append(float(row[column] or "nan"))
    return {subject: _mean(found) for subject, found in sorted(values.items())}


def collect(folder: Path, methods: Sequence[str], seeds: Sequence[int], sweep: bool) -> list[dict[str, Any]]:
    """One record per run, method and measure, with each subject's value; runs lie in METHOD/seedN/.

    Raises:
        InputError: runs measured other subjects than the first.
    """
    runs: list[dict[str, Any]] = []
    for measure, column in MEASURES.items():
        for method in methods:
            for seed in seeds:
                path = folder / method / f"seed{seed}" / "evaluation" / "summary.csv"
                subjects = subject_means(read_csv(path), column)
                if runs and subjects.keys() != runs[0]["subjects"].keys():
                    raise InputError(f"{path} must have the test subjects of the other runs, but has others.")
                runs.append(
                    {
                        "method": method_label(method, sweep),
                        "setting": {"measure": measure},
                        "seed": seed,
                        "value": _mean(list(subjects.values())),
                        "subjects": subjects,
                    }
                )
    return runs


def means_over_seeds(runs: Sequence[dict[str, Any]], measure: str, method: str) -> dict[str, float]:
    """Each subject's mean over the seeds of a method."""
    values = defaultdict(list)
    for run in runs:
        if (run["setting"]["measure"], run["method"]) == (measure, method):
            for subject, value in run["subjects"].items():
                values[subject].append(value)
    return {subject: _mean(found) for subject, found in values.items()}


def compare(subjects: dict[str, dict[str, float]]) -> list[dict[str, Any]]:
    """The proposed method against each of the others, subject by subject, as the paper tests it.

    Seeds are averaged per subject first. They measure the same test subjects, so their values are not independent;
    pooled, they would count every subject several times and give too small a p. p is not corrected for the number of
    comparisons.

    Args:
        subjects: value of each subject, by the method's label.

    Raises:
        InputError: the proposed method is not there, or shares no subject with another.
    """
    if PROPOSED not in subjects:
        raise InputError(f"methods: expected {PROPOSED} among them, got {', '.join(subjects)}.")
    return [_compare(subjects, other) for other in subjects if other != PROPOSED]


def _compare(subjects: dict[str, dict[str, float]], other: str) -> dict[str, Any]:
    shared = [(a, subjects[other][name]) for name, a in subjects[PROPOSED].items()]
    known = [pair for pair in shared if all(map(math.isfinite, pair))]
    if not known:
        raise InputError(f"{PROPOSED} and {other}: expected a subject that both have a value of, got none.")
    a, b = zip(*known, strict=True)
    return {
        "methods": [PROPOSED, other],
        "relative_change": sum(a) / sum(b) - 1,
        "p": paired_permutation_test(a, b),
        "subjects": len(a),
        "left_out": len(shared) - len(a),
    }


def write_table(
    table: str,
    scale: str,
    methods: list[str],
    seeds: list[int],
    configuration: dict,
    runs_dir: str,
    output_dir: str,
    data_set: str = "ACDC",
    sweep: bool = False,
    data: str | None = None,
) -> None:
    """Writes TABLE.json, and of a comparison of methods the figures TABLE_reliability and TABLE_improvement.

    Args:
        table: its name, with which the files begin.
        scale: desk or paper; the latter ends the files' stem.
        methods: folders of the runs: a method's name, with _WEIGHT or _WEIGHT_DISTANCE where it has consistency.
        seeds: of the runs.
        configuration: what differs from the bundle's configuration, for the record.
        runs_dir: folder of the runs.
        output_dir: where results and figures go.
        data_set: how the data set is called.
        sweep: rows are weights or distances of the consistency: they are not tested against one another, nor drawn.
        data: folder of the data set, for the figure TABLE_probabilities of the image that each run's example/ has.
    """
    folder = Path(runs_dir)
    target = Path(output_dir) / f"{table}{'' if scale == 'desk' else f'_{scale}'}"
    runs = collect(folder, methods, seeds, sweep)
    labels = {method_label(method, sweep): method for method in methods}
    by_subject = {measure: {label: means_over_seeds(runs, measure, label) for label in labels} for measure in MEASURES}
    title = f"{len(runs[0]['subjects'])} test subjects of {data_set}"
    summary = summarize_runs(runs, title, "Average of subjects", LOWER)
    summary["subjects"] = {
        measure: {
            label: {name: value if math.isfinite(value) else None for name, value in found.items()}
            for label, found in by_method.items()
        }
        for measure, by_method in by_subject.items()
    }
    if not sweep:
        for entry in summary["settings"]:
            entry["comparisons"] = compare(by_subject[entry["setting"]["measure"]])
        shown = {
            measure: {label: list(by_subject[measure][label].values()) for label in labels if label != "Baseline"}
            for measure in ("Dice", "ECE of the paper", "TACE")
        }
        draw_improvement(shown, REFERENCE, f"{target}_improvement.png", LOWER)
        folders = {label: [folder / method / f"seed{seed}" for seed in seeds] for label, method in labels.items()}
        evaluations = {label: [run / "evaluation" for run in found] for label, found in folders.items()}
        draw_reliability(evaluations, f"{target}_reliability.png")
        if data is not None:
            examples = {label: found[0] / "example" for label, found in folders.items()}
            draw_example(examples, Path(data), evaluations[REFERENCE][0], f"{target}_probabilities.png")
    write_results(f"{target}.json", summary, runs, scale, configuration)


def draw_example(folders: dict[str, Path], data: Path, evaluation: Path, path: str) -> None:
    """The probabilities of one image by every method, in the slice with the most foreground, cut to the structures."""
    image_file = Path(example(str(evaluation / "summary.csv"), str(data)))
    case = image_file.name.removesuffix(".nii.gz")
    label = _read(image_file.with_name(f"{case}_gt.nii.gz"))
    index = int((label > 0).sum((0, 1)).argmax())
    inside = np.argwhere(label[..., index] > 0)
    center = (inside.min(0) + inside.max(0)) // 2
    half = int(np.ptp(inside, 0).max()) // 2 + MARGIN
    x, y = (slice(max(0, at - half), at + half) for at in center.tolist())

    def view(volume: np.ndarray) -> np.ndarray:
        """Rows and columns of the slice, after the classes if there are any."""
        return volume[x, y, index].T

    maps = {name: view(_read(next(folder.rglob(f"{case}_probabilities.nii.gz")))) for name, folder in folders.items()}
    classes = list(dict.fromkeys(row["class"] for row in read_csv(evaluation / "reliability.csv")))
    draw_probabilities(view(_read(image_file)), view(label), maps, classes, path)


def example(summary: str, data: str) -> str:
    """The path of the image with the median Dice, of an even number the lower one.

    Args:
        summary: summary.csv of an evaluation.
        data: folder of the data set.
    """
    rows = sorted(read_csv(summary), key=lambda row: (float(row["dice"] or "nan"), row["case"]))
    case = rows[(len(rows) - 1) // 2]["case"]
    found = sorted(Path(data).rglob(f"{case}.nii.gz"))
    if not found:
        raise InputError(f"{data} must hold {case}.nii.gz, which {summary} names.")
    return str(found[0])


def _read(file: Path) -> np.ndarray:
    return np.asarray(nib.Nifti1Image.from_filename(file).dataobj)


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return round(math.fsum(finite) / len(finite), 6) if finite else math.nan


if __name__ == "__main__":
    fire.Fire({"table": write_table, "example": example})
