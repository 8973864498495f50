"""Logits as class maps."""

from __future__ import annotations

import pytest
import torch

from common.transforms import ConsensusLabeld, as_class_map


def test_one_channel_is_foreground_above_the_threshold() -> None:
    assert as_class_map(torch.tensor([[-0.1, 0.0, 0.1]])).tolist() == [[0, 0, 1]]
    assert as_class_map(torch.tensor([[0.4, 0.5, 0.6]]), threshold=0.5).tolist() == [[0, 0, 1]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_of_equal_classes_the_smallest_wins(dtype: torch.dtype) -> None:
    values = torch.tensor([[0.3, 0.1, 0.0], [0.3, 0.4, 0.0], [0.2, 0.4, 1.0]], dtype=dtype)
    assert as_class_map(values).tolist() == [[0, 1, 2]]


def test_the_consensus_takes_the_place_of_the_label_only_where_asked() -> None:
    item = {"annotators": torch.tensor([[[1.0, 0.0]], [[1.0, -1.0]], [[0.0, -1.0]]]), "label": torch.zeros(1, 1, 2)}
    assert ConsensusLabeld(2)(item)["label"].tolist() == [[[1.0, 0.0]]]
    assert ConsensusLabeld(2, replace=False)(item)["label"].tolist() == [[[0.0, 0.0]]]
    assert ConsensusLabeld(2)({"label": item["label"]}).keys() == {"label"}
