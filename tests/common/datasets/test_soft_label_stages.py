"""Stages of soft labels, by what an item has."""

from __future__ import annotations

import dataclasses

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
from common.phantoms import write_knee_phantom

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


def test_the_grid_of_pictures_keeps_what_nobody_labeled():
    plan = dataclasses.replace(PICTURES, image_size=(2, 2), patch_size=(2, 2))
    label = torch.tensor([[[1.0, 0, 1, 1], [1, 0, 1, -1], [0, 0, 0, 0], [0, 0, 0, 0]]])
    image = MetaTensor(torch.rand(1, 4, 4))
    assert Compose(soft_geometry(plan))({"image": image, "label": label})["label"].tolist() == [[[0.5, -1], [0, 0]]]
