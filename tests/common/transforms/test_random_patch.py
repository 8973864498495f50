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


def test_odds_of_a_structure_rise_with_the_share_of_patches_around_it() -> None:
    """A place is seen in 3 of 30 patches; of the images that show it alike one in five has a structure there."""
    share, seen, prior, place = 0.33, 3 / 30, 0.2, 15
    crop = RandomPatch([3], foreground=share).set_random_state(0)
    images = [{"image": torch.arange(32.0)[None], "label": torch.zeros(1, 32)} for _ in range(5)]
    images[0]["label"][0, place] = 1
    found = [
        float(patch["label"].sum())
        for _ in range(2000)
        for patch in map(crop, images)
        if place in patch["image"][0].tolist()
    ]
    odds = prior / (1 - prior) * (1 - share + share / seen)
    assert sum(found) / len(found) == pytest.approx(odds / (1 + odds), abs=0.04)


@pytest.mark.parametrize("share", [1.5, -0.1, "all", float("nan")])
def test_a_share_outside_of_0_and_1_is_refused(share: float) -> None:
    with pytest.raises(InputError, match="foreground_patches: expected a share in"):
        RandomPatch([4, 4], foreground=share)
