"""Label fusion that trusts all annotators alike, and the checks that all label fusion shares."""

from __future__ import annotations

import torch

from common.errors import ArgumentError

__all__ = ["class_labels", "majority_vote", "mean_label"]

MOST_CLASSES = 31  # the largest label up to which classes may be absent


def class_labels(labels: torch.Tensor, num_classes: int | None = None) -> tuple[torch.Tensor, int]:
    """Annotators' labels checked, as integers where float64 exists, and their number of classes.

    Args:
        labels: ``(R, *spatial)``, classes 0 … L − 1 of at least one annotator, −1 = not labeled. Floats must be whole.
        num_classes: L; by default the largest label + 1, and at least 2.

    Returns:
        The labels as a plain tensor of integers (on the CPU if they were on Apple's MPS), and L.

    Raises:
        ArgumentError: if there is no annotator, or a label is no class; without ``num_classes`` also if the largest
            label is above 31 and most of the numbers below it do not occur, as in masks of 0 and 255.

    Example:
        >>> class_labels(torch.tensor([[0.0, 2.0, -1.0]]))
        (tensor([[ 0,  2, -1]]), 3)
    """
    if labels.ndim < 2 or len(labels) == 0:
        raise ArgumentError(
            f"labels: expected (annotator, *spatial) of at least one annotator, got the shape {tuple(labels.shape)}."
        )
    if num_classes is not None and num_classes < 1:
        raise ArgumentError(f"num_classes: expected at least 1, got {num_classes}.")
    checked = labels.detach().as_subclass(torch.Tensor)
    checked = checked.cpu() if checked.device.type == "mps" else checked  # has no float64
    if checked.is_floating_point():
        whole = checked.round()
        if not torch.equal(whole, checked):
            raise ArgumentError("labels: expected whole numbers, got fractions or values that are not finite.")
        checked = whole.long()
    elif checked.dtype == torch.bool:
        checked = checked.to(torch.uint8)
    elif checked.dtype in (torch.uint16, torch.uint32, torch.uint64):  # torch computes little with these
        checked = checked.long()
    low, high = (int(extreme) for extreme in checked.aminmax()) if checked.numel() else (0, 0)
    if num_classes is None and high > MOST_CLASSES and 2 * len(values := checked.unique()) < high:
        raise ArgumentError(
            f"labels: expected classes 0 to L - 1, got {len(values)} different values up to {high}, as in masks of 0 "
            "and 255; give 0 and 1 for these, or num_classes."
        )
    classes = max(2, high + 1) if num_classes is None else num_classes
    if low < -1 or high >= classes:
        raise ArgumentError(
            f"labels: expected classes 0 to {classes - 1}, or -1 where an annotator is absent, "
            f"got values from {low} to {high}."
        )
    return checked, classes


def _votes(labels: torch.Tensor, num_classes: int) -> torch.Tensor:
    """How many annotators chose each class, ``(L, *spatial)`` int64, of checked labels."""
    return torch.stack([(labels == one).sum(0) for one in range(num_classes)])


def mean_label(labels: torch.Tensor, num_classes: int | None = None) -> torch.Tensor:
    """The share of the annotators that chose each class.

        p_c = |{r : l_r = c}| / |{r : l_r ≥ 0}|

    Args:
        labels: ``(R, *spatial)``, classes 0 … L − 1, −1 = not labeled.
        num_classes: L; by default the largest label + 1, and at least 2.

    Returns:
        ``(L, *spatial)`` float64, summing to 1 over the classes; −1 in all of them where nobody labeled. For two
        classes the mean of binary labels is ``[1]``.

    Raises:
        ArgumentError: if there is no annotator, or a label is no class.

    Example:
        >>> mean_label(torch.tensor([[1, 0], [1, 1]]))[1]
        tensor([1.0000, 0.5000], dtype=torch.float64)
    """
    labels, num_classes = class_labels(labels, num_classes)
    votes = _votes(labels, num_classes).double()
    present = votes.sum(0)
    return torch.where(present > 0, votes / present, -1)


def majority_vote(labels: torch.Tensor, num_classes: int | None = None) -> torch.Tensor:
    """The class that most annotators chose; of equally frequent classes the smallest, so background wins a tie.

    Args:
        labels: ``(R, *spatial)``, classes 0 … L − 1, −1 = not labeled.
        num_classes: L; by default the largest label + 1, and at least 2.

    Returns:
        ``(*spatial)`` int64; −1 where nobody labeled.

    Raises:
        ArgumentError: if there is no annotator, or a label is no class.

    Example:
        >>> majority_vote(torch.tensor([[1, 0, 2, -1], [1, 1, 0, -1], [0, -1, 2, -1]]))
        tensor([ 1,  0,  2, -1])
    """
    labels, num_classes = class_labels(labels, num_classes)
    votes = _votes(labels, num_classes)
    return torch.where(votes.any(0), votes.argmax(0), -1)
