"""Short-axis cardiac MRI of the ACDC challenge (Bernard et al. 2018)."""

from __future__ import annotations

import os
from pathlib import Path

from common.datasets.layouts.acdc import PARTS, find_frames, groups_of
from common.datasets.pairs import shown_names
from common.datasets.subject_split import split_subjects
from common.errors import InputError


def acdc_datalist(
    dataset_dir: str | os.PathLike[str],
    section: str,
    num_training: int = 5,
    seed: int = 0,
    num_validation: int = 5,
    num_test: int = 50,
) -> list[dict[str, str]]:
    """Images and labels of one section, both the end-diastolic and the end-systolic frame of each subject.

    Layout: ``patientNNN/patientNNN_frameFF.nii.gz`` with ``…_gt.nii.gz`` (1 right ventricle, 2 myocardium, 3 left
    ventricle), in the folder itself or in its ``training/`` and ``testing/``; ``patientNNN_4d.nii.gz`` is ignored.
    Subjects are split, not frames. Every section is balanced over the groups that ``Info.cfg`` names (four pathologies
    and healthy); subjects without one form a group of their own.

    Args:
        dataset_dir: folder that holds the subjects' folders, or ``training/`` and ``testing/`` with them.
        section: ``"training"``, ``"validation"`` or ``"test"``.
        num_training: subjects (paper: 5, 10 or 95).
        seed: of the training and validation subjects; the test subjects do not depend on it.
        num_validation: subjects (paper: 5).
        num_test: subjects (paper: 50).

    Returns:
        Items ``{"image": path, "label": path, "case": patientNNN_frameFF, "subject": patientNNN}``, sorted by case.

    Raises:
        InputError: there is no subject, a frame has no label or a label no frame, fewer subjects than asked for, or no
            such section.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for number in range(4):
        ...         Path(folder, f"patient00{number}").mkdir()
        ...         for ending in ("", "_gt"):
        ...             Path(folder, f"patient00{number}/patient00{number}_frame01{ending}.nii.gz").touch()
        ...     [item["case"] for item in acdc_datalist(folder, "test", 1, num_validation=1, num_test=2)]
        ['patient000_frame01', 'patient003_frame01']

    Source: Karani et al., Boundary-weighted logit consistency, MICCAI 2023, section 4.
    """
    root = Path(dataset_dir).expanduser()
    files = [path.relative_to(root).as_posix() for part in PARTS for path in (root / part).glob("patient*/*")]
    found, references, folders = find_frames(sorted(files), root)
    images, labels = ({case: root / file for case, file in by.items()} for by in (found, references))
    groups = groups_of(folders, root)
    if not images.keys() & labels.keys():
        raise InputError(
            f"{root} holds no ACDC subject: expected patientNNN/patientNNN_frameFF.nii.gz and "
            "patientNNN/patientNNN_frameFF_gt.nii.gz, in the folder itself or in training/ and testing/."
        )
    for what, missing in (
        ("frames without a label (…_gt.nii.gz)", images.keys() - labels.keys()),
        ("labels without a frame", labels.keys() - images.keys()),
    ):
        if missing:
            raise InputError(f"{root} holds {len(missing)} {what}: {shown_names(sorted(missing))}.")
    numbers = {"training": num_training, "validation": num_validation, "test": num_test}
    wanted = set(split_subjects(groups, section, numbers, seed, root))
    return [
        {"image": str(images[case]), "label": str(labels[case]), "case": case, "subject": images[case].parent.name}
        for case in sorted(images)
        if images[case].parent.name in wanted
    ]
