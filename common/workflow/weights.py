"""Weights of a network from a file: all of them for inference, what fits for a training that starts from them."""

from __future__ import annotations

import logging
import os
from typing import Any

import torch

from common.errors import InputError
from common.workflow.checkpoint import load_into, read_state

__all__ = ["load_weights", "start_from_weights"]

logger = logging.getLogger(__name__)


def load_weights(network: torch.nn.Module, path: str | os.PathLike[str]) -> torch.nn.Module:
    """Loads ``model.pt``, or the network inside a ``checkpoint.pt``, into ``network`` and returns it.

    Of a checkpoint it is the network whose weights ``model.pt`` holds (of bwcr the moving average), as of the last
    epoch, where ``model.pt`` may be of the best one.

    Args:
        network: of the architecture of the file.
        path: of a file with weights alone, or of a checkpoint of `common.workflow.TrainingCheckpoint`.

    Returns:
        ``network``.

    Raises:
        InputError: the file is missing, truncated, foreign, or of another architecture.
    """
    load_into("network", network, _network_state(path), path)
    return network


def start_from_weights(network: torch.nn.Module, path: str | os.PathLike[str] | None = None) -> torch.nn.Module:
    """Loads what fits of a file's weights into ``network``, says in one log line what did not, and returns it.

    For ``--weights PATH`` of a training: the file may be of a network with other classes or channels, whose last or
    first layer stays as it was drawn. A training that is resumed has its weights from the checkpoint instead.

    Args:
        network: to be trained.
        path: as in `load_weights`; None leaves the network as it is.

    Returns:
        ``network``.

    Raises:
        InputError: the file is missing, truncated, or nothing in it fits.

    Example:
        >>> start_from_weights(torch.nn.Linear(2, 1))
        Linear(in_features=2, out_features=1, bias=True)
    """
    if path is None:
        return network
    own, found = network.state_dict(), _network_state(path)
    common_names = [name for name in own if name in found]
    other_shape = [name for name in common_names if getattr(found[name], "shape", None) != own[name].shape]
    fitting = {name: found[name] for name in common_names if name not in other_shape}
    if not fitting:
        raise InputError(f"{path}: not one of its {len(found)} weights fits one of the {len(own)} of this network.")
    network.load_state_dict(own | fitting)
    report = {
        "of another shape": [f"{name} {_shape(found[name])} for {_shape(own[name])}" for name in other_shape],
        "missing in the file": [name for name in own if name not in found],
        "not in this network": [name for name in found if name not in own],
    }
    listed = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in report.items() if names)
    logger.log(
        logging.WARNING if listed else logging.INFO,
        "Start from %s: %d of %d weights taken%s.",
        *(path, len(fitting), len(own), f"; {listed}" if listed else ""),
    )
    return network


def _shape(value: Any) -> str:
    return " × ".join(map(str, value.shape)) or "1" if isinstance(value, torch.Tensor) else type(value).__name__


def _network_state(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The names and tensors of a network in a file."""
    state = read_state(path)
    objects = state.get("objects")
    state = objects.get("network", state) if isinstance(objects, dict) else state.get("network", state)
    if not isinstance(state, dict):
        raise InputError(f"{path} holds no weights of a network by their names.")
    return state
