"""The labels of some annotators of each image, or of each slice."""

from __future__ import annotations

import pytest
import torch

from common.errors import InputError
from common.noise import case_generator
from common.noise.simulated_annotators import choose_annotators
from common.transforms import KeepAnnotatorsd


def test_drawn_among_those_who_labeled() -> None:
    labels = torch.ones(4, 3, 2)
    labels[1] = -1
    seen = set()
    for case in map(str, range(40)):
        kept = KeepAnnotatorsd("annotators", 1, seed=2)({"case": case, "annotators": labels})["annotators"]
        (row,) = (kept >= 0).flatten(1).any(1).nonzero().flatten().tolist()
        names = ["0", "2", "3"]
        assert [str(row)] == choose_annotators(names, 1, case_generator(2, case))
        seen.add(row)
    assert seen == {0, 2, 3} and (labels[0] == 1).all()


def test_each_slice_is_an_image() -> None:
    labels = torch.ones(3, 2, 2, 12)
    kept = KeepAnnotatorsd("annotators", 1, slice_axis=2)({"case": "a", "annotators": labels})["annotators"]
    rows = (kept >= 0).flatten(1, 2).any(1)
    assert (rows.sum(0) == 1).all() and rows.any(1).all()
    single = {"case": "a_003", "annotators": labels[..., 3]}
    assert torch.equal(KeepAnnotatorsd("annotators", 1)(single)["annotators"], kept[..., 3])


@pytest.mark.parametrize("count", [0, -1, 1.5, True])
def test_a_wrong_count(count: object) -> None:
    with pytest.raises(InputError, match="labels_per_image: expected a whole number from 1 up"):
        KeepAnnotatorsd("annotators", count)  # type: ignore[arg-type]
