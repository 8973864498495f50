"""The CT phantom, in the layout of TotalSegmentator."""

import json
import shutil

import nibabel as nib
import numpy as np
import pytest

from common.datasets import read_dataset
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
    assert all(len(read_dataset(dataset, organ=organ).items) == 7 for organ in ORGANS)
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
