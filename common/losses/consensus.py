"""Losses of a network that is not to learn the annotators' errors: they are fused away, or known."""

from __future__ import annotations

import torch
from torch import nn

from common.errors import ArgumentError
from common.losses.annotator_confusion import annotator_negative_log_likelihood
from common.noise.simulated_annotators import pixelwise_confusion

__all__ = ["ConsensusLoss", "OracleLoss"]


class ConsensusLoss(nn.Module):
    """Cross-entropy with one label per image, hard or soft, fused from the annotators' labels.

        L = mean over labeled pixels of −Σ_c q_c log p_c

    The baselines on mean labels, mode labels, STAPLE and spatial STAPLE in tables 1 and 2 of Zhang et al.,
    *Disentangling Human Error from Ground Truth in Segmentation of Medical Images*.

    Example:
        >>> log_probs = torch.tensor([[[0.8], [0.2]]]).log()
        >>> ConsensusLoss()(log_probs, None, torch.tensor([[[1]]])).exp()  # 1 / 0.2
        tensor(5.)
    """

    def forward(
        self, log_probs: torch.Tensor, log_confusion: torch.Tensor | None, consensus: torch.Tensor
    ) -> torch.Tensor:
        """The loss of a batch.

        Args:
            log_probs: log p of the true class, ``(B, L, *spatial)``.
            log_confusion: not used; networks of annotators give it.
            consensus: class indices ``(B, 1, *spatial)`` of any type, or probabilities q of the classes,
                ``(B, L, *spatial)``; −1 where nobody labeled, of probabilities in all channels. Pixels where they sum
                to less than 0.99, as where resampling has mixed them with a −1, count as not labeled too.

        Returns:
            A scalar, float64 for float64, else float32, under AMP too; 0 if no pixel is labeled.

        Raises:
            ArgumentError: if the shapes do not fit each other.
        """
        log_probs, consensus = log_probs.as_subclass(torch.Tensor), consensus.as_subclass(torch.Tensor)
        if log_probs.dtype != torch.float64:
            log_probs = log_probs.float()  # float16 cannot hold the sum over pixels
        hard = (len(log_probs), 1, *log_probs.shape[2:])
        if consensus.shape == log_probs.shape:
            labeled = consensus.sum(1) > 0.99
            counted = labeled[:, None] & (consensus > 0)  # a class without a share may have log p = −inf
            values = -(consensus * log_probs.where(counted, 0)).sum(1)
            return values.where(labeled, 0).sum() / labeled.sum().clamp_min(1)
        if consensus.shape != hard:
            raise ArgumentError(
                f"consensus: expected classes {hard} or probabilities {tuple(log_probs.shape)}, "
                f"got {tuple(consensus.shape)}."
            )
        labeled = consensus >= 0
        values = -log_probs.where(labeled, 0).gather(1, consensus.long().clamp_min(0))
        return values.where(labeled, 0).sum() / labeled.sum().clamp_min(1)


class OracleLoss(nn.Module):
    """Likelihood of the annotators' labels under their true confusion matrices, as far as one truth can tell.

    `common.losses.AnnotatorConfusionLoss` without a trace, with the matrices of `common.noise.pixelwise_confusion`
    instead of estimated ones; the columns of which nothing is known are 1/L. "Oracle (ours but with known CMs)" in
    tables 1, 4 and 5 of Zhang et al., *Disentangling Human Error from Ground Truth in Segmentation of Medical Images*.

    Example:
        >>> log_probs, truth = torch.tensor([[[0.8], [0.2]]]).log(), torch.tensor([[[1]]])
        >>> OracleLoss()(log_probs, None, torch.tensor([[[0]]]), truth).exp()  # 1 / (1 · 0.2 + 0.5 · 0.8)
        tensor(1.6667)
    """

    def forward(
        self,
        log_probs: torch.Tensor,
        log_confusion: torch.Tensor | None,
        labels: torch.Tensor,
        truth: torch.Tensor,
    ) -> torch.Tensor:
        """The loss of a batch.

        Args:
            log_probs: log p of the true class, ``(B, L, *spatial)``.
            log_confusion: not used; networks of annotators give it.
            labels: class indices ``(B, R, *spatial)`` of any type; −1 where the annotator did not label.
            truth: class indices ``(B, 1, *spatial)`` of any type.

        Returns:
            A scalar; an image without any label contributes 0.

        Raises:
            ArgumentError: if the shapes do not fit each other.
        """
        classes = log_probs.shape[1]
        confusion = pixelwise_confusion(labels, truth, classes).nan_to_num(1 / classes)
        return annotator_negative_log_likelihood(log_probs, confusion.log(), labels).sum(1).mean()
