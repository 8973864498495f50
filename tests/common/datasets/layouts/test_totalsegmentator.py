"""Cases and organs as users' copies of TotalSegmentator really hold them."""

import nibabel as nib
import numpy as np
import pytest
from dataset_files import reasons

from common.datasets import read_dataset
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


def test_every_case_has_its_own_files(dataset):
    found = read_dataset(dataset)
    assert found.cases == tuple(f"s{7 * number:04d}" for number in range(12))
    for item in found.items:
        assert item["image"] == str(dataset / item["case"] / "ct.nii.gz")
        assert item["label"] == str(dataset / item["case"] / "segmentations/kidney_right.nii.gz")


def test_at_most_so_many_cases_hold_the_organ(dataset):
    save(dataset / "s0007/segmentations/kidney_right.nii.gz", np.zeros(SHAPE))
    found = read_dataset(dataset, max_cases=4)
    assert found.cases == ("s0000", "s0014", "s0021", "s0028")
    assert "1 of 5 cases have no kidney_right and are left out." in found.notes
    for wrong in (1, 0, -3):
        with pytest.raises(InputError, match=f"max_cases: expected a whole number from 2 up, got {wrong}"):
            read_dataset(dataset, max_cases=wrong)


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


def test_a_case_that_is_not_whole_is_left_out_and_named_whatever_it_lacks(dataset):
    (dataset / "s0000/segmentations/kidney_right.nii.gz").unlink()  # of the first case: the organ itself is known
    for path in (dataset / "s0014/segmentations").iterdir():
        path.unlink()
    (dataset / "s0014/segmentations").rmdir()
    (dataset / "s0021/ct.nii.gz").unlink()
    found = read_dataset(dataset)
    assert len(found.items) == 9
    said = reasons(found)
    assert said["s0000/ct.nii.gz"] == said["s0014/ct.nii.gz"] == "there is no mask of kidney_right"
    assert said["s0021"] == "it has no ct.nii.gz"


def test_organs_that_no_case_has(dataset):
    with pytest.raises(InputError, match=r"_left, kidney_right\), got 'kidney_left' \(did you mean 'kidney_right'"):
        read_dataset(dataset, organ="kidney_left")
    with pytest.raises(InputError, match=r"got 'x'; name it by --organ"):
        read_dataset(dataset, organ="x")
    with pytest.raises(InputError, match="adrenal_gland_left is empty in every case"):
        read_dataset(dataset, organ="adrenal_gland_left")


def test_a_mask_that_cannot_be_read_is_named(dataset):
    mask = dataset / "s0035/segmentations/kidney_right.nii.gz"
    mask.write_bytes(mask.read_bytes()[:50])
    with pytest.raises(InputError, match=r"s0035.*kidney_right.nii.gz cannot be read as NIfTI"):
        read_dataset(dataset)
