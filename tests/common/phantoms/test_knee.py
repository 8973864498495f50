"""The knee phantom and the layout of OAI data."""

from __future__ import annotations

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from common.datasets import read_dataset, split_dataset
from common.errors import InputError
from common.io import regions_to_masks
from common.phantoms import write_knee_phantom
from common.phantoms.knee import BONES, draw_knee, draw_regions

SMALL = {"num_cases": 6, "size": 48, "num_slices": 4}


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    return write_knee_phantom(tmp_path_factory.mktemp("knee") / "phantom", **SMALL)


@pytest.fixture(scope="module")
def knees():
    drawn = [draw_knee((96, 96, 8), (0, index)) for index in range(12)]
    return [(knee, draw_regions(knee, "k", (0, index, 1))) for index, knee in enumerate(drawn)]


@pytest.fixture
def dataset(phantom, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(phantom, tmp_path / "data")


def volume(path):
    return np.asarray(nib.load(path).dataobj)


def test_layout(phantom):
    data = read_dataset(phantom)
    assert data.layout == "oai" and list(data.class_names.values()) == ["background", "femur", "tibia"]
    items = data.items
    assert [item["case"] for item in items] == [f"900000{i}_V00" for i in range(1, 7)]
    for item in items:
        image = nib.load(item["image"])
        assert image.shape == (48, 48, 4)
        assert nib.aff2axcodes(image.affine) == ("I", "P", "L")
        np.testing.assert_allclose(image.header.get_zooms(), [160 / 48, 160 / 48, 3])
        for name in ("bones", "label"):
            assert np.allclose(nib.load(item[name]).affine, image.affine)
        bones, truth = volume(item["bones"]), volume(item["label"])
        assert set(np.unique(bones)) == {0, 1, 2}
        assert (truth[truth > 0] == bones[truth > 0]).all()
        masks, readers = regions_to_masks(item["regions"], bones.shape, list(BONES))
        assert 2 <= len(readers) <= 7
        assert masks.shape == (len(readers), 2, *bones.shape)
    new = [nib.load(f"{phantom}/new/NEW_000{i}.nii.gz") for i in (1, 2)]
    assert [image.shape for image in new] == [(48, 48, 12), (10, 60, 60)]
    truth = nib.load(f"{phantom}/new_truth/NEW_0002.nii.gz")
    assert truth.shape == new[1].shape
    assert np.allclose(truth.affine, new[1].affine)


def test_the_same_seed_gives_the_same_files(phantom, tmp_path):
    again = write_knee_phantom(tmp_path / "again", **SMALL)
    other = write_knee_phantom(tmp_path / "other", **SMALL, seed=1)
    for name in ("images/9000003_V00.nii.gz", "new/NEW_0002.nii.gz"):
        assert np.array_equal(volume(f"{again}/{name}"), volume(f"{phantom}/{name}"))
        assert not np.array_equal(volume(f"{other}/{name}"), volume(f"{phantom}/{name}"))
    assert Path(again, "regions.csv").read_bytes() == Path(phantom, "regions.csv").read_bytes()
    for wrong in ({"num_cases": 3}, {"size": 40}, {"num_slices": 2}):
        with pytest.raises(InputError, match="num_cases ≥ 4, size ≥ 48"):
            write_knee_phantom(tmp_path / "wrong", **wrong)


def test_lesions_are_whole_bright_ill_defined_and_near_the_joint(knees):
    for knee, _ in knees:
        assert 2 <= len(knee.contrasts) <= 5
        assert set(np.unique(knee.lesions)) == set(range(len(knee.contrasts) + 1))
        for number in range(1, len(knee.contrasts) + 1):
            lesion = knee.lesions == number
            assert ndimage.label(lesion)[1] == 1
            bone = knee.bones == knee.truth[lesion][0]
            rows = np.argwhere(lesion)[:, 0].mean() * 160 / 96 - 80
            assert -25 < rows < 55  # mm from the middle, the joint is at about 14
            ring = ndimage.binary_dilation(lesion, iterations=3) & ~ndimage.binary_dilation(lesion) & bone
            assert knee.image[lesion].mean() > knee.image[ring & (knee.truth == 0)].mean() + 8


def test_no_gray_value_separates_the_lesions(knees):
    scores = []
    for low in range(40, 200, 10):
        dice = []
        for knee, _ in knees:
            chosen, truth = (knee.image > low) & (knee.bones > 0), knee.truth > 0
            dice.append(2 * (chosen & truth).sum() / (chosen.sum() + truth.sum()))
        scores.append(np.mean(dice))
    assert max(scores) < 0.65


def test_readers_miss_about_half_of_the_area(knees):
    missed, numbers = [], set()
    for knee, regions in knees:
        masks = regions_to_masks(regions, knee.truth.shape, list(BONES))[0].numpy()
        truth = np.stack([knee.truth == value for value in BONES.values()])
        missed += [1 - (mask * truth).sum() / truth.sum() for mask in masks]
        numbers.add(len(masks))
        for region in regions:
            assert not region.structure or region.row1 - region.row0 <= 9 >= region.column1 - region.column0
    assert 0.45 < np.mean(missed) < 0.7
    assert min(numbers) >= 2
    assert max(numbers) <= 7
    assert len(numbers) > 2


def sections(dataset, seed=0):
    """Case names of each section, by the bundle's fractions."""
    split = split_dataset(read_dataset(dataset), seed, fractions=(0.6, 0.15, 0.25))
    return [[item["case"] for item in part] for part in (split.training, split.validation, split.test)]


def test_sections_are_a_partition_by_subject(dataset):
    for number in range(1, 7):  # a second scan of every subject
        for folder in ("images", "bones", "truth"):
            path = dataset / folder / f"900000{number}_V00.nii.gz"
            shutil.copy(path, path.with_name(f"900000{number}_V01.nii.gz"))
    with (dataset / "regions.csv").open("a") as file:
        file.writelines(f"900000{number}_V01,reader_1,,,,,,\n" for number in range(1, 7))
    parts = sections(dataset)
    cases = [case for part in parts for case in part]
    assert sorted(cases) == [item["case"] for item in read_dataset(dataset).items]
    assert len(set(cases)) == 12
    for part in parts:
        assert len(part) == 2 * len({case[:7] for case in part})
    assert [len(part) for part in parts] == [6, 2, 4]
    assert sections(dataset, seed=5)[2] != parts[2]


def test_who_has_no_ground_truth_or_no_annotator(dataset):
    for number in (1, 2, 3):
        (dataset / f"truth/900000{number}_V00.nii.gz").unlink()
    training, validation, test = sections(dataset)
    assert sorted(validation + test) == [f"900000{number}_V00" for number in (4, 5, 6)]
    lines = (dataset / "regions.csv").read_text().splitlines()
    (dataset / "regions.csv").write_text("\n".join(line for line in lines if "9000002" not in line))
    assert training == [f"900000{number}_V00" for number in (1, 2, 3)]
    assert sections(dataset)[0] == ["9000001_V00", "9000003_V00"]
    counted = split_dataset(read_dataset(dataset), counts=[3, 1, 2])
    assert [item["case"][6] for item in counted.training] == ["1", "3"], "nobody rated 9000002"
    assert sorted(item["case"][6] for item in counted.validation + counted.test) == ["4", "5", "6"]
    with pytest.raises(InputError, match=r"need 5 subjects .* only 3 of 6 subjects have a ground truth"):
        split_dataset(read_dataset(dataset), fractions=(0.2, 0.3, 0.5))
    shutil.rmtree(dataset / "truth")
    with pytest.raises(InputError, match="only 0 of"):
        sections(dataset)


def test_mistakes_are_named(dataset):
    with pytest.raises(InputError, match=r"soft_labels is not a folder.*preparing"):
        read_dataset(dataset, soft_labels="soft_labels")
    (dataset / "bones/9000001_V00.nii.gz").unlink()
    found = read_dataset(dataset)
    assert len(found.items) == 5
    assert [reason for path, reason in found.left_out if "9000001_V00" in path] == ["there is no bone mask of its name"]
    with (dataset / "regions.csv").open("a") as file:
        file.write("9000009_V00,reader_1,0,femur,0,0,1,1\n")
    with pytest.raises(InputError, match=r"regions.csv, line \d+: expected a known case .* got '9000009_V00'"):
        read_dataset(dataset)
