"""What all losses share: MONAI's arguments, the checks of a pair of tensors, and the form in which it is compared."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from monai.networks import one_hot
from monai.utils import LossReduction
from torch import nn
from torch.nn import functional

from common.errors import ArgumentError

__all__ = ["ClassificationLoss", "SegmentationLoss", "class_log_probabilities", "non_negative"]

MOST = 1.001  # a probability, with what rounding may add


class SegmentationLoss(nn.Module):
    """A loss of a segmentation with the arguments of MONAI's losses.

    A negative target, −1, says that nobody labeled the pixel: it is left out of sum and count, and no gradient comes
    from it, whatever the input is there.

    Args:
        to_onehot_y: the target is ``(B, 1, *spatial)`` with class indices, to be made ``(B, C, *spatial)``.
        sigmoid: the input holds logits, each channel of its own.
        softmax: the input holds logits of C ≥ 2 classes that exclude each other.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ArgumentError: if both ``sigmoid`` and ``softmax`` are set, or ``reduction`` is another word. When it is called:
            if the shapes do not fit each other, and, on a CPU, if the target exceeds 1 (a mask of 0 and 255).
    """

    def __init__(
        self,
        *,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        reduction: LossReduction | str = "mean",
    ) -> None:
        super().__init__()
        if sigmoid and softmax:
            raise ArgumentError(f"{type(self).__name__}: expected sigmoid or softmax, got both.")
        if reduction not in list(LossReduction):
            raise ArgumentError(f"{type(self).__name__}: expected reduction mean, sum or none, got {reduction!r}.")
        self.to_onehot_y = to_onehot_y
        self.sigmoid = sigmoid
        self.softmax = softmax
        self.reduction = LossReduction(reduction)

    def align(
        self, input: torch.Tensor, target: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Both as plain tensors ``(B, C, *spatial)`` of one dtype: float64 stays, all else is computed in float32.

        The third is true where a pixel is labeled, None if all are: ``(B, C, *spatial)`` where each channel is a
        problem of its own, else ``(B, 1, *spatial)`` (a pixel with a negative channel is not labeled). The input is 0
        where it is not, the target is left as it came, or −1.

        Raises:
            ArgumentError: if the shapes do not fit each other or the arguments.
        """
        # MetaTensor would wrap every single operation
        input, target = input.as_subclass(torch.Tensor), target.as_subclass(torch.Tensor)
        if input.ndim < 3:
            raise ArgumentError(f"input: expected (batch, channel, *spatial), got the shape {tuple(input.shape)}.")
        channels = input.shape[1]
        if channels < 2 and (self.softmax or self.to_onehot_y):
            argument = "softmax" if self.softmax else "to_onehot_y"
            raise ArgumentError(f"{argument}: expected an input of two or more channels, got {tuple(input.shape)}.")
        indices = torch.Size((input.shape[0], 1, *input.shape[2:]))
        expected = indices if self.to_onehot_y else input.shape
        if target.shape != expected:
            hint = "; class indices need to_onehot_y=True" if target.shape == indices else ""
            raise ArgumentError(
                f"target: expected the shape {tuple(expected)} for an input of shape {tuple(input.shape)}, "
                f"got {tuple(target.shape)}{hint}."
            )
        dtype = torch.float64 if input.dtype == torch.float64 else torch.float32
        input, labeled = input.to(dtype), self._labeled(target)
        if not self.to_onehot_y:
            target = target.to(dtype)
        else:
            try:
                classes = target if labeled is None else target.where(labeled, 0)
                target = one_hot(classes, channels, dtype=dtype)
            except RuntimeError as error:  # on CUDA the kernel's own assertion says so, later
                raise ArgumentError(
                    f"target: expected class indices from 0 to {channels - 1}, or -1 = not labeled, got others."
                ) from error
        if labeled is not None:  # before anything is computed, so that no gradient meets what does not count
            input, target = input.where(labeled, 0), target.where(labeled, -1)
        return input, target, labeled

    def align_structures(
        self, input: torch.Tensor, target: torch.Tensor, include_background: bool
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """As `align`, with probabilities in place of the input, and without channel 0 unless ``include_background``.

        The third is ``(B, C, *spatial)`` like the others, or None.

        Raises:
            ArgumentError: if the shapes do not fit each other or the arguments.
        """
        input, target, labeled = self.align(input, target)
        prediction = input.sigmoid() if self.sigmoid else input.softmax(1) if self.softmax else input
        labeled = None if labeled is None else labeled.expand_as(input)
        if include_background:
            return prediction, target, labeled
        if input.shape[1] == 1:
            raise ArgumentError(f"include_background: expected two or more channels, got {tuple(input.shape)}.")
        return prediction[:, 1:], target[:, 1:], None if labeled is None else labeled[:, 1:]

    def _labeled(self, target: torch.Tensor) -> torch.Tensor | None:
        if target.dtype == torch.bool or not target.numel():
            return None
        if target.device.type == "cpu":  # elsewhere the answer would have to be waited for
            lowest, highest = target.aminmax()
            if not self.to_onehot_y and highest > MOST:
                raise ArgumentError(
                    f"target: expected 0 and 1, or shares of classes between them, got {float(highest):g}; divide "
                    "masks of 0 and 255 by 255, and give class indices with to_onehot_y=True."
                )
            if not lowest < 0:
                return None
            if self.to_onehot_y and lowest < -1:
                raise ArgumentError(f"target: expected class indices, or -1 = not labeled, got {float(lowest):g}.")
        labeled = ~(target < 0)  # not-a-number is no label either, but must not pass for a missing one
        return labeled if self.sigmoid and not self.to_onehot_y else labeled.all(1, keepdim=True)

    def require_probabilities(self, input: torch.Tensor) -> None:
        """Refuses logits that neither ``sigmoid`` nor ``softmax`` announces, on a CPU: a GPU's answer takes time.

        Raises:
            ArgumentError: the input has values below 0 or above 1.
        """
        if self.sigmoid or self.softmax or not input.numel() or input.device.type != "cpu":
            return
        lowest, highest = (float(extreme) for extreme in input.detach().aminmax())
        if lowest < 1 - MOST or highest > MOST:
            raise ArgumentError(
                f"input: expected probabilities, got values from {lowest:g} to {highest:g}; logits need sigmoid=True "
                "or softmax=True."
            )

    def reduce(self, values: torch.Tensor, labeled: torch.Tensor | None = None) -> torch.Tensor:
        """Mean (nan if there is no value, as in PyTorch), sum, or all of the values, 0 where not ``labeled``.

        The mean is that of the labeled values, 0 if there is none. Of a mask with one channel each channel of the
        values counts.
        """
        if labeled is not None:
            labeled = labeled.expand_as(values)
            values = values.where(labeled, 0)
        if self.reduction == LossReduction.MEAN:
            return values.mean() if labeled is None else values.sum() / labeled.sum().clamp_min(1)
        return values.sum() if self.reduction == LossReduction.SUM else values


class ClassificationLoss(SegmentationLoss, ABC):
    """A loss that compares, pixel by pixel, the probabilities of K classes with their target.

    With ``softmax`` the classes are the C channels. With ``sigmoid`` each channel is a problem of its own with K = 2
    classes, 1 − p and p = σ(logit) (binary, multi-label). With neither the input holds probabilities: of the binary
    problem if there is one channel, else of the C classes, which sum to one; p and 1 − p, or each p_k, are then kept
    above the dtype's resolution, and pass no gradient below it.

    Args:
        to_onehot_y, sigmoid, softmax, reduction: see `SegmentationLoss`.
    """

    @abstractmethod
    def pointwise(self, log_probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The loss ``(B, …)`` of each pixel from log-probabilities and target, both ``(B, K, …)``.

        Where a pixel is not labeled its target is −1 in all K classes, and any finite value will do.
        """

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The loss of a segmentation.

        Args:
            input: ``(B, C, *spatial)``, logits with ``sigmoid`` or ``softmax``, else probabilities.
            target: ``(B, C, *spatial)``, hard (0 and 1) or soft (the probability of each class); with ``to_onehot_y``
                class indices ``(B, 1, *spatial)``. Negative, −1, where a pixel is not labeled, in all channels; with
                ``sigmoid``, where each channel is a problem of its own, in any.

        Returns:
            A scalar, the mean over the labeled pixels, 0 if none is; with ``reduction="none"`` the loss of each pixel,
            0 where not labeled, ``(B, C, *spatial)`` for ``sigmoid``, else ``(B, 1, *spatial)``. float64 for float64,
            else computed and returned in float32, under AMP too. An empty batch has the mean nan and the sum 0, as in
            PyTorch.

        Raises:
            ArgumentError: if the shapes do not fit each other or the arguments; on a CPU also if the target exceeds 1,
                or the input, without ``sigmoid`` and ``softmax``, holds no probabilities.
        """
        input, target, labeled = self.align(input, target)
        self.require_probabilities(input)
        log_probabilities, target = class_log_probabilities(input, target, self.sigmoid, self.softmax)
        if labeled is not None:
            target = target.where(labeled.unsqueeze(1), -1)
        return self.reduce(self.pointwise(log_probabilities, target), labeled)


def class_log_probabilities(
    input: torch.Tensor, target: torch.Tensor, sigmoid: bool = False, softmax: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities and target of K classes, which are the second dimension whatever the problem.

    Args:
        input: ``(B, C, *spatial)`` logits if ``sigmoid`` or ``softmax``, else probabilities.
        target: ``(B, C, *spatial)`` probabilities.
        sigmoid: each channel is a problem with the classes 1 − p, the background, and p.
        softmax: the channels are the classes.

    Returns:
        Two tensors, ``(B, 2, C, *spatial)`` for ``sigmoid`` or one channel, else ``(B, C, 1, *spatial)``. Those of
        logits are computed in log space, finite for logits of any size.

    Example:
        >>> log_p, y = class_log_probabilities(torch.tensor([[[0.0]]]), torch.tensor([[[1.0]]]), sigmoid=True)
        >>> log_p.exp().flatten().tolist(), y.flatten().tolist()
        ([0.5, 0.5], [0.0, 1.0])
    """
    if softmax:
        return functional.log_softmax(input, 1).unsqueeze(2), target.unsqueeze(2)
    if sigmoid:
        return functional.logsigmoid(torch.stack((-input, input), 1)), _pair(target)
    resolution = torch.finfo(input.dtype).eps
    if input.shape[1] == 1:
        return _pair(input).clamp_min(resolution).log(), _pair(target)
    return input.clamp_min(resolution).log().unsqueeze(2), target.unsqueeze(2)


def _pair(probability: torch.Tensor) -> torch.Tensor:
    return torch.stack((1 - probability, probability), 1)


def non_negative(name: str, value: float) -> float:
    """``value``, if it is finite and at least 0.

    Raises:
        ArgumentError: if not.
    """
    if not 0 <= value < math.inf:
        raise ArgumentError(f"{name}: expected a finite number of at least 0, got {value}.")
    return float(value)
