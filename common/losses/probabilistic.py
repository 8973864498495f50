"""Losses of the networks that are compared with annotators' confusion matrices: one per annotator, and by samples."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from common.errors import ArgumentError
from common.losses.segmentation_loss import non_negative

__all__ = ["EnsembleLoss", "ProbabilisticLoss", "gaussian_kl_divergence"]


def gaussian_kl_divergence(
    mean: torch.Tensor, log_std: torch.Tensor, other_mean: torch.Tensor, other_log_std: torch.Tensor
) -> torch.Tensor:
    """Kullback–Leibler divergence of one axis-aligned Gaussian from another.

        KL(q ‖ p) = Σ_d [ log(σ_p / σ_q) + (σ_q² + (μ_q − μ_p)²) / (2 σ_p²) − ½ ]

    Args:
        mean, log_std: μ and log σ of q, ``(B, D)``.
        other_mean, other_log_std: of p.

    Returns:
        ``(B,)`` from 0, in nats; float64 for float64, else float32, under AMP too.

    Example:
        >>> zero = torch.zeros(1, 6)
        >>> gaussian_kl_divergence(zero + 1, zero, zero, zero)  # 6 · ½
        tensor([3.])
    """
    difference = _float(log_std) - _float(other_log_std)
    distance = (_float(mean) - _float(other_mean)) * torch.exp(-_float(other_log_std))
    # expm1, as σ_q²/σ_p² − 1 − log σ_q²/σ_p² cancels where both are nearly equal
    return 0.5 * (torch.expm1(2 * difference) - 2 * difference + distance**2).sum(1)


class EnsembleLoss(nn.Module):
    """Negative log-likelihood of each annotator's labels under a network of its own.

        L = mean over images of Σ_{r ∈ S(x)} [ −mean log p⁽ʳ⁾(ỹ⁽ʳ⁾) ]

    with the mean over the pixels that annotator r labeled; S(x) are the annotators who labeled at least one pixel of
    image x. It is `AnnotatorConfusionLoss` without confusion matrices, of equal scale. The network of an absent
    annotator learns nothing.

    "Separate CNNs on annotators" in tables 1 and 2 of Zhang et al., *Disentangling Human Error from Ground Truth in
    Segmentation of Medical Images*, section 4.

    Example:
        >>> log_half = torch.full((1, 3, 2, 4, 4), 0.5).log()  # 3 annotators, 2 classes
        >>> labels = torch.ones(1, 3, 4, 4)
        >>> labels[:, 2] = -1
        >>> EnsembleLoss()(log_half, labels)  # 2 · log 2
        tensor(1.3863)
    """

    def forward(self, log_probs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The loss of a batch.

        Args:
            log_probs: log p of the classes for each annotator, ``(B, R, L, *spatial)``, 2-D or 3-D.
            labels: class indices ``(B, R, *spatial)`` of any type; −1 where the annotator did not label.

        Returns:
            A scalar, float64 for float64, else float32, under AMP too. An image without any label contributes 0; an
            empty batch has the mean nan, as in PyTorch.

        Raises:
            ArgumentError: if the shapes do not fit each other, or a label is no class.
        """
        if log_probs.ndim < 4 or labels.shape != log_probs.shape[:2] + log_probs.shape[3:]:
            raise ArgumentError(
                "log_probs and labels: expected (batch, annotator, class, *spatial) and (batch, annotator, *spatial), "
                f"got the shapes {tuple(log_probs.shape)} and {tuple(labels.shape)}."
            )
        return _mean_negative_log_likelihood(log_probs.transpose(1, 2), labels).sum(1).mean()


class ProbabilisticLoss(nn.Module):
    """Negative evidence lower bound of the probabilistic U-Net, per labeled pixel.

        L = mean over images of (1 / P) · [ −Σ_pixels log p(ỹ⁽ʳ⁾ | x, z) + β · KL(q(z | x, ỹ⁽ʳ⁾) ‖ p(z | x)) ],   z ~ q

    for the one annotator r that the network drew, with the sum over the P pixels that this annotator labeled. At
    β = 1 the bracket is the bound on −log p(ỹ | x) itself. The division by P keeps the scale of the other losses
    without moving the balance between the terms: with a mean over pixels beside the whole divergence the latent would
    be left unused.

    Kohl et al., *A Probabilistic U-Net for Segmentation of Ambiguous Images*, eq. 4, who sum over pixels.

    Args:
        kl_weight: β ≥ 0.

    Raises:
        ArgumentError: if the weight is negative or not finite.

    Example:
        >>> log_half, labels = torch.full((1, 2, 4, 4), 0.5).log(), torch.ones(1, 3, 4, 4)
        >>> ProbabilisticLoss()(log_half, torch.tensor([1.6]), torch.tensor([2]), labels)  # log 2 + 1.6 / 16
        tensor(0.7931)
    """

    def __init__(self, kl_weight: float = 1.0) -> None:
        super().__init__()
        self.kl_weight = non_negative("kl_weight", kl_weight)

    def forward(
        self, log_probs: torch.Tensor, kl: torch.Tensor, chosen: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        """The loss of a batch.

        Args:
            log_probs: log p of the classes given z, ``(B, L, *spatial)``, 2-D or 3-D.
            kl: of the posterior from the prior, ``(B,)``.
            chosen: the annotator whose label each posterior saw, ``(B,)`` from 0 to R − 1; −1 for an image without any.
            labels: class indices ``(B, R, *spatial)`` of any type; −1 where the annotator did not label.

        Returns:
            A scalar, float64 for float64, else float32, under AMP too. An image without any label contributes 0; an
            empty batch has the mean nan, as in PyTorch.

        Raises:
            ArgumentError: if the shapes do not fit each other, or a label is no class.
        """
        batch, _, *spatial = log_probs.shape
        if log_probs.ndim < 3 or labels.shape[:1] + labels.shape[2:] != (batch, *spatial):
            raise ArgumentError(
                "log_probs and labels: expected (batch, class, *spatial) and (batch, annotator, *spatial), "
                f"got the shapes {tuple(log_probs.shape)} and {tuple(labels.shape)}."
            )
        if kl.shape != (batch,) or chosen.shape != (batch,):
            raise ArgumentError(
                f"kl and chosen: expected a value for each of the {batch} images, "
                f"got the shapes {tuple(kl.shape)} and {tuple(chosen.shape)}."
            )
        kl, chosen, labels = (tensor.as_subclass(torch.Tensor) for tensor in (kl, chosen, labels))
        image = torch.arange(batch, device=labels.device)
        absent = chosen.reshape(batch, *[1] * len(spatial)) < 0
        label = labels[image, chosen.clamp_min(0)].masked_fill(absent, -1)[:, None]
        likelihood = _mean_negative_log_likelihood(log_probs[:, :, None], label)[:, 0]
        pixels = (label >= 0).flatten(1).sum(1)
        divergence = torch.where(pixels > 0, _float(kl) / pixels.clamp_min(1), 0)
        return (likelihood + self.kl_weight * divergence).mean()


def _mean_negative_log_likelihood(log_probs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """``(B, L, R, *spatial)`` and ``(B, R, *spatial)`` → ``(B, R)``, 0 without labels, of plain tensors."""
    log_probs, labels = _float(log_probs.as_subclass(torch.Tensor)), labels.as_subclass(torch.Tensor)
    try:
        values = functional.nll_loss(log_probs, labels.long().clamp_min(-1), ignore_index=-1, reduction="none")
    except IndexError as error:  # on CUDA the kernel's own assertion says so, later
        raise ArgumentError(f"labels: expected class indices up to {log_probs.shape[1] - 1}, got others.") from error
    return values.flatten(2).sum(2) / (labels >= 0).flatten(2).sum(2).clamp_min(1)


def _float(values: torch.Tensor) -> torch.Tensor:
    return values if values.dtype == torch.float64 else values.float()
