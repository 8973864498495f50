"""The combinations of labels that occur at voxels: annotators' labels in few numbers, whatever the image's size."""

from __future__ import annotations

import torch

__all__ = ["distinct_patterns", "is_disputed", "is_overruled"]

TABLE_SIZE = 1 << 16  # patterns are looked up in a table up to this size, and sorted beyond it


def distinct_patterns(labels: torch.Tensor, num_classes: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The patterns of labels, the columns that occur among all voxels.

    Read as digits, a column is a number. Of many annotators or classes two halves are done first. (Up to 256 numbers
    are not worth renumbering: columns that do not occur may be among those, with count 0.)

    Args:
        labels: ``(R, N)`` integers, classes 0 … L − 1, −1 = not labeled.
        num_classes: L.

    Returns:
        The patterns ``(P, R)``, which of them each voxel has ``(N,)`` (a small type of integer: ``.long()`` before
        indexing, since torch takes uint8 for a mask), and how many voxels have each ``(P,)``.

    Example:
        >>> patterns, index, counts = distinct_patterns(torch.tensor([[0, 1, 1], [0, 0, 0]]), 2)
        >>> patterns[index.long()].T.tolist(), counts[counts > 0].tolist()
        ([[0, 1, 1], [0, 0, 0]], [1, 2])
    """
    annotators = len(labels)
    lowest = min(int(labels.min()), 0) if labels.numel() else 0
    base = num_classes - lowest
    size = base**annotators
    if annotators > 1 and size > TABLE_SIZE:
        (first, first_index, _), (second, second_index, _) = (
            distinct_patterns(half, num_classes) for half in labels.tensor_split(2)
        )
        code = first_index.long() * len(second) + second_index
        values, index, count = _renumber(code, len(first) * len(second))
        return torch.cat([first[values // len(second)], second[values % len(second)]], dim=1), index, count

    code = torch.zeros_like(labels[0], dtype=torch.uint8 if size <= 256 else torch.int32)
    for one in labels:
        code.mul_(base).add_(one).sub_(lowest)
    values, index, count = _renumber(code, size)
    power = base ** torch.arange(annotators - 1, -1, -1, device=labels.device)
    return values[:, None] // power % base + lowest, index, count


def _renumber(code: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The values that ``code``, from 0 to ``size`` − 1, takes, the position of each among them, and how many."""
    if size > TABLE_SIZE:
        return torch.unique(code, return_inverse=True, return_counts=True)
    count = code.bincount(minlength=size)
    if size <= 256:
        return torch.arange(size, device=code.device), code.to(torch.uint8), count
    values = count.nonzero()[:, 0]
    position = torch.zeros(size, dtype=torch.int32, device=code.device)
    position[values] = torch.arange(len(values), dtype=torch.int32, device=code.device)
    return values, position.index_select(0, code), count[values]


def is_disputed(labels: torch.Tensor, dim: int = 0) -> torch.Tensor:
    """Where annotators gave different classes; those who did not label do not count.

    Args:
        labels: classes, −1 = not labeled, annotators along ``dim``.
        dim: of the annotators.

    Returns:
        Boolean, without ``dim``.

    Example:
        >>> is_disputed(torch.tensor([[0, 1, -1, -1], [0, 0, 1, -1]]))
        tensor([False,  True, False, False])
    """
    highest = labels.amax(dim)
    lowest = torch.where(labels < 0, highest.unsqueeze(dim), labels).amin(dim)
    return lowest != highest


def is_overruled(labels: torch.Tensor, consensus: torch.Tensor) -> torch.Tensor:
    """Where all annotators who labeled agree on a class, and the consensus has another one.

    Args:
        labels: ``(R, *spatial)``, classes, −1 = not labeled.
        consensus: ``(*spatial)``.

    Returns:
        Boolean, ``(*spatial)``.

    Example:
        >>> is_overruled(torch.tensor([[0, 1, 1, -1], [0, 1, 0, -1]]), torch.tensor([0, 0, 0, 0]))
        tensor([False,  True, False, False])
    """
    agreed = labels.amax(0)
    return ~is_disputed(labels) & (agreed >= 0) & (consensus != agreed)
