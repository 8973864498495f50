"""Crops of lung CT with four radiologists' nodules, LIDC-IDRI (Armato et al. 2011; Kohl et al. 2018, 2019)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.datasets.pairs import files_by_case, some
from common.datasets.sections import section_folder, section_of
from common.errors import InputError
from common.noise.seed import case_generator
from common.noise.simulated_annotators import choose_annotators

RATERS = ("l0", "l1", "l2", "l3")


def lidc_datalist(
    dataset_dir: str | os.PathLike[str],
    section: str,
    annotators: Sequence[str] = RATERS,
    labels_per_image: int | None = None,
    seed: int = 0,
    fractions: Sequence[float] = (0.7, 0.15, 0.15),
) -> list[dict[str, Any]]:
    """Crops of the patients of one section and the files of four radiologists.

    Layout: ``{train,val,test}/images/LIDC-IDRI-0001/z-105.0_c0.png`` with ``gt/LIDC-IDRI-0001/z-105.0_c0_l0.png`` …
    ``_l3.png`` beside ``images``, 180 × 180, as the probabilistic U-Net's authors distribute them; or one ``images/``
    and ``gt/`` in the folder itself, which are split by patient. A radiologist who saw nothing has an empty mask. The
    place l0 … l3 is not the same person in every scan.

    Args:
        dataset_dir: folder that holds ``train``, ``val`` and ``test``, or ``images`` and ``gt``.
        section: ``"training"``, ``"validation"`` or ``"test"``.
        annotators: endings of the masks' names.
        labels_per_image: of training crops, drawn per crop; None for all.
        seed: of that choice, and of the split.
        fractions: shares of training, validation and test patients where they are split (paper: 722, 144, 144).

    Returns:
        Items ``{"image": path, "annotators": {rater: path, …}, "case": patient/crop, "patient": name}``, sorted.

    Raises:
        InputError: a folder or a mask is missing, or there is no such section.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("images/A/z-1.0_c0.png", "gt/A/z-1.0_c0_l0.png", "gt/A/z-1.0_c0_l1.png"):
        ...         Path(folder, "test", name).parent.mkdir(parents=True, exist_ok=True)
        ...         Path(folder, "test", name).touch()
        ...     [item["case"] for item in lidc_datalist(folder, "test", annotators=["l0", "l1"])]
        ['A/z-1.0_c0']
    """
    if isinstance(annotators, str) or not annotators:
        raise InputError(f"annotators: expected a list of names, got {annotators!r}.")
    dataset = Path(dataset_dir).expanduser()
    own_folder = section_folder(dataset, section)
    root = own_folder or dataset
    for name in ("images", "gt"):
        if not (root / name).is_dir():
            raise InputError(f"{root} must hold the folders images and gt, each with a folder per patient; no {name}.")
    patients = {path.name: path for path in sorted((root / "images").glob("[!.]*")) if path.is_dir()}
    wanted = sorted(patients) if own_folder else section_of(patients, section, fractions, seed)
    items: list[dict[str, Any]] = []
    missing: list[str] = []
    for patient in wanted:
        masks = files_by_case(root / "gt" / patient, (".png",)) if (root / "gt" / patient).is_dir() else {}
        for crop, image in files_by_case(patients[patient], (".png",)).items():
            case = f"{patient}/{crop}"
            missing += [f"{case}_{name}.png" for name in annotators if f"{crop}_{name}" not in masks]
            count = labels_per_image if labels_per_image is not None and section == "training" else len(annotators)
            chosen = choose_annotators(annotators, count, case_generator(seed, case))
            files = {name: str(masks[f"{crop}_{name}"]) for name in chosen if f"{crop}_{name}" in masks}
            items.append({"image": str(image), "annotators": files, "case": case, "patient": patient})
    if missing:
        raise InputError(f"{root / 'gt'} misses {len(missing)} masks: {some(missing)}.")
    if not items and not patients:
        raise InputError(f"{root / 'images'} must hold a folder per patient with PNG crops, but it holds none.")
    return items
