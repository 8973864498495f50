"""One draw per case that may be cached, or a fresh one each time that may not."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from monai.data import CacheDataset, DataLoader, Dataset, MetaTensor
from monai.transforms import Compose, RandomizableTrait

from common.datasets.in_memory import in_memory
from common.errors import ArgumentError, InputError
from common.noise import case_generator, deform_label, sample_gaussian_field
from common.transforms import GaussianFieldNoised, RandGaussianFieldNoised

A, B = 0.05, 0.1


def box(*spatial: int, channels: int = 1, dtype: torch.dtype = torch.uint8) -> torch.Tensor:
    label = torch.zeros(channels, *spatial, dtype=dtype)
    label[(slice(None), *(slice(size // 4, 3 * size // 4) for size in spatial))] = 1
    return label


def cases(count: int) -> list[dict]:
    return [{"case": f"case_{index}", "label": box(24, 24)} for index in range(count)]


@pytest.mark.parametrize("spatial", [(24, 20), (16, 12, 10)])
def test_fixed_draw_is_the_field_of_seed_and_case(spatial: tuple[int, ...]):
    label = box(*spatial, channels=2)
    noisy = GaussianFieldNoised("label", A, B, seed=3)({"case": "case_1", "label": label})["label"]
    field = sample_gaussian_field(spatial, A, B, case_generator(3, "case_1"))
    assert torch.equal(noisy, deform_label(label[None], field)[0])
    assert noisy.dtype == label.dtype
    assert not torch.equal(noisy, label)


def test_fixed_draw_differs_between_cases_and_seeds_only():
    item, other = cases(2)
    noise = GaussianFieldNoised("label", A, B)
    first = noise(item)["label"]
    assert not torch.equal(noise(other)["label"], first)
    assert torch.equal(noise(item)["label"], first)
    assert not torch.equal(GaussianFieldNoised("label", A, B, seed=1)(item)["label"], first)
    assert torch.equal(item["label"], box(24, 24))  # the input is left alone


def test_fixed_draw_is_cached_and_the_same_on_workers():
    noise = GaussianFieldNoised("label", A, B)
    assert not isinstance(noise, RandomizableTrait)
    expected = torch.stack([noise(item)["label"] for item in cases(4)])
    cached = in_memory(cases(4), noise)
    assert torch.equal(torch.stack([entry["label"] for entry in cached._cache]), expected)
    workers = DataLoader(Dataset(cases(4), noise), batch_size=2, num_workers=2)
    assert torch.equal(torch.cat([batch["label"] for batch in workers]), expected)


def test_fresh_draw_is_not_cached():
    noise = RandGaussianFieldNoised("label", A, B)
    assert isinstance(noise, RandomizableTrait)
    dataset = CacheDataset(cases(1), Compose([noise]), progress=False)
    assert not torch.equal(dataset[0]["label"], dataset[0]["label"])


def test_probability_of_a_fresh_draw():
    item, clean = cases(1)[0], box(24, 24)
    noise = RandGaussianFieldNoised("label", A, B, prob=0.3).set_random_state(seed=0)
    share = np.mean([not torch.equal(noise(item)["label"], clean) for _ in range(500)])
    assert abs(share - 0.3) < 4 * math.sqrt(0.3 * 0.7 / 500)
    assert torch.equal(RandGaussianFieldNoised("label", A, B, prob=0.0)(item)["label"], clean)


@pytest.mark.parametrize("noise", [GaussianFieldNoised, RandGaussianFieldNoised])
def test_all_labels_of_a_case_move_together(noise):
    label = torch.randint(0, 5, (1, 20, 20), generator=torch.Generator().manual_seed(0))
    item = noise(("label", "soft"), A, B)({"case": "case_1", "label": label, "soft": label / 5, "image": label})
    assert torch.equal(item["label"] / 5, item["soft"])
    assert not torch.equal(item["label"], label)
    assert torch.equal(item["image"], label)


def test_without_noise_labels_stay():
    item = cases(1)[0]
    assert torch.equal(GaussianFieldNoised("label", a=0.0)(item)["label"], item["label"])


def test_millimeters_are_those_of_the_metadata():
    label = MetaTensor(box(20, 20, 10, dtype=torch.float32), affine=torch.diag(torch.tensor([-1.0, 1.0, 2.5, 1.0])))
    noisy = GaussianFieldNoised("label", a=1.5, b=4.0, millimetres=True)({"case": "c", "label": label})["label"]
    field = sample_gaussian_field((20, 20, 10), 1.5, 4.0, case_generator(0, "c"), spacing=(1.0, 1.0, 2.5))
    assert torch.equal(noisy.as_tensor(), deform_label(label.as_tensor()[None], field)[0])
    assert torch.equal(noisy.affine, label.affine)


@pytest.mark.parametrize("noise", [GaussianFieldNoised, RandGaussianFieldNoised])
def test_mistakes_are_named(noise):
    with pytest.raises(ArgumentError, match="a: expected the standard deviation"):
        noise("label", a=-0.1)
    with pytest.raises(ArgumentError, match="b: expected the correlation length"):
        noise("label", a=0.1, b=0.0)
    with pytest.raises(InputError, match="one shape"):
        noise(("label", "other"), A, B)({"case": "c", "label": box(8, 8), "other": box(8, 9)})
    with pytest.raises(InputError, match="no voxel size"):
        noise("label", A, B, millimetres=True)({"case": "c", "label": box(8, 8)})


def test_mistakes_of_one_kind_of_draw_are_named():
    with pytest.raises(InputError, match="Case c: "):
        GaussianFieldNoised("label", A, B, millimetres=True)({"case": "c", "label": box(8, 8)})
    with pytest.raises(InputError, match="'case'"):
        GaussianFieldNoised("label", A, B)({"label": box(8, 8)})
    with pytest.raises(InputError, match="prob"):
        RandGaussianFieldNoised("label", A, B, prob=1.5)


def test_class_maps_move_and_what_nobody_labeled_stays():
    label = torch.zeros(1, 32, 32)
    label[0, 8:16, 8:24], label[0, 16:24, 8:24] = 1, 2
    moved = GaussianFieldNoised("label", a=0.1)({"case": "a", "label": label})["label"]
    assert set(moved.unique().tolist()) == {0, 1, 2} and not torch.equal(moved, label)
    partly = label.clone()
    partly[..., 20:] = -1
    noisy = GaussianFieldNoised("label", a=0.1)({"case": "a", "label": partly})["label"]
    assert torch.equal(noisy < 0, partly < 0)
    same = (noisy == moved) | (noisy == label)
    assert same[partly >= 0].all() and not torch.equal(noisy, partly)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_volume_of_one_slice_is_a_picture(axis: int):
    """In mm a displacement across a slice of 1 mm would leave the image, and most of the label with it."""
    picture = MetaTensor(box(32, 24), affine=torch.eye(4))
    volume = MetaTensor(picture.as_tensor().unsqueeze(axis + 1), affine=torch.eye(4))
    for noise in (GaussianFieldNoised, RandGaussianFieldNoised):
        found = []
        for label in (picture, volume):
            step = noise("label", a=2.0, b=8.0, millimetres=True)
            if isinstance(step, RandGaussianFieldNoised):
                step.set_random_state(3)
            found.append(step({"case": "c", "label": label})["label"].as_tensor())
        of_picture, of_volume = found
        assert of_volume.sum() > 0.7 * picture.sum()
        if axis == 2:  # along which the displacement is drawn last
            assert torch.equal(of_volume[..., 0], of_picture)
            assert not torch.equal(of_picture, picture.as_tensor())
