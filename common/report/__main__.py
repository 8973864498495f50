"""python -m common.report VERB: figures and tables from files; without a verb it lists them.

A run is the folder that a training wrote; ``LABEL:FOLDER`` gives it another label than the folder's name. (fire would
read a folder ``07`` as a number, so arguments are kept as text.)
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import fire
from fire.decorators import SetParseFn

from common.errors import InputError, show_input_errors
from common.report.annotators import draw_validation
from common.report.calibration import draw_reliability
from common.report.curves import draw_dice_by_setting, draw_memorisation, draw_nu_path
from common.report.noise_levels import draw_dice_by_noise_level, draw_noise_levels
from common.report.overlays import draw_overlay
from common.report.soft_label import draw_predictions, draw_soft_label_pipeline, soft_label_examples
from common.report.tables import insert_between_markers, load_results, results_table


def labelled_runs(runs: Sequence[str]) -> dict[str, Path]:
    """Folders by their label.

    Raises:
        InputError: a folder that does not exist, or two runs with the same label.
    """
    folders: dict[str, Path] = {}
    for run in runs:
        label, _, folder = run.rpartition(":")
        label = label or Path(folder).resolve().name
        if not Path(folder).is_dir():
            raise InputError(f"{folder} is no folder: expected the folder of a training run.")
        if label in folders:
            raise InputError(f"two runs are called {label!r}: name them as LABEL:FOLDER.")
        folders[label] = Path(folder)
    return folders


@SetParseFn(str)
def memorisation(*runs: str, output: str = "memorisation.png", highlight: str | None = None) -> str:
    """Dice of the training predictions with the clean labels per kind of noise, a line per run.

    Args:
        runs: folders with memorisation.csv, or LABEL:FOLDER.
        output: PNG to write.
        highlight: the label drawn strong.
    """
    return str(draw_memorisation(labelled_runs(runs), output, highlight))


@SetParseFn(str)
def nu_path(*runs: str, starts: str = "", output: str = "nu_tilde.png") -> str:
    """The learned tolerance over the epochs, a line per run, and with Dice for runs of different starts.

    Args:
        runs: folders with metrics.csv, or LABEL:FOLDER, for the first panel.
        starts: the same for the other two, in one argument, parted by spaces: "0:runs/a 5:runs/b".
        output: PNG to write.
    """
    return str(draw_nu_path(labelled_runs(runs), output, labelled_runs(shlex.split(starts))))


@SetParseFn(str)
def validation(
    *runs: str, metric: str = "val_mean_dice", legend: str = "Trace weight", output: str = "validation.png"
) -> str:
    """A metric of the validation over the epochs, a line per run, darker for the later ones.

    Args:
        runs: folders with metrics.csv, or LABEL:FOLDER, in the order of what they differ in: 0:runs/a 0.1:runs/b.
        metric: column of metrics.csv.
        legend: what the labels are.
        output: PNG to write.
    """
    return str(draw_validation(labelled_runs(runs), output, metric, legend))


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


@SetParseFn(str)
def overlay(image: str, mask: str, output: str = "overlay.png") -> str:
    """An image beside itself with the outline of its mask; of a volume the axial slice with the most foreground.

    Args:
        image: PNG, JPEG or NIfTI.
        mask: of the same size.
        output: PNG to write.
    """
    return str(draw_overlay(image, mask, output))


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
def reliability(*runs: str, output: str = "reliability.png") -> str:
    """How often the probabilities of networks come true, a panel per structure and a line per run.

    Args:
        runs: folders of evaluations with reliability.csv, or LABEL:FOLDER.
        output: PNG to write.
    """
    return str(draw_reliability({label: [folder] for label, folder in labelled_runs(runs).items()}, output))


@SetParseFn(str)
def noise_dice(results: str, output: str = "noise_dice.png") -> str:
    """Mean Dice over the noise level with its standard deviation, a line per method and a panel per organ.

    Args:
        results: results file (JSON).
        output: PNG to write.
    """
    return str(draw_dice_by_noise_level(load_results(results), output))


@SetParseFn(str, "dataset", "output")
def soft_labels(
    dataset: str,
    count: int = 3,
    section: str = "training",
    hyperintensity: float = 2.5,
    neighbour_slices: float = 0.3,
    output: str = "soft_labels.png",
) -> str:
    """How soft labels are made of readers' regions, step by step, for the cases in which they marked most.

    Args:
        dataset: folder with images/, bones/ and regions.csv.
        count: cases.
        section: training, validation or test.
        hyperintensity: threshold of step 3; 0 leaves the step out.
        neighbour_slices: weight of step 4; 0 leaves the step out.
        output: PNG to write.
    """
    options = {"hyperintensity": hyperintensity, "neighbour_slices": neighbour_slices}
    return str(draw_soft_label_pipeline(output, soft_label_examples(dataset, count, section, **options)))


@SetParseFn(str)
def predictions(image: str, truth: str, *maps: str, output: str = "predictions.png") -> str:
    """Probabilities of several networks side by side, in the slice with the most of the truth.

    Args:
        image: NIfTI volume, its slices along the third axis.
        truth: NIfTI, foreground where positive.
        maps: CASE_probabilities.nii.gz that inference wrote, LABEL:FILE.
        output: PNG to write.
    """
    named: dict[str, str] = {}
    for entry in maps:
        label, _, file = entry.rpartition(":")
        label = label or Path(file).name
        if label in named:
            raise InputError(f"two maps are called {label!r}: name them as LABEL:FILE.")
        named[label] = file
    return str(draw_predictions(output, image, truth, named))


COMMANDS = {
    "memorisation": memorisation,
    "nu_path": nu_path,
    "validation": validation,
    "dice": dice,
    "table": table,
    "overlay": overlay,
    "noise_levels": noise_levels,
    "noise_dice": noise_dice,
    "predictions": predictions,
    "reliability": reliability,
    "soft_labels": soft_labels,
}


if __name__ == "__main__":
    show_input_errors()
    fire.Fire(COMMANDS)
