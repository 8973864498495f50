"""Temperature scaling: one number that makes a trained network's probabilities as likely as they can be."""

from __future__ import annotations

import math

import torch
from scipy.optimize import minimize_scalar

from common.errors import ArgumentError

__all__ = ["fit_temperature"]

LIMIT = 100.0  # labels that the logits always or never get right have no finite optimum
BLOCK = 1 << 18  # voxels that are in float64 at a time


def fit_temperature(logits: torch.Tensor, labels: torch.Tensor) -> float:
    r"""The temperature T for which softmax(z / T) gives the labels the highest likelihood.

    $$ T = \operatorname{argmin}_T \; -\frac{1}{N} \sum_{j=1}^{N} \log \sigma(z^j / T)_{y^j} $$

    The negative log-likelihood is convex in 1/T, so it has one minimum, found by bounded search over log T. T > 1
    softens an overconfident network, T < 1 sharpens; the most probable class stays. Sums are float64.

    Args:
        logits: ``(B, C, *spatial)``; of one channel, of the foreground against 0.
        labels: ``(B, 1, *spatial)`` class indices (of one channel: 0 and 1); negative where a voxel does not count.

    Returns:
        T in [1/100, 100]; near an end where the likelihood has no maximum, such as where every voxel is right.

    Raises:
        ArgumentError: if no voxel counts, the shapes do not fit, a label is not below C, or a logit is not finite.

    Source: Guo et al., *On calibration of modern neural networks*, ICML 2017, section 4.2.

    Example:
        >>> z = torch.tensor([[[4.0, 4.0, 4.0, 4.0]]])  # certain to 98 %, but right three times in four
        >>> round(fit_temperature(z, torch.tensor([[[1, 1, 1, 0]]])), 3)  # 4 / log 3
        3.641
    """
    scores, classes = logits.detach().as_subclass(torch.Tensor), labels.detach().as_subclass(torch.Tensor)
    if scores.ndim < 2 or classes.shape != (len(scores), 1, *scores.shape[2:]):
        raise ArgumentError(
            "logits and labels: expected (B, C, *spatial) and (B, 1, *spatial), "
            f"got {tuple(scores.shape)} and {tuple(classes.shape)}."
        )
    if scores.device.type == "mps":  # has no float64
        scores = scores.cpu()
    scores = scores.movedim(1, -1).flatten(0, -2)
    chosen = classes.to(scores.device).flatten().long()
    scores, chosen = scores[chosen >= 0], chosen[chosen >= 0]
    if not len(chosen):
        raise ArgumentError("a temperature needs at least one labeled voxel, got none.")
    if not scores.isfinite().all():
        raise ArgumentError("logits: expected finite values, got others.")
    if scores.shape[1] == 1:
        scores = torch.cat((torch.zeros_like(scores), scores), 1)
    if chosen.max() >= scores.shape[1]:
        raise ArgumentError(f"labels: expected class indices below {scores.shape[1]}, got {int(chosen.max())}.")
    blocks = list(zip(scores.split(BLOCK), chosen.split(BLOCK), strict=True))

    def negative_log_likelihood(log_temperature: float) -> float:
        total = 0.0
        for part, label in blocks:
            scaled = part.double() * math.exp(-log_temperature)
            total += float(torch.nn.functional.cross_entropy(scaled, label, reduction="sum"))
        return total / len(chosen)

    limit = math.log(LIMIT)
    found = minimize_scalar(negative_log_likelihood, bounds=(-limit, limit), method="bounded", options={"xatol": 1e-7})
    return math.exp(found.x)
