"""One `forward` for networks that learn from several annotators."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from common.errors import InputError
from common.losses.annotator_confusion import annotator_log_probabilities

__all__ = ["OUTPUTS", "Segmenter"]

OUTPUTS = ("truth", "annotators", "confusion")


class Segmenter(nn.Module):
    """A network of several annotators as engines, inferers and DistributedDataParallel want it: all by ``forward``.

    In training mode the network's own output passes through. In evaluation mode the probabilities are given, joined
    along the channels, so that windows and slices can be averaged and resampling can be undone for all of them at once.

    Args:
        network: `AnnotatorNetwork`, `AnnotatorEnsemble`, `ProbabilisticUNet`, or any other with ``segment`` and
            ``segment_as_annotators``.
        output: in evaluation mode ``"truth"`` gives p of the true class, ``(B, L, *spatial)``; ``"annotators"`` adds
            what each annotator would write (or N samples), ``(B, L + N·L, *spatial)``; ``"confusion"``, of an
            `AnnotatorNetwork` only, adds its matrices too, ``(B, L + R·L + R·L², *spatial)``.

    Raises:
        InputError: there is no such output.

    Example:
        >>> from common.networks import AnnotatorNetwork, UNet
        >>> backbone = UNet(2, out_channels=4, features=(4, 8))
        >>> network = AnnotatorNetwork(backbone, 2, feature_channels=4, num_classes=2, num_annotators=3)
        >>> [Segmenter(network, output).eval()(torch.rand(1, 1, 8, 8)).shape[1] for output in OUTPUTS]
        [2, 8, 20]
    """

    network: Any  # nn.Module knows no segment

    def __init__(self, network: nn.Module, output: str = "truth") -> None:
        super().__init__()
        if output not in OUTPUTS:
            raise InputError(f"output: expected one of {', '.join(OUTPUTS)}, got {output!r}.")
        self.network, self.output = network, output

    def forward(self, image: torch.Tensor, *conditions: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """
        Args:
            image: ``(B, C, *spatial)``.
            conditions: further arguments of the network in training, such as the labels of a `ProbabilisticUNet`.

        Returns:
            In training mode what the network returns, else probabilities, float64 for float64, else float32.
        """
        if self.training:
            return self.network(image, *conditions)
        if self.output == "truth":
            return self.network.segment(image)
        if self.output == "annotators":
            return torch.cat(self.network.segment_as_annotators(image), 1)
        log_probs, log_confusion = self.network(image)
        annotators = annotator_log_probabilities(log_probs, log_confusion)
        return torch.cat((log_probs, annotators.flatten(1, 2), log_confusion.flatten(1, 3)), 1).exp()
