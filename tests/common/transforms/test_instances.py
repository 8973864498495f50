"""Instances of label volumes, and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.apps.detection.transforms.box_ops import convert_mask_to_box

from common.errors import InputError
from common.transforms import (
    DetectInstancesd,
    find_instances,
    instance_rows,
    label_instances,
    merge_instances,
    slice_instances,
)

SEEDS = st.integers(0, 2**31 - 1)


def label_map(seed: int, spatial: tuple[int, ...], density: float = 0.2) -> torch.Tensor:
    generator = np.random.default_rng(seed)
    return torch.from_numpy(np.where(generator.random(spatial) < density, generator.integers(1, 3, spatial), 0))


def flood(labels: np.ndarray) -> set[tuple[int, frozenset]]:
    """Components by flood filling, voxel by voxel."""
    left = {tuple(place) for place in np.argwhere(labels > 0)}
    components = set()
    while left:
        value = labels[next(iter(left))]
        queue, members = [next(iter(left))], set()
        while queue:
            place = queue.pop()
            if place in left and labels[place] == value:
                left.discard(place)
                members.add(place)
                offsets = np.ndindex((3,) * labels.ndim)
                queue += [tuple(np.add(place, offset) - 1) for offset in offsets]
        components.add((int(value), frozenset(members)))
    return components


@settings(deadline=None, max_examples=20)
@given(SEEDS, st.sampled_from([(7, 6), (5, 4, 4), (1, 1), (9,)]))
def test_components_are_those_of_flood_filling(seed: int, spatial: tuple[int, ...]):
    labels = label_map(seed, spatial)
    instances, classes = label_instances(labels)
    assert instances.dtype == torch.int32
    found = {
        (int(value), frozenset(tuple(place) for place in (instances == number).nonzero().tolist()))
        for number, value in enumerate(classes, start=1)
    }
    assert found == flood(labels.numpy())
    # and back: the class map of the instances is the label map
    assert torch.equal(torch.cat([classes.new_zeros(1), classes])[instances.long()], labels)
    assert classes.tolist() == sorted(classes.tolist())


@settings(deadline=None, max_examples=20)
@given(SEEDS, st.sampled_from([(8, 6), (5, 4, 4)]))
def test_boxes_are_monais_and_masks_merge_to_the_map(seed: int, spatial: tuple[int, ...]):
    labels = label_map(seed, spatial, 0.15)
    found = find_instances(torch.stack([labels == 1, labels == 2]).float())
    instances, classes = label_instances(labels)
    assert torch.equal(found["classes"], classes)
    assert torch.equal(merge_instances(found["masks"]), instances)
    coded = torch.where(found["masks"] > 0, found["classes"].reshape(-1, *[1] * len(spatial)), -1)
    boxes, values = convert_mask_to_box(coded)
    if len(classes):
        torch.testing.assert_close(found["boxes"], boxes)
        assert torch.equal(found["classes"], values)


def test_soft_masks_keep_their_values_but_no_other_instance():
    row = torch.tensor([0.2, 0.9, 0.3, 0.6, 0.6, 0.1])
    label = torch.zeros(1, 3, 6)
    label[0, 1] = row
    label[0, 0, 1] = 0.4
    label[0, 2, 3:5] = 0.2
    found = find_instances(label, threshold=0.5)
    assert found["boxes"].tolist() == [[1, 1, 2, 2], [1, 3, 2, 5]]
    np.testing.assert_allclose(found["masks"].amax((1, 2)).numpy(), [0.9, 0.6], rtol=1e-6)
    wide = find_instances(label, threshold=0.09)
    assert torch.equal(wide["masks"][0], label[0])
    diagonal = torch.tensor([[[0.9, 0.3, 0.0], [0.0, 0.0, 0.9], [0.9, 0.0, 0.9]]])
    corner = find_instances(diagonal)  # the box of the second holds nothing of the third
    assert corner["masks"].sum(0).max() <= 1
    assert len(corner["classes"]) == 3


def test_small_ones_are_left_out_and_nothing_is_nothing():
    labels = torch.tensor([[1, 0, 2, 2], [0, 0, 2, 0]])
    assert label_instances(labels, min_voxels=2)[1].tolist() == [2]
    one_hot = torch.stack([labels == 1, labels == 2])
    assert find_instances(one_hot, min_voxels=4)["boxes"].shape == (0, 4)
    empty = find_instances(torch.zeros(2, 5, 4, 3))
    assert [tuple(empty[name].shape) for name in ("boxes", "classes", "masks")] == [(0, 6), (0,), (0, 5, 4, 3)]
    instances, classes = label_instances(torch.zeros(3, 3))
    assert not instances.any()
    assert len(classes) == 0
    assert instance_rows(instances, classes, 1.0) == []
    assert merge_instances(torch.zeros(0, 3, 3)).shape == (3, 3)


def test_the_better_instance_keeps_the_overlap():
    masks = torch.tensor([[1.0, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 0]])
    assert merge_instances(masks, torch.tensor([0.5, 0.9, 0.7])).tolist() == [1, 2, 2, 2]
    assert merge_instances(masks).tolist() == [1, 1, 1, 2]
    assert merge_instances(0.4 * masks, threshold=0.3).tolist() == [1, 1, 1, 2]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_rows(axis: int):
    labels = torch.zeros(4, 4, 6, dtype=torch.int64)
    labels[:2, :2, 1:4] = 2
    labels[3, 3, 5] = 1
    instances, classes = label_instances(labels)
    rows = instance_rows(
        instances.movedim(2, axis), classes, 0.5, {1: "femur", 2: "tibia"}, torch.tensor([0.25, 1.0]), slice_axis=axis
    )
    assert rows == [
        {
            "instance": 1,
            "structure": "femur",
            "voxels": 1,
            "volume_mm3": 0.5,
            "score": 0.25,
            "first_slice": 5,
            "last_slice": 5,
        },
        {
            "instance": 2,
            "structure": "tibia",
            "voxels": 12,
            "volume_mm3": 6.0,
            "score": 1.0,
            "first_slice": 1,
            "last_slice": 3,
        },
    ]
    hidden = instances.where(instances != 1, 0)  # an instance that another one covers has no row
    assert [row["structure"] for row in instance_rows(hidden, classes, 0.5)] == [2]
    assert instance_rows(hidden, classes, 0.5)[0]["score"] == ""


def test_mistakes():
    for action, message in (
        (lambda: find_instances(torch.zeros(1, 2, 2), threshold=1.0), "threshold: .* got 1.0"),
        (lambda: label_instances(torch.ones(2, 2), min_voxels=0), "min_voxels"),
        (lambda: merge_instances(torch.ones(2, 3), torch.ones(1)), "scores: expected one for each of 2"),
        (lambda: instance_rows(torch.tensor([[2]]), torch.tensor([1]), 1.0), "each of 2 instances, got 1"),
    ):
        with pytest.raises(InputError, match=message):
            action()


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_detections_of_a_segmentation_are_the_components_of_each_slice(seed: int) -> None:
    probabilities = torch.rand(2, 6, 5, 3, generator=torch.Generator().manual_seed(seed))
    detections = DetectInstancesd("pred")({"pred": probabilities})["detections"]
    assert len(detections) == len(slice_instances(probabilities)) == 3
    for index, found in enumerate(detections):
        values = probabilities[..., index]
        assert found["masks"].dtype == torch.bool
        for label, mask, score in zip(found["classes"], found["masks"], found["scores"], strict=True):
            assert score.item() == pytest.approx(values[label - 1][mask].mean().item())
        covered = torch.stack([found["masks"][found["classes"] == label].sum(0) for label in (1, 2)])
        winners = values.amax(0) > 0.5
        assert torch.equal(covered, torch.stack([winners & (values.argmax(0) == index) for index in (0, 1)]).long())
        assert torch.equal(found["class_map"], (covered * torch.tensor([1, 2])[:, None, None]).sum(0).byte())
