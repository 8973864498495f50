"""The tie rule: of equally probable classes the smallest one is taken, so that of one half the background is.

One rule for votes, shares, posteriors, soft labels and thresholds, so that what is trained on, what it is compared with
and what is written agree at every voxel. Equal means equal up to the rounding of the arithmetic, so that the answer
depends neither on the order of the sums nor on the number of threads, the padding of the image or the last bit. Two
things differ. Of labels that move to another grid, whose ties are as regular as the two grids, the classes take turns
(`common.transforms.resample_labels`). The channels that a network predicts, where ties are rare, are compared exactly
(`common.planes.largest_channel`).
"""

from __future__ import annotations

import torch

__all__ = ["TIE", "count_ties", "exceeds", "most_probable_class"]

# Probabilities whose difference is within this are equal. Shares come in float32 (one half of a share that was
# resampled or rescaled is off by a few roundings of 2^-24), posteriors from sums and logarithms in float64 over up to
# 2^30 voxels (2^-53 · 2^30 = 2^-23, if every rounding went the same way).
TIE = 2.0**-20


def exceeds(values: torch.Tensor, threshold: float = 0.5) -> torch.Tensor:
    """Where values are above a threshold, by more than rounding: a share of exactly one half is background.

    Args:
        values: shares or probabilities of a class, any shape.
        threshold: in [0, 1).

    Returns:
        Boolean, of the shape of ``values``.

    Example:
        >>> exceeds(torch.tensor([0.4, 0.5, 0.5 + 2**-23, 0.6]))
        tensor([False, False, False,  True])
    """
    return values > threshold + (TIE if threshold > 0 else 0.0)


def most_probable_class(probabilities: torch.Tensor, dim: int = 0) -> torch.Tensor:
    """The most probable class; of equally probable ones the smallest.

    Args:
        probabilities: of the classes along ``dim``, at least one class.
        dim: of the classes.

    Returns:
        int64 class indices, without ``dim``.

    Example:
        >>> most_probable_class(torch.tensor([[0.5, 0.2, 0.4], [0.5 + 2**-23, 0.8, 0.2], [0.0, 0.0, 0.4]]))
        tensor([0, 1, 0])
    """
    return _tied(probabilities, dim).to(torch.uint8).argmax(dim)


def count_ties(probabilities: torch.Tensor, dim: int = 0) -> torch.Tensor:
    """At how many positions two or more classes are equally probable and more so than all others.

    Args:
        probabilities: of the classes along ``dim``.
        dim: of the classes.

    Returns:
        int64 scalar.

    Example:
        >>> count_ties(torch.tensor([[0.5, 0.2, 0.4], [0.5, 0.8, 0.2], [0.0, 0.0, 0.4]]))
        tensor(2)
    """
    return (_tied(probabilities, dim).sum(dim) > 1).sum()


def _tied(probabilities: torch.Tensor, dim: int) -> torch.Tensor:
    probabilities = probabilities.as_subclass(torch.Tensor)
    return probabilities >= probabilities.amax(dim, keepdim=True) - TIE
