"""ISIC 2017 as its archives unpack, in a miniature copy."""

from __future__ import annotations

from pathlib import Path

import pytest
from dataset_files import reasons, touch

from common.datasets import read_dataset
from common.errors import InputError

PARTS = {
    "training": ("ISIC-2017_Training_Data", "ISIC-2017_Training_Part1_GroundTruth", ("ISIC_0000000", "ISIC_0000003")),
    "test": ("ISIC-2017_Test_v2_Data", "ISIC-2017_Test_v2_Part1_GroundTruth", ("ISIC_0012086",)),
}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    for images, masks, names in PARTS.values():
        for name in names:
            touch(tmp_path, f"{images}/{name}.jpg", f"{images}/{name}_superpixels.png")
            touch(tmp_path, f"{masks}/{name}_segmentation.png")
        touch(tmp_path, f"{images}/{images}_metadata.csv")
    return tmp_path


def test_each_section_is_its_archive_without_superpixels(dataset):
    found = read_dataset(dataset)
    assert list(found.items) == [
        {
            "image": str(dataset / images / f"{name}.jpg"),
            "label": str(dataset / masks / f"{name}_segmentation.png"),
            "case": name,
            "subject": name,
            "section": section,
        }
        for section, (images, masks, names) in PARTS.items()
        for name in names
    ]
    superpixels = {path for path, reason in reasons(found).items() if reason == "superpixels are not used"}
    assert superpixels == {f"{images}/{name}_superpixels.png" for images, _, names in PARTS.values() for name in names}


def test_an_image_without_its_mask_is_named(dataset):
    images, masks, _ = PARTS["training"]
    (dataset / masks / "ISIC_0000003_segmentation.png").unlink()
    found = read_dataset(dataset)
    assert found.cases == ("ISIC_0000000", "ISIC_0012086")
    assert reasons(found)[f"{images}/ISIC_0000003.jpg"] == "there is no label of its name"


def test_a_missing_or_empty_archive_is_named_with_the_layout(tmp_path):
    for folder in (), PARTS["training"][:2]:
        for name in folder:
            (tmp_path / name).mkdir()
        with pytest.raises(InputError, match=r"layout isic, which expects ISIC-2017_Training_Data.*_segmentation\.png"):
            read_dataset(tmp_path, "isic")
