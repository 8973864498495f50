"""The CT phantom, TotalSegmentator's layout, and the Decathlon's hippocampus."""

import json
import shutil

import nibabel as nib
import numpy as np
import pytest

from common.datasets import fold_of, hippocampus_datalist, totalsegmentator_datalist
from common.errors import InputError
from common.phantoms import write_ct_phantom
from common.phantoms.ct import draw_abdomen
from common.phantoms.folder import MARKER

ORGANS = ("kidney_right", "aorta", "esophagus")


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    return tmp_path_factory.mktemp("ct") / "phantom"


@pytest.fixture
def dataset(phantom, tmp_path):
    """A copy of a miniature TotalSegmentator that a test may spoil."""
    write_ct_phantom(phantom, num_cases=7, size=32)
    return shutil.copytree(phantom, tmp_path / "data")


def volume(path):
    return np.asarray(nib.load(path).dataobj)


def test_phantom_is_in_the_layout_and_of_the_shapes(dataset):
    assert json.loads((dataset / MARKER).read_text())["num_cases"] == 7
    case = dataset / "s0003"
    image = nib.load(case / "ct.nii.gz")
    assert image.shape == (32, 32, 32)
    assert image.get_data_dtype() == np.int16
    assert np.allclose(image.header.get_zooms(), 1.5)
    masks = {organ: volume(case / "segmentations" / f"{organ}.nii.gz") for organ in ORGANS}
    for mask in masks.values():
        assert mask.shape == image.shape
        assert set(np.unique(mask)) == {0, 1}
    assert sum(mask.astype(int) for mask in masks.values()).max() == 1  # organs do not overlap
    levels = np.asarray(image.dataobj)
    assert -1150 < levels.min() < -900
    assert levels.max() > 150
    # roundish, thick tube, thin tube: the tubes cross every slice, the kidney does not
    crossed = {organ: (mask.sum(axis=(0, 1)) > 0).mean() for organ, mask in masks.items()}
    assert crossed["aorta"] == crossed["esophagus"] == 1
    assert crossed["kidney_right"] < 1
    assert masks["aorta"].sum() > 3 * masks["esophagus"].sum()


def test_no_gray_value_separates_an_organ():
    for index in range(3):
        image, organs = draw_abdomen((64, 64, 64), (1.5, 1.5, 1.5), (0, index))
        for mask in organs.values():
            scores = []
            for low in range(-40, 140, 20):
                for high in range(low + 20, 220, 20):
                    chosen = (image > low) & (image < high)
                    scores.append(2 * (chosen * mask).sum() / (chosen.sum() + mask.sum()))
            assert max(scores) < 0.55


def test_phantom_is_reproducible_and_new_volumes_agree_in_world_space(dataset, tmp_path):
    again = write_ct_phantom(tmp_path / "again", num_cases=7, size=32)
    for name in ("s0001/ct.nii.gz", "new/NEW_0001.nii.gz"):
        assert np.array_equal(volume(f"{again}/{name}"), volume(dataset / name))
    other = write_ct_phantom(tmp_path / "other", num_cases=7, size=32, seed=1)
    assert not np.array_equal(volume(f"{other}/s0001/ct.nii.gz"), volume(dataset / "s0001/ct.nii.gz"))
    stored = nib.load(dataset / "new/NEW_0001.nii.gz")
    assert nib.aff2axcodes(stored.affine) == ("L", "P", "S")
    for organ in ORGANS:
        label = nib.load(dataset / "new_labels" / organ / "NEW_0001.nii.gz")
        assert label.shape == stored.shape
        assert np.allclose(label.affine, stored.affine)
    with pytest.raises(InputError, match="size ≥ 32"):
        write_ct_phantom(tmp_path / "small", size=16)


def test_folds_are_a_partition_of_near_equal_parts():
    cases = [f"case_{i}" for i in range(23)]
    parts = [fold_of(cases, "validation", fold, 5) for fold in range(5)]
    assert sorted(case for part in parts for case in part) == sorted(cases)
    assert {len(part) for part in parts} == {4, 5}
    assert fold_of(reversed(cases), "validation", 2, 5) == parts[2]
    assert sorted(fold_of(cases, "training", 2, 5) + parts[2]) == sorted(cases)
    assert fold_of(cases, "validation", 0, 5, seed=1) != parts[0]
    for wrong in ({"fold": 5}, {"fold": -1}, {"num_folds": 1}, {"num_folds": 24}, {"section": "test"}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            fold_of(cases, **{"section": "training", "fold": 0, "num_folds": 5} | wrong)


def test_totalsegmentator_folds_and_empty_organs(dataset, caplog):
    caplog.set_level("INFO")
    label = dataset / "s0002/segmentations/aorta.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros((32, 32, 32), np.uint8), np.eye(4)), label)
    items = [
        item
        for section in ("training", "validation")
        for item in totalsegmentator_datalist(dataset, section, "aorta", fold=1, num_folds=3)
    ]
    assert sorted(item["case"] for item in items) == ["s0001", *(f"s000{i}" for i in range(3, 8))]
    assert items[0]["label"].endswith("segmentations/aorta.nii.gz")
    assert "1 of 7 cases have no aorta" in caplog.text
    assert len(totalsegmentator_datalist(dataset, "training", "aorta", num_folds=2, max_cases=4)) == 2


def test_totalsegmentator_says_what_is_wrong(dataset, tmp_path):
    with pytest.raises(InputError, match="did you mean 'kidney_right'"):
        totalsegmentator_datalist(dataset, "training", "kidney_rigth")
    with pytest.raises(InputError, match=r"expected sNNNN/ct\.nii\.gz"):
        totalsegmentator_datalist(tmp_path / "absent", "training")
    (dataset / "s0004/ct.nii.gz").unlink()
    with pytest.raises(InputError, match=r"1 files are missing: s0004/ct.nii.gz"):
        totalsegmentator_datalist(dataset, "training")
    mask = dataset / "s0005/segmentations/aorta.nii.gz"
    mask.write_bytes(mask.read_bytes()[:100])
    with pytest.raises(InputError, match=r"s0005.*aorta.nii.gz cannot be read as NIfTI"):
        totalsegmentator_datalist(dataset, "training", "aorta")


def test_hippocampus_layout(tmp_path):
    for folder in ("imagesTr", "labelsTr"):
        (tmp_path / folder).mkdir()
        for i in range(6):
            (tmp_path / folder / f"hippocampus_{i:03d}.nii.gz").touch()
            (tmp_path / folder / f"._hippocampus_{i:03d}.nii.gz").touch()
    training, tested = (hippocampus_datalist(tmp_path, section, num_folds=3) for section in ("training", "validation"))
    assert (len(training), len(tested)) == (4, 2)
    assert all(item["case"] in item["image"] and item["case"] in item["label"] for item in training + tested)
    (tmp_path / "labelsTr/hippocampus_002.nii.gz").unlink()
    with pytest.raises(InputError, match="1 have none: hippocampus_002"):
        hippocampus_datalist(tmp_path, "training")
    with pytest.raises(InputError, match="imagesTr is no folder"):
        hippocampus_datalist(tmp_path / "absent", "training")


def test_real_hippocampus(real_data):
    folds = [hippocampus_datalist(real_data / "hippocampus", "validation", fold) for fold in range(5)]
    assert sum(map(len, folds)) == 174
    assert len({item["case"] for fold in folds for item in fold}) == 174
