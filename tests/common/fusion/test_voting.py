"""Fusion by counting, against a loop over voxels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor

from common.errors import ArgumentError
from common.fusion import majority_vote, mean_label, staple
from common.fusion.voting import class_labels


def random_labels(seed: int, annotators: int, classes: int, *spatial: int) -> torch.Tensor:
    """Labels from −1 (absent) up."""
    return torch.from_numpy(np.random.default_rng(seed).integers(-1, classes, (annotators, *spatial)))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 4))
def test_against_counting_voxel_by_voxel(seed: int, annotators: int, classes: int):
    labels = random_labels(seed, annotators, classes, 3, 4)
    mean, majority = mean_label(labels, classes), majority_vote(labels, classes)
    assert (mean.shape, mean.dtype) == ((classes, 3, 4), torch.float64)
    assert (majority.shape, majority.dtype) == ((3, 4), torch.int64)
    for x in np.ndindex(3, 4):
        votes = Counter(one for one in labels[:, *x].tolist() if one >= 0)
        if votes:
            expected = [votes[one] / votes.total() for one in range(classes)]
            most = min(one for one in votes if votes[one] == max(votes.values()))
        else:
            expected, most = [-1] * classes, -1
        assert mean[:, *x].tolist() == pytest.approx(expected, abs=1e-15)
        assert majority[x] == most


def test_mean_of_binary_labels_is_the_foreground():
    labels = random_labels(0, 5, 2, 4, 4, 4).clamp_min(0)
    torch.testing.assert_close(mean_label(labels)[1], labels.double().mean(0))


@pytest.mark.parametrize("cast", [torch.uint8, torch.int8, torch.int32, torch.uint16, torch.bool, torch.float16])
def test_any_type_of_whole_numbers(cast: torch.dtype):
    labels = random_labels(1, 3, 2, 5, 5).clamp_min(0)
    assert torch.equal(majority_vote(MetaTensor(labels.to(cast))), majority_vote(labels))
    assert type(mean_label(MetaTensor(labels.to(cast)))) is torch.Tensor
    assert torch.equal(labels, random_labels(1, 3, 2, 5, 5).clamp_min(0))


@pytest.mark.parametrize("shape", [(1, 1), (3, 0), (2, 4, 0), (1, 1, 1, 1)])
def test_empty_and_size_one(shape: tuple[int, ...]):
    labels = torch.zeros(shape)
    assert majority_vote(labels).shape == shape[1:]
    assert mean_label(labels, 3).shape == (3, *shape[1:])
    assert not majority_vote(labels).any()


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        (torch.zeros(0, 4), None, "at least one annotator"),
        (torch.zeros(4), None, r"got the shape \(4,\)"),
        (torch.tensor([[0.5, 1.0]]), None, "fractions"),
        (torch.tensor([[float("nan")]]), None, "not finite"),
        (torch.tensor([[-2, 1]]), None, "from -2 to 1"),
        (torch.tensor([[0, 255]]), 2, "classes 0 to 1.*from 0 to 255"),
        (torch.zeros(1, 1), 0, "num_classes"),
    ],
)
def test_what_is_no_label_is_refused(labels: torch.Tensor, classes: int | None, message: str):
    for fuse in (class_labels, mean_label, majority_vote):
        with pytest.raises(ArgumentError, match=message):
            fuse(labels, classes)


@pytest.mark.parametrize("fuse", [majority_vote, mean_label, staple])
def test_masks_of_0_and_255_are_refused(fuse: Callable[..., object]) -> None:
    """256 classes would be taken, of which 254 are nowhere; who has such numbers says so."""
    labels = torch.tensor([[0, 255, 255], [0, 0, 255]], dtype=torch.uint8)
    with pytest.raises(ArgumentError, match="got 2 different values up to 255, as in masks of 0 and 255"):
        fuse(labels)
    fuse(labels, num_classes=256)
    for few in ([[0, 31, 5]], [list(range(20, 41))]):
        fuse(torch.tensor(few * 2))
