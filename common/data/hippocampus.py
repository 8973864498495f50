"""Hippocampus MRI, Task04 of the Medical Segmentation Decathlon (Antonelli et al. 2022)."""

from __future__ import annotations

import os
from pathlib import Path

from common.data.readers import NIFTI_SUFFIXES
from common.data.splits import fold_of
from common.errors import InputError


def hippocampus_datalist(
    dataset_dir: str | os.PathLike[str], section: str, fold: int = 0, num_folds: int = 5, seed: int = 0
) -> list[dict[str, str]]:
    """Images and labels of one section of one fold.

    Layout: ``imagesTr/hippocampus_NNN.nii.gz`` and ``labelsTr/`` with the same names, as the Decathlon distributes
    them (hidden files left out). Labels are 1 anterior, 2 posterior.

    Args:
        dataset_dir: folder that holds ``imagesTr`` and ``labelsTr``.
        section: ``"training"``, or ``"validation"`` for the fold that is tested.
        fold: 0 … num_folds − 1.
        num_folds: at least 2.
        seed: of the folds.

    Returns:
        Items ``{"image": path, "label": path, "case": name}``, sorted by case.

    Raises:
        InputError: a folder is missing, images and labels do not match, or there is no such section or fold.
    """
    root = Path(dataset_dir).expanduser()
    files = [_cases(root / name, root) for name in ("imagesTr", "labelsTr")]
    unmatched = sorted(files[0].keys() ^ files[1].keys())
    if unmatched:
        raise InputError(
            f"{root}: every image in imagesTr needs a label of its name in labelsTr and vice versa; "
            f"{len(unmatched)} have none: {', '.join(unmatched[:5])}."
        )
    wanted = fold_of(files[0], section, fold, num_folds, seed)
    return [{"image": str(files[0][case]), "label": str(files[1][case]), "case": case} for case in wanted]


def _cases(folder: Path, root: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: the data set {root} must hold imagesTr/ and labelsTr/.")
    found = {
        path.name.split(".")[0]: path
        for path in sorted(folder.iterdir())
        if path.name.endswith(NIFTI_SUFFIXES) and not path.name.startswith(".")
    }
    if not found:
        raise InputError(f"{folder} holds no NIfTI file.")
    return found
