"""The Shenzhen layout: what is found, how it is split, and what is said about files that do not match."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from common.datasets import shenzhen_datalist
from common.errors import InputError


def write(path: Path, size: tuple[int, int] = (8, 6)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size).save(path)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    for number in range(10):
        name = f"CHNCXR_{number:04d}_{number % 2}.png"
        write(tmp_path / "images" / name)
        write(tmp_path / "masks" / name)
    return tmp_path


def message(dataset: Path) -> str:
    with pytest.raises(InputError) as caught:
        shenzhen_datalist(dataset, "training")
    return str(caught.value)


def test_the_sections_are_a_stratified_partition(dataset):
    training, validation = (shenzhen_datalist(dataset, section) for section in ("training", "validation"))
    cases = [item["case"] for item in training + validation]
    assert sorted(cases) == [f"CHNCXR_{number:04d}_{number % 2}" for number in range(10)]
    assert sorted(item["case"][-1] for item in validation) == ["0", "0", "1"]  # three of ten
    for item in training:
        assert item["image"] == str(dataset / "images" / f"{item['case']}.png")
        assert item["label"] == str(dataset / "masks" / f"{item['case']}.png")


def test_the_seed_changes_the_split(dataset):
    splits = {tuple(item["case"] for item in shenzhen_datalist(dataset, "validation", seed)) for seed in range(5)}
    assert len(splits) > 1


def test_the_archives_own_mask_names_give_the_same_list(dataset):
    expected = [item["case"] for item in shenzhen_datalist(dataset, "training")]
    for mask in list((dataset / "masks").iterdir()):
        mask.rename(mask.with_name(f"{mask.stem}_mask.png"))
    items = shenzhen_datalist(dataset, "training")
    assert [item["case"] for item in items] == expected
    assert items[0]["label"].endswith("_mask.png")


def test_names_without_a_stratum_suffix_are_split_too(tmp_path):
    for name in ("anna.png", "berta.PNG", "carl.jpg"):
        write(tmp_path / "images" / name)
        write(tmp_path / "masks" / name)
    assert len(shenzhen_datalist(tmp_path, "training")) == 2
    assert len(shenzhen_datalist(tmp_path, "validation")) == 1


def test_hidden_and_foreign_files_are_ignored(dataset):
    (dataset / "images" / "._CHNCXR_0000_0.png").write_bytes(b"resource fork")
    (dataset / "masks" / "Thumbs.db").write_bytes(b"thumbnails")
    assert len(shenzhen_datalist(dataset, "training")) + len(shenzhen_datalist(dataset, "validation")) == 10


def test_every_kind_of_mismatch_is_reported_by_name_in_one_sentence(dataset):
    (dataset / "masks" / "CHNCXR_0003_1.png").unlink()
    write(dataset / "masks" / "STRAY_1.png")
    write(dataset / "masks" / "CHNCXR_0004_0.png", size=(6, 8))
    (dataset / "images" / "CHNCXR_0005_1.png").write_text("no image")
    said = message(dataset)
    assert str(dataset) in said
    assert "images without a mask: 1 (CHNCXR_0003_1.png)" in said
    assert "masks without an image: 1 (STRAY_1.png)" in said
    assert "CHNCXR_0004_0.png 8×6 but its mask 6×8" in said
    assert "no readable image: 1 (images/CHNCXR_0005_1.png)" in said
    assert "\n" not in said
    assert said.count(". ") == 0


def test_of_many_missing_masks_the_count_and_five_names_are_given(dataset):
    for number in range(8):
        write(dataset / "images" / f"EXTRA_{number}_0.png")
    names = ", ".join(f"EXTRA_{number}_0.png" for number in range(5))
    assert f"images without a mask: 8 ({names}, …)" in message(dataset)


def test_two_images_of_one_case_are_reported(dataset):
    write(dataset / "images" / "CHNCXR_0001_1.jpg")
    said = message(dataset)
    assert "CHNCXR_0001_1.jpg" in said
    assert "CHNCXR_0001_1.png" in said


@pytest.mark.parametrize("missing", ["images", "masks"])
def test_a_missing_folder_says_which_layout_is_expected(tmp_path, missing):
    (tmp_path / ({"images", "masks"} - {missing}).pop()).mkdir()
    said = message(tmp_path)
    assert str(tmp_path / missing) in said
    assert "images/NAME_0.png" in said


def test_empty_folders_and_a_single_case_cannot_be_split(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    assert "holds 0" in message(tmp_path)
    write(tmp_path / "images" / "a_0.png")
    write(tmp_path / "masks" / "a_0.png")
    assert "holds 1" in message(tmp_path)


def test_an_unknown_section_is_refused(dataset):
    with pytest.raises(InputError, match="'training' or 'validation', got 'test'"):
        shenzhen_datalist(dataset, "test")


@pytest.mark.real_data
def test_real_shenzhen(real_data):
    folder = real_data / "shenzhen"
    training, validation = (shenzhen_datalist(folder, section) for section in ("training", "validation"))
    total = len(training) + len(validation)
    assert abs(len(training) - 0.7 * total) <= 1
    ill = [sum(item["case"].endswith("_1") for item in items) / len(items) for items in (training, validation)]
    assert ill[0] == pytest.approx(ill[1], abs=0.01)
    assert not {item["case"] for item in training} & {item["case"] for item in validation}
    assert total == len(list((folder / "images").glob("*.png"))) >= 400


def test_unlabeled_images_can_be_left_out_and_are_named(dataset, caplog):
    for name in ("CHNCXR_0003_1", "CHNCXR_0004_0"):
        (dataset / "masks" / f"{name}.png").unlink()
    items = [
        item
        for section in ("training", "validation")
        for item in shenzhen_datalist(dataset, section, leave_out_unlabeled=True)
    ]
    assert len(items) == 8
    assert "2 images have no mask and are left out: CHNCXR_0003_1, CHNCXR_0004_0" in caplog.text
    (dataset / "images" / "CHNCXR_0005_1.png").unlink()
    with pytest.raises(InputError, match="masks without an image: 1"):
        shenzhen_datalist(dataset, "training", leave_out_unlabeled=True)
