"""Resampling refuses what has no size in mm, by name."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.data import MetaTensor
from torch.utils._python_dispatch import TorchDispatchMode

from common.errors import InputError
from common.transforms import AxisSpacingd, ResizeAread, interpolate_axis, resize_linear

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


class _WithoutFloat64(TorchDispatchMode):
    """The device "meta" as one that has no float64, like Apple's MPS."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.device.type == "meta" and result.dtype == torch.float64:
            raise TypeError(f"{func}: the device has no float64")
        return result


def test_a_device_without_float64_resamples() -> None:
    image = torch.empty(1, 5, 4, 3, device="meta")
    with _WithoutFloat64():
        with pytest.raises(TypeError, match="no float64"):
            image.double()
        assert interpolate_axis(image, 1, torch.tensor([0.5, 1.5])).shape == (1, 2, 4, 3)
        assert resize_linear(image, (10, 8, 6)).shape == (1, 10, 8, 6)
