"""ISIC 2017 challenge, task 1: dermoscopic images with lesion masks (Codella et al. 2018)."""

from __future__ import annotations

import os
from pathlib import Path

from common.datasets.pairs import files_by_case, match_pairs
from common.errors import InputError

FOLDERS = {
    "training": ("ISIC-2017_Training_Data", "ISIC-2017_Training_Part1_GroundTruth"),
    "validation": ("ISIC-2017_Test_v2_Data", "ISIC-2017_Test_v2_Part1_GroundTruth"),
}


def isic_datalist(dataset_dir: str | os.PathLike[str], section: str) -> list[dict[str, str]]:
    """Images and lesion masks of one part of ISIC 2017 task 1, as its archives unpack.

    ``ISIC-2017_Training_Data/ISIC_0000000.jpg`` with
    ``ISIC-2017_Training_Part1_GroundTruth/ISIC_0000000_segmentation.png`` (2000 images), and ``ISIC-2017_Test_v2_Data``
    with ``ISIC-2017_Test_v2_Part1_GroundTruth`` (600 images). The ``…_superpixels.png`` beside the images are ignored.

    Args:
        dataset_dir: folder that holds the four folders.
        section: ``"training"``, or ``"validation"`` for the official test set, whose labels stay clean.

    Returns:
        Items ``{"image": path, "label": path, "case": name}``, sorted by case.

    Raises:
        InputError: a folder is missing or empty, or images and masks do not match; files are named.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for folder, name in zip(FOLDERS["training"], ("a.jpg", "a_segmentation.png"), strict=True):
        ...         Path(root, folder).mkdir()
        ...         Image.new("L", (8, 8)).save(Path(root, folder, name))
        ...     [item["case"] for item in isic_datalist(root, "training")]
        ['a']
    """
    if section not in FOLDERS:
        raise InputError(f"section must be 'training' or 'validation', got {section!r}.")
    root = Path(dataset_dir).expanduser()
    folders = [root / name for name in FOLDERS[section]]
    for folder in folders:
        if not folder.is_dir():
            raise InputError(
                f"{folder} is no folder: the data set {root} must hold ISIC 2017 task 1 as its archives unpack, "
                f"for {section} {FOLDERS[section][0]}/ISIC_0000000.jpg and "
                f"{FOLDERS[section][1]}/ISIC_0000000_segmentation.png."
            )
    items = match_pairs(
        files_by_case(folders[0], (".jpg", ".jpeg")), files_by_case(folders[1], (".png",), "_segmentation"), root
    )
    if not items:
        raise InputError(f"{folders[0]} must hold JPEG images such as ISIC_0000000.jpg, but it holds none.")
    return items
