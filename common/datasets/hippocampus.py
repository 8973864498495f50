"""Hippocampus MRI, Task04 of the Medical Segmentation Decathlon (Antonelli et al. 2022)."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from monai.apps.datasets import DecathlonDataset
from monai.apps.utils import download_url, extractall

from common.datasets.pairs import files_by_case, shown_names
from common.datasets.splits import fold_of
from common.datasets.subject_split import split_subjects
from common.errors import InputError

TASK = "Task04_Hippocampus"


def fetch_hippocampus(folder: str | os.PathLike[str]) -> str:
    """Downloads the data set (27 MB) by MONAI's downloader, checks its hash and unpacks it.

    ``python -c "from common.datasets import fetch_hippocampus; fetch_hippocampus('/data')"``

    Args:
        folder: that will hold ``Task04_Hippocampus.tar`` and the data set's folder, made if need be. What is there
            already is left as it is; the folder appears when it is complete.

    Returns:
        The data set's folder, absolute, for `hippocampus_datalist`.
    """
    root = Path(folder).expanduser().absolute()
    dataset, archive = root / TASK, root / f"{TASK}.tar"
    if not dataset.is_dir():
        # not DecathlonDataset's own download=True, nor download_and_extract: they need the package requests
        download_url(DecathlonDataset.resource[TASK], archive, hash_val=DecathlonDataset.md5[TASK], hash_type="md5")
        with tempfile.TemporaryDirectory(prefix=f".{TASK}-", dir=root) as partial:
            extractall(archive, partial)
            Path(partial, TASK).rename(dataset)
    return str(dataset)


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
        InputError: a folder is missing or empty, images and labels do not match, a case has two files, or there is no
            such section or fold.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("imagesTr/a.nii.gz", "imagesTr/b.nii.gz", "labelsTr/a.nii.gz", "labelsTr/b.nii.gz"):
        ...         Path(folder, name).parent.mkdir(exist_ok=True)
        ...         Path(folder, name).touch()
        ...     [item["case"] for item in hippocampus_datalist(folder, "validation", fold=1, num_folds=2)]
        ['a']
    """
    volumes = hippocampus_volumes(dataset_dir)
    return [volumes[case] for case in fold_of(volumes, section, fold, num_folds, seed)]


def hippocampus_subject_datalist(
    dataset_dir: str | os.PathLike[str],
    section: str,
    num_training: int = 5,
    seed: int = 0,
    num_validation: int = 5,
    num_test: int = 50,
) -> list[dict[str, str]]:
    """Images and labels of one section of so many subjects, each of which has one volume.

    Args:
        dataset_dir: of `hippocampus_datalist`.
        section: ``"training"``, ``"validation"`` or ``"test"``.
        num_training, num_validation, num_test: subjects.
        seed: of the training and validation subjects; the test subjects do not depend on it.

    Returns:
        Items as of `hippocampus_datalist`.

    Raises:
        InputError: as `hippocampus_datalist`; fewer subjects than asked for.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("imagesTr/a.nii.gz", "imagesTr/b.nii.gz", "labelsTr/a.nii.gz", "labelsTr/b.nii.gz"):
        ...         Path(folder, name).parent.mkdir(exist_ok=True)
        ...         Path(folder, name).touch()
        ...     len(hippocampus_subject_datalist(folder, "training", num_training=1, num_validation=1, num_test=0))
        1
    """
    volumes = hippocampus_volumes(dataset_dir)
    numbers = {"training": num_training, "validation": num_validation, "test": num_test}
    wanted = split_subjects(dict.fromkeys(volumes, ""), section, numbers, seed, dataset_dir)
    return [volumes[case] for case in wanted]


def hippocampus_volumes(dataset_dir: str | os.PathLike[str]) -> dict[str, dict[str, str]]:
    """The items of all sections by case, see `hippocampus_datalist`."""
    root = Path(dataset_dir).expanduser()
    files = [_cases(root / name, root) for name in ("imagesTr", "labelsTr")]
    unmatched = sorted(files[0].keys() ^ files[1].keys())
    if unmatched:
        raise InputError(
            f"{root}: every image in imagesTr needs a label of its name in labelsTr and vice versa; "
            f"{len(unmatched)} have none: {shown_names(unmatched)}."
        )
    return {
        case: {"image": str(path), "label": str(files[1][case]), "case": case}
        for case, path in sorted(files[0].items())
    }


def _cases(folder: Path, root: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: the data set {root} must hold imagesTr/ and labelsTr/.")
    found = files_by_case(folder, (".nii", ".gz"), remove=".nii")
    if not found:
        raise InputError(f"{folder} holds no NIfTI file.")
    return found
