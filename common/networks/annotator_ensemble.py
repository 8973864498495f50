"""A network for each annotator, averaged."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from common.errors import ArgumentError

__all__ = ["AnnotatorEnsemble"]


class AnnotatorEnsemble(nn.Module):
    """Independent networks, one per annotator, whose mean stands for the truth.

        p = 1/R · Σ_r p⁽ʳ⁾,   p⁽ʳ⁾ = softmax of network r, which learns from annotator r alone

    "Separate CNNs on annotators" in tables 1 and 2 of Zhang et al., *Disentangling Human Error from Ground Truth in
    Segmentation of Medical Images*, section 4. Train with `common.losses.EnsembleLoss`.

    Args:
        backbones: R networks ``(B, C, *spatial)`` → logits ``(B, L, *spatial)``, of L ≥ 2 classes and in the order of
            the annotators; each its own object, so that none shares weights.

    Raises:
        ArgumentError: if there is no network, or the same one twice.

    Example:
        >>> from monai.networks.nets import BasicUNet
        >>> backbones = [BasicUNet(spatial_dims=2, out_channels=2, features=(8, 8, 8, 8, 8, 8)) for _ in range(3)]
        >>> AnnotatorEnsemble(backbones).segment(torch.rand(1, 1, 32, 32)).shape
        torch.Size([1, 2, 32, 32])
    """

    def __init__(self, backbones: Sequence[nn.Module]) -> None:
        super().__init__()
        if not backbones or len(set(map(id, backbones))) < len(backbones):
            raise ArgumentError(f"backbones: expected different networks, one per annotator, got {len(backbones)}.")
        self.backbones = nn.ModuleList(backbones)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor]:
        """Each annotator in log space.

        Args:
            image: ``(B, C, *spatial)``.

        Returns:
            A tuple of log p, ``(B, R, L, *spatial)``, alone; float64 for float64, else float32, under AMP too.
        """
        logits = torch.stack([backbone(image) for backbone in self.backbones], 1)
        return (torch.log_softmax(logits if logits.dtype == torch.float64 else logits.float(), 2),)

    @torch.jit.export
    def segment(self, image: torch.Tensor) -> torch.Tensor:
        """The mean of the annotators' probabilities.

        Args:
            image: ``(B, C, *spatial)``.

        Returns:
            ``(B, L, *spatial)``, summing to 1 over the classes.
        """
        return self(image)[0].exp().mean(1)

    @torch.jit.export
    def segment_as_annotators(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The mean probabilities and those of each annotator, for windows as in `AnnotatorNetwork`.

        Args:
            image: ``(B, C, *spatial)``.

        Returns:
            ``(B, L, *spatial)`` and ``(B, R·L, *spatial)``: the L classes of the first annotator first.
        """
        annotators = self(image)[0].exp()
        return annotators.mean(1), annotators.flatten(1, 2)
