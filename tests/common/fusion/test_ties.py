"""One tie rule: of equally probable classes the smallest, whatever computes their probabilities."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from common.errors import SentenceError
from common.fusion import count_ties, exceeds, majority_vote, mean_label, most_probable_class, staple
from common.losses.soft_active_passive import hard_label
from common.transforms import FuseAnnotatorsd, HardLabeld, find_instances
from common.transforms.fuse_annotators import fuse_annotators

METHODS = ["mean", "majority", "staple"]


def nested(inner: int, outer: int, padding: int) -> torch.Tensor:
    """Two annotators, one square inside the other."""
    labels = torch.zeros(2, outer + padding, outer + padding, dtype=torch.int8)
    labels[0, :inner, :inner] = 1
    labels[1, :outer, :outer] = 1
    return labels


def test_a_nested_pair_is_a_tie_whatever_its_sizes_and_the_padding() -> None:
    """180 pairs; the exact posterior of what lies between them is 1/2."""
    for outer in range(4, 24, 2):
        for inner in range(1, 4):
            for padding in (1, 2, 3, 7, 20, 50):
                labels = nested(inner, outer, padding)
                posterior = staple(labels).probabilities[1][labels[0] != labels[1]]
                assert (posterior - 0.5).abs().max() < 1e-9
                fused = fuse_annotators(labels, "staple")
                assert torch.equal(fused.labels, labels[0].long())
                assert fused.ties == outer**2 - inner**2


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float32, torch.float64])
@pytest.mark.parametrize("method", METHODS)
def test_all_methods_and_types_agree_on_a_tie(method: str, dtype: torch.dtype) -> None:
    labels = nested(5, 11, 4).to(dtype)
    fused = fuse_annotators(labels, method)
    assert torch.equal(fused.labels, labels[0].long())
    assert fused.ties == 11**2 - 5**2


TWO_THREADS = """
import torch
from common.fusion import majority_vote, mean_label, most_probable_class, staple
assert torch.get_num_threads() == 2
labels = torch.zeros(2, 300, 300, dtype=torch.uint8)
labels[0, :100, :100] = labels[1, :200, :200] = 1
for kind in (torch.uint8, torch.float32):
    drawn = labels.to(kind)
    for fused in (mean_label(drawn), staple(drawn).probabilities):
        assert torch.equal(most_probable_class(fused), labels[0].long()), kind
    assert torch.equal(majority_vote(drawn), labels[0].long()), kind
"""


def test_two_threads_agree_on_a_tie() -> None:
    """In a process of its own: where threads have computed, a worker of a `DataLoader` that is forked may hang."""
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    command = [sys.executable, "-W", "ignore", "-c", TWO_THREADS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_is_trained_on_is_what_it_is_compared_with() -> None:
    """A share of one half: the soft label's hard label, its instances, its truth and the vote are all background."""
    labels = nested(3, 6, 2)
    share = mean_label(labels)[1:].float()
    for noise in (0.0, 2.0**-23, -(2.0**-23)):
        soft = (share + noise).clamp(0, 1)
        expected = majority_vote(labels)
        assert torch.equal(hard_label(torch.stack((1 - soft, soft), 1))[0, 1].long(), expected)
        assert torch.equal(exceeds(soft)[0].long(), expected)
        assert torch.equal(HardLabeld("label")({"label": soft})["label"][0].long(), expected)
        found = find_instances(soft)
        assert torch.equal(exceeds(found["masks"]).any(0).long(), expected)
        assert found["boxes"].tolist() == [[0, 0, 3, 3]]


def test_three_classes() -> None:
    p = torch.tensor([[0.2, 1 / 3, 0.4], [0.4, 1 / 3, 0.2], [0.4, 1 / 3, 0.4]])
    assert most_probable_class(p).tolist() == [1, 0, 0]
    assert count_ties(p) == 3
    labels = torch.tensor([[2, 1, 0], [1, 2, 0], [-1, -1, 2]])
    for method in METHODS[:2]:
        assert fuse_annotators(labels, method).labels.tolist() == [1, 1, 0]


@pytest.mark.parametrize("method", [*METHODS, "spatial_staple"])
def test_what_nobody_labeled_stays_so(method: str) -> None:
    labels = torch.tensor([[[0, 1, 1, -1]], [[0, 1, -1, -1]], [[0, 1, -1, -1]]])
    fused = fuse_annotators(labels, method)
    assert fused.labels.tolist() == [[0, 1, 1, -1]]
    assert (fused.probabilities[..., 3] == -1).all()
    assert fused.confusion.isfinite().all() and (fused.confusion >= 0).all()
    item = FuseAnnotatorsd("annotators", "label", method, 2, soft=True)({"annotators": labels})
    assert (item["label"][..., 3] == -1).all()
    torch.testing.assert_close(item["label"][..., :3].sum(0), torch.ones(1, 3))
    assert find_instances(item["label"][1:])["masks"][0, 0, 3] <= 0


def test_thresholds_out_of_range_are_named() -> None:
    for threshold in (-0.1, 1.0):
        with pytest.raises(SentenceError, match="threshold: expected a number from 0 to below 1"):
            find_instances(torch.zeros(1, 4, 4), threshold)
