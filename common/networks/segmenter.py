"""One `forward` for networks that learn from several annotators."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from common.errors import ArgumentError
from common.losses.annotator_confusion import annotator_log_probabilities
from common.networks.annotator_mixture import AnnotatorMixture

__all__ = ["OUTPUTS", "READOUTS", "Segmenter", "matrices_of_vote", "vote"]

OUTPUTS = ("truth", "annotators", "confusion", "mean")
READOUTS = ("estimate", "vote", "mean")


class _Probabilities(nn.Module):
    """A `Segmenter` in evaluation mode, in words that TorchScript knows."""

    __constants__ = ("averaging", "estimated", "only_truth", "voting", "with_matrices")  # others are not compiled

    def __init__(self, network: nn.Module, output: str, readout: str) -> None:
        super().__init__()
        self.network, self.output, self.readout = network, output, readout
        self.only_truth, self.with_matrices = output == "truth", output == "confusion"
        self.averaging = output == "mean"
        self.estimated, self.voting = readout == "estimate", readout == "vote"

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        if self.with_matrices:
            log_probs, log_confusion = self.network(image)
            truth, matrices = log_probs.exp(), log_confusion.exp()
            annotators = annotator_log_probabilities(log_probs, log_confusion).exp()
            if not self.estimated:
                truth = vote(annotators) if self.voting else annotators.mean(1)
                matrices = matrices_of_vote(truth, annotators)
            return torch.cat([truth, annotators.flatten(1, 2), matrices.flatten(1, 3)], 1)
        if self.estimated and self.only_truth:
            return self.network.segment(image)  # type: ignore[operator]
        truth, annotators = self.network.segment_as_annotators(image)  # type: ignore[operator]
        by_annotator = annotators.unflatten(1, [-1, truth.shape[1]])
        if not self.estimated:
            truth = vote(by_annotator) if self.voting else by_annotator.mean(1)
        if self.only_truth:
            return truth
        return torch.cat([truth, by_annotator.mean(1) if self.averaging else annotators], 1)


class Segmenter(_Probabilities):
    """A network of several annotators as engines, inferers and DistributedDataParallel want it: all by ``forward``.

    In training mode the network's own output passes through. In evaluation mode the probabilities are given, joined
    along the channels, so that windows and slices can be averaged and resampling can be undone for all of them at once.
    TorchScript gets the evaluation mode.

    Args:
        network: `AnnotatorNetwork`, `AnnotatorEnsemble`, `ProbabilisticUNet`, or any other with ``segment`` and
            ``segment_as_annotators``.
        output: in evaluation mode ``"truth"`` gives p of the true class, ``(B, L, *spatial)``; ``"annotators"`` adds
            what each annotator would write (or N samples), ``(B, L + N·L, *spatial)``; ``"confusion"``, of an
            `AnnotatorNetwork` only, adds its matrices too, ``(B, L + R·L + R·L², *spatial)``; ``"mean"`` adds the mean
            of the annotators to the truth, ``(B, L + L, *spatial)``.
        readout: what the truth is in evaluation mode: the network's own ``"estimate"``; the ``"vote"`` of the predicted
            annotators, see `vote`, whose map has R + 1 values at most, so that the output ``"mean"`` has to say where
            the network is unsure; or the ``"mean"`` of their probabilities, which says so itself. To both of these
            belong the matrices of `matrices_of_vote`.

    Raises:
        ArgumentError: there is no such output or readout.

    Example:
        >>> from common.networks import AnnotatorNetwork, UNet
        >>> backbone = UNet(2, out_channels=4, features=(4, 8))
        >>> network = AnnotatorNetwork(backbone, 2, feature_channels=4, num_classes=2, num_annotators=3)
        >>> [Segmenter(network, output).eval()(torch.rand(1, 1, 8, 8)).shape[1] for output in OUTPUTS]
        [2, 8, 20, 4]
    """

    def __init__(self, network: nn.Module, output: str = "truth", readout: str = "estimate") -> None:
        if readout not in READOUTS:
            raise ArgumentError(f"readout: expected one of {', '.join(READOUTS)}, got {readout!r}.")
        if output not in OUTPUTS:
            raise ArgumentError(f"output: expected one of {', '.join(OUTPUTS)}, got {output!r}.")
        super().__init__(network, output, readout)

    def forward(  # type: ignore[override]
        self, image: torch.Tensor, *conditions: torch.Tensor
    ) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """The network's own output in training, else probabilities.

        Args:
            image: ``(B, C, *spatial)``.
            conditions: further arguments of the network in training, such as the labels of a `ProbabilisticUNet`.

        Returns:
            In training mode what the network returns, else probabilities, float64 for float64, else float32.
        """
        if self.training:
            return self.network(image, *conditions)
        return super().forward(image)

    @staticmethod
    def ensemble(members: Sequence[Segmenter]) -> Segmenter:
        """The average of several, see `common.networks.AnnotatorMixture`: it is the averaged annotators who vote.

        Args:
            members: K ≥ 1 of one architecture, output and readout.

        Returns:
            One for all.
        """
        mixture = AnnotatorMixture([member.network for member in members])
        return Segmenter(mixture, members[0].output, members[0].readout)

    def __prepare_scriptable__(self) -> nn.Module:
        return _Probabilities(self.network, self.output, self.readout).train(self.training)


def vote(probabilities: torch.Tensor) -> torch.Tensor:
    """The share of the annotators whose most probable class it is.

    Args:
        probabilities: of each annotator's classes, ``(B, R, L, *spatial)``.

    Returns:
        ``(B, L, *spatial)``, summing to 1 over the classes.

    Example:
        >>> vote(torch.tensor([[[[0.6], [0.4]], [[0.1], [0.9]], [[0.2], [0.8]]]])).flatten()
        tensor([0.3333, 0.6667])
    """
    return _one_hot(probabilities, 2).mean(1)


def matrices_of_vote(shares: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
    """The confusion matrices under which the elected class is the truth and the annotators are as predicted.

        A⁽ʳ⁾[i, j] = p⁽ʳ⁾_i in the column j of the elected class, else 1 for i = j and 0 for others

    All p and A of the same products A·p explain the annotators' labels equally well; of those with a certain truth at
    each pixel this is the one of the largest trace.

    Args:
        shares: of `vote`, or the annotators' mean probabilities, ``(B, L, *spatial)``; of equal ones the first is
            elected.
        probabilities: of each annotator's classes, ``(B, R, L, *spatial)``.

    Returns:
        ``(B, R, L, L, *spatial)``, columns summing to 1.

    Example:
        >>> matrices_of_vote(torch.tensor([[[0.0], [1.0]]]), torch.tensor([[[[0.3], [0.7]]]]))[0, 0, ..., 0]
        tensor([[1.0000, 0.3000],
                [0.0000, 0.7000]])
    """
    elected = _one_hot(shares, 1)[:, None, None]
    identity = torch.eye(shares.shape[1], dtype=shares.dtype, device=shares.device)
    identity = identity.view(list(identity.shape) + [1] * (shares.dim() - 2))
    return elected * probabilities[:, :, :, None] + (1 - elected) * identity


def _one_hot(probabilities: torch.Tensor, dim: int) -> torch.Tensor:
    """1 for the most probable class along an axis, the first of several, else 0."""
    classes = torch.arange(probabilities.shape[dim], device=probabilities.device)
    classes = classes.view([-1] + [1] * (probabilities.dim() - dim - 1))
    return (probabilities.argmax(dim, keepdim=True) == classes).to(probabilities.dtype)
