"""Intensities between two percentiles."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import ScaleIntensityRangePercentilesd

from common.transforms import ScalePercentilesd


@pytest.mark.parametrize("clip", [True, False])
def test_an_ordinary_image_is_scaled_as_monai_does(clip: bool) -> None:
    item = {"image": MetaTensor(torch.randn(2, 9, 7, 5), affine=torch.diag(torch.tensor([2.0, 3.0, 4.0, 1.0])))}
    found = ScalePercentilesd("image", 2, 98, clip)(item)["image"]
    expected = ScaleIntensityRangePercentilesd("image", 2, 98, 0.0, 1.0, clip=clip, channel_wise=True)(item)["image"]
    assert torch.equal(found, expected) and torch.equal(found.affine, item["image"].affine)


def test_a_sparse_channel_is_scaled_by_its_ends_and_an_even_one_is_0() -> None:
    image = torch.zeros(2, 40, 40)
    image[0, :4, :5] = torch.linspace(500, 3500, 20).view(4, 5)
    image[1] = 7.0
    found = ScalePercentilesd("image", 2, 98)({"image": image})["image"]
    torch.testing.assert_close(found[0], image[0] / 3500)
    assert found[1].unique().tolist() == [0]
