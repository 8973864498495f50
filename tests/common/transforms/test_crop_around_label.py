"""Patches centered on a label: where the center lies, what stands outside, and the geometry that is kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor

from common.datasets import patch
from common.datasets.plan import example_plan
from common.errors import InputError
from common.transforms import CropAroundLabeld
from common.transforms.crop_around_label import crop_around


@given(st.data(), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_against_indexing(data: st.DataObject, dimensions: int) -> None:
    """Voxel by voxel: the patch shows the image at center − size // 2 + index, and zeros outside."""
    sides = st.lists(st.integers(1, 5), min_size=dimensions, max_size=dimensions)
    shape, size = data.draw(sides), data.draw(sides)
    center = [data.draw(st.integers(0, side - 1)) for side in shape]
    image = torch.arange(1, 1 + int(np.prod(shape))).view(1, *shape)
    patch = crop_around(image, center, size)
    assert patch.shape == (1, *size)
    for index in np.ndindex(*size):
        place = [c - s // 2 + i for c, s, i in zip(center, size, index, strict=True)]
        inside = all(0 <= p < side for p, side in zip(place, shape, strict=True))
        assert patch[(0, *index)] == (image[(0, *place)] if inside else 0)


def test_edge_repeats_the_border() -> None:
    assert crop_around(torch.tensor([[1.0, 2.0, 3.0]]), [2], [4], mode="edge").tolist() == [[1.0, 2.0, 3.0, 3.0]]
    assert crop_around(torch.tensor([[1.0, 2.0]]), [0], [6], mode="edge").tolist() == [[1, 1, 1, 1, 2, 2]]


def test_affine_follows() -> None:
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    patch = crop_around(MetaTensor(torch.zeros(1, 9, 9, 9), affine=affine), [1, 4, 8], [4, 4, 4])
    np.testing.assert_allclose(patch.affine[:3, 3], [-1 * 2.0, 2 * 3.0, 6 * 4.0])


@pytest.mark.parametrize("dimensions", [2, 3])
def test_image_and_label_stay_aligned(dimensions: int) -> None:
    shape = (9, 10, 11)[:dimensions]
    generator = torch.Generator().manual_seed(0)
    label = torch.zeros(1, *shape)
    label[(0, *(slice(4, 7),) * dimensions)] = 1
    image = label + torch.rand(1, *shape, generator=generator) / 2
    crop = CropAroundLabeld(["image", "label"], "label", (5,) * dimensions, mode=["edge", "constant"])
    item = crop({"case": "a", "image": image, "label": label})
    assert torch.equal((item["image"] >= 1).float(), item["label"])
    assert item["label"].sum() == label.sum()
    assert item["label"][(0, *(2,) * dimensions)] == 1, "the center of the label is the center of the patch"


def test_center_is_the_center_of_mass() -> None:
    label = torch.zeros(1, 16)
    label[0, [2, 3, 4, 11]] = 1  # mean 5, middle of the range 6.5
    patch = CropAroundLabeld("label", "label", [4])({"label": label})["label"]
    assert patch.tolist() == [[1.0, 1.0, 0.0, 0.0]]


def test_an_empty_label_is_named() -> None:
    with pytest.raises(InputError, match="Case s0001: expected a mask to center the patch on"):
        CropAroundLabeld("label", "label", [2, 2])({"case": "s0001", "label": torch.zeros(1, 4, 4)})
    with pytest.raises(InputError, match="Case s0001: expected a label to center the patch on, got none"):
        CropAroundLabeld("image", "label", [2, 2])({"case": "s0001", "image": torch.zeros(1, 4, 4)})
    with pytest.raises(InputError, match="crop: expected random or center for slices of volumes"):
        patch(replace(example_plan(), crop="label", image_dims=3, spatial_dims=2))


def test_what_was_not_labeled_is_no_foreground_and_other_keys_may_be_missing() -> None:
    label = torch.full((1, 16), -1.0)
    label[0, [10, 11, 12]] = torch.tensor([1.0, 2.0, 1.0])
    crop = CropAroundLabeld(["label", "annotators"], "label", [4], allow_missing_keys=True)
    assert crop({"label": label})["label"].tolist() == [[-1.0, 1.0, 2.0, 1.0]]
    with pytest.raises(InputError, match="an empty one"):
        crop({"label": torch.full((1, 4), -1.0)})


@pytest.mark.parametrize("whole", [False, True])
def test_beyond_the_border_annotators_have_no_label(whole: bool) -> None:
    """As in random patches: neither they nor what is made of their labels is background there."""
    label = torch.zeros(1, 6, 6)
    label[0, 0, 0] = 1
    item = {"image": label + 5, "label": label, "annotators": torch.cat((label, -torch.ones(1, 6, 6)))}
    item |= {"consensus": label, "shares": torch.cat((1 - label, label))}
    plan = replace(example_plan(), crop="label", patch_size=(8, 8))
    (crop,) = patch(plan, list(item), whole=whole)
    found = crop(item)
    beyond = {key: value[0, 0].unique().tolist() for key, value in found.items() if key != "image"}
    assert beyond == {"label": [0], "annotators": [-1], "consensus": [-1], "shares": [-1]}
    assert (found["image"] > 0).all() and (found["annotators"][1] == -1).all()
    assert found["annotators"][0, 4:, 4:].tolist() == label[0, :4, :4].tolist()
