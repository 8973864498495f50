"""The consensus of annotators' labels from the patterns that occur, for images of any size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch.nn.functional import one_hot

from common.errors import ArgumentError
from common.fusion.patterns import is_disputed
from common.fusion.staple_global import staple_of_patterns
from common.fusion.ties import TIE, most_probable_class

__all__ = ["PATTERN_METHODS", "REGIONS", "PatternConsensus", "fuse_patterns"]

PATTERN_METHODS = ("mean", "majority", "staple")
REGIONS = ("all", "disputed")


class PatternConsensus(NamedTuple):
    """What `fuse_patterns` gives.

    Attributes:
        labels: ``(P,)`` int64, the most probable class of each pattern, of equally probable ones the smallest; −1 where
            nobody labeled.
        probabilities: ``(L, P)`` float64, summing to 1 over the classes; −1 where nobody labeled.
        joint: ``(R, L, L)`` float64, ``[r, i, j]`` = voxels of the region that annotator r called i, each counted with
            the probability that the truth is j.
        converged: whether iterations came to rest; true without iterations.
        ties: labeled voxels at which several classes are equally probable.

    Example:
        >>> fuse_patterns(torch.tensor([[0, 1], [1, 1]]), torch.tensor([3, 2]), 2, "mean").ties
        3
    """

    labels: torch.Tensor
    probabilities: torch.Tensor
    joint: torch.Tensor
    converged: bool
    ties: int


def fuse_patterns(
    patterns: torch.Tensor,
    counts: torch.Tensor,
    num_classes: int,
    method: str = "staple",
    region: str = "all",
    options: Mapping[str, Any] | None = None,
) -> PatternConsensus:
    """Fuses patterns of labels, `distinct_patterns`: the same as fusing the voxels, of which many have one pattern.

    With the region ``disputed`` STAPLE is estimated from the voxels where annotators gave different classes, and what
    they agree on is taken as it is, as by Asman & Landman, *Robust Statistical Label Fusion through Consensus Level,
    Labeler Accuracy, and Truth Estimation (COLLATE)*, IEEE TMI 30(10), 2011, in its two extremes: voxels that nobody
    could mistake say nothing about annotators. A huge background otherwise makes every specificity nearly 1 and the
    prior of the foreground nearly 0, so that the estimate depends on how much background the image happens to have.

    Args:
        patterns: ``(P, R)``, −1 = not labeled.
        counts: ``(P,)``, voxels with each.
        num_classes: L.
        method: ``mean``, ``majority`` or ``staple``.
        region: ``all`` or ``disputed``; what ``joint`` counts, and what STAPLE is estimated from.
        options: of `staple_of_patterns`.

    Returns:
        `PatternConsensus`.

    Raises:
        ArgumentError: there is no such method or region, or STAPLE refuses its options.

    Example:
        >>> patterns, counts = torch.tensor([[0, 0, 0], [1, 1, 0], [0, 0, 1]]), torch.tensor([900, 9, 1])
        >>> found = fuse_patterns(patterns, counts, 2, "majority", "disputed")
        >>> found.labels.tolist(), found.joint[2].tolist()
        ([0, 1, 0], [[0.0, 9.0], [1.0, 0.0]])
    """
    if method not in PATTERN_METHODS:
        raise ArgumentError(f"method: expected one of {', '.join(PATTERN_METHODS)}, got {method}.")
    if region not in REGIONS:
        raise ArgumentError(f"region: expected one of {', '.join(REGIONS)}, got {region}.")
    said = one_hot(patterns + 1, num_classes + 1)[..., 1:].double()
    votes = said.sum(1).T
    labeled = votes.sum(0) > 0
    shares = torch.where(labeled, votes / votes.sum(0).clamp_min(1), -1)
    disputed = is_disputed(patterns, 1)
    counted = counts.double() * disputed if region == "disputed" else counts.double()
    converged, probabilities = True, shares
    if method == "staple":
        result = staple_of_patterns(patterns, counted, num_classes, **(options or {}))
        probabilities, converged = result.probabilities.where(labeled, -1), result.converged
        if region == "disputed":
            probabilities = torch.where(disputed, probabilities, shares)  # of one class where all agree
    elif options:
        raise ArgumentError(f"{next(iter(options))}: expected one of {method}'s options (it has none).")
    labels = most_probable_class(probabilities)
    if method == "majority":
        probabilities = one_hot(labels, num_classes).T.double().where(labeled, -1)
    tied = (shares if method == "majority" else probabilities)[:, labeled]
    several = (tied >= tied.amax(0) - TIE).sum(0) > 1
    truth = probabilities.clamp_min(0) * counted
    joint = (said.flatten(1).T @ truth.T).view(patterns.shape[1], num_classes, num_classes)
    ties = int((counts[labeled] * several).sum())
    return PatternConsensus(labels.where(labeled, -1), probabilities, joint, converged, ties)
