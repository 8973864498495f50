"""Longitudinal MRI of multiple sclerosis with two human raters, ISBI 2015 (Carass et al. 2017)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.datasets.layouts.ms_lesion import MASK, MODALITY
from common.datasets.pairs import some
from common.datasets.sections import section_of
from common.datasets.volume_slices import slice_items
from common.errors import InputError
from common.noise.seed import case_generator
from common.noise.simulated_annotators import choose_annotators


def ms_lesion_datalist(
    dataset_dir: str | os.PathLike[str],
    section: str,
    annotators: Sequence[str] = ("mask1", "mask2"),
    labels_per_image: int | None = None,
    seed: int = 0,
    truth: str | None = None,
    modalities: Sequence[str] = ("flair",),
    slices: str = "foreground",
    slice_axis: int = 2,
    fractions: Sequence[float] = (0.4, 0.2, 0.4),
) -> list[dict[str, Any]]:
    """Slices of the scans of one section and the files of both raters, split by patient.

    Layout: ``training01/preprocessed/training01_01_flair_pp.nii`` (and ``mprage``, ``pd``, ``t2``) with
    ``training01/masks/training01_01_mask1.nii`` and ``…_mask2.nii``, packed or not: five patients with four or five
    scans each. `LoadSliced` reads the image and `LoadAnnotatorsd` the raters' labels. For simulated annotators, as the
    paper has them, name a rater as ``truth`` and their kinds as ``annotators``.

    Args:
        dataset_dir: folder that holds ``training01`` and so on.
        section: ``"training"``, ``"validation"`` or ``"test"``.
        annotators: ``"mask1"`` and ``"mask2"``, or others, which `SimulateAnnotatorsd` draws from the truth.
        labels_per_image: of training slices, drawn per slice; None for all.
        seed: of the split and of that choice.
        truth: the rater whose file is the item's ``"label"``; None for no truth.
        modalities: channels of the image: flair, mprage, pd, t2.
        slices: ``"foreground"`` for those where a rater saw a lesion, or ``"all"``.
        slice_axis: 0, 1 or 2.
        fractions: shares of training, validation and test patients (paper: 10 scans of which a fifth for validation,
            and 11 for test).

    Returns:
        Items ``{"image": paths, "annotators": {rater: path, …}, "slice": index, "case": scan_index, "volume": scan,
        "patient": name}``, with ``"label"`` if there is a truth, sorted by scan and slice; ``"annotators"`` is a list
        of names where they are to be simulated.

    Raises:
        InputError: there is no scan, a file is missing or cannot be read, there are simulated annotators without a
            truth, or no such section.
    """
    if isinstance(annotators, str) or not annotators:
        raise InputError(f"annotators: expected a list of names, got {annotators!r}.")
    root = Path(dataset_dir).expanduser()
    files = {path.name: path for path in sorted(root.rglob("training*_*.nii*"))}
    scans, patients = {}, {}
    for path in files.values():
        match = MODALITY.fullmatch(path.name)
        if match and match["modality"] in modalities:
            scans[match["case"], match["modality"]] = str(path)
            patients[match["case"]] = match["patient"]
    if not scans:
        raise InputError(
            f"{root} holds no scan of ISBI 2015: expected training01/preprocessed/training01_01_{modalities[0]}_pp.nii "
            "and training01/masks/training01_01_mask1.nii."
        )
    masks = {(m["case"], m["annotator"]): str(path) for name, path in files.items() if (m := MASK.fullmatch(name))}
    raters = sorted({rater for _, rater in masks} & set(annotators))
    simulated = not raters
    if (simulated and truth is None) or (raters and len(raters) < len(set(annotators))):
        known = ", ".join(sorted({rater for _, rater in masks})) or "none"
        raise InputError(f"{root}: expected annotators among its raters ({known}), or a truth, got {list(annotators)}.")
    needed = sorted({*raters, *([truth] if truth else [])})
    missing = [f"{case}_{name}_pp.nii" for case in patients for name in modalities if (case, name) not in scans]
    missing += [f"{case}_{rater}.nii" for case in patients for rater in needed if (case, rater) not in masks]
    if missing:
        raise InputError(f"{root} misses {len(missing)} files: {some(missing)}.")
    wanted = set(section_of(set(patients.values()), section, fractions, seed))
    items: list[dict[str, Any]] = []
    for case in sorted(case for case, patient in patients.items() if patient in wanted):
        volume: dict[str, Any] = {
            "image": [scans[case, name] for name in modalities],
            "case": case,
            "patient": patients[case],
        }
        if truth:
            volume["label"] = masks[case, truth]
        for item in slice_items(volume, [masks[case, rater] for rater in needed], slices, slice_axis):
            count = labels_per_image if labels_per_image is not None and section == "training" else len(annotators)
            chosen = choose_annotators(annotators, count, case_generator(seed, item["case"]))
            items.append(item | {"annotators": chosen if simulated else {name: masks[case, name] for name in chosen}})
    return items
