"""Soft labels of an item."""

from __future__ import annotations

import pickle

import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, RandomizableTrait

from common.errors import InputError
from common.fusion import soft_label_steps, structure_masks
from common.io import LoadRegionsd, Region
from common.transforms import SoftLabelFromRatersd


@pytest.fixture
def item():
    generator = torch.Generator().manual_seed(0)
    affine = torch.diag(torch.tensor([2.0, 2.0, 3.0, 1.0], dtype=torch.float64))
    draw = lambda high, *shape: torch.randint(high, shape, generator=generator)  # noqa: E731
    return {
        "image": MetaTensor(torch.rand(1, 6, 5, 4, generator=generator), affine=affine),
        "bones": MetaTensor(draw(3, 1, 6, 5, 4).float(), affine=affine),
        "raters": draw(2, 3, 2, 6, 5, 4),
        "case": "k1",
    }


def test_is_the_function_in_the_geometry_of_the_image(item):
    result = SoftLabelFromRatersd("raters", hyperintensity=1.0, neighbour_slices=0.5, keep_steps=True)(item)
    bones = structure_masks(item["bones"].as_tensor()[0], [1, 2])
    steps = soft_label_steps(
        item["raters"], item["image"].as_tensor()[0], bones, hyperintensity=1.0, neighbour_slices=0.5
    )
    assert torch.equal(result["label"].as_tensor(), steps["neighbours"])
    assert result["label"].dtype == torch.float32
    assert torch.equal(result["label"].affine, item["image"].affine)
    for name, label in steps.items():
        assert torch.equal(result[f"label_{name}"].as_tensor(), label)
    assert "label" not in item


def test_one_channel_and_one_mask_for_all_structures(item):
    apply = SoftLabelFromRatersd("raters", foreground=True, hyperintensity=None, neighbour_slices=None)
    single = item | {"raters": item["raters"][:, 0]}
    expected = single["raters"].float().mean(0) * (item["bones"].as_tensor()[0] > 0)
    torch.testing.assert_close(apply(single)["label"].as_tensor(), expected[None])
    assert apply(item)["label"].shape == (1, 6, 5, 4)


def test_annotators_of_pictures_without_anatomy():
    masks = torch.tensor([[[1, 1, 0]], [[-1, -1, -1]], [[1, 0, 0]]])
    item = {"annotators": masks, "image": torch.zeros(1, 1, 3), "case": "a"}
    options = {"anatomy_key": None, "hyperintensity": None, "restrict": False}
    label = SoftLabelFromRatersd("annotators", neighbour_slices=None, **options)(item)["label"]
    assert label.tolist() == [[[1.0, 0.5, 0.0]]]
    with pytest.raises(InputError, match=r"Case a, annotators: slice_axis: 2 is no axis"):
        SoftLabelFromRatersd("annotators", **options)(item)


def test_slice_axis(item):
    turned = {
        "image": item["image"].movedim(-1, 1),
        "bones": item["bones"].movedim(-1, 1),
        "raters": item["raters"].movedim(-1, 2),
    }
    first = SoftLabelFromRatersd("raters", slice_axis=0)(turned)["label"]
    last = SoftLabelFromRatersd("raters", slice_axis=2)(item)["label"]
    assert torch.equal(first.movedim(1, -1).as_tensor(), last.as_tensor())


def test_chain_of_regions_is_cacheable_and_picklable(item):
    chain = Compose([LoadRegionsd("raters", ["femur", "tibia"]), SoftLabelFromRatersd("raters", "soft")])
    assert not any(isinstance(step, RandomizableTrait) for step in chain.transforms)
    regions = (Region("k1", "a", 1, "tibia", 0, 0, 6, 5), Region("k1", "b"))
    result = pickle.loads(pickle.dumps(chain))(item | {"raters": regions})
    assert result["soft"].shape == (2, 6, 5, 4)
    tibia = item["bones"].as_tensor()[0, ..., 1] == 2
    assert (result["soft"].as_tensor()[1, ..., 1][tibia] >= 0.5).all()
    assert not result["soft"].as_tensor()[1, ..., 1][~tibia].any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"output_keys": ("a", "b")}, "output_keys"),
        ({"anatomy_labels": ()}, "anatomy_labels"),
        ({"neighbour_slices": 2.0}, "neighbour_slices"),
        ({"hyperintensity": -1.0}, "hyperintensity"),
        ({"slice_axis": 3}, "slice_axis"),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(InputError, match=message):
        SoftLabelFromRatersd("raters", **options)


def test_the_case_is_named(item):
    apply = SoftLabelFromRatersd("raters")
    with pytest.raises(InputError, match=r"Case k1, raters: .*3 who did not"):
        apply(item | {"raters": torch.full((3, 2, 6, 5, 4), -1)})
    with pytest.raises(InputError, match=r"Case k1.*same shape"):
        apply(item | {"bones": item["bones"][..., :3]})
    with pytest.raises(InputError, match=r"Case k1.*got .* and None"):
        apply({key: value for key, value in item.items() if key != "bones"})
    missing = SoftLabelFromRatersd("absent", allow_missing_keys=True)
    assert missing(item).keys() == item.keys()


@pytest.mark.parametrize("foreground", [False, True])
def test_what_nobody_rated_stays_so(item, foreground: bool):
    item["raters"][..., 0] = -1
    label = SoftLabelFromRatersd("raters", foreground=foreground)(item)["label"]
    assert (label[..., 0] == -1).all() and (label[..., 1:] >= 0).all()
