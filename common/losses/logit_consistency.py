"""How far the logits of two views of an image are apart."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from common.errors import ArgumentError

__all__ = ["LogitConsistencyLoss", "cosine_distance", "jensen_shannon_divergence", "squared_difference"]


def squared_difference(logits: torch.Tensor, logits_other: torch.Tensor) -> torch.Tensor:
    """Σ_c (z_c − z'_c)², ``(B, *spatial)`` from ``(B, C, *spatial)``.

    Example:
        >>> squared_difference(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 4.0]]))
        tensor([5.])
    """
    return (logits - logits_other).square().sum(1)


def jensen_shannon_divergence(logits: torch.Tensor, logits_other: torch.Tensor) -> torch.Tensor:
    """½ Σ_c [p_c log(p_c / m_c) + p'_c log(p'_c / m_c)], p = softmax(z), p' = softmax(z'), m = (p + p') / 2.

    ``(B, *spatial)`` from ``(B, C, *spatial)``, in nats, from 0 to log 2; in log space, finite for logits of any size.

    Example:
        >>> jensen_shannon_divergence(torch.tensor([[99.0, -99.0]]), torch.tensor([[-99.0, 99.0]]))  # log 2
        tensor([0.6931])
    """
    log_p, log_q = functional.log_softmax(logits, 1), functional.log_softmax(logits_other, 1)
    log_m = torch.logaddexp(log_p, log_q) - math.log(2)
    return 0.5 * (log_p.exp() * (log_p - log_m) + log_q.exp() * (log_q - log_m)).sum(1)


def cosine_distance(logits: torch.Tensor, logits_other: torch.Tensor) -> torch.Tensor:
    """1 − Σ_c z_c z'_c / (‖z‖ ‖z'‖), ``(B, *spatial)`` from ``(B, C, *spatial)``, from 0 to 2; 1 if z or z' is zero.

    Example:
        >>> cosine_distance(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 5.0]]))
        tensor([1.])
    """
    return 1 - functional.cosine_similarity(logits, logits_other, dim=1)


DISTANCES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "squared_difference": squared_difference,
    "jensen_shannon": jensen_shannon_divergence,
    "cosine": cosine_distance,
}


class LogitConsistencyLoss(nn.Module):
    r"""Consistency of the logits z and z' that a network gives for two views of the same images.

    $$ \frac{1}{|V|} \sum_{j \in V} \lambda^j \, d(z^j, z'^j), \qquad d(z, z') = \sum_{c=1}^{C} (z_c - z'_c)^2 $$

    with the pixels V that have a source in both views and the weight λ of each pixel, from `boundary_weight`. The sum
    over classes and the mean over valid pixels are eq. 1 and 2 of Karani et al., *Boundary-weighted logit consistency
    improves calibration of segmentation networks* (their code takes the mean over classes, and over masked pixels
    too). The conclusion of the paper names the other distances. Gradients flow into both views.

    Args:
        distance: d, one of ``"squared_difference"`` (the paper), ``"jensen_shannon"`` of the softmax probabilities or
            ``"cosine"``, 1 − the cosine of the logit vectors.

    Raises:
        ArgumentError: if the distance is another word.

    Example:
        >>> z, other = torch.tensor([[[0.0, 0.0], [1.0, 7.0]]]), torch.zeros(1, 2, 2)
        >>> LogitConsistencyLoss()(z, other, weight=torch.full((1, 1, 2), 0.5), valid=torch.tensor([[[True, False]]]))
        tensor(0.5000)
    """

    def __init__(self, distance: str = "squared_difference") -> None:
        super().__init__()
        if distance not in DISTANCES:
            raise ArgumentError(f"distance: expected one of {', '.join(DISTANCES)}, got {distance!r}.")
        self.distance = distance

    def forward(
        self,
        logits: torch.Tensor,
        logits_other: torch.Tensor,
        weight: torch.Tensor | None = None,
        valid: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The consistency of two views.

        Args:
            logits: ``(B, C, *spatial)`` logits of one view, brought back to the image's own geometry.
            logits_other: the same of the other view.
            weight: λ ≥ 0, ``(B, 1, *spatial)``; by default 1.
            valid: ``(B, 1, *spatial)``, true where both views have a source; by default everywhere. Others are left
                out of sum and count, whatever their logits are, not-a-number included.

        Returns:
            A scalar; float64 for float64, else computed and returned in float32, under AMP too. 0 without a valid
            pixel, where it has no gradient.

        Raises:
            ArgumentError: if the shapes do not fit each other, or there is one channel only and the distance is not the
                squared difference.
        """
        logits, logits_other = logits.as_subclass(torch.Tensor), logits_other.as_subclass(torch.Tensor)
        if logits.ndim < 3 or logits.shape != logits_other.shape:
            raise ArgumentError(
                "logits and logits_other: expected one shape (batch, channel, *spatial), "
                f"got {tuple(logits.shape)} and {tuple(logits_other.shape)}."
            )
        if logits.shape[1] < 2 and self.distance != "squared_difference":
            raise ArgumentError(f"distance {self.distance}: expected two or more channels, got {tuple(logits.shape)}.")
        per_pixel = torch.Size((len(logits), 1, *logits.shape[2:]))
        for name, map in (("weight", weight), ("valid", valid)):
            if map is not None and map.shape != per_pixel:
                raise ArgumentError(f"{name}: expected the shape {tuple(per_pixel)}, got {tuple(map.shape)}.")

        dtype = torch.float64 if logits.dtype == torch.float64 else torch.float32
        logits, logits_other = logits.to(dtype), logits_other.to(dtype)
        count = torch.tensor(per_pixel.numel(), device=logits.device)
        if valid is not None:
            valid = valid.as_subclass(torch.Tensor).to(logits.device, torch.bool)
            # before the distance, so that no gradient of it meets what is not valid
            logits, logits_other = logits.where(valid, 0), logits_other.where(valid, 0)
            count = valid.sum()
        values = DISTANCES[self.distance](logits, logits_other)
        if weight is not None:
            values = values * weight.as_subclass(torch.Tensor)[:, 0].to(values)
        if valid is not None:
            values = values.where(valid[:, 0], 0)
        return values.sum() / count.clamp_min(1)
