"""The sum of cross-entropy and soft Dice is MONAI's DiceCELoss where every pixel is labeled."""

from __future__ import annotations

import pytest
import torch
from monai.losses import DiceCELoss

from common.errors import ArgumentError
from common.losses import CrossEntropyLoss, SoftDiceLoss, SumLoss, TLoss


@pytest.mark.parametrize(
    "channels, options", [(1, {"sigmoid": True}), (4, {"softmax": True, "to_onehot_y": True})], ids=["one", "several"]
)
def test_cross_entropy_and_soft_dice_are_monais(channels: int, options: dict[str, bool]) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, channels, 7, 5, generator=generator, dtype=torch.float64).requires_grad_()
    target = torch.randint(max(channels, 2), (3, 1, 7, 5), generator=generator).double()
    found = SumLoss([CrossEntropyLoss(**options), SoftDiceLoss(**options)])(logits, target)
    expected = DiceCELoss(**options, smooth_nr=1e-5, smooth_dr=1e-5)(logits, target)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    (ours,), (theirs,) = torch.autograd.grad(found, logits), torch.autograd.grad(expected, logits)
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


def test_a_sum_of_nothing_is_refused() -> None:
    with pytest.raises(ArgumentError, match="at least one, got none"):
        SumLoss([])


def test_parameters_of_its_losses_are_its_own() -> None:
    assert len(list(SumLoss([TLoss(), SoftDiceLoss()]).parameters())) == 1
