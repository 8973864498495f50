"""Prostate MRI of the NCI-ISBI 2013 challenge (Bloch et al. 2015): DICOM series and NRRD labels."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from pathlib import Path

from common.datasets.layouts.nci import SUBJECT
from common.datasets.pairs import shown_names
from common.datasets.subject_split import split_subjects
from common.errors import InputError

logger = logging.getLogger(__name__)


def nci_datalist(
    dataset_dir: str | os.PathLike[str],
    section: str,
    num_training: int = 12,
    seed: int = 0,
    num_validation: int = 4,
    num_test: int = 30,
) -> list[dict[str, str]]:
    """T2-weighted series and labels of one section, for `LoadSeriesd`.

    Layout: a folder with the archive's downloads as they unpack, wherever they lie below it:
    ``…/Prostate-3T/Prostate3T-01-0001/<study>/<series>/*.dcm`` and
    ``…/PROSTATE-DIAGNOSIS/ProstateDx-01-0001/<study>/<series>/*.dcm``, and the labels of the challenge's three zip
    files, ``…/Prostate3T-01-0001.nrrd`` (anything may follow the subject's name, as in
    ``ProstateDx-01-0006_correctedLabels.nrrd``). Series of subjects that the challenge did not label are counted and
    left out. Every section is balanced over the two scanners, 3 T (``Prostate3T``) and 1.5 T (``ProstateDx``).

    Args:
        dataset_dir: folder that holds series and labels.
        section: ``"training"``, ``"validation"`` or ``"test"``.
        num_training: subjects (paper: 6, 12 or 36).
        seed: of the training and validation subjects; the test subjects do not depend on it.
        num_validation: subjects (paper: 4).
        num_test: subjects (paper: 30).

    Returns:
        Items ``{"image": the series' folder, "label": path, "case": name, "subject": name}``, sorted by case.

    Raises:
        InputError: there is no labeled series, a label has no series, a subject has several series or labels, fewer
            subjects than asked for, or no such section.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for case in ("Prostate3T-01-0001", "ProstateDx-01-0001"):
        ...         Path(folder, f"images/{case}/1.2/1.3").mkdir(parents=True)
        ...         Path(folder, f"images/{case}/1.2/1.3/1-01.dcm").touch()
        ...         Path(folder, f"{case}.nrrd").touch()
        ...     [item["case"] for item in nci_datalist(folder, "test", 0, num_validation=0, num_test=2)]
        ['Prostate3T-01-0001', 'ProstateDx-01-0001']

    Source: Karani et al., Boundary-weighted logit consistency, MICCAI 2023, section 4.
    """
    root = Path(dataset_dir).expanduser()
    series: dict[str, set[Path]] = defaultdict(set)
    labels: dict[str, set[Path]] = defaultdict(set)
    for path in sorted(root.rglob("*")):
        if path.name.startswith("."):
            continue
        if path.suffix.lower() == ".dcm":
            for part in path.relative_to(root).parts[:-1]:
                if SUBJECT.fullmatch(part):
                    series[part].add(path.parent)
        elif path.suffix.lower() == ".nrrd" and (match := SUBJECT.match(path.name)):
            labels[match[0]].add(path)
    if not series.keys() & labels.keys():
        raise InputError(
            f"{root} holds no labeled series: expected …/Prostate3T-01-0001/<study>/<series>/*.dcm and "
            f"…/Prostate3T-01-0001.nrrd, but found series of {len(series)} subjects and labels of {len(labels)}."
        )
    problems = {
        "labels without a series": [name for name in labels if name not in series],
        "subjects with several series": [name for name in labels if len(series.get(name, ())) > 1],
        "subjects with several labels": [name for name in labels if len(labels[name]) > 1],
    }
    report = "; ".join(
        f"{what}: {len(found)} ({shown_names(sorted(found))})" for what, found in problems.items() if found
    )
    if report:
        raise InputError(f"{root}: every labeled subject needs the challenge's one series and one label; {report}.")
    if unlabeled := sorted(series.keys() - labels.keys()):
        logger.info("%s: %d series have no label and are left out: %s.", root, len(unlabeled), shown_names(unlabeled))
    scanners = {name: name.partition("-")[0] for name in labels}
    numbers = {"training": num_training, "validation": num_validation, "test": num_test}
    return [
        {"image": str(min(series[name])), "label": str(min(labels[name])), "case": name, "subject": name}
        for name in split_subjects(scanners, section, numbers, seed, root)
    ]
