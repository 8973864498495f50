"""Shenzhen chest X-rays with lung masks (Jaeger et al. 2014; masks by Stirenko et al. 2018)."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from common.datasets.dataset import Dataset
from common.datasets.layouts import plain
from common.datasets.layouts.assemble import file_names
from common.datasets.listing import is_image_name, split_suffix

EXPECTS = "images/NAME_0.png and masks/NAME_0.png (or NAME_0_mask.png), the ending _0 or _1 being the stratum"
NAME = re.compile(r".*\d+_[01]")
FEWEST = 4


def recognize(root: Path) -> bool:
    """Whether ``images`` holds names that end in ``_0`` or ``_1`` after a number, and ``masks`` exists."""
    names = [name for name in file_names(root / "images") if is_image_name(name)]
    return (
        len(names) >= FEWEST
        and (root / "masks").is_dir()
        and all(NAME.fullmatch(split_suffix(name)[0]) for name in names)
    )


def read(root: Path, subject_pattern: str | None = None) -> Dataset:
    """The layout `plain` with ``images`` and ``masks``, and the stratum from the ending of each name.

    Args:
        root: folder that holds ``images`` and ``masks``.
        subject_pattern: regular expression with one group, found in the case name, that is the subject.

    Returns:
        The data set; the stratum is ``"0"`` (normal) or ``"1"`` (tuberculosis), and absent for other names.

    Raises:
        InputError: there is no image with a mask.
    """
    found = plain.read(root, images="images", labels="masks", subject_pattern=subject_pattern)
    items = tuple(
        item | ({"stratum": stratum} if (stratum := stratum_of(item["case"])) else {}) for item in found.items
    )
    return dataclasses.replace(found, layout="shenzhen", items=items, class_names=None)


def stratum_of(case: str) -> str:
    """``"0"`` or ``"1"`` where a name ends so, else empty."""
    ending = case.rpartition("_")[2]
    return ending if ending in ("0", "1") else ""
