"""Beyond what was segmented there is background; within it nothing changes."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Invertd, ResizeWithPadOrCropd

from common.errors import InputError
from common.transforms import OutsideAsBackgroundd, outside_as_background


def test_probabilities_that_sum_to_one_stay() -> None:
    probabilities = torch.rand(3, 4, 5, 6, 2, generator=torch.Generator().manual_seed(0)).log().softmax(1)
    joined = probabilities.flatten(0, 1)
    before = joined.clone()
    torch.testing.assert_close(outside_as_background(joined, 4), joined)
    assert torch.equal(joined, before)


def test_nothing_becomes_negative_by_rounding() -> None:
    assert outside_as_background(torch.tensor([[0.0], [0.5], [0.5000001]]), 3).min() == 0


@pytest.mark.parametrize("spatial", [(7, 9), (7, 9, 3)])
def test_beyond_an_undone_crop_there_is_background(spatial: tuple[int, ...]) -> None:
    """One axis was cropped, the other padded; the metadata is the image's."""
    crop = Compose([ResizeWithPadOrCropd("image", (5, 11, *spatial[2:]))])
    item = crop({"image": MetaTensor(torch.zeros(1, *spatial), affine=2 * torch.eye(4))})
    item["pred"] = MetaTensor(torch.full((4, 5, 11, *spatial[2:]), 0.5))
    undo = Invertd("pred", crop, orig_keys="image", nearest_interp=False)
    pred = OutsideAsBackgroundd("pred", num_classes=2)(undo(item))["pred"]
    assert pred.shape == (4, *spatial) and torch.equal(pred.affine, 2 * torch.eye(4, dtype=torch.float64))
    assert (pred[:, 1:6] == 0.5).all()
    for edge in (pred[:, 0], pred[:, 6]):
        assert (edge[::2] == 1).all() and (edge[1::2] == 0).all()


@pytest.mark.parametrize("num_classes", [0, 3])
def test_channels_that_are_no_segmentations(num_classes: int) -> None:
    with pytest.raises(InputError, match=f"expected {num_classes} channels for each segmentation, got 4"):
        outside_as_background(torch.zeros(4, 2, 2), num_classes)
