"""Several trained networks in the place of one: their probabilities are averaged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from common.errors import ArgumentError
from common.networks.precision import MixedPrecision

__all__ = ["Ensemble", "averaged", "ensemble_of"]


class Ensemble(nn.Module):
    r"""The mean of the probabilities of K networks, in the form in which each of them gives its own.

    $$ p = \frac{1}{K} \sum_k f(z_k / T_k) $$

    Of networks that give logits, $f$ is sigmoid or softmax, and what is given is the logit of the mean, $\log p$ for
    softmax and $\log p - \log (1 - p)$ for sigmoid, so that whatever follows a network (activation, threshold, class
    map) may follow the ensemble. One network is computed after the other: beside it there is the sum alone.

    Args:
        members: K ≥ 1 networks ``(B, C, *spatial)`` → ``(B, L, *spatial)``.
        sigmoid: whether the networks give logits of classes that may overlap, or of one class.
        softmax: whether they give logits of L classes that exclude each other; with neither they give probabilities.
        temperatures: T of each member, above 0; None: 1.

    Raises:
        ArgumentError: there is no network, both of sigmoid and softmax, or another number of temperatures.

    Example:
        >>> flat, steep = torch.nn.Identity(), torch.nn.Conv1d(2, 2, 1, bias=False)
        >>> _ = torch.nn.init.constant_(steep.weight, 0.0)
        >>> Ensemble([flat, steep], softmax=True)(torch.tensor([[[4.0], [0.0]]])).softmax(1).flatten()
        tensor([0.7410, 0.2590], grad_fn=<ViewBackward0>)
    """

    def __init__(
        self,
        members: Sequence[nn.Module],
        sigmoid: bool = False,
        softmax: bool = False,
        temperatures: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.temperatures = tuple(temperatures or [1.0] * len(members))
        if not members or len(self.temperatures) != len(members):
            raise ArgumentError(
                f"Expected networks and a temperature for each, got {len(members)} and {len(self.temperatures)}."
            )
        if sigmoid and softmax:
            raise ArgumentError("sigmoid, softmax: expected at most one of them, got both.")
        self.members, self.sigmoid, self.softmax = nn.ModuleList(members), sigmoid, softmax

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """The ensemble's logits, or with neither sigmoid nor softmax its probabilities.

        Args:
            image: ``(B, C, *spatial)``.

        Returns:
            ``(B, L, *spatial)``, float64 for float64, else float32.
        """
        return self.average(lambda member: member(image))

    def average(self, run: Callable[[nn.Module], torch.Tensor]) -> torch.Tensor:
        """The same, where more than one call of a member makes its prediction, such as windows that overlap.

        Args:
            run: from a member to its logits or probabilities ``(B, L, *spatial)``.

        Returns:
            The ensemble's.
        """
        total: torch.Tensor | None = None
        for member, temperature in zip(self.members, self.temperatures, strict=True):
            found, share = self._probabilities(run(member), temperature), 1 / len(self.members)
            total = found * share if total is None else total.add_(found, alpha=share)
        assert total is not None
        if self.sigmoid:
            return torch.logit(total, eps=torch.finfo(total.dtype).eps / 2)  # finite, also where all are certain
        return total.clamp_(min=torch.finfo(total.dtype).tiny).log_() if self.softmax else total

    def _probabilities(self, values: torch.Tensor, temperature: float) -> torch.Tensor:
        values = values if values.dtype == torch.float64 else values.float()
        values = values if temperature == 1 else values / temperature
        return values.sigmoid() if self.sigmoid else values.softmax(1) if self.softmax else values


def averaged(network: nn.Module, run: Callable[[Any], torch.Tensor], amp: bool = False) -> torch.Tensor:
    """What a network gives, or the average over the members of an `Ensemble`.

    Args:
        network: any.
        run: from a network to logits or probabilities ``(B, L, *spatial)``.
        amp: whether ``run`` gets each network in `common.networks.MixedPrecision`.

    Returns:
        ``(B, L, *spatial)``.

    Example:
        >>> averaged(torch.nn.Identity(), lambda network: network(torch.ones(1, 1)))
        tensor([[1.]])
    """
    call = (lambda member: run(MixedPrecision(member))) if amp else run
    return network.average(call) if isinstance(network, Ensemble) else call(network)


def ensemble_of(members: Sequence[nn.Module], **options: Any) -> nn.Module:
    """Networks of one architecture as one network.

    Args:
        members: K ≥ 1 networks.
        options: of `Ensemble`.

    Returns:
        What ``ensemble`` of the networks' class makes of them, as that of `common.networks.Segmenter`; else `Ensemble`.

    Example:
        >>> type(ensemble_of([torch.nn.Identity(), torch.nn.Identity()], sigmoid=True)).__name__
        'Ensemble'
    """
    own: Any = getattr(members[0], "ensemble", None)
    return own(members) if own is not None else Ensemble(members, **options)
