"""How a network goes over prepared images, by the plan."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from common.datasets.plan import example_plan
from common.workflow import inferer_of


@pytest.mark.parametrize(
    ("spatial_dims", "patch_size", "shape"), [(2, (8, 8), (1, 1, 9, 12, 3)), (3, (8, 8, 4), (1, 1, 9, 12, 5))]
)
def test_volumes_slice_by_slice_or_in_windows(spatial_dims, patch_size, shape):
    plan = dataclasses.replace(
        example_plan(), spatial_dims=spatial_dims, image_dims=3, patch_size=patch_size, spacing=(1.0, 1.0, 1.0)
    )
    seen = []

    def network(image):
        seen.append(tuple(image.shape[2:]))
        return 2 * image

    image = torch.rand(shape)
    torch.testing.assert_close(inferer_of(plan)(image, network), 2 * image)
    assert set(seen) == {patch_size}
