"""python -m common.report VERB: pictures of a run; without a verb it lists them.

A run is the folder that a training wrote; ``LABEL:FOLDER`` gives it another label than the folder's name. (fire would
read a folder ``07`` as a number, so arguments are kept as text.)
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from fire.decorators import SetParseFn

from common.command import run_command
from common.datasets.layouts.recognize import read_dataset
from common.errors import InputError
from common.report.curves import draw_memorisation, draw_nu_path
from common.report.overlays import draw_overlay
from common.report.reliability import draw_reliability
from common.report.soft_label import draw_predictions, draw_soft_label_pipeline, soft_label_examples


def labeled_runs(runs: Sequence[str]) -> dict[str, Path]:
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
    return str(draw_memorisation(labeled_runs(runs), output, highlight))


@SetParseFn(str)
def nu_path(*runs: str, starts: str = "", output: str = "nu_tilde.png") -> str:
    """The learned tolerance over the epochs, a line per run, and with Dice for runs of different starts.

    Args:
        runs: folders with metrics.csv, or LABEL:FOLDER, for the first panel.
        starts: the same for the other two, in one argument, parted by spaces: "0:runs/a 5:runs/b".
        output: PNG to write.
    """
    return str(draw_nu_path(labeled_runs(runs), output, labeled_runs(shlex.split(starts))))


@SetParseFn(str)
def overlay(image: str, mask: str, output: str = "overlay.png") -> str:
    """An image beside itself with the outline of its mask; of a volume the axial slice with the most foreground.

    Args:
        image: PNG, JPEG or NIfTI.
        mask: of the same size.
        output: PNG to write.
    """
    return str(draw_overlay(image, mask, output))


@SetParseFn(str)
def reliability(*runs: str, output: str = "reliability.png") -> str:
    """How often the probabilities of networks come true, a panel per structure and a line per run.

    Args:
        runs: folders of evaluations with reliability.csv, or LABEL:FOLDER.
        output: PNG to write.
    """
    return str(draw_reliability({label: [folder] for label, folder in labeled_runs(runs).items()}, output))


@SetParseFn(str, "dataset", "output")
def soft_labels(
    dataset: str,
    count: int = 3,
    hyperintensity: float = 2.5,
    neighbour_slices: float = 0.3,
    output: str = "soft_labels.png",
) -> str:
    """How soft labels are made of annotators' regions, step by step, for the cases in which they marked most.

    Args:
        dataset: folder with images/, bones/ and regions.csv.
        count: cases.
        hyperintensity: threshold of step 3; 0 leaves the step out.
        neighbour_slices: weight of step 4; 0 leaves the step out.
        output: PNG to write.
    """
    options = {"hyperintensity": hyperintensity, "neighbour_slices": neighbour_slices}
    return str(
        draw_soft_label_pipeline(output, soft_label_examples(read_dataset(dataset, "oai").items, count, **options))
    )


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
    "overlay": overlay,
    "predictions": predictions,
    "reliability": reliability,
    "soft_labels": soft_labels,
}


if __name__ == "__main__":
    run_command(COMMANDS)
