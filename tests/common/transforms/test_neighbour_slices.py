"""Neighboring slices as channels."""

from __future__ import annotations

import pytest
import torch

from common.errors import InputError
from common.transforms.neighbour_slices import neighbour_slices


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_every_slice_has_its_neighbors_as_channels(count: int, axis: int) -> None:
    volume = torch.rand(2, 3, 4, 5)
    out = neighbour_slices(volume, count, axis)
    assert out.shape == (2 * (2 * count + 1), 3, 4, 5)
    last = volume.shape[axis + 1] - 1
    for position in range(last + 1):
        for index, shift in enumerate(range(-count, count + 1)):
            source = volume.select(axis + 1, min(max(position + shift, 0), last))
            assert torch.equal(out[2 * index : 2 * index + 2].select(axis + 1, position), source)


def test_one_slice_is_its_own_neighbor() -> None:
    volume = torch.rand(1, 3, 4, 1)
    assert torch.equal(neighbour_slices(volume), volume.repeat(3, 1, 1, 1))


def test_wrong_arguments_are_named() -> None:
    for arguments in ((torch.rand(1, 3, 3),), (torch.rand(1, 3, 3, 3), -1), (torch.rand(1, 3, 3, 3), 1, 3)):
        with pytest.raises(InputError, match=r"volume, axis and count: .*got"):
            neighbour_slices(*arguments)
