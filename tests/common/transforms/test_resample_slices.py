"""Resampling refuses what has no size in mm, by name."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from common.errors import InputError
from common.transforms import AxisSpacingd, ResizeAread

VOLUME = torch.arange(60.0).view(1, 5, 4, 3)


def with_affine(image: torch.Tensor, *sides: float) -> MetaTensor:
    return MetaTensor(image, affine=torch.diag(torch.tensor([*sides, 1.0], dtype=torch.float64)))


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (VOLUME, r"a volume with an affine \(a MetaTensor\), got a tensor without one"),
        (VOLUME.numpy(), r"a volume with an affine \(a MetaTensor\), got a tensor without one"),
        (with_affine(VOLUME[..., 0], 1, 1, 1), r"of three axes, got the shape \(1, 5, 4\)"),
        (with_affine(VOLUME[..., 0], 1, 1), r"of three axes, got the shape \(1, 5, 4\)"),
        (with_affine(VOLUME, 1, 0, 1), r"columns have a length, got voxels of \[1.0, 0.0, 1.0\] mm"),
        (with_affine(VOLUME, 1, torch.nan, 1), r"columns have a length, got voxels of \[1.0, nan, 1.0\] mm"),
    ],
)
def test_an_image_without_a_size_in_mm_is_named(image: torch.Tensor, sentence: str) -> None:
    with pytest.raises(InputError, match=rf"^Case c7, image: expected .*{sentence}\.$"):
        AxisSpacingd("image", [2.0, 2.0, -1])({"case": "c7", "image": image})


def test_a_volume_with_an_affine_has_the_size_that_is_asked_for() -> None:
    item = AxisSpacingd("image", [2.0, 0.5, -1])({"image": with_affine(VOLUME, 1, 1, 3)})
    assert item["image"].shape == (1, 3, 7, 3)
    assert torch.equal(item["image"].as_tensor()[..., ::2, :], VOLUME[:, ::2])


def test_other_than_a_size_for_each_axis_is_named() -> None:
    with pytest.raises(InputError, match=r"^Case without a name, image: spatial_size: expected 3 numbers"):
        ResizeAread("image", [4, 4])({"image": VOLUME})
