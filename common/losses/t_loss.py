"""T-Loss: the negative log-likelihood of a Student-t distribution, which learns how far to trust its labels."""

from __future__ import annotations

import math

import torch
from monai.utils import LossReduction
from torch import nn
from torch.nn import functional

from common.errors import ArgumentError
from common.losses.segmentation_loss import SegmentationLoss, non_negative

__all__ = ["TLoss", "student_t_negative_log_likelihood"]


GAUSSIAN = 100.0  # ν̃ from which on the distribution is normal to the last bit of float64
STIRLING = 1e3  # ν/2 from which on log Γ is taken by Stirling's series, whose error is below 1e-19


def student_t_negative_log_likelihood(
    squared_error: torch.Tensor, dimension: int | torch.Tensor, nu: torch.Tensor
) -> torch.Tensor:
    """−log p of the D-dimensional Student-t distribution with Σ = I, in float64.

        −log Γ((ν+D)/2) + log Γ(ν/2) + (D/2) log(πν) + ((ν+D)/2) log(1 + δ²/ν)   (eq. 4)

    Its terms are of the order of D and nearly cancel, also in the gradient of ν, so that float32 will not do. For large
    ν those of log Γ cancel in float64 too; there their difference is taken term by term from Stirling's series, so that
    ν → ∞ gives the normal distribution, (D/2) log 2π + δ²/2.

    Args:
        squared_error: δ² = Σ (y − μ)² over the D values, any shape.
        dimension: D ≥ 0, a number or one for each of ``squared_error``.
        nu: ν > 0, a finite scalar tensor.

    Returns:
        float64 of the shape and on the device of ``squared_error`` (on the CPU for Apple's MPS, which has no float64).

    Example:
        >>> student_t_negative_log_likelihood(torch.tensor([0.0]), 1, torch.tensor(1.0))  # Cauchy: log π
        tensor([1.1447], dtype=torch.float64)
    """
    squared_error, nu = _double(squared_error), _double(nu)
    if isinstance(dimension, torch.Tensor):
        dimension = _double(dimension)
    small = nu.clamp_max(2 * STIRLING)
    direct = (
        torch.lgamma(small / 2) - torch.lgamma((small + dimension) / 2) + dimension / 2 * torch.log(math.pi * small)
    )
    constant = torch.where(
        nu <= 2 * STIRLING, direct, _constant_of_large(nu.clamp_min(2 * STIRLING) / 2, dimension / 2)
    )
    return constant + (nu + dimension) / 2 * torch.log1p(squared_error / nu)


def _constant_of_large(z: torch.Tensor, a: float | torch.Tensor) -> torch.Tensor:
    """log Γ(z) − log Γ(z + a) + a log 2πz for z = ν/2 and a = D/2."""
    return a * math.log(2 * math.pi) + a - (z + a - 0.5) * torch.log1p(a / z) + _stirling(z) - _stirling(z + a)


def _stirling(z: torch.Tensor) -> torch.Tensor:
    """log Γ(z) − [(z − ½) log z − z + ½ log 2π]."""
    return 1 / (12 * z) - 1 / (360 * z**3) + 1 / (1260 * z**5)


class TLoss(SegmentationLoss):
    r"""T-Loss of Gonzalez-Jimenez et al., *Robust T-Loss for Medical Image Segmentation* (MICCAI 2023), eq. 3 and 4.

    $$ L = -\log\Gamma\!\left(\tfrac{\nu+D}{2}\right) + \log\Gamma\!\left(\tfrac{\nu}{2}\right)
           + \tfrac{D}{2}\log(\pi\nu) + \tfrac{\nu+D}{2}\log\!\left(1 + \tfrac{\delta^2}{\nu}\right),
       \quad \nu = e^{\tilde\nu} + \epsilon $$

    with δ² the squared error summed over the D labeled pixels of one image and class (D is counted in the tensor). The
    classes' terms are summed, those of the images with a labeled pixel averaged. It weighs an image by
    (ν + D)/(ν + δ²), about 1/MSE of that image, and hardly tells the pixels of one image apart. ν̃ is a parameter: give
    it to the optimizer, and the loss to the checkpoint. Errata: the published code has Σ⁻¹ = ε·I and (D/2)(ν̃ + ε) in
    place of I and (D/2) log ν, which moves the best ν.

    The squared error is summed in float32 (float64 for float64), eq. 4 is in float64, the result float32 or float64 as
    the input. For float16 and bfloat16 it is float32: it is of the order of D, more than float16 can hold.

    Args:
        nu_tilde: start of ν̃, up to 100, where the distribution is normal already (the paper's: 0).
        epsilon: ε ≥ 0, keeps ν above zero (the paper's: 1e-8).
        include_background: whether channel 0 counts.
        to_onehot_y, sigmoid, softmax, reduction: see `SegmentationLoss`.

    Raises:
        ArgumentError: if ``nu_tilde`` or ``epsilon`` is not finite, ``nu_tilde`` above 100 or ``epsilon`` negative.

    Example:
        >>> loss = TLoss(sigmoid=True)
        >>> loss(torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8))
        tensor(49.4620, grad_fn=<ToCopyBackward0>)
    """

    def __init__(
        self,
        nu_tilde: float = 0.0,
        epsilon: float = 1e-8,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        reduction: LossReduction | str = "mean",
    ) -> None:
        super().__init__(to_onehot_y=to_onehot_y, sigmoid=sigmoid, softmax=softmax, reduction=reduction)
        if not -math.inf < nu_tilde <= GAUSSIAN:
            raise ArgumentError(f"nu_tilde: expected a finite number of at most {GAUSSIAN:g}, got {nu_tilde}.")
        self.nu_tilde = nn.Parameter(torch.tensor(float(nu_tilde)))
        self.epsilon = non_negative("epsilon", epsilon)
        self.include_background = include_background

    @property
    def nu(self) -> torch.Tensor:
        """The degrees of freedom ν = exp(ν̃) + ε.

        Returns:
            A float64 scalar above ε that passes gradients to ν̃.
        """
        return _double(self.nu_tilde).exp() + self.epsilon

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The loss of a segmentation.

        Args:
            input: ``(B, C, *spatial)``, 2-D or 3-D: logits with ``sigmoid`` or ``softmax``, else compared as it is.
            target: ``(B, C, *spatial)``, hard or soft; with ``to_onehot_y`` class indices ``(B, 1, *spatial)``.
                Negative, −1, where a pixel is not labeled.

        Returns:
            A scalar, or ``(B,)`` with ``reduction="none"``. An empty batch has the mean nan and the sum 0, as in
            PyTorch; an image without labeled pixels the loss 0.

        Raises:
            ArgumentError: if the shapes do not fit each other or the arguments.
        """
        prediction, target, labeled = self.align_structures(input, target, self.include_background)
        squares = functional.mse_loss(prediction, target, reduction="none")
        dimension: int | torch.Tensor = math.prod(prediction.shape[2:])
        present = None
        if labeled is not None:
            squares, dimension = squares.where(labeled, 0), labeled.flatten(2).sum(2)
            present = (dimension > 0).any(1)
        loss = student_t_negative_log_likelihood(squares.flatten(2).sum(2), dimension, self.nu).sum(1)
        present = None if present is None else present.to(loss.device)
        return self.reduce(loss, present).to(prediction.dtype).to(prediction.device)


def _double(value: torch.Tensor) -> torch.Tensor:
    """In float64, on the CPU if the device is Apple's MPS, which has none."""
    return (value.cpu() if value.device.type == "mps" else value).double()
