"""Slabs give what the whole volume would, in its own geometry, and need no memory beside image and prediction."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.inferers import SimpleInferer
from monai.transforms import Compose, Orientation, Resize, ScaleIntensityRangePercentiles, Spacing
from torch.nn import functional

from common.datasets.plan import example_plan
from common.errors import InputError
from common.transforms import AxisSpacingd, NormalizeSlicesd, ResizeAread
from common.transforms.neighbour_slices import neighbour_slices
from common.workflow import SlabInferer, SliceBatches, inferer_of, new_image_inferer

AFFINE = torch.tensor([[0, -1.5, 0, 4], [0, 0, 3, -2], [2, 0, 0, 1], [0, 0, 0, 1]], dtype=torch.float64)
SAME = torch.nn.Identity()


@pytest.fixture
def image() -> MetaTensor:
    values = torch.rand(2, 9, 12, 7, generator=torch.Generator().manual_seed(0))
    return MetaTensor(values[None], affine=AFFINE)


@pytest.mark.parametrize("orientation", [None, "RAS", "IPL", "SLP"])
@pytest.mark.parametrize("slice_axis", [0, 1, 2])
def test_every_voxel_comes_back_to_its_place(orientation: str | None, slice_axis: int, image: MetaTensor) -> None:
    inferer = SlabInferer(SliceBatches((4, 4)), orientation=orientation, slice_axis=slice_axis, depth=2)
    found = inferer(image, SAME)
    assert torch.equal(found.as_tensor(), image.as_tensor()) and torch.equal(found.affine, AFFINE)


@pytest.mark.parametrize("slice_axis", [0, 1, 2])
def test_the_network_sees_slices_in_its_orientation(slice_axis: int, image: MetaTensor) -> None:
    seen: list[torch.Tensor] = []

    def network(slices: torch.Tensor) -> torch.Tensor:
        seen.append(slices)
        return slices

    SlabInferer(SliceBatches((1, 1)), orientation="IPL", slice_axis=slice_axis, depth=3)(image, network)
    expected = Orientation("IPL", labels=None)(image[0]).as_tensor().movedim(slice_axis + 1, 0)
    torch.testing.assert_close(torch.cat(seen), expected, rtol=0, atol=0)


@pytest.mark.parametrize("size", [(1, 9, 12), (3, 5, 1)])
@pytest.mark.parametrize("slice_axis", [0, 1, 2])
def test_a_picture_is_a_stack_of_one_slice(size: tuple[int, ...], slice_axis: int) -> None:
    picture = torch.rand(1, *size, generator=torch.Generator().manual_seed(0))
    spatial_size = [6, 6]
    spatial_size.insert(slice_axis, -1)
    fit = [ResizeAread("image", spatial_size)]
    shapes: list[tuple[int, ...]] = []

    def network(slices: torch.Tensor) -> torch.Tensor:
        shapes.append(tuple(slices.shape))
        return slices[:, :1]

    found = SlabInferer(SliceBatches((1, 1)), fit, orientation="LPS", slice_axis=slice_axis)(picture, network)
    assert shapes == [(1, size[0], 6, 6)] and found.shape == (1, 1, *size[1:])


@pytest.mark.parametrize("depth", [1, 2, 5, None])
def test_slabs_give_what_the_volume_gives(depth: int | None, image: MetaTensor) -> None:
    """With resampling, normalization of slices, neighbors and percentiles."""
    fit = [AxisSpacingd("image", [1.0, 1.0, -1]), NormalizeSlicesd("image", axis=2)]
    settings: dict[str, Any] = {"orientation": "RAS", "neighbors": 1, "percentiles": [2, 98]}
    whole = SlabInferer(SliceBatches((4, 4)), fit, depth=0, **settings)(image, torch.sin)
    parts = SlabInferer(SliceBatches((4, 4)), fit, depth=depth, **settings)(image, torch.sin)
    torch.testing.assert_close(parts.as_tensor(), whole.as_tensor(), rtol=0, atol=1e-5)
    assert parts.shape == (1, 6, *image.shape[2:])


def test_neighbors_and_percentiles_are_those_of_training(image: MetaTensor) -> None:
    inferer = SlabInferer(SliceBatches((1, 1)), neighbors=2, percentiles=[5, 90], depth=2)
    scaled = ScaleIntensityRangePercentiles(5, 90, 0.0, 1.0)(image[0]).as_tensor()
    torch.testing.assert_close(inferer(image, SAME)[0].as_tensor(), neighbour_slices(scaled, 2), rtol=0, atol=1e-5)


@pytest.mark.parametrize("voxels", [(1.0, 1.0, 1.0), (4.0, 2.5, 5.0)])
def test_a_volume_is_resampled_as_by_monai(voxels: tuple[float, ...], image: MetaTensor) -> None:
    seen: list[torch.Tensor] = []

    def network(volume: torch.Tensor) -> torch.Tensor:
        seen.append(volume)
        return volume

    fit = [AxisSpacingd("image", [*voxels[:2], -1])]
    inferer = SlabInferer(SimpleInferer(), fit, orientation="RAS", volume=True, slice_mm=voxels[2], depth=2)
    found = inferer(image, network)
    resample = Compose([Orientation("RAS", labels=None), Spacing(voxels, mode="bilinear", dtype=torch.float64)])
    expected = resample(image[0])
    torch.testing.assert_close(seen[0][0], expected.as_tensor().float(), rtol=0, atol=1e-5)
    back = resample.inverse(expected).as_tensor().float()
    torch.testing.assert_close(found[0].as_tensor(), back, rtol=0, atol=1e-5)


def test_areas_go_in_and_straight_lines_come_out() -> None:
    image = MetaTensor(torch.rand(1, 12, 10, 3, generator=torch.Generator().manual_seed(0)))
    resize = ResizeAread("image", [5, 4, -1])
    small = resize({"image": image})["image"]
    torch.testing.assert_close(small.as_tensor(), Resize([5, 4, 3], mode="area")(image).as_tensor(), rtol=0, atol=1e-6)
    back = resize.inverse({"image": small})["image"].as_tensor()
    expected = Resize([12, 10, 3], mode="trilinear", align_corners=False)(small.as_tensor())
    torch.testing.assert_close(back, torch.as_tensor(expected).as_subclass(torch.Tensor), rtol=0, atol=1e-6)


def test_whole_slices_are_extended_to_the_size_of_training() -> None:
    shapes: list[tuple[int, ...]] = []

    def network(slices: torch.Tensor) -> torch.Tensor:
        shapes.append(tuple(slices.shape))
        return slices

    volume = torch.rand(1, 1, 3, 20, 5)
    assert torch.equal(SliceBatches((8, 10), batch_size=4)(volume, network), volume)
    assert shapes == [(2, 1, 8, 20), (2, 1, 8, 20), (1, 1, 8, 20)], "fewer of larger ones"


@pytest.mark.parametrize(("overlap", "seen"), [(0.5, {(4, 4)}), (None, {(7, 9)})])
def test_slices_as_a_whole_where_that_is_asked(overlap: float | None, seen: set) -> None:
    shapes: set[tuple[int, ...]] = set()

    def network(slices: torch.Tensor) -> torch.Tensor:
        shapes.add(tuple(slices.shape[2:]))
        return slices

    plan = replace(example_plan(), image_dims=3, orientation="RAS", spacing=(1.0, 1.0, -1.0), patch_size=(4, 4))
    plan = replace(plan, image_size=None, normalization={"kind": "none"})
    new_image_inferer(plan, overlap=overlap)(MetaTensor(torch.rand(1, 1, 7, 9, 3)), network)
    assert shapes == seen
    with pytest.raises(InputError, match=r"overlap: expected a number .* for a network of volumes, got null"):
        new_image_inferer(replace(plan, spatial_dims=3, patch_size=(4, 4, 4)), overlap=None)


@pytest.mark.parametrize("settings", [{"slice_axis": 3}, {"orientation": "RAR"}, {"orientation": "up"}])
def test_arguments(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(settings))):
        SlabInferer(SliceBatches((4, 4)), **settings)


def test_nothing_but_one_image() -> None:
    with pytest.raises(InputError, match="one image"):
        SlabInferer(SliceBatches((4, 4)))(torch.zeros(2, 1, 4, 4, 4), SAME)
    assert np.isfinite(SlabInferer(SliceBatches((4, 4)))(torch.zeros(1, 1, 1, 1, 1), SAME).numpy()).all()


@pytest.mark.parametrize("shape", [(12, 9, 4), (6, 9, 4), (6, 5, 4)])
def test_new_volumes_are_seen_as_an_evaluation_sees_them(shape: tuple[int, ...]) -> None:
    """In windows of the size of training, whose mean and deviation a network with normalization has learned."""
    plan = replace(example_plan(), image_dims=3, orientation="RAS", image_size=None, patch_size=(8, 8))
    volume, seen = torch.rand(1, 1, *shape), set()

    def network(windows: torch.Tensor) -> torch.Tensor:
        seen.add(tuple(windows.shape[2:]))
        return functional.instance_norm(windows)

    found = new_image_inferer(plan)(MetaTensor(volume, affine=torch.eye(4)[None]), network)
    torch.testing.assert_close(found.as_tensor(), inferer_of(plan)(volume, network))
    assert seen == {(8, 8)}
    whole = new_image_inferer(plan, call="whole")
    seen.clear()
    network.whole = network  # type: ignore[attr-defined]
    assert whole(MetaTensor(volume, affine=torch.eye(4)[None]), network).shape == volume.shape
    assert seen == {tuple(max(side, 8) for side in shape[:2])}, "a detection has whole slices"


def test_slices_of_several_volumes() -> None:
    volumes = torch.rand(2, 1, 12, 9, 3)
    for overlap in (None, 0.5):
        found = SliceBatches((8, 8), 4, overlap)(volumes, lambda windows: windows.repeat(1, 2, 1, 1))
        torch.testing.assert_close(found, volumes.repeat(1, 2, 1, 1, 1))


def test_validation_of_volumes_slice_by_slice() -> None:
    """A 2-D network sees windows of slices along the last axis, and every voxel comes back where it was."""
    plan = replace(example_plan(), image_dims=3, orientation="RAS", image_size=None, patch_size=(8, 8))
    volume, seen = torch.rand(1, 1, 12, 9, 4), set()

    def network(windows: torch.Tensor) -> torch.Tensor:
        seen.add(tuple(windows.shape[2:]))
        return windows.repeat(1, 2, 1, 1)

    found = inferer_of(plan)(volume, network)
    torch.testing.assert_close(found, volume.repeat(1, 2, 1, 1, 1))
    assert seen == {(8, 8)}
