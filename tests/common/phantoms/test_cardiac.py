"""The cardiac phantom: ACDC's layout, anatomy, and boundaries that cannot be seen."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from common.datasets import read_dataset
from common.errors import InputError
from common.phantoms import write_cardiac_phantom
from common.phantoms.cardiac import GROUPS, LEFT_VENTRICLE, MYOCARDIUM, RIGHT_VENTRICLE, draw_heart

SPACING = (1.5, 1.5, 10.0)


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    return write_cardiac_phantom(tmp_path_factory.mktemp("heart") / "phantom", num_subjects=5, size=32, slices=3)


def volume(path):
    return np.asarray(nib.load(path).dataobj)


def test_is_read_as_acdc(phantom):
    found = read_dataset(phantom)
    assert (found.layout, len(found.items)) == ("acdc", 10)
    for item in found.items:
        image, label = nib.load(item["image"]), nib.load(item["label"])
        assert image.shape == label.shape == (32, 32, 3)
        assert np.array_equal(image.affine, label.affine)
        assert image.header.get_zooms() == pytest.approx(SPACING)
        assert (image.get_data_dtype(), label.get_data_dtype()) == (np.int16, np.uint8)
        assert set(np.unique(label.dataobj)) == {0, 1, 2, 3}


def test_info_names_frames_and_group(phantom, tmp_path_factory):
    for number, group in enumerate(GROUPS, start=1):
        folder = f"{phantom}/patient{number:03d}"
        with open(f"{folder}/Info.cfg", encoding="utf-8") as file:
            info = dict(line.strip().split(": ") for line in file)
        assert info["Group"] == group
        for frame in (info["ED"], info["ES"]):
            assert volume(f"{folder}/patient{number:03d}_frame{int(frame):02d}.nii.gz").shape == (32, 32, 3)


def test_new_stacks_have_labels_in_other_orientations(phantom):
    codes = []
    for name in ("NEW_0001", "NEW_0002"):
        image, label = (nib.load(f"{phantom}/{folder}/{name}.nii.gz") for folder in ("new", "new_labels"))
        assert image.shape == label.shape
        assert np.array_equal(image.affine, label.affine)
        assert (np.asarray(label.dataobj) == LEFT_VENTRICLE).any()
        codes.append(nib.aff2axcodes(image.affine))
    assert codes == [("L", "P", "S"), ("R", "A", "S")]


@pytest.mark.parametrize("group", GROUPS)
def test_structures_are_whole_and_nested(group):
    image, label = draw_heart((64, 64, 5), (2.25, 2.25, 10.0), (1, 3), group)
    assert image.min() >= 0
    areas = [(label == c).sum((0, 1)) for c in (RIGHT_VENTRICLE, MYOCARDIUM, LEFT_VENTRICLE)]
    assert all(area[-1] > area[1] for area in areas)  # apex first, base last
    for index in range(2, 5):
        cavity, muscle = label[..., index] == LEFT_VENTRICLE, label[..., index] == MYOCARDIUM
        around = ndimage.binary_dilation(cavity) & ~cavity
        assert muscle[around].all()  # the wall encloses the cavity
        assert ndimage.label(cavity | muscle)[1] == 1
        right = label[..., index] == RIGHT_VENTRICLE
        assert (ndimage.binary_dilation(right) & muscle).any()  # and touches the right ventricle


def test_end_systole_is_the_same_heart_contracted():
    diastole, systole = (draw_heart((64, 64, 5), (2.25, 2.25, 10.0), (0, 1), "NOR", c)[1] for c in (0.0, 1.0))
    assert (systole == LEFT_VENTRICLE).sum() < 0.75 * (diastole == LEFT_VENTRICLE).sum()
    ratio = (systole == MYOCARDIUM).sum() / (diastole == MYOCARDIUM).sum()
    assert 0.9 < ratio < 1.25
    weak = [(draw_heart((64, 64, 5), (2.25, 2.25, 10.0), (0, 1), "DCM", c)[1] == 3).sum() for c in (0.0, 1.0)]
    assert weak[1] > 0.7 * weak[0]


def test_contrast_of_the_walls_outer_border_is_lost_on_one_side():
    steps = {"below": [], "elsewhere": []}
    for subject in range(4):
        image, label = draw_heart((96, 96, 6), SPACING, (0, subject))
        for index in range(2, 6):
            heart = label[..., index] > 0
            muscle = label[..., index] == MYOCARDIUM
            rows = np.argwhere(muscle)
            middle = np.round(rows.mean(0)).astype(int)
            for name, direction in (("below", 1), ("elsewhere", -1)):  # along y, to the back or to the front
                line = heart[middle[0], middle[1] :: direction]
                edge = middle[1] + direction * int(np.argmin(line))
                inside, outside = (
                    image[middle[0] - 3 : middle[0] + 4, edge + direction * offset, index].mean() for offset in (-3, 3)
                )
                steps[name].append(abs(outside - inside) / inside)
    assert np.median(steps["below"]) < 0.25 < np.median(steps["elsewhere"])


def test_gray_values_do_not_separate_the_classes():
    image, label = draw_heart((96, 96, 6), SPACING, (0, 0))
    for structure in (RIGHT_VENTRICLE, MYOCARDIUM, LEFT_VENTRICLE):
        mask, best = label == structure, 0.0
        for low in range(0, 220, 20):
            for high in range(low + 20, 300, 20):
                chosen = (image > low) & (image < high)
                best = max(best, 2 * (chosen & mask).sum() / (chosen.sum() + mask.sum()))
        assert best < 0.6


def test_is_reproducible_and_checked(phantom, tmp_path):
    again = write_cardiac_phantom(tmp_path / "again", num_subjects=5, size=32, slices=3)
    other = write_cardiac_phantom(tmp_path / "other", num_subjects=3, size=32, slices=3, seed=1)
    for name in ("patient001/patient001_frame01.nii.gz", "new/NEW_0002.nii.gz"):
        assert np.array_equal(volume(f"{phantom}/{name}"), volume(f"{again}/{name}"))
    first = "patient001/patient001_frame01.nii.gz"
    assert not np.array_equal(volume(f"{phantom}/{first}"), volume(f"{other}/{first}"))
    with pytest.raises(InputError, match="got num_subjects=2, size=32 and slices=3"):
        write_cardiac_phantom(tmp_path / "small", num_subjects=2, size=32, slices=3)
