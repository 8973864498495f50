"""What every loss over class probabilities has in common, tested on each of them."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from monai.data import MetaTensor
from scipy.special import log_expit, log_softmax

from common.errors import ArgumentError
from common.losses import (
    ActivePassiveLoss,
    GeneralizedCrossEntropyLoss,
    HardLabelLoss,
    MeanAbsoluteErrorLoss,
    NormalizedCrossEntropyLoss,
    NormalizedGeneralizedCrossEntropyLoss,
    NormalizedReverseCrossEntropyLoss,
    ReverseCrossEntropyLoss,
    SoftDiceLoss,
    SymmetricCrossEntropyLoss,
    TLoss,
)
from common.losses.segmentation_loss import ClassificationLoss, class_log_probabilities

Make = Callable[..., ClassificationLoss]


def active_passive(**options: object) -> ActivePassiveLoss:
    return ActivePassiveLoss(NormalizedCrossEntropyLoss(), ReverseCrossEntropyLoss(), **options)


LOSSES: list[Make] = [
    GeneralizedCrossEntropyLoss,
    HardLabelLoss,
    MeanAbsoluteErrorLoss,
    NormalizedCrossEntropyLoss,
    NormalizedGeneralizedCrossEntropyLoss,
    NormalizedReverseCrossEntropyLoss,
    ReverseCrossEntropyLoss,
    SymmetricCrossEntropyLoss,
    active_passive,
]
each_loss = pytest.mark.parametrize("make", LOSSES, ids=lambda make: make.__name__)
each_shape = pytest.mark.parametrize("spatial", [(4, 5), (3, 4, 2), (1, 1), (7,)], ids=str)


def draw(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return 2 * torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def soft_target(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """A distribution over the channels; a probability if there is one channel."""
    values = torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=dtype)
    return values if shape[1] == 1 else values / values.sum(1, keepdim=True)


@each_shape
@each_loss
def test_shapes(make: Make, spatial: tuple[int, ...]) -> None:
    logits, target = draw(2, 3, *spatial), soft_target(2, 3, *spatial)
    assert make(sigmoid=True, reduction="none")(logits, target).shape == (2, 3, *spatial)
    assert make(softmax=True, reduction="none")(logits, target).shape == (2, 1, *spatial)
    assert make(reduction="none")(logits.softmax(1), target).shape == (2, 1, *spatial)
    assert make(reduction="none")(logits[:, :1].sigmoid(), target[:, :1]).shape == (2, 1, *spatial)


@each_loss
def test_reductions(make: Make) -> None:
    logits, target = draw(2, 3, 4, 5), soft_target(2, 3, 4, 5)
    values = make(softmax=True, reduction="none")(logits, target)
    torch.testing.assert_close(make(softmax=True)(logits, target), values.mean())
    torch.testing.assert_close(make(softmax=True, reduction="sum")(logits, target), values.sum())


@each_loss
def test_logits_and_their_probabilities_have_the_same_loss(make: Make) -> None:
    logits, target = draw(2, 3, 4, 5), soft_target(2, 3, 4, 5)
    torch.testing.assert_close(make(softmax=True)(logits, target), make()(logits.softmax(1), target))
    binary, label = logits[:, :1], target[:, :1]
    torch.testing.assert_close(make(sigmoid=True)(binary, label), make()(binary.sigmoid(), label))


@each_loss
def test_a_binary_problem_is_one_of_two_classes(make: Make) -> None:
    logit, target = draw(2, 1, 4, 5), soft_target(2, 1, 4, 5)
    two = make(softmax=True)(torch.cat((logit, torch.zeros_like(logit)), 1), torch.cat((target, 1 - target), 1))
    torch.testing.assert_close(make(sigmoid=True)(logit, target), two)


@each_loss
def test_multi_label_is_one_binary_problem_per_channel(make: Make) -> None:
    logits, target = draw(2, 3, 4, 5), soft_target(2, 3, 4, 5)
    loss = make(sigmoid=True, reduction="none")
    alone = [loss(logits[:, [c]], target[:, [c]]) for c in range(3)]
    torch.testing.assert_close(loss(logits, target), torch.cat(alone, 1))


@each_loss
def test_class_indices_are_made_one_hot(make: Make) -> None:
    logits = draw(2, 3, 4, 5)
    indices = torch.randint(3, (2, 1, 4, 5), generator=torch.Generator().manual_seed(0))
    one_hot = torch.nn.functional.one_hot(indices[:, 0], 3).movedim(-1, 1)
    expected = make(softmax=True)(logits, one_hot)
    for dtype in (torch.uint8, torch.int64, torch.float32):
        torch.testing.assert_close(make(softmax=True, to_onehot_y=True)(logits, indices.to(dtype)), expected)
    with pytest.raises(ArgumentError, match=r"got \(2, 1, 4, 5\); class indices need to_onehot_y=True\.$"):
        make(softmax=True)(logits, indices)


@each_loss
def test_every_channel_of_class_indices_counts_where_some_pixels_are_not_labeled(make: Make) -> None:
    logits, indices = draw(2, 3, 4, 5), torch.randint(3, (2, 1, 4, 5), generator=torch.Generator().manual_seed(0))
    indices[0, 0, 0] = -1
    loss = make(sigmoid=True, to_onehot_y=True, reduction="none")
    labeled = (indices >= 0).expand_as(logits)
    expected = loss(logits, indices)[labeled].mean()
    torch.testing.assert_close(make(sigmoid=True, to_onehot_y=True)(logits, indices), expected)


@each_loss
def test_gradients(make: Make) -> None:
    logits = draw(2, 3, 2, 2).requires_grad_()
    target = soft_target(2, 3, 2, 2)
    for options in ({"sigmoid": True}, {"softmax": True}):
        assert torch.autograd.gradcheck(lambda z, options=options: make(**options)(z, target), logits)
    probabilities = logits.detach()[:, :1].sigmoid().requires_grad_()
    assert torch.autograd.gradcheck(lambda p: make()(p, target[:, :1]), probabilities)


@pytest.mark.parametrize("activation", ["sigmoid", "softmax", "none"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
@each_loss
def test_saturated_pixels_have_finite_values_and_gradients(make: Make, dtype: torch.dtype, activation: str) -> None:
    logits = torch.tensor([[1e4, -1e4, 0.0, 1e4], [-1e4, 1e4, 0.0, 1e4]], dtype=dtype).view(1, 2, 4)
    target = torch.tensor([[1.0, 1.0, 0.5, 0.0], [0.0, 0.0, 0.5, 1.0]]).view(1, 2, 4)
    options = {} if activation == "none" else {activation: True}
    input = (logits.softmax(1) if activation == "none" else logits).requires_grad_()
    loss = make(**options, reduction="none")(input, target)
    loss.sum().backward()
    assert loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert input.grad is not None and input.grad.dtype == dtype
    assert loss.isfinite().all() and input.grad.isfinite().all()
    assert (loss >= 0).all()


@each_loss
def test_wrong_saturated_pixels_cost_more_than_right_ones(make: Make) -> None:
    right, wrong = make(sigmoid=True, reduction="none")(torch.tensor([[[1e4, -1e4]]]), torch.ones(1, 1, 2))[0, 0]
    assert right == 0 and wrong > 0.4


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@each_loss
def test_half_precision_is_computed_in_float32(make: Make, dtype: torch.dtype) -> None:
    logits, target = draw(2, 1, 8, 8).to(dtype), soft_target(2, 1, 8, 8)
    torch.testing.assert_close(
        make(sigmoid=True)(logits, target.to(dtype)), make(sigmoid=True)(logits.float(), target.to(dtype).float())
    )


@each_loss
def test_autocast_changes_nothing(make: Make) -> None:
    logits, target = draw(2, 3, 8, 8, dtype=torch.float32), soft_target(2, 3, 8, 8, dtype=torch.float32)
    expected = make(softmax=True)(logits, target)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(make(softmax=True)(logits, target), expected)


@each_loss
def test_hard_labels_of_any_dtype(make: Make) -> None:
    logits = draw(2, 1, 4, 4, dtype=torch.float32)
    label = draw(2, 1, 4, 4) > 0
    losses = [make(sigmoid=True)(logits, label.to(dtype)) for dtype in (torch.bool, torch.uint8, torch.float64)]
    assert losses[0] == losses[1] == losses[2] and losses[0].dtype == torch.float32


@each_loss
def test_meta_tensors_give_a_plain_tensor(make: Make) -> None:
    logits, target = draw(1, 1, 4, 4).requires_grad_(), soft_target(1, 1, 4, 4)
    loss = make(sigmoid=True)(MetaTensor(logits), MetaTensor(target))
    assert type(loss) is torch.Tensor
    loss.backward()
    assert logits.grad is not None and logits.grad.abs().sum() > 0


@each_loss
def test_an_empty_batch_is_that_of_pytorch(make: Make) -> None:
    nothing = torch.zeros(0, 2, 4, 4)
    assert make(softmax=True)(nothing, nothing).isnan()
    assert make(softmax=True, reduction="sum")(nothing, nothing) == 0
    assert make(softmax=True, reduction="none")(nothing, nothing).shape == (0, 1, 4, 4)


@each_loss
def test_wrong_arguments_are_named(make: Make) -> None:
    with pytest.raises(ArgumentError, match="sigmoid or softmax, got both"):
        make(sigmoid=True, softmax=True)
    for reduction in ("average", None, True):
        with pytest.raises(ArgumentError, match=f"mean, sum or none, got {reduction!r}"):
            make(reduction=reduction)


@each_loss
def test_shapes_that_do_not_fit_are_named(make: Make) -> None:
    input = torch.zeros(2, 3, 4, 5)
    with pytest.raises(ArgumentError, match=r"\(2, 3, 4, 5\).*got \(2, 1, 4, 5\)"):
        make(sigmoid=True)(input, torch.zeros(2, 1, 4, 5))
    with pytest.raises(ArgumentError, match=r"\(2, 1, 4, 5\).*\(2, 3, 4, 5\).*got \(2, 3, 4, 5\)"):
        make(sigmoid=True, to_onehot_y=True)(input, torch.zeros(2, 3, 4, 5))
    with pytest.raises(ArgumentError, match=r"softmax: .* two or more channels, got \(2, 1, 4\)"):
        make(softmax=True)(torch.zeros(2, 1, 4), torch.zeros(2, 1, 4))
    with pytest.raises(ArgumentError, match=r"to_onehot_y: .* two or more channels, got \(2, 1, 4\)"):
        make(to_onehot_y=True)(torch.zeros(2, 1, 4), torch.zeros(2, 1, 4))
    with pytest.raises(ArgumentError, match=r"\(batch, channel, \*spatial\), got the shape \(4, 5\)"):
        make(sigmoid=True)(torch.zeros(4, 5), torch.zeros(4, 5))


@pytest.mark.parametrize("index", [-2, 3, 255])
def test_class_indices_that_do_not_exist_are_named(index: int) -> None:
    target = torch.full((1, 1, 2, 2), index)
    with pytest.raises(ArgumentError, match="class indices"):
        MeanAbsoluteErrorLoss(softmax=True, to_onehot_y=True)(torch.zeros(1, 3, 2, 2), target)


def test_log_probabilities_are_those_of_scipy() -> None:
    logits, target = 20 * draw(2, 3, 4, 5), soft_target(2, 3, 4, 5)
    log_p, y = class_log_probabilities(logits, target, sigmoid=True)
    expected = torch.from_numpy(log_expit(-logits.numpy())), torch.from_numpy(log_expit(logits.numpy()))
    torch.testing.assert_close(log_p, torch.stack(expected, 1), rtol=1e-14, atol=0)
    torch.testing.assert_close(y, torch.stack((1 - target, target), 1))
    log_p, y = class_log_probabilities(logits, target, softmax=True)
    torch.testing.assert_close(log_p[:, :, 0], torch.from_numpy(log_softmax(logits.numpy(), axis=1)))
    torch.testing.assert_close(y[:, :, 0], target)


def test_probabilities_of_zero_and_one_are_both_clamped() -> None:
    log_p, _ = class_log_probabilities(torch.tensor([[[0.0, 1.0]]]), torch.zeros(1, 1, 2))
    smallest = math.log(torch.finfo(torch.float32).eps)
    torch.testing.assert_close(log_p.view(2, 2), torch.tensor([[0.0, smallest], [smallest, 0.0]]))


def test_a_loss_without_a_formula_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        ClassificationLoss()  # type: ignore[abstract]


@each_loss
def test_logits_that_nothing_announces_are_refused(make: Make) -> None:
    """Probabilities may exceed 1 by what rounding adds; the input of a pixel that is not labeled may be anything."""
    with pytest.raises(ArgumentError, match=r"input: expected probabilities, got .* need sigmoid=True or softmax"):
        make()(draw(2, 1, 4, 5), torch.ones(2, 1, 4, 5))
    inside = torch.tensor([[[0.5, 1 + 1e-6, 9.0]]])
    assert make()(inside, torch.tensor([[[1.0, 1.0, -1.0]]])).isfinite()


@each_loss
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_a_mask_of_0_and_255_is_refused(make: Make, dtype: torch.dtype) -> None:
    target = (255 * (draw(2, 1, 4, 5) > 0)).to(dtype)
    with pytest.raises(ArgumentError, match=r"target: expected 0 and 1.* got 255; divide masks of 0 and 255 by 255"):
        make(sigmoid=True)(draw(2, 1, 4, 5), target)
    assert make(sigmoid=True)(draw(2, 1, 4, 5), target / 255).isfinite()


def test_soft_dice_and_t_loss_refuse_them_too() -> None:
    """T-Loss compares its input as it is, so it may hold any values."""
    image, mask = draw(1, 1, 4, 5), torch.full((1, 1, 4, 5), 255.0)
    with pytest.raises(ArgumentError, match="input: expected probabilities"):
        SoftDiceLoss()(image, mask / 255)
    for loss in (SoftDiceLoss(sigmoid=True), TLoss(sigmoid=True)):
        with pytest.raises(ArgumentError, match="got 255"):
            loss(image, mask)
    assert TLoss()(image, mask / 255).isfinite()
