"""Random patches."""

from __future__ import annotations

import pytest
import torch

from common.errors import InputError
from common.transforms import RandomPatch


def item(size: tuple[int, ...] = (20, 16)) -> dict:
    image = torch.arange(float(torch.tensor(size).prod())).reshape(1, *size)
    label = torch.zeros(1, *size)
    label[(0, *(side - 1 for side in size))] = 1
    return {"image": image, "label": label, "annotators": label.repeat(2, *[1] * len(size)), "case": "a", "weight": 3.0}


def test_all_arrays_are_cut_alike() -> None:
    crop = RandomPatch([4, 5]).set_random_state(0)
    for _ in range(20):
        patch = crop(item())
        assert patch["image"].shape == (1, 4, 5) and patch["annotators"].shape == (2, 4, 5)
        assert torch.equal(patch["label"], (patch["image"] == 319).float())
        assert patch["case"] == "a" and patch["weight"] == 3.0


def test_the_foreground_is_seen_as_often_as_asked() -> None:
    always, never = (RandomPatch([4, 4], foreground=p).set_random_state(0) for p in (1.0, 0.0))
    assert all(always(item())["label"].sum() == 1 for _ in range(20))
    # the corner voxel lies in one of 17 × 13 places
    assert sum(float(never(item())["label"].sum()) for _ in range(300)) < 15


def test_without_foreground_and_without_labels_every_place_is_drawn() -> None:
    crop = RandomPatch([3], foreground=1.0).set_random_state(0)
    starts = {float(crop({"image": torch.arange(5.0)[None]})["image"][0, 0]) for _ in range(60)}
    assert starts == {0, 1, 2}


def test_an_image_that_is_no_larger_stays_whole() -> None:
    crop = RandomPatch([32, 5]).set_random_state(0)
    assert crop(item())["image"].shape == (1, 20, 5)
    assert crop(item((4, 4)))["image"].shape == (1, 4, 4)


def test_volumes() -> None:
    crop = RandomPatch([2, 3, 4], foreground=1.0).set_random_state(0)
    patch = crop(item((5, 6, 7)))
    assert patch["image"].shape == (1, 2, 3, 4) and patch["label"].sum() == 1


def test_a_probability_outside_of_0_and_1_is_refused() -> None:
    with pytest.raises(InputError, match="foreground"):
        RandomPatch([4, 4], foreground=1.5)
