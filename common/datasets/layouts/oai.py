"""Knee MRI of the Osteoarthritis Initiative, bone masks and annotators' regions (Felfeliyan et al. 2022)."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from common.datasets.dataset import Dataset
from common.datasets.layouts.assemble import assemble, folder_names
from common.datasets.listing import files_by_stem, list_folder
from common.errors import InputError
from common.io.regions import Region, read_regions
from common.phantoms.knee import BONES, PATELLA

EXPECTS = "images/SUBJECT_SCAN.nii.gz, bones/ with the same names, regions.csv, and truth/ for some subjects"


def recognize(root: Path) -> bool:
    """Whether a folder holds ``images``, ``bones`` and ``regions.csv``."""
    return {"images", "bones"} <= folder_names(root) and (root / "regions.csv").is_file()


def marked_bones(regions: Iterable[Region]) -> dict[str, int]:
    """The bones in which a data set has lesions, and their values in its files.

    Args:
        regions: what its annotators marked.

    Returns:
        Femur and tibia, and the patella if it was marked.

    Example:
        >>> marked_bones([Region("k1", "AR", 0, "patella", 0, 0, 2, 2)])
        {'femur': 1, 'tibia': 2, 'patella': 3}
    """
    return BONES | (PATELLA if any(region.structure in PATELLA for region in regions) else {})


def read(root: Path, soft_labels: str | os.PathLike[str] | None = None) -> Dataset:
    """Every scan, its bone mask, and what the annotators marked; the patella is a class if they marked it in any scan.

    Args:
        root: folder in this layout.
        soft_labels: folder with the soft label of each case, as `common.methods.prepare_soft_labels` writes it; a
            relative one is taken from ``root``.

    Returns:
        The data set. Items have ``bones`` (path), ``regions`` (a tuple of `common.io.Region`, empty where nobody rated
        the case), ``label`` where there is a ground truth, and ``soft_label`` with ``soft_labels``.

    Raises:
        InputError: there is no scan with a bone mask; ``regions.csv`` is wrong, by line; ``soft_labels`` is not a
            folder.
    """
    listing = list_folder(root)
    images, bones, truths = (files_by_stem(listing.below(name), name) for name in ("images", "bones", "truth"))
    regions: dict[str, list[Region]] = defaultdict(list)
    for region in read_regions(listing.root / "regions.csv", structures=BONES | PATELLA, cases=images.keys()):
        regions[region.case].append(region)
    bones_marked = marked_bones(region for found in regions.values() for region in found)
    soft: dict[str, str] = {}
    if soft_labels is not None:
        folder = listing.root / Path(soft_labels).expanduser()
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder: write the soft labels first (monai.bundle run preparing).")
        found = list_folder(folder)
        soft = {case: found.path(file) for case, file in files_by_stem(found.files).items()}
    reasons = {file: "there is no bone mask of its name" for case, file in images.items() if case not in bones}
    items = []
    for case in sorted(images.keys() & bones.keys()):
        item: dict[str, Any] = {
            "case": case,
            "subject": case.split("_")[0],
            "image": images[case],
            "bones": listing.path(bones[case]),
            "regions": tuple(regions.get(case, ())),
        }
        if case in truths:
            item["label"] = truths[case]
        if case in soft:
            item["soft_label"] = soft[case]
        items.append(item)
    return assemble(
        "oai",
        EXPECTS,
        listing,
        items,
        reasons=reasons,
        used=[*bones.values(), *truths.values(), "new", "new_truth", *(["soft_labels"] if soft else [])],
        channel_names=("IWFS",),
        class_names={
            0: "background",
            **{value: bone for bone, value in bones_marked.items()},
        },  # in which a lesion lies
    )
