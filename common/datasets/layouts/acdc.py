"""Short-axis cardiac MRI of the ACDC challenge (Bernard et al. 2018)."""

from __future__ import annotations

import re
from pathlib import Path

from common.datasets.dataset import Dataset
from common.datasets.layouts.assemble import assemble, folder_names, pair
from common.datasets.listing import list_folder
from common.errors import InputError

EXPECTS = (
    "patientNNN/patientNNN_frameFF.nii.gz and patientNNN/patientNNN_frameFF_gt.nii.gz, in the folder itself or in "
    "training/ and testing/"
)
PARTS = ("", "training", "testing")
FRAME = re.compile(r"(?P<case>(?P<subject>patient\d+)_frame\d+)(?P<label>_gt)?\.nii\.gz")
GROUP = re.compile(r"^\s*Group\s*:\s*(\S+)", re.MULTILINE)
CLASS_NAMES = {0: "background", 1: "right ventricle", 2: "myocardium", 3: "left ventricle"}


def recognize(root: Path) -> bool:
    """Whether a folder, or its ``training`` or ``testing``, holds folders ``patientNNN``."""
    return any(re.fullmatch(r"patient\d+", name) for part in PARTS for name in folder_names(root / part))


def read(root: Path) -> Dataset:
    """Both frames of every patient.

    ``patientNNN_4d.nii.gz`` is left out. The stratum is the group that ``Info.cfg`` names. The folders ``training`` and
    ``testing`` are no sections: the paper draws its subjects from both.

    Args:
        root: folder that holds the patients' folders, or ``training`` and ``testing`` with them.

    Returns:
        The data set; subjects are patients.

    Raises:
        InputError: there is no labeled frame, or a patient has two folders.
    """
    listing = list_folder(root)
    images, labels, groups = find_frames(listing.files, listing.root)
    items, reasons = pair(images, labels, "there is no label …_gt.nii.gz of it")
    reasons |= {file: "the whole series is not labeled" for file in listing.files if file.endswith("_4d.nii.gz")}
    strata = groups_of(groups, listing.root)
    named = [
        item | {"subject": subject} | ({"stratum": strata[subject]} if strata[subject] else {})
        for item in items
        for subject in [item["case"].partition("_")[0]]
    ]
    return assemble(
        "acdc", EXPECTS, listing, named, reasons=reasons, class_names=CLASS_NAMES, channel_names=("cine MRI",)
    )


def find_frames(files: tuple[str, ...], root: Path) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Images and labels by case, and the folder of each patient.

    Args:
        files: paths below ``root`` with slashes.
        root: for messages.

    Raises:
        InputError: a patient has two folders.
    """
    images: dict[str, str] = {}
    labels: dict[str, str] = {}
    folders: dict[str, str] = {}
    for file in files:
        folder, _, name = file.rpartition("/")
        part, _, subject = folder.rpartition("/")
        match = FRAME.fullmatch(name)
        if not match or match["subject"] != subject or part not in PARTS:
            continue
        if folders.setdefault(subject, folder) != folder:
            raise InputError(f"{root} holds two folders of the subject {subject}; keep one.")
        (labels if match["label"] else images)[match["case"]] = file
    return images, labels, folders


def groups_of(folders: dict[str, str], root: Path) -> dict[str, str]:
    """The group that ``Info.cfg`` names for each patient; empty where it names none."""
    groups = {}
    for subject, folder in folders.items():
        try:
            found = GROUP.search((root / folder / "Info.cfg").read_text(encoding="utf-8", errors="replace"))
        except OSError:
            found = None
        groups[subject] = found[1] if found else ""
    return groups
