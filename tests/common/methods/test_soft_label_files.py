"""Soft labels of a data set as files."""

from __future__ import annotations

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from common.datasets import read_dataset
from common.datasets.soft_label_stages import LoadSoftLabeld
from common.errors import InputError
from common.fusion import soft_label_steps, structure_masks
from common.io import regions_to_masks
from common.io.load_case import LoadCased
from common.methods import prepare_soft_labels
from common.phantoms import write_knee_phantom


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    return write_knee_phantom(tmp_path_factory.mktemp("knee") / "phantom", num_cases=4, size=48, num_slices=3)


@pytest.fixture
def dataset(phantom, tmp_path):
    return shutil.copytree(phantom, tmp_path / "data")


def test_files_hold_the_function_in_the_geometry_of_the_image(dataset):
    folder = prepare_soft_labels(dataset, hyperintensity=2.0, neighbour_slices=0.4)
    assert folder == str(dataset / "soft_labels")
    for item in read_dataset(dataset, soft_labels="soft_labels").items:
        stored = nib.load(item["soft_label"])
        assert stored.get_data_dtype() == np.float32
        assert stored.shape == (48, 48, 3, 2)
        assert np.allclose(stored.affine, nib.load(item["image"]).affine)
        volumes = {name: torch.from_numpy(nib.load(item[name]).get_fdata()) for name in ("image", "bones")}
        bones = structure_masks(volumes["bones"], [1, 2])
        masks, _ = regions_to_masks(item["regions"], (48, 48, 3), ["femur", "tibia"])
        steps = soft_label_steps(masks, volumes["image"], bones, hyperintensity=2.0, neighbour_slices=0.4)
        loaded = LoadSoftLabeld()(LoadCased("image", channels=1)(item))["soft_label"]
        assert loaded.shape == (2, 48, 48, 3)
        torch.testing.assert_close(loaded.as_tensor(), steps["neighbours"])
        assert 0 < loaded.max() <= 1


def test_existing_files_are_kept_and_the_rest_is_written(dataset, caplog):
    caplog.set_level("INFO")
    first = prepare_soft_labels(dataset, "labels/first")
    kept, removed = (f"{first}/900000{number}_V00.nii.gz" for number in (1, 3))
    before = nib.load(kept).get_fdata()
    Path(removed).unlink()
    prepare_soft_labels(dataset, "labels/first", hyperintensity=0, neighbour_slices=0)
    assert "3 soft labels are there and kept" in caplog.text
    assert np.array_equal(nib.load(kept).get_fdata(), before)
    assert nib.load(removed).get_fdata().any()
    prepare_soft_labels(dataset, "labels/first", hyperintensity=0, neighbour_slices=0, overwrite="true")
    assert not np.array_equal(nib.load(kept).get_fdata(), before)
    assert not list((dataset / "labels/first").glob(".partial*"))


def test_the_case_of_a_mistake_is_named(dataset):
    image = dataset / "images/9000002_V00.nii.gz"
    whole = image.read_bytes()
    image.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="9000002_V00"):
        prepare_soft_labels(dataset)
    image.write_bytes(whole)
    with (dataset / "regions.csv").open("a") as file:
        file.write("9000004_V00,reader_1,3,femur,0,0,1,1\n")
    with pytest.raises(InputError, match=r"9000004_V00.*regions\.csv, line \d+: the region ends outside the image"):
        prepare_soft_labels(dataset)
    assert sorted(path.name[:7] for path in (dataset / "soft_labels").glob("*.nii.gz")) == [
        "9000001",
        "9000002",
        "9000003",
    ]
    lacking = read_dataset(dataset, soft_labels="soft_labels").items[-1]
    with pytest.raises(InputError, match=r"Case 9000004_V00: expected a soft label, got none.*preparing"):
        LoadSoftLabeld()(lacking)
    with pytest.raises(InputError, match="overwrite is a switch"):
        prepare_soft_labels(dataset, overwrite="maybe")
