"""Slices of volumes: which, in which order, and that they are copies."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from monai.data import DataLoader, MetaTensor
from monai.transforms import EnsureTyped

from common.datasets import SliceDataset
from common.datasets.in_memory import in_memory
from common.errors import InputError


def volumes(*depths):
    return [
        {
            "image": torch.randn(2, 6, 5, depth, generator=torch.Generator().manual_seed(depth)),
            "label": np.full((1, 6, 5, depth), depth),
            "case": f"case_{depth}",
            "spacing": torch.tensor([1.0, 1.0, 8.0]),
        }
        for depth in depths
    ]


def test_every_slice_once_in_order():
    source = volumes(3, 1, 2)
    slices = SliceDataset(source)
    assert len(slices) == 6
    for index, (volume, position) in enumerate([(0, 0), (0, 1), (0, 2), (1, 0), (2, 0), (2, 1)]):
        item = slices[index]
        assert torch.equal(item["image"], source[volume]["image"][..., position])
        assert item["label"].shape == (1, 6, 5)
        assert torch.equal(item["label"], torch.from_numpy(source[volume]["label"][..., position]))
        assert item["case"] == source[volume]["case"]
        assert item["spacing"].tolist() == [1.0, 1.0, 8.0]
    assert torch.equal(slices[-1]["image"], source[2]["image"][..., 1])
    with pytest.raises(IndexError):
        slices[6]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_along_any_axis(axis):
    volume = torch.rand(1, 4, 3, 2)
    slices = SliceDataset([{"image": volume}], slice_axis=axis)
    assert torch.equal(torch.stack([item["image"] for item in slices], axis + 1), volume)


def test_slices_are_plain_copies():
    image = MetaTensor(torch.zeros(1, 4, 4, 2))
    item = SliceDataset([{"image": image}])[0]
    assert type(item["image"]) is torch.Tensor
    assert item["image"].is_contiguous()
    item["image"] += 1
    assert image.sum() == 0


def test_batches_of_a_cache_by_workers():
    cache = in_memory(volumes(3, 2), EnsureTyped(["image", "label"], track_meta=False))
    slices = pickle.loads(pickle.dumps(SliceDataset(cache)))
    batches = list(DataLoader(slices, batch_size=2, num_workers=2))
    assert torch.equal(torch.cat([b["image"] for b in batches]), torch.stack([s["image"] for s in slices]))
    assert [case for b in batches for case in b["case"]] == ["case_3"] * 3 + ["case_2"] * 2


def test_empty_and_wrong_volumes():
    assert len(SliceDataset([])) == 0
    assert len(SliceDataset([{"image": torch.zeros(1, 4, 4, 0)}])) == 0
    with pytest.raises(InputError, match="slice_axis must be 0, 1 or 2, got 3"):
        SliceDataset([], slice_axis=3)
    with pytest.raises(InputError, match=r"Volume a: .* got image 3, label 2"):
        SliceDataset([{"image": torch.zeros(1, 4, 4, 3), "label": torch.zeros(1, 4, 4, 2), "case": "a"}])
    with pytest.raises(InputError, match=r"Volume number 0: .* got none"):
        SliceDataset([{"image": torch.zeros(1, 4, 4)}])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_only_slices_in_which_something_is_drawn(axis):
    """By the label or by any annotator; −1, not labeled, is nothing drawn."""
    label, annotators = torch.zeros(1, 4, 5, 6), -torch.ones(2, 4, 5, 6)
    label.select(axis + 1, 1)[0, 0, 0] = 1
    annotators.select(axis + 1, 3)[1, 2, 2] = 2
    items = [{"label": label, "annotators": annotators}, {"label": torch.zeros(1, 4, 5, 6)}]
    found = SliceDataset(items, axis, foreground=["label", "annotators"])
    assert found.index == [(0, 1), (0, 3)]
    assert len(SliceDataset(items, axis)) == 2 * (4, 5, 6)[axis]
