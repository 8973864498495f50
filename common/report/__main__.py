"""Pictures of the runs and the data of a user.

A run is the folder that a training wrote; ``LABEL:FOLDER`` gives it another label than the folder's name.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

from common.command import POSITIONAL, run_command
from common.datasets.layouts.recognize import read_dataset
from common.errors import InputError
from common.report.confusion import draw_confusion_matrices, read_confusion
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


def confusion(evaluation: Annotated[str, POSITIONAL], output: str = "confusion.png") -> str:
    """Draws what each annotator writes where a network takes a class for the truth, a matrix for each of them.

    Args:
        evaluation: folder of an evaluation with ``confusion.csv``, as `disentangling_annotators` writes it.
        output: PNG to write.

    Example:
        What an evaluation wrote:

            python -m common.report confusion runs/mine/evaluation --output annotators.png
    """
    matrices, classes = read_confusion(Path(evaluation) / "confusion.csv")
    return str(draw_confusion_matrices(matrices, output, classes=classes))


def memorisation(*runs: str, output: str = "memorisation.png", highlight: str | None = None) -> str:
    """Draws how well each network predicts the clean training labels, by kind of noise, over the epochs.

    Each run is a line: the Dice of its predictions of the training cases with the clean labels.

    Args:
        runs: folders of trainings with ``memorisation.csv``, or LABEL:FOLDER.
        output: PNG to write.
        highlight: label of the run that is drawn strong; by default none.

    Example:
        A method and its baseline:

            python -m common.report memorisation runs/t_loss Dice:runs/baseline --highlight t_loss
    """
    return str(draw_memorisation(labeled_runs(runs), output, highlight))


def nu_path(*runs: str, starts: str = "", output: str = "nu_tilde.png") -> str:
    """Draws the tolerance that T-Loss has learned over the epochs, a line for each run.

    Args:
        runs: folders of trainings with ``metrics.csv``, or LABEL:FOLDER.
        starts: runs of different initial tolerances, for two more panels with tolerance and Dice, in one argument with
            blanks between them: ``"0:runs/a 5:runs/b"``; by default none.
        output: PNG to write.

    Example:
        One run, and one beside two with other initial values:

            python -m common.report nu_path runs/t_loss
            python -m common.report nu_path runs/t_loss --starts "0:runs/a 5:runs/b" --output starts.png
    """
    return str(draw_nu_path(labeled_runs(runs), output, labeled_runs(shlex.split(starts))))


def overlay(image: Annotated[str, POSITIONAL], mask: Annotated[str, POSITIONAL], output: str = "overlay.png") -> str:
    """Draws an image beside itself with the outline of its mask; of a volume the axial slice with the most foreground.

    Args:
        image: file of the image, PNG, JPEG or NIfTI.
        mask: file of the mask, of the image's size.
        output: PNG to write.

    Example:
        What an inference wrote:

            python -m common.report overlay data/a.nii.gz out/a_mask.nii.gz --output a.png
    """
    return str(draw_overlay(image, mask, output))


def reliability(*runs: str, output: str = "reliability.png") -> str:
    """Draws how often the probabilities of networks come true, a panel for each structure and a line for each run.

    Args:
        runs: folders of evaluations with ``reliability.csv``, or LABEL:FOLDER.
        output: PNG to write.

    Example:
        Two evaluations:

            python -m common.report reliability BWCR:runs/a/evaluation CE:runs/b/evaluation
    """
    return str(draw_reliability({label: [folder] for label, folder in labeled_runs(runs).items()}, output))


def soft_labels(
    dataset: Annotated[str, POSITIONAL],
    count: int = 3,
    hyperintensity: float = 2.5,
    neighbour_slices: float = 0.3,
    output: str = "soft_labels.png",
) -> str:
    """Draws how soft labels are made of the regions that annotators marked, step by step.

    Args:
        dataset: folder with ``images/``, ``bones/`` and ``regions.csv``.
        count: number of cases, those in which annotators marked most.
        hyperintensity: threshold of step 3, in robust standard deviations above the bone's median; 0 leaves the step
            out.
        neighbour_slices: weight of step 4, from 0 to 1; 0 leaves the step out.
        output: PNG to write.

    Example:
        The generated phantom:

            python -m common.report soft_labels bundles/soft_label_apl/phantom --count 2
    """
    options = {"hyperintensity": hyperintensity, "neighbour_slices": neighbour_slices}
    return str(
        draw_soft_label_pipeline(output, soft_label_examples(read_dataset(dataset, "oai").items, count, **options))
    )


def predictions(
    image: Annotated[str, POSITIONAL], truth: Annotated[str, POSITIONAL], *maps: str, output: str = "predictions.png"
) -> str:
    """Draws the probabilities of several networks side by side, in the slice with the most of the ground truth.

    Args:
        image: NIfTI volume, its slices along the third axis.
        truth: NIfTI file of the ground truth, foreground where positive.
        maps: files ``CASE_probabilities.nii.gz`` that inference wrote, or LABEL:FILE.
        output: PNG to write.

    Example:
        Two networks:

            python -m common.report predictions a.nii.gz truth/a.nii.gz APL:x.nii.gz CE:y.nii.gz
    """
    named: dict[str, str] = {}
    for entry in maps:
        label, _, file = entry.rpartition(":")
        label = label or Path(file).name
        if label in named:
            raise InputError(f"two maps are called {label!r}: name them as LABEL:FILE.")
        named[label] = file
    return str(draw_predictions(output, image, truth, named))


COMMANDS: dict[str, Callable[..., str]] = {
    "confusion": confusion,
    "memorisation": memorisation,
    "nu_path": nu_path,
    "overlay": overlay,
    "predictions": predictions,
    "reliability": reliability,
    "soft_labels": soft_labels,
}


if __name__ == "__main__":
    run_command(COMMANDS)
