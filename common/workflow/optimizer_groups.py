"""Parameters of the network and of a loss that learns, as groups of one optimizer."""

from __future__ import annotations

from typing import Any

import torch


def parameter_groups(network: torch.nn.Module, loss: Any, loss_lr: float | None = None) -> list[dict[str, Any]]:
    """The network's parameters, and those of the loss as a group of its own if it has any.

    Args:
        network: the network to train.
        loss: any loss; one with parameters (T-Loss's ν̃) gets its own group, without weight decay.
        loss_lr: learning rate of the loss's group; None takes the optimizer's.

    Returns:
        Groups for ``torch.optim.Optimizer(params=…)``.

    Example:
        >>> len(parameter_groups(torch.nn.Linear(1, 1), torch.nn.MSELoss()))
        1
    """
    groups: list[dict[str, Any]] = [{"params": list(network.parameters())}]
    learned = list(loss.parameters()) if isinstance(loss, torch.nn.Module) else []
    if learned:
        groups.append({"params": learned, "weight_decay": 0.0} | ({} if loss_lr is None else {"lr": loss_lr}))
    return groups
