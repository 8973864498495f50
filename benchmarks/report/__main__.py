"""python -m benchmarks.report VERB: figures and tables of the papers, from results files and runs; without a verb it
lists them. Run it from the repository root.

A run is the folder that a training wrote; ``LABEL:FOLDER`` gives it another label than the folder's name. (fire would
read a folder ``07`` as a number, so arguments are kept as text.)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import fire
from fire.decorators import SetParseFn

from benchmarks.report.annotator_maps import draw_maps_of_case
from benchmarks.report.annotators import draw_validation
from benchmarks.report.consistency import draw_boundary_weight, draw_loss_landscape
from benchmarks.report.curves import draw_dice_by_setting
from benchmarks.report.noise_levels import draw_dice_by_noise_level, draw_noise_levels
from benchmarks.report.tables import insert_between_markers, load_results, results_table
from common.errors import InputError
from common.report.__main__ import labeled_runs


@SetParseFn(str)
def validation(
    *runs: str, metric: str = "val_mean_dice", legend: str = "Trace weight", output: str = "validation.png"
) -> str:
    """Metrics of the validation over the epochs, a panel each with a line per run, darker for the later ones.

    Args:
        runs: folders with metrics.csv, or LABEL:FOLDER, in the order of what they differ in: 0:runs/a 0.1:runs/b.
        metric: column of metrics.csv, or several with commas: val_mean_dice,val_cm_error.
        legend: what the labels are.
        output: PNG to write.
    """
    return str(draw_validation(labeled_runs(runs), output, metric.split(","), legend))


@SetParseFn(str, "inference", "case", "image", "labels", "truth", "output")
def annotator_maps(
    inference: str,
    case: str,
    image: str,
    *labels: str,
    truth: str | None = None,
    value: int | None = None,
    label_value: int | None = None,
    output: str = "annotator_maps.png",
) -> str:
    """What each annotator does at each pixel of a case, as the confusion matrices predict it and as it was drawn.

    Args:
        inference: folder that inference wrote with --save_annotators true.
        case: name of the case in it.
        image: file that was segmented.
        labels: what annotators drew: NAME:FILE each.
        truth: file of the ground truth.
        value: of the class in the predictions; without it all of the foreground.
        label_value: of the class in labels and ground truth, where it is another.
        output: PNG to write.
    """
    if odd := [label for label in labels if ":" not in label]:
        raise InputError(f"label {odd[0]!r}: expected NAME:FILE, the annotator's name and what was drawn.")
    files = {name: file for name, _, file in (label.partition(":") for label in labels)}
    return str(draw_maps_of_case(inference, case, image, output, files, truth, value, label_value))


@SetParseFn(str)
def dice(results: str, output: str = "dice.png", highlight: str | None = None) -> str:
    """Mean Dice in each noise setting with its standard deviation, a line per method.

    Args:
        results: results file (JSON).
        output: PNG to write.
        highlight: the method drawn strong.
    """
    return str(draw_dice_by_setting(load_results(results), output, highlight))


def table(results: str, *documents: str, check: bool = False) -> str:
    """Prints a results file as a Markdown table, or writes it into documents between the markers of the file's name.

    Args:
        results: results file; docs/results/NAME.json goes between the markers "results:NAME".
        documents: Markdown files to update.
        check: only compare; a document that is out of date is an error.
    """
    text, name = results_table(load_results(results)), Path(results).stem
    if not documents:
        return text
    stale = [document for document in documents if not insert_between_markers(document, name, text, check)]
    if check and stale:
        raise InputError(f"{', '.join(stale)} must show the numbers of {results}, but shows others.")
    return "\n".join(f"{document}: {'updated' if document in stale else 'up to date'}" for document in documents)


@SetParseFn(str, "label", "output")
def noise_levels(
    label: str,
    levels: Sequence[float] = (0.0, 0.02, 0.04, 0.06, 0.08),
    b: float = 0.15 / 2**0.5,
    samples: int = 5,
    seed: int = 0,
    output: str = "noise_levels.png",
) -> str:
    """What Gaussian-field noise does to a label, and to the masks that are best for accuracy and for Dice.

    Args:
        label: PNG, JPEG or NIfTI, foreground where positive.
        levels: standard deviation of the displacement in each column, as a fraction of the image's sides: 0,0.03,0.06.
        b: correlation length as a fraction of the image's sides.
        samples: whose mean is shown.
        seed: of the samples.
        output: PNG to write.
    """
    return str(draw_noise_levels(label, output, levels, b, samples, seed))


@SetParseFn(str)
def noise_dice(results: str, output: str = "noise_dice.png") -> str:
    """Mean Dice over the noise level with its standard deviation, a line per method and a panel per organ.

    Args:
        results: results file (JSON).
        output: PNG to write.
    """
    return str(draw_dice_by_noise_level(load_results(results), output))


@SetParseFn(str, "label", "output")
def boundary_weight(
    label: str,
    radius: float = 10.0,
    lambda_max: float = 1.0,
    lambda_min: float = 0.01,
    output: str = "boundary_weight.png",
) -> str:
    """A label, the distance of each pixel to the nearest boundary, and the weight of its consistency.

    Args:
        label: PNG, JPEG or NIfTI with class indices; of a volume the axial slice with the most foreground.
        radius: R in pixels.
        lambda_max: weight at a boundary, besides lambda_min.
        lambda_min: weight at R and beyond.
        output: PNG to write.
    """
    return str(draw_boundary_weight(label, output, radius, lambda_max, lambda_min))


@SetParseFn(str, "output")
def loss_landscape(
    weights: Sequence[float] = (0.1, 1.0), limit: float = 10.0, output: str = "loss_landscape.png"
) -> str:
    """Cross-entropy, consistency and their sum over the logits of two views of a pixel.

    Args:
        weights: of the consistency in the panels between: 0.1,1.
        limit: of the logits.
        output: PNG to write.
    """
    return str(draw_loss_landscape(output, weights, limit))


COMMANDS = {
    "annotator_maps": annotator_maps,
    "validation": validation,
    "dice": dice,
    "table": table,
    "noise_levels": noise_levels,
    "noise_dice": noise_dice,
    "boundary_weight": boundary_weight,
    "loss_landscape": loss_landscape,
}


if __name__ == "__main__":
    fire.Fire(COMMANDS)
