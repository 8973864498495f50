"""Stages of soft labels, by what an item has."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose

from common.datasets import (
    input_channels,
    neighboring,
    neighbors_of,
    read_dataset,
    reading,
    soft_geometry,
    soft_reference,
    soft_targets,
)
from common.datasets.fingerprint import take_fingerprint
from common.datasets.plan import example_plan
from common.datasets.plan_rules import make_plan
from common.errors import InputError
from common.methods import prepare_soft_labels
from common.phantoms import write_knee_phantom
from common.report import soft_label_examples

PICTURES = example_plan()
VOLUMES = dataclasses.replace(PICTURES, image_dims=3, image_size=None, orientation="RAS", spacing=(1.0, 1.0, -1.0))


def test_neighbors_are_of_volumes_slice_by_slice():
    blocks = dataclasses.replace(VOLUMES, spatial_dims=3)
    assert [neighbors_of(plan, 1) for plan in (PICTURES, VOLUMES, blocks)] == [0, 1, 0]
    assert [input_channels(plan, 1) for plan in (PICTURES, VOLUMES, blocks)] == [1, 3, 1]
    assert neighboring(PICTURES, 2) == [] and len(neighboring(VOLUMES, 2)) == 1
    with pytest.raises(InputError, match="neighbors: expected 0 or more"):
        neighbors_of(VOLUMES, -1)


def test_regions_are_learned_and_the_ground_truth_is_validated(tmp_path):
    """A training set without any ground truth has a plan, too."""
    folder = write_knee_phantom(tmp_path / "knee", num_cases=4, size=48, num_slices=3)
    data = read_dataset(folder)
    rated = [{key: value for key, value in item.items() if key != "label"} for item in data.items[:1]]
    plan = make_plan(data, take_fingerprint(rated), {"spatial_dims": 2})
    assert plan.class_names == ("background", "femur", "tibia")
    learned = Compose([*reading(plan), *soft_targets(plan), *soft_geometry(plan)])(data.items[0])
    assert learned.keys() == {"case", "subject", "image", "label"}
    assert learned["label"].shape == (2, *learned["image"].shape[1:])
    assert 0 == learned["label"].min() < learned["label"].max() <= 1 and len(learned["label"].unique()) > 3
    truth = Compose([*reading(plan), *soft_reference(plan)])(data.items[0])["label"]
    assert truth.unique().tolist() == [0, 1] and truth.sum() > 0
    with pytest.raises(InputError, match="Case 9000001_V00: expected label or annotators, got none of them"):
        soft_reference(plan)[0](rated[0])


def test_the_patella_is_a_bone_where_it_was_marked(tmp_path):
    """Its lesions are a third class; without a mask of it they would all be removed, which is refused."""
    folder = Path(write_knee_phantom(tmp_path / "knee", num_cases=4, size=48, num_slices=3))
    with (folder / "regions.csv").open("a") as file:
        file.write("9000001_V00,reader_1,1,patella,12,3,17,8\n")
    data = read_dataset(folder)
    assert list(data.class_names.values()) == ["background", "femur", "tibia", "patella"]
    plan = make_plan(data, take_fingerprint(data.items[:1]), {"spatial_dims": 2})
    learned = Compose([*reading(plan), *soft_targets(plan, hyperintensity=0, neighbour_slices=0)])
    with pytest.raises(RuntimeError) as raised:
        learned(data.items[0])
    assert "regions.csv, line" in str(raised.value.__cause__)
    assert "expected a bone mask of 9000001_V00 that has the patella (value 3)" in str(raised.value.__cause__)
    everywhere = Compose([*reading(plan), *soft_targets(plan, restrict=False)])(data.items[0])["label"]
    assert everywhere.shape[0] == 3 and everywhere[2, 12:17, 3:8, 1].min() > 0
    file = folder / "bones/9000001_V00.nii.gz"
    bones = nib.load(file)
    with_patella = np.asarray(bones.dataobj).copy()
    with_patella[14:20, 3:8] = 3
    nib.save(nib.Nifti1Image(with_patella, bones.affine), file)
    patella = learned(data.items[0])["label"][2]
    assert 0 < patella[14:17, 3:8, 1].min() <= 1 and patella.count_nonzero() == 3 * 5
    prepared = nib.load(Path(prepare_soft_labels(folder, hyperintensity=0, neighbour_slices=0)) / file.name)
    assert np.allclose(np.asarray(prepared.dataobj)[..., 2], patella)
    assert soft_label_examples(data.items[:1])[0].steps["anatomy"].any()


def test_the_grid_of_pictures_keeps_what_nobody_labeled():
    plan = dataclasses.replace(PICTURES, image_size=(2, 2), patch_size=(2, 2))
    label = torch.tensor([[[1.0, 0, 1, 1], [1, 0, 1, -1], [0, 0, 0, 0], [0, 0, 0, 0]]])
    image = MetaTensor(torch.rand(1, 4, 4))
    assert Compose(soft_geometry(plan))({"image": image, "label": label})["label"].tolist() == [[[0.5, -1], [0, 0]]]
