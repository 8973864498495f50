"""Slices of the Decathlon's hippocampus MRI, for simulated annotators."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from common.datasets.hippocampus import hippocampus_volumes
from common.datasets.sections import section_of
from common.datasets.volume_slices import simulated_slices


def hippocampus_slice_datalist(
    dataset_dir: str | os.PathLike[str],
    section: str,
    annotators: Sequence[str] = ("good", "over", "under", "wrong", "blank"),
    labels_per_image: int | None = None,
    seed: int = 0,
    num_slices: int | None = None,
    slices: str = "foreground",
    slice_axis: int = 2,
    fractions: Sequence[float] = (0.7, 0.15, 0.15),
) -> list[dict[str, Any]]:
    """Slices of the volumes of one section, split by volume, with the names of the annotators to simulate.

    Layout: ``imagesTr/hippocampus_NNN.nii.gz`` and ``labelsTr/``, as for `hippocampus_datalist`; `LoadSliced` reads the
    items and `SimulateAnnotatorsd` draws the labels.

    Args:
        dataset_dir: folder that holds ``imagesTr`` and ``labelsTr``.
        section: ``"training"``, ``"validation"`` or ``"test"``.
        annotators: names, as `SimulateAnnotatorsd` has them.
        labels_per_image: of training slices, drawn per slice; None for all.
        seed: of the split, of the slices and of that choice.
        num_slices: so many of the section's slices, drawn; None for all.
        slices: ``"foreground"`` or ``"all"``.
        slice_axis: 0, 1 or 2.
        fractions: shares of training, validation and test volumes.

    Returns:
        Items ``{"image": path, "label": path, "slice": index, "case": name_index, "volume": name, "annotators":
        names}``, sorted by volume and slice.

    Raises:
        InputError: as `hippocampus_datalist` and `slice_items`; there is no such section.
    """
    volumes = hippocampus_volumes(dataset_dir)
    wanted = section_of(volumes, section, fractions, seed)
    return simulated_slices(
        [volumes[case] for case in wanted], section, annotators, labels_per_image, seed, num_slices, slices, slice_axis
    )
