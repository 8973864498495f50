"""Several trained networks of the truth and its annotators in the place of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import nn

from common.errors import ArgumentError
from common.networks.probabilistic_unet import ProbabilisticUNet

__all__ = ["AnnotatorMixture"]


class AnnotatorMixture(nn.Module):
    r"""The mean of K networks of the truth and the annotators: of their joint distribution of both.

    $$ p_j = \frac{1}{K} \sum_k p_{k,j}, \qquad A_{ij} = \frac{1}{K p_j} \sum_k A_{k,ij} \, p_{k,j} $$

    so that what an annotator writes, $A p$, is the mean of what the networks predict of this annotator. A `Segmenter`
    of it votes with these means.

    Args:
        members: K ≥ 1 of `common.networks.AnnotatorNetwork`, or of other networks with ``segment`` and
            ``segment_as_annotators``, of the same annotators.

    Raises:
        ArgumentError: there is no network.

    Example:
        >>> from common.networks import AnnotatorEnsemble, UNet
        >>> members = [AnnotatorEnsemble([UNet(2, out_channels=2, features=(4, 8))]) for _ in range(2)]
        >>> [tuple(found.shape) for found in AnnotatorMixture(members).segment_as_annotators(torch.rand(1, 1, 8, 8))]
        [(1, 2, 8, 8), (1, 2, 8, 8)]
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        if not members:
            raise ArgumentError("members: expected at least one network, got none.")
        self.members = nn.ModuleList(members)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Truth and annotators in log space, of networks with confusion matrices.

        Args:
            image: ``(B, C, *spatial)``.

        Returns:
            log p, ``(B, L, *spatial)``, and log A, ``(B, R, L, L, *spatial)``.
        """

        def both(member: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
            log_truth, log_confusion = member(image)
            return log_truth.exp(), (log_confusion + log_truth[:, None, None]).exp()

        truth, joint = (_log(mean) for mean in _means(both(member) for member in self.members))
        return truth, joint.log_softmax(2)

    def segment(self, image: torch.Tensor) -> torch.Tensor:
        """The truth's probabilities alone.

        Args:
            image: ``(B, C, *spatial)``.

        Returns:
            ``(B, L, *spatial)``, summing to 1 over the classes.
        """
        (mean,) = _means((member.segment(image),) for member in self.members)  # type: ignore[operator]
        return mean

    def segment_as_annotators(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The probabilities of the truth and of what each annotator would write.

        Args:
            image: ``(B, C, *spatial)``.

        Returns:
            ``(B, L, *spatial)`` and ``(B, R·L, *spatial)``, as of each network.

        Raises:
            ArgumentError: the networks give samples, which have no counterparts in each other.
        """
        if isinstance(self.members[0], ProbabilisticUNet):
            raise ArgumentError(
                "The samples of several probabilistic U-Nets cannot be averaged: take one network, or the truth alone."
            )
        found = (member.segment_as_annotators(image) for member in self.members)  # type: ignore[operator]
        truth, annotators = _means(found)
        return truth, annotators


def _means(found: Iterable[Sequence[torch.Tensor]]) -> list[torch.Tensor]:
    """The mean of each of several tensors, over networks of which one is computed after the other."""
    totals: list[torch.Tensor] = []
    count = 0
    for tensors in found:
        totals = [total + tensor for total, tensor in zip(totals, tensors, strict=True)] if totals else list(tensors)
        count += 1
    return [total / count for total in totals]


def _log(probabilities: torch.Tensor) -> torch.Tensor:
    return probabilities.clamp(min=torch.finfo(probabilities.dtype).tiny).log()
