"""ISIC 2017 challenge, task 1: dermoscopic images with lesion masks (Codella et al. 2018)."""

from __future__ import annotations

from pathlib import Path

from common.datasets.dataset import Dataset
from common.datasets.layouts.assemble import assemble, folder_names, pair
from common.datasets.listing import files_by_stem, list_folder

EXPECTS = (
    "ISIC-2017_Training_Data/ISIC_0000000.jpg, ISIC-2017_Training_Part1_GroundTruth/ISIC_0000000_segmentation.png, and "
    "the same of Validation and Test_v2"
)
FOLDERS = {
    "training": ("ISIC-2017_Training_Data", "ISIC-2017_Training_Part1_GroundTruth"),
    "validation": ("ISIC-2017_Validation_Data", "ISIC-2017_Validation_Part1_GroundTruth"),
    "test": ("ISIC-2017_Test_v2_Data", "ISIC-2017_Test_v2_Part1_GroundTruth"),
}


def recognize(root: Path) -> bool:
    """Whether a folder holds the unpacked training archives."""
    return set(FOLDERS["training"]) <= folder_names(root)


def read(root: Path) -> Dataset:
    """Images and lesion masks in their official sections.

    Args:
        root: folder that holds the archives as they unpack. Without the validation archive the data set has the
            sections training and test.

    Returns:
        The data set.

    Raises:
        InputError: there is no image with a mask.
    """
    listing = list_folder(root)
    items: list[dict[str, str]] = []
    reasons: dict[str, str] = {}
    for section, (data, truth) in FOLDERS.items():
        images = {
            stem: file
            for stem, file in files_by_stem(listing.below(data), data).items()
            if not stem.endswith("_superpixels")
        }
        masks = files_by_stem(listing.below(truth), truth)
        found, more = pair(images, {stem.removesuffix("_segmentation"): file for stem, file in masks.items()})
        items += [item | {"section": section} for item in found]
        reasons |= more
    reasons |= {file: "superpixels are not used" for file in listing.files if file.endswith("_superpixels.png")}
    return assemble(
        "isic", EXPECTS, listing, items, reasons=reasons, class_names=None, channel_names=("red", "green", "blue")
    )
