"""MONAI's DynUNet for images of any size."""

from __future__ import annotations

import pytest
import torch
from monai.networks.nets import DynUNet

from common.errors import ArgumentError
from common.networks import PaddedDynUNet

ARGUMENTS = {"kernel_size": [3] * 4, "strides": [1, 2, 2, 2], "upsample_kernel_size": [2] * 3, "filters": [4, 4, 8, 8]}


def networks() -> tuple[DynUNet, PaddedDynUNet]:
    torch.manual_seed(0)
    theirs = DynUNet(2, 1, 1, **ARGUMENTS, norm_name=("INSTANCE", {"affine": True})).eval()
    ours = PaddedDynUNet(2, 1, 1, **ARGUMENTS, norm_name=("INSTANCE", {"affine": True})).eval()
    ours.load_state_dict(theirs.state_dict())  # of the same names
    return theirs, ours


def test_where_the_strides_divide_it_is_dyn_unet() -> None:
    theirs, ours = networks()
    image = torch.rand(2, 1, 16, 24)
    assert torch.equal(ours(image), theirs(image))


@pytest.mark.parametrize("size", [(100, 100), (8, 8), (1, 1), (50, 37), (9, 64)])
@pytest.mark.parametrize("training", [True, False])
def test_any_size(size: tuple[int, int], training: bool) -> None:
    _, ours = networks()
    logits = ours.train(training)(torch.rand(1, 1, *size))
    assert logits.shape == (1, 1, *size) and logits.isfinite().all()


def test_torchscript_takes_any_size() -> None:
    _, ours = networks()
    image = torch.rand(1, 1, 11, 20)
    torch.testing.assert_close(torch.jit.script(ours)(image), ours(image))


@pytest.mark.parametrize("filters", [[4, 8], [4], [4, 0, 8]])
def test_too_few_levels_are_refused_by_name(filters: list[int]) -> None:
    levels = len(filters)
    with pytest.raises(ArgumentError, match="features: expected at least three levels"):
        PaddedDynUNet(2, 1, 1, [3] * levels, [1] + [2] * (levels - 1), [2] * (levels - 1), filters)
