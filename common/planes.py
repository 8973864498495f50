"""Functions of whole volumes, evaluated a few planes at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

__all__ = ["by_planes", "largest_channel", "planes"]

CHUNK = 1 << 22  # values at a time


def planes(values: torch.Tensor) -> Iterator[torch.Tensor]:
    """Views of a volume, a few planes of its first spatial axis each, so that what is made of them is small.

    Args:
        values: ``(C, *spatial)``.

    Yields:
        ``(C, n, *)``, one after the other.

    Example:
        >>> [part.shape for part in planes(torch.zeros(2, 3, 4))]
        [torch.Size([2, 3, 4])]
    """
    count = max(1, CHUNK * values.shape[1] // max(values.numel(), 1))
    for first in range(0, values.shape[1], count):
        yield values[:, first : first + count]


def by_planes(
    function: Callable[[torch.Tensor], torch.Tensor], values: torch.Tensor, dtype: torch.dtype
) -> torch.Tensor:
    """What a function of each voxel's channels gives, without intermediate results of the size of the volume.

    Args:
        function: of ``(C, n, *)``, planes of the first spatial axis, to ``(n, *)``.
        values: ``(C, *spatial)``.
        dtype: of the result.

    Returns:
        ``(*spatial)``.

    Example:
        >>> by_planes(lambda part: part.sum(0), torch.ones(3, 2, 2), torch.uint8).tolist()
        [[3, 3], [3, 3]]
    """
    result, first = torch.empty(values.shape[1:], dtype=dtype, device=values.device), 0
    for part in planes(values):
        result[first : first + part.shape[1]] = function(part)
        first += part.shape[1]
    return result


def largest_channel(values: torch.Tensor) -> torch.Tensor:
    """The channel of the largest value, the first of equal ones: the class that a network predicts.

    Values are compared exactly; see `common.fusion.most_probable_class` for shares of votes, whose ties count.

    Args:
        values: ``(C, *spatial)`` logits or probabilities of at most 256 classes.

    Returns:
        ``(*spatial)`` uint8, 0 … C − 1.

    Example:
        >>> largest_channel(torch.tensor([[0.2, 0.5], [0.7, 0.5], [0.1, 0.0]])).tolist()
        [1, 0]
    """
    return by_planes(_first_largest, values, torch.uint8)


def _first_largest(values: torch.Tensor) -> torch.Tensor:
    """``values.argmax(0)`` as uint8: comparing one channel after the other takes a quarter of its time."""
    largest, index = values[0].clone(), torch.zeros(values.shape[1:], dtype=torch.uint8, device=values.device)
    for channel in range(1, len(values)):
        index.masked_fill_(values[channel] > largest, channel)
        torch.maximum(largest, values[channel], out=largest)
    return index
