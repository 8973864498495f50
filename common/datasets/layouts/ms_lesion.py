"""Longitudinal MRI of multiple sclerosis with two annotators, ISBI 2015 (Carass et al. 2017)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.datasets.dataset import Dataset
from common.datasets.layouts.assemble import assemble, folder_names
from common.datasets.listing import list_folder
from common.errors import InputError

EXPECTS = "training01/preprocessed/training01_01_flair_pp.nii and training01/masks/training01_01_mask1.nii"
MODALITY = re.compile(r"(?P<case>(?P<patient>training\d+)_\d+)_(?P<modality>[a-z0-9]+)_pp\.nii(\.gz)?")
MASK = re.compile(r"(?P<case>training\d+_\d+)_(?P<annotator>mask\d+)\.nii(\.gz)?")


def recognize(root: Path) -> bool:
    """Whether a folder holds ``trainingNN`` with ``preprocessed`` and ``masks``."""
    folders = [name for name in folder_names(root) if re.fullmatch(r"training\d+", name)]
    return any({"preprocessed", "masks"} <= folder_names(root / name) for name in folders)


def read(
    root: Path,
    modalities: Sequence[str] = ("flair",),
    truth: str | None = None,
    annotators: Sequence[str] | None = None,
) -> Dataset:
    """The scans of every patient with both annotators' labels.

    Args:
        root: folder that holds ``training01`` and so on.
        modalities: channels of the image: flair, mprage, pd, t2.
        truth: the annotator whose label is also the ground truth; None for none.
        annotators: whose labels are read: ``mask1``, ``mask2`` or both; None for both.

    Returns:
        The data set; subjects are patients.

    Raises:
        InputError: there is no labeled scan, or none with a label by ``truth``.
    """
    listing = list_folder(root)
    scans: dict[str, dict[str, str]] = defaultdict(dict)
    masks: dict[str, dict[str, str]] = defaultdict(dict)
    reasons = {}
    for file in listing.files:
        name = file.rpartition("/")[2]
        if match := MODALITY.fullmatch(name):
            scans[match["case"]][match["modality"]] = file
            if match["modality"] not in modalities:
                reasons[file] = f"{match['modality']} is not among the modalities"
        elif match := MASK.fullmatch(name):
            masks[match["case"]][match["annotator"]] = file
    known = sorted({name for found in masks.values() for name in found})
    if truth is not None and known and truth not in known:
        raise InputError(f"{root}: truth: expected one of {', '.join(known)}, got {truth}.")
    items = []
    for case, found in scans.items():
        missing = [name for name in modalities if name not in found]
        if missing or not masks.get(case):
            reason = f"{case} has no {', '.join(missing)}" if missing else f"{case} has no label"
            reasons |= dict.fromkeys((*found.values(), *masks.get(case, {}).values()), reason)
            continue
        files = [found[name] for name in modalities]
        drawn = {name: file for name, file in masks[case].items() if annotators is None or name in annotators}
        if not drawn and truth not in masks[case]:
            reasons |= dict.fromkeys((*found.values(), *masks[case].values()), f"{case} has no label by those named")
            continue
        item: dict[str, Any] = {"case": case, "subject": case.partition("_")[0], "annotators": drawn}
        if truth in masks[case]:
            item["label"] = masks[case][str(truth)]
        items.append(item | {"image": files if len(files) > 1 else files[0]})
    names = tuple(sorted({name for item in items for name in item["annotators"]}))
    return assemble(
        "ms_lesion",
        EXPECTS,
        listing,
        items,
        reasons=reasons,
        annotators=names,
        channel_names=tuple(modalities),
        class_names={0: "background", 1: "lesion"},
    )
