"""Fusing patterns is fusing voxels; and the disputed region."""

from __future__ import annotations

import pytest
import torch

from common.errors import ArgumentError
from common.fusion import distinct_patterns, fuse_patterns, is_disputed, staple
from common.transforms.fuse_annotators import fuse_annotators

LABELS = torch.randint(-1, 3, (4, 20, 15), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("method", ["mean", "majority", "staple"])
def test_patterns_are_voxels(method: str):
    patterns, index, counts = distinct_patterns(LABELS.flatten(1), 3)
    found = fuse_patterns(patterns, counts, 3, method)
    voxels = fuse_annotators(LABELS, method, 3)
    torch.testing.assert_close(found.labels[index.long()].view(20, 15), voxels.labels)
    torch.testing.assert_close(found.probabilities[:, index.long()].view(3, 20, 15), voxels.probabilities)
    assert (found.ties, found.converged) == (voxels.ties, voxels.converged)
    truth = voxels.probabilities.clamp_min(0)
    joint = [[[(truth[j] * (one == i)).sum() for j in range(3)] for i in range(3)] for one in LABELS]
    torch.testing.assert_close(found.joint, torch.tensor(joint, dtype=torch.float64))


def test_the_disputed_region_is_staple_of_the_disputed_voxels():
    labels = torch.zeros(3, 400, dtype=torch.long)
    labels[:, :60] = torch.randint(0, 2, (3, 60), generator=torch.Generator().manual_seed(1))
    labels[0, :60] = labels[1, :60]  # the third is the one who errs
    labels[0, :5] = 1 - labels[1, :5]
    disputed = is_disputed(labels)
    assert torch.equal(disputed, torch.tensor([len(column.unique()) > 1 for column in labels.T]))
    expected = staple(labels[:, disputed])
    found = fuse_annotators(labels, "staple", 2, region="disputed")
    torch.testing.assert_close(found.probabilities[:, disputed], expected.probabilities)
    torch.testing.assert_close(found.confusion, expected.confusion)
    assert torch.equal(found.labels[~disputed], labels[0, ~disputed])
    assert torch.equal(found.probabilities[1, ~disputed], labels[0, ~disputed].double())


def test_background_does_not_change_the_disputed_region():
    labels = torch.randint(0, 2, (3, 50), generator=torch.Generator().manual_seed(2))
    wide = torch.nn.functional.pad(labels, (0, 10000))
    near, far = (fuse_annotators(one, "staple", 2, region="disputed").probabilities[:, :50] for one in (labels, wide))
    torch.testing.assert_close(near, far)
    near, far = (fuse_annotators(one, "staple", 2).probabilities[:, :50] for one in (labels, wide))
    assert not torch.allclose(near, far, atol=0.01)


def test_nobody_disagrees():
    labels = torch.tensor([[0, 1, 1, -1], [0, 1, -1, -1]])
    found = fuse_annotators(labels, "staple", 2, region="disputed")
    assert found.labels.tolist() == [0, 1, 1, -1]
    assert found.converged
    assert torch.equal(found.confusion, torch.eye(2, dtype=torch.float64).expand(2, 2, 2))


def test_arguments():
    patterns, counts = torch.tensor([[0, 1]]), torch.tensor([3])
    with pytest.raises(ArgumentError, match="method: expected one of mean, majority, staple, got spatial_staple"):
        fuse_patterns(patterns, counts, 2, "spatial_staple")
    with pytest.raises(ArgumentError, match="region: expected one of all, disputed, got border"):
        fuse_patterns(patterns, counts, 2, region="border")
    with pytest.raises(ArgumentError, match="prior: expected one of mean's options"):
        fuse_patterns(patterns, counts, 2, "mean", options={"prior": [1, 1]})
