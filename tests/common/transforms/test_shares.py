"""Soft labels as shares of classes."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from common.errors import InputError
from common.transforms import ClassShares, SpacingSoftLabeld, class_shares


def test_shares_of_those_who_labeled():
    labels = torch.tensor([[0.0, 1, 2, -1, -1], [0, 1, 1, 2, -1], [1, 1, 0, -1, -1]])
    expected = torch.tensor([[1 / 3, 1, 1 / 3, 0, -1], [0, 0, 1 / 3, 1, -1]])
    torch.testing.assert_close(class_shares(labels, 3), expected)
    majority = class_shares(labels, 3, "majority")
    assert majority.tolist() == [[0, 1, 0, 0, -1], [0, 0, 0, 1, -1]], "a tie of three is background, the smallest"


def test_one_label_is_one_hot_whatever_the_fusion():
    label = MetaTensor(torch.tensor([[0.0, 1, 2, -1]]), affine=2 * torch.eye(4))
    for fusion in ("mean", "staple"):
        shares = class_shares(label, 3, fusion)
        assert shares.tolist() == [[0, 1, 0, -1], [0, 0, 1, -1]]
        assert torch.equal(shares.affine, label.affine)


def test_the_first_source_counts_and_the_others_go():
    item = {"case": "a", "image": torch.ones(1, 2), "label": torch.tensor([[1.0, 0]]), "bones": "b", "regions": ()}
    item["annotators"] = torch.tensor([[0.0, 1], [0, -1]])
    assert ClassShares(2)(item)["label"].tolist() == [[0, 1]]
    assert ClassShares(2, sources=("label", "annotators"))(item)["label"].tolist() == [[1, 0]]
    assert ClassShares(2, sources=("annotators",), annotator=1)(item)["label"].tolist() == [[0, -1]]
    soft = ClassShares(2)(item | {"soft_label": torch.tensor([[0.25, 0.5]])})
    assert soft["label"].tolist() == [[0.25, 0.5]] and soft.keys() == {"case", "image", "label"}


def test_mistakes_are_named():
    with pytest.raises(InputError, match="fusion: expected one of mean, majority"):
        ClassShares(2, "median")
    with pytest.raises(InputError, match="sources: expected some of"):
        ClassShares(2, sources=("mask",))
    with pytest.raises(InputError, match="Case a: expected label or annotators, got none of them"):
        ClassShares(2, sources=("label", "annotators"))({"case": "a"})


def test_what_nobody_labeled_is_not_mixed_by_resampling():
    label = torch.tensor([1.0, 1, 0, -1]).reshape(1, 4, 1, 1)
    item = SpacingSoftLabeld("label", (0.5, -1, -1))({"label": MetaTensor(label, affine=torch.eye(4))})
    assert item["label"].flatten().tolist() == [1, 1, 1, 0.5, 0, -1, -1]
