"""Prostate MRI of the NCI-ISBI 2013 challenge (Bloch et al. 2015): DICOM series and NRRD labels."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from common.datasets.dataset import Dataset
from common.datasets.layouts.assemble import assemble, file_names, folder_names
from common.datasets.listing import list_folder
from common.errors import InputError

EXPECTS = "…/Prostate3T-01-0001/<study>/<series>/*.dcm and …/Prostate3T-01-0001.nrrd (also ProstateDx-…)"
SUBJECT = re.compile(r"(Prostate3T|ProstateDx)-\d\d-\d{4}")
DEPTH = 3


def recognize(root: Path) -> bool:
    """Whether a folder, or one of its first levels of folders, holds the challenge's subjects."""
    level = [root]
    for _ in range(DEPTH):
        for folder in level:
            if any(SUBJECT.match(name) for name in (*folder_names(folder), *file_names(folder))):
                return True
        level = [folder / name for folder in level[:20] for name in sorted(folder_names(folder))[:20]]
    return False


def read(root: Path) -> Dataset:
    """Series and label of every labeled subject.

    Args:
        root: folder that holds series and labels, wherever they lie below it.

    Returns:
        The data set; ``image`` is the series' folder, the stratum is the scanner.

    Raises:
        InputError: there is no labeled series; a subject has several series or labels.
    """
    listing = list_folder(root)
    series, labels = find_series(listing.files)
    several = sorted(name for name in labels if len(series.get(name, ())) > 1 or len(labels[name]) > 1)
    if several:
        raise InputError(f"{listing.root}: subjects with several series or labels: {', '.join(several[:5])}; keep one.")
    items = [
        {
            "case": name,
            "subject": name,
            "image": min(series[name]),
            "label": min(labels[name]),
            "stratum": name.partition("-")[0],
        }
        for name in sorted(labels)
        if name in series
    ]
    reasons = {min(folders): "there is no label of it" for name, folders in series.items() if name not in labels}
    reasons |= {min(files): "there is no series of it" for name, files in labels.items() if name not in series}
    return assemble(
        "nci",
        EXPECTS,
        listing,
        items,
        reasons=reasons,
        channel_names=("T2",),
        class_names={0: "background", 1: "peripheral zone", 2: "central gland"},
    )


def find_series(files: Iterable[str]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Folders with DICOM files, and NRRD labels, of each subject.

    Args:
        files: paths with slashes.
    """
    series: dict[str, set[str]] = defaultdict(set)
    labels: dict[str, set[str]] = defaultdict(set)
    for file in files:
        folder, _, name = file.rpartition("/")
        if name.lower().endswith(".dcm"):
            for part in folder.split("/"):
                if SUBJECT.fullmatch(part):
                    series[part].add(folder)
        elif name.lower().endswith(".nrrd") and (match := SUBJECT.match(name)):
            labels[match[0]].add(file)
    return series, labels
