"""The Shenzhen layout: what is found, how it is split, and what is said about files that do not match."""

from __future__ import annotations

from pathlib import Path

import pytest
from dataset_files import reasons, touch

from common.datasets import Split, read_dataset, split_dataset
from common.errors import InputError


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    names = [f"CHNCXR_{number:04d}_{number % 2}.png" for number in range(10)]
    return touch(tmp_path, *(f"{folder}/{name}" for folder in ("images", "masks") for name in names))


def split(root: Path, seed: int = 0) -> Split:
    return split_dataset(read_dataset(root, "shenzhen"), seed, fractions=(0.7, 0.3, 0))


def test_the_sections_are_a_stratified_partition(dataset):
    found = split(dataset)
    cases = [item["case"] for item in found.training + found.validation]
    assert sorted(cases) == [f"CHNCXR_{number:04d}_{number % 2}" for number in range(10)]
    assert sorted(item["case"][-1] for item in found.validation) == ["0", "0", "1"]  # three of ten
    for item in found.training:
        assert item["image"] == str(dataset / "images" / f"{item['case']}.png")
        assert item["label"] == str(dataset / "masks" / f"{item['case']}.png")
        assert item["stratum"] == item["case"][-1]


def test_the_seed_changes_the_split(dataset):
    assert len({tuple(item["case"] for item in split(dataset, seed).validation) for seed in range(5)}) > 1


def test_the_archives_own_mask_names_give_the_same_list(dataset):
    expected = [item["case"] for item in split(dataset).training]
    for mask in list((dataset / "masks").iterdir()):
        mask.rename(mask.with_name(f"{mask.stem}_mask.png"))
    items = split(dataset).training
    assert [item["case"] for item in items] == expected
    assert items[0]["label"].endswith("_mask.png")


def test_names_without_a_stratum_suffix_are_split_too(tmp_path):
    touch(tmp_path, *(f"{folder}/{name}" for folder in ("images", "masks") for name in ("a.png", "b.PNG", "c.jpg")))
    found = split(tmp_path)
    assert (len(found.training), len(found.validation)) == (2, 1)
    assert not any("stratum" in item for item in found.training)


def test_hidden_and_foreign_files_are_ignored(dataset):
    touch(dataset, "images/._CHNCXR_0000_0.png", "masks/Thumbs.db")
    assert len(read_dataset(dataset, "shenzhen").items) == 10


def test_images_and_masks_without_a_partner_are_left_out_and_named(dataset):
    """The archive has 662 images and masks of 566."""
    (dataset / "masks/CHNCXR_0003_1.png").unlink()
    touch(dataset, "masks/STRAY_1.png")
    found = read_dataset(dataset)
    assert (found.layout, len(found.items)) == ("shenzhen", 9)
    assert reasons(found) == {
        "images/CHNCXR_0003_1.png": "there is no label of its name",
        "masks/STRAY_1.png": "there is no image of its name",
    }


def test_two_images_of_one_case_are_refused(dataset):
    touch(dataset, "images/CHNCXR_0001_1.jpg")
    with pytest.raises(InputError, match=r"two files of the case .*CHNCXR_0001_1\.jpg and .*CHNCXR_0001_1\.png"):
        read_dataset(dataset)


@pytest.mark.parametrize("missing", ["images", "masks"])
def test_a_missing_folder_is_named(tmp_path, missing):
    touch(tmp_path, f"{({'images', 'masks'} - {missing}).pop()}/a_0.png")
    with pytest.raises(InputError, match=f"there is no folder {missing} of "):
        read_dataset(tmp_path, "shenzhen")


@pytest.mark.real_data
def test_real_shenzhen(real_data):
    folder = real_data / "shenzhen"
    found = split(folder)
    total = len(found.training) + len(found.validation)
    assert abs(len(found.training) - 0.7 * total) <= 1
    ill = [sum(item["stratum"] == "1" for item in items) / len(items) for items in (found.training, found.validation)]
    assert ill[0] == pytest.approx(ill[1], abs=0.01)
    assert not {item["case"] for item in found.training} & {item["case"] for item in found.validation}
    assert total == len(list((folder / "images").glob("*.png"))) >= 400
