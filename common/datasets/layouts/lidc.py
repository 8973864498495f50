"""Crops of lung CT with four radiologists' nodules, LIDC-IDRI (Armato et al. 2011; Kohl et al. 2018, 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.datasets.dataset import Dataset
from common.datasets.label_names import SECTION_FOLDERS
from common.datasets.layouts.assemble import assemble, folder_names
from common.datasets.listing import files_by_stem, list_folder

EXPECTS = (
    "images/PATIENT/z-105.0_c0.png and gt/PATIENT/z-105.0_c0_l0.png … _l3.png, in train/, val/ and test/ or together"
)
ANNOTATORS = ("l0", "l1", "l2", "l3")


def recognize(root: Path) -> bool:
    """Whether a folder or its sections hold ``images`` and ``gt``, both with a folder per patient."""
    parts = [root, *(root / name for name in folder_names(root) if name.lower() in SECTION_FOLDERS)]
    return any(folder_names(part / "images") & folder_names(part / "gt") for part in parts)


def read(root: Path, annotators: Sequence[str] = ANNOTATORS) -> Dataset:
    """Every crop with the labels of its four radiologists.

    Args:
        root: folder that holds ``train``, ``val`` and ``test``, or ``images`` and ``gt``.
        annotators: endings of the masks' names.

    Returns:
        The data set; cases are ``PATIENT/crop``, subjects patients.

    Raises:
        InputError: there is no labeled crop.
    """
    listing = list_folder(root)
    top = {file.partition("/")[0] for file in listing.files}
    sections = (
        {}
        if "images" in top
        else {name: SECTION_FOLDERS[name.lower()] for name in sorted(top) if name.lower() in SECTION_FOLDERS}
    )
    items, reasons = [], {}
    for name in sections or [""]:
        prefix = f"{name}/" if name else ""
        masks = files_by_stem(listing.below(f"{prefix}gt"), f"{prefix}gt")
        for crop, image in files_by_stem(listing.below(f"{prefix}images"), f"{prefix}images").items():
            by = {annotator: masks[f"{crop}_{annotator}"] for annotator in annotators if f"{crop}_{annotator}" in masks}
            if not by or "/" not in crop:
                reasons[image] = "there is no label of its name"
                continue
            item: dict[str, Any] = {"case": crop, "subject": crop.partition("/")[0], "image": image, "annotators": by}
            items.append(item | ({"section": sections[name]} if name else {}))
    return assemble(
        "lidc",
        EXPECTS,
        listing,
        items,
        reasons=reasons,
        annotators=tuple(annotators),
        channel_names=("CT",),
        class_names=None,
    )
