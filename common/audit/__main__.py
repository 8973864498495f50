"""Which labels of a data set are wrong, from labels and probability maps of networks that did not see them.

    python -m common.audit --labels labels --probabilities maps --output audit

Maps are NIfTI, nnU-Net's ``.npz`` (``--save_probabilities``), ``.npy``, or PNG of two classes. Use those of a cross
validation: a network that was trained on a wrong label may have learned it by heart.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.audit.run import audit_folders, print_audit
from common.command import run_command
from common.datasets.given import names_of
from common.errors import InputError

AXES = ("zyx", "xyz")


def audit(
    labels: str,
    probabilities: str | Sequence[str],
    output: str,
    images: str | None = None,
    axes: str = "zyx",
    border_mm: float | None = None,
    least_certainty: float = 0.75,
    suspicious: float = 2.5,
    least_score: float = 1 / 3,
    class_names: Sequence[str] = (),
    class_values: Any = None,
    ignore_value: int | None = None,
) -> None:
    """Writes ``audit.html``, ``audit.csv``, ``audit.json`` and ``weights.csv``; a second run continues the first.

    A case that cannot be audited is named, and the others are audited all the same (exit code 1 at the end).

    Args:
        labels: folder of label files, ``CASE.nii.gz`` or ``CASE.png``; −1, or ``ignore_value``, is not labeled.
        probabilities: folder of probability maps, or several, separated by commas, such as one for each fold.
        output: folder to write.
        images: folder of the images, to be shown in ``audit.html``; without it the probabilities are shown.
        axes: of ``.npz`` and ``.npy``: zyx, as nnU-Net writes them, or xyz, as nibabel reads NIfTI.
        border_mm: by how much a border usually deviates, in mm; by default it is measured.
        least_certainty: below this Dice to expect of the prediction, from 0 to 1, a case is not judged.
        suspicious: how many spreads from the usual a suspicious label lies, at least.
        least_score: and below which score, at most 1: of what there is to explain, the share that the prediction does.
        class_names: of the classes, background first: for texts, and the order of a picture's maps of several classes.
        class_values: the value of each class in the label files, if they are not as inferred.
        ignore_value: value in the label files of what was not labeled.

    Raises:
        InputError: folders or options that cannot be used, or some cases could not be audited.
    """
    folders = _folders(probabilities)
    target = Path(str(output))
    if axes not in AXES:
        raise InputError(f"axes: expected zyx or xyz, got {axes!r}.")
    for name, share in (("least_certainty", least_certainty), ("least_score", least_score)):
        if not 0 <= _number(name, share) <= 1:
            raise InputError(f"{name}: expected a number from 0 to 1, got {share}.")
    for name, value in (("suspicious", suspicious), ("border_mm", border_mm)):
        if value is not None and not 0 < _number(name, value) < float("inf"):
            raise InputError(f"{name}: expected a number above 0, got {value}.")
    for folder in (Path(str(labels)), *folders, *([Path(str(images))] if images is not None else [])):
        if folder.resolve() == target.resolve():
            raise InputError(f"output: expected another folder than {folder}, which is read.")
    content = audit_folders(
        Path(str(labels)),
        folders,
        target,
        None if images is None else Path(str(images)),
        axes=axes,
        border_mm=None if border_mm is None else float(border_mm),
        least_certainty=float(least_certainty),
        suspicious=float(suspicious),
        least_score=float(least_score),
        class_names=names_of("class_names", [class_names] if isinstance(class_names, str) else class_names)
        if class_names
        else (),
        class_values=class_values,
        ignore_value=ignore_value,
    )
    print_audit(content, target)


def _folders(probabilities: str | Sequence[str]) -> list[Path]:
    if not isinstance(probabilities, list | tuple):
        text = str(probabilities)
        probabilities = [text] if os.path.exists(text) else text.split(",")
    return [Path(str(name).strip()) for name in probabilities]


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{name}: expected a number, got {value!r}.")
    return float(value)


if __name__ == "__main__":
    run_command(audit)
