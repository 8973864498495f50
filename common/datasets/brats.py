"""Multi-modal MRI of high-grade glioma, BraTS 2019 (Menze et al. 2015; Bakas et al. 2017)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.datasets.layouts.brats import MODALITIES, SUFFIXES
from common.datasets.pairs import some
from common.datasets.sections import check_section, section_of
from common.datasets.volume_slices import simulated_slices
from common.errors import InputError

NUM_SLICES = {"training": 1600, "validation": 300, "test": 500}


def brats_datalist(
    dataset_dir: str | os.PathLike[str],
    section: str,
    annotators: Sequence[str] = ("good", "over", "under", "wrong"),
    labels_per_image: int | None = None,
    seed: int = 0,
    num_slices: Mapping[str, int | None] = NUM_SLICES,
    modalities: Sequence[str] = MODALITIES,
    slices: str = "foreground",
    slice_axis: int = 2,
    fractions: Sequence[float] = (2 / 3, 1 / 8, 5 / 24),
) -> list[dict[str, Any]]:
    """Slices of the patients of one section, with the names of the annotators to simulate.

    Layout: ``CASE/CASE_flair.nii.gz``, ``…_t1``, ``…_t1ce``, ``…_t2`` and ``…_seg.nii.gz``, in the folder itself or in
    its ``HGG/``, as the challenge distributes its training data. Labels are 1 necrosis, 2 oedema, 4 enhancing tumour
    (MONAI's `MapLabelValued` makes classes of them). `LoadSliced` reads the items, the modalities as channels, and
    `SimulateAnnotatorsd` draws the labels.

    Args:
        dataset_dir: folder that holds the cases, or ``HGG/`` with them.
        section: ``"training"``, ``"validation"`` or ``"test"``.
        annotators: names, as `SimulateAnnotatorsd` has them.
        labels_per_image: of training slices, drawn per slice; None for all.
        seed: of the split, of the slices and of that choice.
        num_slices: of each section, drawn; all if there are no more or for None (paper: 1600, 300, 500).
        modalities: channels of the image.
        slices: ``"foreground"`` for those with tumour, or ``"all"``.
        slice_axis: 0, 1 or 2.
        fractions: shares of training, validation and test cases; the paper's slices in proportion.

    Returns:
        Items ``{"image": paths, "label": path, "slice": index, "case": CASE_index, "volume": CASE, "annotators":
        names}``, sorted by case and slice.

    Raises:
        InputError: there is no case, a file is missing or cannot be read, or no such section.

    Source: Zhang et al., *Disentangling Human Error from Ground Truth in Segmentation of Medical Images*, section 4.2.
    """
    check_section(section)
    root = Path(dataset_dir).expanduser()
    cases = root / "HGG" if (root / "HGG").is_dir() else root
    folders = sorted(path for path in cases.glob("[!.]*") if path.is_dir() and any(path.glob(f"{path.name}_*.nii*")))
    if not folders:
        raise InputError(f"{cases} holds no BraTS case: expected CASE/CASE_flair.nii.gz and CASE/CASE_seg.nii.gz.")
    volumes, missing = {}, []
    for folder in folders:
        files = {name: _file(folder, name) for name in (*modalities, "seg")}
        missing += [f"{folder.name}_{name}.nii.gz" for name, path in files.items() if path is None]
        images = [str(files[name]) for name in modalities]
        volumes[folder.name] = {"image": images, "label": str(files["seg"]), "case": folder.name}
    if missing:
        raise InputError(f"{cases} misses {len(missing)} files: {some(missing)}.")
    chosen = [volumes[case] for case in section_of(volumes, section, fractions, seed)]
    number = num_slices.get(section)
    return simulated_slices(chosen, section, annotators, labels_per_image, seed, number, slices, slice_axis)


def _file(folder: Path, name: str) -> Path | None:
    found = (folder / f"{folder.name}_{name}{suffix}" for suffix in SUFFIXES)
    return next((path for path in found if path.is_file()), None)
