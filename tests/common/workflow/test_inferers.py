"""How a network goes over prepared images, by the plan."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from common.datasets.plan import example_plan
from common.errors import InputError
from common.workflow import inferer_of, new_image_inferer


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


@pytest.mark.parametrize(("image_dims", "shape"), [(2, (1, 1, 9, 12)), (3, (1, 1, 9, 12, 3))])
def test_slices_and_pictures_as_a_whole(image_dims: int, shape: tuple[int, ...]):
    plan = dataclasses.replace(example_plan(), image_dims=image_dims, patch_size=(8, 8))
    seen = []

    def network(image):
        seen.append(tuple(image.shape[2:]))
        return 2 * image

    image = torch.rand(shape)
    torch.testing.assert_close(inferer_of(plan, overlap=None)(image, network), 2 * image)
    assert set(seen) == {(9, 12)}
    with pytest.raises(InputError, match=r"expected a number from 0 to below 1, or null, got 1"):
        inferer_of(plan, overlap=1)
    volumes = dataclasses.replace(plan, spatial_dims=3, image_dims=3, patch_size=(8, 8, 8))
    with pytest.raises(InputError, match=r"from 0 to below 1 for a network of volumes, got null"):
        inferer_of(volumes, overlap=None)


def test_orientation_is_that_of_slices_for_pictures_and_of_the_plan_for_volumes():
    pictures, volumes = (dataclasses.replace(example_plan(), image_dims=dims, spacing=None) for dims in (2, 3))
    volumes = dataclasses.replace(volumes, orientation="ASR")
    assert [new_image_inferer(pictures, orientation=given).orientation for given in (None, "RSA")] == ["RAS", "RSA"]
    assert [new_image_inferer(volumes, orientation=given).orientation for given in (None, "ASR")] == ["ASR", "ASR"]
    with pytest.raises(InputError, match="orientation: the network was trained with ASR, got 'RAS'"):
        new_image_inferer(volumes, orientation="RAS")
