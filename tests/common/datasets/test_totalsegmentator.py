"""Cases and organs as users' copies of TotalSegmentator really hold them."""

import nibabel as nib
import numpy as np
import pytest

from common.datasets import totalsegmentator_datalist
from common.datasets.layouts.totalsegmentator import SLAB, is_empty
from common.errors import InputError

SHAPE = (6, 5, 2 * SLAB + 3)


def save(path, voxels, dtype=np.uint8, spacing=1.5):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(voxels.astype(dtype), np.diag([spacing] * 3 + [1])), path)


@pytest.fixture
def dataset(tmp_path):
    """Twelve cases in the layout of version 2, whose `meta.csv` stands beside them."""
    root = tmp_path / "Totalsegmentator_dataset_v201"
    for number in range(12):
        case = root / f"s{7 * number:04d}"
        save(case / "ct.nii.gz", np.zeros(SHAPE), np.int16)
        mask = np.zeros(SHAPE)
        mask[2, 2, (5 * number) % SHAPE[2]] = 1
        save(case / "segmentations/kidney_right.nii.gz", mask)
        save(case / "segmentations/adrenal_gland_left.nii.gz", np.zeros(SHAPE))
    (root / "meta.csv").write_text("image_id;age;split\ns0000;60;train\n", encoding="utf-8")
    return root


def test_every_case_is_tested_in_one_fold_and_has_its_own_files(dataset):
    folds = [totalsegmentator_datalist(dataset, "validation", fold=fold, num_folds=5) for fold in range(5)]
    items = sorted((item for fold in folds for item in fold), key=lambda item: item["case"])
    assert [item["case"] for item in items] == [f"s{7 * number:04d}" for number in range(12)]
    for item in items:
        assert item["image"] == str(dataset / item["case"] / "ct.nii.gz")
        assert item["label"] == str(dataset / item["case"] / "segmentations/kidney_right.nii.gz")
    for fold, tested in enumerate(folds):
        trained = totalsegmentator_datalist(dataset, "training", fold=fold, num_folds=5)
        assert [item for item in items if item not in tested] == trained


def test_at_most_so_many_cases_hold_the_organ(dataset, caplog):
    caplog.set_level("INFO")
    save(dataset / "s0007/segmentations/kidney_right.nii.gz", np.zeros(SHAPE))
    parts = [totalsegmentator_datalist(dataset, s, num_folds=2, max_cases=4) for s in ("training", "validation")]
    assert sorted(item["case"] for part in parts for item in part) == ["s0000", "s0014", "s0021", "s0028"]
    assert caplog.messages[-1].endswith("1 of 5 cases have no kidney_right and are left out.")
    for wrong in (1, 0, -3):
        with pytest.raises(InputError, match=f"max_cases must be at least 2.*{wrong}"):
            totalsegmentator_datalist(dataset, "training", max_cases=wrong)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_an_organ_of_one_voxel_is_found_wherever_it_is(tmp_path, dtype):
    path = tmp_path / "organ.nii.gz"
    for place in range(SHAPE[2]):
        mask = np.zeros(SHAPE)
        mask[place % SHAPE[0], place % SHAPE[1], place] = 1
        save(path, mask, dtype)
        assert not is_empty(path)
    save(path, np.zeros(SHAPE), dtype)
    assert is_empty(path)


def test_a_mask_without_voxels_is_empty(tmp_path):
    save(tmp_path / "organ.nii.gz", np.zeros((4, 4, 0)))
    assert is_empty(tmp_path / "organ.nii.gz")


def test_a_case_that_is_not_whole_is_named_whatever_it_lacks(dataset):
    (dataset / "s0000/segmentations/kidney_right.nii.gz").unlink()  # of the first case: the organ itself is known
    for path in (dataset / "s0014/segmentations").iterdir():
        path.unlink()
    (dataset / "s0014/segmentations").rmdir()
    (dataset / "s0021/ct.nii.gz").unlink()
    with pytest.raises(InputError) as raised:
        totalsegmentator_datalist(dataset, "training")
    mask = "segmentations/kidney_right.nii.gz"
    assert f"3 files are missing: s0000/{mask}, s0014/{mask}, s0021/ct.nii.gz." in str(raised.value)


def test_organs_that_no_case_has(dataset):
    with pytest.raises(InputError, match=r"_left, kidney_right\), got 'kidney_left' \(did you mean 'kidney_right'"):
        totalsegmentator_datalist(dataset, "training", "kidney_left")
    with pytest.raises(InputError, match=r"got 'x'; name it by --organ"):
        totalsegmentator_datalist(dataset, "training", "x")
    with pytest.raises(InputError, match="adrenal_gland_left is empty in every case"):
        totalsegmentator_datalist(dataset, "training", "adrenal_gland_left")


def test_folds_out_of_range(dataset):
    with pytest.raises(InputError, match="fold: expected 0 to 4 for 5 folds, got 5"):
        totalsegmentator_datalist(dataset, "training", fold=5)
    with pytest.raises(InputError, match="section must be"):
        totalsegmentator_datalist(dataset, "test")
