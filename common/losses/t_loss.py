"""T-Loss: the negative log-likelihood of a Student-t distribution with a learned tolerance."""

from __future__ import annotations

import math

import torch

from common.errors import InputError
from common.losses.probabilities import as_target, check_options, full_precision, reduce


def student_t_negative_log_likelihood(
    squared_error: torch.Tensor, dimension: int, nu_tilde: torch.Tensor, epsilon: float = 1e-8
) -> torch.Tensor:
    """−log p of a D-dimensional Student-t distribution with identity scale, from squared distances to its mean.

    ``−log Γ((ν+D)/2) + log Γ(ν/2) + (D/2) log(πν) + (ν+D)/2 · log(1 + δ²/ν)`` with ``ν = exp(ν̃) + ε`` (equation 4).

    At D = 65,536 the difference of the two log Γ loses all digits of ν's gradient in float32, so the three terms in ν
    alone are computed in float64 (on the CPU where the device has none).

    Args:
        squared_error: δ² ≥ 0, any shape, float32 or float64.
        dimension: D ≥ 1.
        nu_tilde: scalar ν̃.
        epsilon: ε > 0 keeps ν positive.

    Returns:
        Tensor of the shape and type of ``squared_error``.

    Example:
        >>> student_t_negative_log_likelihood(torch.zeros(()), 1, torch.zeros(()))  # Cauchy: log π
        tensor(1.1447)
    """
    double = nu_tilde.cpu() if nu_tilde.device.type == "mps" else nu_tilde
    nu = double.double().exp() + epsilon
    normaliser = (
        torch.lgamma(nu / 2) - torch.lgamma((nu + dimension) / 2) + dimension / 2 * (math.log(math.pi) + nu.log())
    )
    nu, normaliser = nu.to(squared_error), normaliser.to(squared_error)
    return normaliser + (nu + dimension) / 2 * torch.log1p(squared_error / nu)


class TLoss(torch.nn.Module):
    """T-Loss of each image, per-class terms summed, averaged over the batch.

    The error of a whole image is one draw of a D-dimensional Student-t distribution around the prediction; D is the number of
    its pixels. ν̃ is a parameter: give it to the optimiser, best as a group of its own.

    Source: Gonzalez-Jimenez et al., MICCAI 2023, equations 3 and 4; by the errata with Σ = I and (D/2) log(πν).

    Args:
        nu_tilde: start of ν̃ (paper: 0).
        epsilon: ν = exp(ν̃) + epsilon (paper: 1e-8).
        include_background: with more than one channel, whether the first takes part.
        to_onehot_y: the target holds class indices (B, 1, *spatial).
        sigmoid: apply it to the output first.
        softmax: apply it to the output first.
        reduction: "mean" over images, "sum", or "none" for one value per image (B,).

    Shapes: output and target (B, C, *spatial), 2-D or 3-D; the target may be soft. Half-precision outputs are computed and returned in
    float32: one image's loss is of the order of D and would overflow float16.

    Raises:
        InputError: shapes that differ, contradicting options, an image without pixels.

    Example:
        >>> loss = TLoss(sigmoid=True)
        >>> bool(loss(torch.zeros(2, 1, 8, 8), torch.ones(2, 1, 8, 8)) > 0)
        True
    """

    def __init__(
        self,
        nu_tilde: float = 0.0,
        epsilon: float = 1e-8,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        check_options(sigmoid, softmax, reduction)
        if epsilon <= 0:
            raise InputError(f"epsilon: expected a positive number, got {epsilon}.")
        self.nu_tilde = torch.nn.Parameter(torch.tensor(float(nu_tilde)))
        self.epsilon = epsilon
        self.include_background = include_background
        self.to_onehot_y, self.sigmoid, self.softmax = to_onehot_y, sigmoid, softmax
        self.reduction = reduction

    @property
    def nu(self) -> torch.Tensor:
        """The tolerance ν."""
        return self.nu_tilde.exp() + self.epsilon

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        output = full_precision(output)
        target = as_target(output, target, self.to_onehot_y)
        mean = output.sigmoid() if self.sigmoid else output.softmax(dim=1) if self.softmax else output
        if not self.include_background and output.shape[1] > 1:
            mean, target = mean[:, 1:], target[:, 1:]
        dimension = math.prod(mean.shape[2:])
        if dimension == 0:
            raise InputError(f"output: expected images with pixels, got shape {tuple(output.shape)}.")
        squared_error = (target - mean).square().flatten(2).sum(dim=2)
        loss = student_t_negative_log_likelihood(squared_error, dimension, self.nu_tilde, self.epsilon)
        return reduce(loss.sum(dim=1), self.reduction)
