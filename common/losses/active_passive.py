"""An active loss, which pulls the label's class up, plus a passive one, which pushes the others down."""

from __future__ import annotations

import torch

from common.errors import InputError


class ActivePassiveLoss(torch.nn.Module):
    """APL, alpha·active + beta·passive (Ma et al., ICML 2020, equation 8).

    Args:
        active: for instance NCE or NGCE; its own options (sigmoid, reduction …) hold.
        passive: for instance MAE or RCE; likewise.
        alpha: weight of the active loss, at least 0.
        beta: weight of the passive loss, at least 0.
    """

    def __init__(self, active: torch.nn.Module, passive: torch.nn.Module, alpha: float = 1.0, beta: float = 1.0):
        super().__init__()
        if alpha < 0 or beta < 0:
            raise InputError(f"alpha and beta: expected weights of at least 0, got {alpha} and {beta}.")
        self.active, self.passive, self.alpha, self.beta = active, passive, alpha, beta

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return self.alpha * self.active(output, target) + self.beta * self.passive(output, target)
