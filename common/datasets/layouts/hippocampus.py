"""Hippocampus MRI, Task04 of the Medical Segmentation Decathlon (Antonelli et al. 2022)."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from common.datasets.dataset import Dataset
from common.datasets.layouts import msd
from common.datasets.layouts.assemble import file_names

EXPECTS = "imagesTr/hippocampus_NNN.nii.gz and labelsTr/ with the same names"
CLASS_NAMES = {0: "background", 1: "anterior", 2: "posterior"}


def recognize(root: Path) -> bool:
    """Whether a folder in the Decathlon's layout holds the hippocampus."""
    names = file_names(root / "imagesTr", 50)
    return msd.recognize(root) and bool(names) and all(name.startswith("hippocampus_") for name in names)


def read(root: Path, subject_pattern: str | None = None) -> Dataset:
    """The layout `msd`, with the names of channel and classes where there is no ``dataset.json``.

    Args:
        root: folder that holds ``imagesTr`` and ``labelsTr``.
        subject_pattern: regular expression with one group, found in the case name, that is the subject.

    Returns:
        The data set.

    Raises:
        InputError: as `msd.read`.
    """
    found = msd.read(root, subject_pattern)
    return dataclasses.replace(
        found,
        layout="hippocampus",
        channel_names=found.channel_names or ("MRI",),
        class_names=found.class_names or CLASS_NAMES,
    )
