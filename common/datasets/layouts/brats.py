"""Multi-modal MRI of high-grade glioma, BraTS 2019 (Menze et al. 2015; Bakas et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from common.datasets.dataset import Dataset
from common.datasets.layouts.assemble import assemble, folder_names
from common.datasets.listing import list_folder
from common.errors import InputError

EXPECTS = "CASE/CASE_flair.nii.gz, CASE/CASE_t1.nii.gz, … and CASE/CASE_seg.nii.gz, in the folder itself or in HGG/"
MODALITIES = ("flair", "t1", "t1ce", "t2")
LABEL = "seg"
SUFFIXES = (".nii.gz", ".nii")
LOOKED_AT = 20


def recognize(root: Path) -> bool:
    """Whether one of the first folders, or one in ``HGG``, holds ``CASE_flair`` and ``CASE_t1ce``."""
    for part in (root / "HGG", root):
        for name in sorted(folder_names(part))[:LOOKED_AT]:
            files = [part / name / f"{name}_{kind}{suffix}" for kind in ("flair", "t1ce") for suffix in SUFFIXES]
            if sum(file.is_file() for file in files) >= 2:
                return True
    return False


def read(root: Path, modalities: Sequence[str] = MODALITIES) -> Dataset:
    """The cases with their modalities as channels.

    Args:
        root: folder that holds the cases, or ``HGG`` with them.
        modalities: channels of the image.

    Returns:
        The data set; subjects are cases.

    Raises:
        InputError: there is no case with all of its files, or the label is to be a channel.
    """
    if LABEL in modalities:
        raise InputError(f"modalities: expected channels of the image, got {LABEL}, which is the label.")
    listing = list_folder(root)
    part = "HGG/" if any(file.startswith("HGG/") for file in listing.files) else ""
    existing = set(listing.files)
    folders = sorted({file.rpartition("/")[0] for file in listing.files if file.startswith(part) and "/" in file})
    items, reasons = [], {}
    for folder in folders:
        case = folder.rpartition("/")[2]
        if folder != part + case:
            continue
        files = {
            name: next((f for s in SUFFIXES if (f := f"{folder}/{case}_{name}{s}") in existing), None)
            for name in (*modalities, LABEL)
        }
        missing = [name for name, file in files.items() if file is None]
        if missing:
            reasons[folder] = f"the case {case} has no file of {', '.join(missing)}"
            continue
        images = [str(files[name]) for name in modalities]
        items.append({"case": case, "image": images if len(images) > 1 else images[0], "label": str(files[LABEL])})
    return assemble(
        "brats",
        EXPECTS,
        listing,
        items,
        reasons=reasons,
        channel_names=tuple(modalities),
        class_names={0: "background", 1: "necrosis", 2: "edema", 4: "enhancing tumor"},
    )
