"""ISIC 2017 as its archives unpack, in a miniature copy."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from common.datasets import isic_datalist
from common.errors import InputError

PARTS = {
    "training": ("ISIC-2017_Training_Data", "ISIC-2017_Training_Part1_GroundTruth", ("ISIC_0000000", "ISIC_0000003")),
    "validation": ("ISIC-2017_Test_v2_Data", "ISIC-2017_Test_v2_Part1_GroundTruth", ("ISIC_0012086",)),
}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    for images, masks, names in PARTS.values():
        (tmp_path / images).mkdir()
        (tmp_path / masks).mkdir()
        for name in names:
            Image.new("RGB", (12, 9), (180, 120, 90)).save(tmp_path / images / f"{name}.jpg")
            Image.new("RGB", (12, 9)).save(tmp_path / images / f"{name}_superpixels.png")
            Image.new("L", (12, 9)).save(tmp_path / masks / f"{name}_segmentation.png")
        (tmp_path / images / f"{images}_metadata.csv").write_text("image_id,age_approximate,sex\n")
    return tmp_path


@pytest.mark.parametrize("section", PARTS)
def test_each_section_is_its_archive_without_superpixels(dataset, section):
    images, masks, names = PARTS[section]
    assert isic_datalist(dataset, section) == [
        {
            "image": str(dataset / images / f"{name}.jpg"),
            "label": str(dataset / masks / f"{name}_segmentation.png"),
            "case": name,
        }
        for name in names
    ]


def test_a_missing_mask_is_named(dataset):
    (dataset / PARTS["training"][1] / "ISIC_0000003_segmentation.png").unlink()
    with pytest.raises(InputError, match=r"images without a mask: 1 \(ISIC_0000003\.jpg\)"):
        isic_datalist(dataset, "training")
    assert len(isic_datalist(dataset, "validation")) == 1


def test_a_mask_of_another_size_is_named(dataset):
    Image.new("L", (9, 12)).save(dataset / PARTS["training"][1] / "ISIC_0000000_segmentation.png")
    with pytest.raises(InputError, match=r"ISIC_0000000\.jpg 12×9 but its mask 9×12"):
        isic_datalist(dataset, "training")


def test_a_missing_archive_is_named_with_the_layout(tmp_path):
    with pytest.raises(InputError, match=r"ISIC-2017_Test_v2_Data is no folder.*_segmentation\.png"):
        isic_datalist(tmp_path, "validation")


def test_an_empty_archive_is_reported(tmp_path):
    for folder in PARTS["training"][:2]:
        (tmp_path / folder).mkdir()
    with pytest.raises(InputError, match="holds none"):
        isic_datalist(tmp_path, "training")


def test_an_unknown_section_is_refused(dataset):
    with pytest.raises(InputError, match="'training' or 'validation', got 'testing'"):
        isic_datalist(dataset, "testing")
