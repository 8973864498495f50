"""N4 takes a known field away, keeps everything else, and says what it needs."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from common.errors import InputError
from common.transforms import N4BiasFieldd
from common.transforms.bias_field import correct_bias_field


@pytest.fixture
def n4():
    """Skips, visibly, without the extra itk."""
    pytest.importorskip("SimpleITK")


def checkered(shape):
    """Two tissues in blocks on a dark ground, and a smooth field, 0.6 … 1.6."""
    grids = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    inside = grids[0] ** 2 + grids[1] ** 2 < 0.8
    blocks = sum(np.floor(4 * g) for g in grids[:2]) % 2
    image = inside * (100 + 60 * blocks) + 2.0 + np.random.default_rng(0).random(shape)
    field = np.exp(0.4 * grids[0] + 0.15 * grids[1])
    return torch.from_numpy(image), torch.from_numpy(field), torch.from_numpy(inside)


def variation(values):
    return float(values.std() / values.mean())


@pytest.mark.usefixtures("n4")
@pytest.mark.parametrize("shape", [(96, 80), (64, 80, 5)])
def test_a_known_field_is_taken_away(shape):
    image, field, inside = checkered(shape)
    corrected = correct_bias_field(image * field)
    assert corrected.shape == image.shape
    assert corrected.dtype == torch.float32
    bright = inside & (image > 150)
    assert variation((image * field)[bright]) > 0.15
    assert variation(corrected[bright]) < 0.06
    ratio = (corrected / image)[inside]
    assert variation(ratio) < 0.06


@pytest.mark.usefixtures("n4")
def test_channels_metadata_and_other_keys_are_kept():
    image, field, _ = checkered((48, 48))
    affine = torch.diag(torch.tensor([1.5, 1.5, 1.0, 1.0], dtype=torch.float64))
    stack = MetaTensor(torch.stack([image * field, image]), affine=affine)
    item = N4BiasFieldd("image", iterations=(20, 20))({"image": stack, "label": torch.ones(1), "case": "a"})
    assert isinstance(item["image"], MetaTensor)
    assert torch.equal(item["image"].affine, affine)
    assert torch.equal(item["image"][0].as_tensor(), correct_bias_field(image * field, iterations=(20, 20)))
    assert torch.equal(item["image"][1].as_tensor(), correct_bias_field(image, iterations=(20, 20)))
    assert torch.equal(stack[1].as_tensor(), image)
    assert item["case"] == "a"
    assert N4BiasFieldd("other", allow_missing_keys=True)({"image": stack})["image"] is stack


def test_images_without_contrast_are_returned_as_they_are():
    for image in (torch.zeros(4, 4), torch.full((3, 3, 3), 7.0), torch.zeros(0, 4), torch.ones(1, 1)):
        assert torch.equal(correct_bias_field(image), image)


@pytest.mark.usefixtures("n4")
def test_images_without_a_field_are_returned_as_they_are():
    for image in (-torch.rand(9, 9), torch.rand(1, 9), torch.rand(1, 1, 9)):
        assert torch.equal(correct_bias_field(image), image)


@pytest.mark.usefixtures("n4")
def test_a_volume_of_one_slice_is_a_picture():
    image, field, _ = checkered((48, 40))
    for axis in range(3):
        found = correct_bias_field((image * field).unsqueeze(axis)).squeeze(axis)
        assert torch.equal(found, correct_bias_field(image * field))


@pytest.mark.usefixtures("n4")
def test_negative_voxels_have_no_part_in_the_estimate():
    image, field, inside = checkered((96, 80))
    spoiled = torch.where(inside, image * field, -3.0)
    assert variation(correct_bias_field(spoiled)[inside & (image > 150)]) < 0.06


def test_wrong_images():
    for image, message in (
        (torch.tensor([[1.0, float("nan")]]), "finite"),
        (torch.ones(4), "2 or 3 axes"),
    ):
        with pytest.raises(InputError, match=message):
            correct_bias_field(image)
    for wrong in ({"shrink": 0}, {"iterations": ()}, {"iterations": (50, 0)}):
        with pytest.raises(InputError, match="at least 1"):
            N4BiasFieldd("image", **wrong)


def test_the_missing_extra_is_named_at_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(InputError, match=r"N4BiasFieldd needs SimpleITK.*\.\[itk\]"):
        N4BiasFieldd("image")
