"""Network outputs and targets as class distributions, in log space: the first step of every pointwise loss."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from monai.networks import one_hot

from common.errors import InputError

REDUCTIONS = ("mean", "sum", "none")
SMALLEST_PROBABILITY = 1e-8  # probabilities that arrive as such are kept this far from 0 and 1


def check_options(sigmoid: bool, softmax: bool, reduction: str) -> None:
    """Raises `InputError` for options that contradict each other or do not exist."""
    if sigmoid and softmax:
        raise InputError("sigmoid and softmax exclude each other: expected at most one, got both.")
    if reduction not in REDUCTIONS:
        raise InputError(f"reduction: expected one of {', '.join(REDUCTIONS)}, got {reduction!r}.")


def as_target(output: torch.Tensor, target: torch.Tensor, to_onehot_y: bool) -> torch.Tensor:
    """The target in the shape of the output: one-hot if asked, checked, in the precision of the loss.

    Raises:
        InputError: the shapes differ.
    """
    if to_onehot_y:
        target = one_hot(target, num_classes=output.shape[1])
    if target.shape != output.shape:
        raise InputError(f"target: expected the output's shape {tuple(output.shape)}, got {tuple(target.shape)}.")
    return target.to(output)


def full_precision(output: torch.Tensor) -> torch.Tensor:
    """float16 and bfloat16 as float32, others as they are."""
    return output.float() if output.dtype in (torch.float16, torch.bfloat16) else output


def class_distributions(
    output: torch.Tensor, target: torch.Tensor, to_onehot_y: bool, sigmoid: bool, softmax: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities and target probabilities over classes.

    With more than one channel and no sigmoid, the C channels are the K = C classes of one problem. With ``sigmoid``, or with one
    channel, each channel is a two-class problem of its own, (p, 1 − p): the multi-label case.

    Args:
        output: (B, C, *spatial) logits, or probabilities if neither ``sigmoid`` nor ``softmax``.
        target: (B, C, *spatial) probabilities; class indices (B, 1, *spatial) with ``to_onehot_y``.

    Returns:
        log p and y, each (B, P, K, *spatial): P problems of K classes.
    """
    output = full_precision(output)
    y = as_target(output, target, to_onehot_y)
    if softmax:
        return F.log_softmax(output, dim=1).unsqueeze(1), y.unsqueeze(1)
    if sigmoid:
        return F.logsigmoid(torch.stack((output, -output), dim=2)), torch.stack((y, 1 - y), dim=2)
    if output.shape[1] > 1:
        return output.clamp_min(SMALLEST_PROBABILITY).log().unsqueeze(1), y.unsqueeze(1)
    both = torch.stack((output, 1 - output), dim=2)
    return both.clamp_min(SMALLEST_PROBABILITY).log(), torch.stack((y, 1 - y), dim=2)


def reduce(loss: torch.Tensor, reduction: str) -> torch.Tensor:
    """Mean or sum of all elements, or all of them."""
    return loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss
