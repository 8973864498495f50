"""From the probabilities of whole images to one class for every voxel, by a rule that is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch

from common.decision.dice_optimal import as_probabilities, dice_optimal_threshold, reaches
from common.decision.partition import classes_above, dice_optimal_partition, of_each_image
from common.errors import ArgumentError
from common.fusion.ties import exceeds
from common.planes import largest_channel, planes

__all__ = ["Decision", "decide", "decision_threshold", "expected_dice"]

BLOCK = 1 << 22  # values at a time
SUM_TOLERANCE = 0.01  # of probabilities that make 1, after rounding or blending


class Decision(NamedTuple):
    """What was decided, for each image.

    Attributes:
        class_map: ``(B, 1, *spatial)`` uint8, 0 is background.
        threshold: ``(B, K)`` float64 of the K foreground classes; nan where the rule has none.
        expected_dice: ``(B, K)`` float64, see `expected_dice`.

    Example:
        >>> decide(torch.tensor([[[0.9, 0.2]]]), "half").class_map.tolist()
        [[[1, 0]]]
    """

    class_map: torch.Tensor
    threshold: torch.Tensor
    expected_dice: torch.Tensor


def decide(probabilities: torch.Tensor, decision: str | float = "dice_optimal") -> Decision:
    """One class for every voxel.

    ================  =======================================  =======================================================
    decision          one channel, the foreground's p          several classes, background first
    ================  =======================================  =======================================================
    ``dice_optimal``  {p ≥ t}, `dice_optimal_threshold`        largest p/t, `dice_optimal_partition`
    ``half``          {p > 1/2}, of highest accuracy           most probable class, of highest accuracy
    a number t        {p > t}                                  most probable foreground class if its p ≥ t
    ================  =======================================  =======================================================

    Several classes sum to 1, as those of a softmax, or the foreground's are of sigmoids, structures that may overlap,
    and the background is what the most probable one leaves, 1 − max p, as `common.transforms.SaveInstancesd` writes it.

    Args:
        probabilities: ``(B, C, *spatial)`` of whole images, not of patches.
        decision: see above; a number is above 0 and up to 1.

    Returns:
        `Decision`, on the device of the probabilities (of Apple's MPS the class map alone, the rest on the CPU).

    Raises:
        ArgumentError: another decision; values that are no probabilities; several channels that are no such classes.

    Example:
        >>> p = torch.tensor([[[0.1, 0.6, 0.9], [0.8, 0.3, 0.0], [0.1, 0.1, 0.1]]])
        >>> [decide(p, rule).class_map.tolist() for rule in ("dice_optimal", "half", 0.2)]
        [[[[1, 2, 2]]], [[[1, 0, 0]]], [[[1, 1, 0]]]]
    """
    values = as_probabilities(probabilities)
    device = values.device
    values = values.cpu() if device.type == "mps" else values  # has no float64
    if values.shape[1] > 1:
        class_map, threshold = _of_several(values, decision)
        foreground = values[:, 1:]
    else:
        threshold = decision_threshold(values, decision).to(values.device)
        if decision == "dice_optimal":
            class_map = reaches(values, threshold)
        else:  # one half is background
            class_map = exceeds(values, float(threshold.flatten()[0]) if threshold.numel() else 0.5)
        foreground = values
    class_map = class_map.to(torch.uint8)  # PyTorch compares bool with a number as int64
    return Decision(class_map.to(device), threshold, expected_dice(class_map, foreground))


def expected_dice(class_map: torch.Tensor, foreground: torch.Tensor) -> torch.Tensor:
    """The Dice that each class of a map can expect if the probabilities are right, 2 Σ_S p / (|S| + Σ p).

    Args:
        class_map: ``(B, 1, *spatial)``, 0 is background; S are the voxels of a class.
        foreground: ``(B, K, *spatial)`` probabilities of the classes from 1 on.

    Returns:
        ``(B, K)`` float64 (on the CPU for Apple's MPS); 1 where a class is neither in the map nor probable anywhere.

    Example:
        >>> expected_dice(torch.tensor([[[1, 1, 0]]]), torch.tensor([[[0.9, 0.45, 0.1]]])).item()
        0.782...
    """
    if foreground.device.type == "mps":  # has no float64
        class_map, foreground = class_map.cpu(), foreground.cpu()
    found = []
    for k, probability in enumerate(foreground.split(1, 1), start=1):
        blocks = zip((class_map == k).flatten(1).split(BLOCK, 1), probability.flatten(1).split(BLOCK, 1), strict=True)
        sums = [
            torch.stack([part.sum(1, dtype=torch.float64) for part in (inside, values, values.where(inside, 0))])
            for inside, values in blocks  # all at once would hold the image in float64
        ]
        count, total, both = torch.stack(sums).sum(0)
        found.append(torch.where(count + total > 0, 2 * both / (count + total), 1.0))
    return torch.stack(found, 1)


def decision_threshold(marginal: torch.Tensor, decision: str | float) -> torch.Tensor:
    """The threshold of each image and channel by a decision rule.

    Args:
        marginal: ``(B, C, *spatial)`` probabilities of whole images.
        decision: ``"dice_optimal"``, the threshold of highest expected Dice (`dice_optimal_threshold`); ``"half"``,
            that of highest accuracy; or a number in (0, 1] for all images.

    Returns:
        ``(B, C)`` float64; of an all-zero map 0.5 by both named rules.

    Raises:
        ArgumentError: another decision, or values that are no probabilities.

    Example:
        >>> decision_threshold(torch.tensor([[[0.9, 0.45, 0.1]]]), "half").tolist()
        [[0.5]]
    """
    if decision == "dice_optimal":
        return dice_optimal_threshold(marginal)[0]
    try:
        value = 0.5 if decision == "half" else float(decision)
    except (TypeError, ValueError):
        value = float("nan")
    if not 0 < value <= 1:
        raise ArgumentError(
            f"decision: expected dice_optimal, half or a threshold above 0 and up to 1, got {decision!r}."
        )
    return torch.full(marginal.shape[:2], value, dtype=torch.float64)


def _of_several(values: torch.Tensor, decision: str | float) -> tuple[torch.Tensor, torch.Tensor]:
    """Class map and thresholds of several classes, background first."""
    off = _distance_from_1(values, lambda part: part.sum(0))
    if not (off <= SUM_TOLERANCE or _distance_from_1(values, lambda part: part[0] + part[1:].amax(0)) <= SUM_TOLERANCE):
        raise ArgumentError(
            f"expected the probabilities of {values.shape[1]} classes, background first, which sum to 1 in every voxel "
            f"(softmax), got a sum that differs by {off:.3g}."
        )
    if decision == "dice_optimal":
        return dice_optimal_partition(values)
    threshold = decision_threshold(values[:, 1:], decision).to(values.device)
    if decision == "half":
        return of_each_image(largest_channel, values), torch.full_like(threshold, torch.nan)
    return classes_above(values[:, 1:], threshold), threshold


def _distance_from_1(values: torch.Tensor, total: Callable[[torch.Tensor], torch.Tensor]) -> float:
    """The largest in a voxel, of what ``total`` makes of the channels."""
    parts = (part for image in values for part in planes(image) if part.numel())
    return max((float((total(part) - 1).abs().max()) for part in parts), default=0.0)
