"""Weights of a network from a file: all of them for inference, what fits for a training that starts from them."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch

from common.errors import InputError
from common.networks.ensemble import ensemble_of
from common.workflow.checkpoint import WEIGHTS_FILE, load_into, read_state
from common.workflow.trainings import WEIGHTS, Places, training_folders

__all__ = ["load_weights", "start_from_weights"]

logger = logging.getLogger(__name__)


def load_weights(
    network: torch.nn.Module,
    path: Places,
    sigmoid: bool = False,
    softmax: bool = False,
    temperatures: float | Sequence[float] | None = None,
) -> torch.nn.Module:
    """Loads ``model.pt``, or the network inside a ``checkpoint.pt``, into ``network`` and returns it.

    Of a checkpoint it is the network whose weights ``model.pt`` holds (of bwcr the moving average), as of the last
    epoch, where ``model.pt`` may be of the best one. Of several trainings it returns the average of their networks.

    Args:
        network: network of the architecture of the file.
        path: of a file with weights alone, or of a checkpoint of `common.workflow.TrainingCheckpoint`; or of the folder
            with ``model.pt``; or of several folders, see `training_folders`.
        sigmoid, softmax: what makes probabilities of the logits of several networks, see `common.networks.Ensemble`.
        temperatures: of several networks, a number for each, which divides its logits before their average.

    Returns:
        ``network``, or what `common.networks.ensemble_of` makes of several.

    Raises:
        InputError: a file is missing, truncated, foreign, or of another architecture.

    Example:
        >>> import tempfile
        >>> network = torch.nn.Linear(2, 1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     torch.save(network.state_dict(), f"{folder}/model.pt")
        ...     loaded = load_weights(torch.nn.Linear(2, 1), folder)
        >>> torch.equal(loaded.weight, network.weight)
        True
    """
    files = [folder / WEIGHTS for folder in training_folders(path)]
    if isinstance(path, str | os.PathLike) and (Path(path).is_file() or Path(path).suffix == Path(WEIGHTS).suffix):
        files = [Path(path)]
    if len(files) == 1:
        load_into("network", network, _network_state(files[0]), files[0])
        return network
    members = [load_weights(deepcopy(network), file) for file in files]
    logger.info("The probabilities of %d networks are averaged: %s.", len(files), ", ".join(map(str, files)))
    each = temperatures if isinstance(temperatures, Sequence) else None
    return ensemble_of(members, sigmoid=sigmoid, softmax=softmax, temperatures=each)


def start_from_weights(network: torch.nn.Module, path: str | os.PathLike[str] | None = None) -> torch.nn.Module:
    """Loads what fits of a file's weights into ``network``, says in one log line what did not, and returns it.

    For ``--weights PATH`` of a training: the file may be of a network with other classes or channels, whose last or
    first layer stays as it was drawn. A training that is resumed has its weights from the checkpoint instead.

    Args:
        network: network that is to be trained.
        path: file ``model.pt`` or ``checkpoint.pt``, or the folder of a ``model.pt``; None leaves the network as it is.

    Returns:
        ``network``.

    Raises:
        InputError: the file is missing, truncated, or less than half of the network's numbers are in it with their
            names and shapes, as of another architecture or width.

    Example:
        >>> start_from_weights(torch.nn.Linear(2, 1))
        Linear(in_features=2, out_features=1, bias=True)
    """
    if path is None:
        return network
    path = Path(path, WEIGHTS_FILE) if Path(path).is_dir() else path
    own, found = network.state_dict(), _network_state(path)
    common_names = [name for name in own if name in found]
    other_shape = [name for name in common_names if getattr(found[name], "shape", None) != own[name].shape]
    fitting = {name: found[name] for name in common_names if name not in other_shape}
    if not fitting:
        raise InputError(
            f"{path}: none of its {len(found)} weights has the name and shape of one of the {len(own)} weights of this "
            "network."
        )
    report = {
        "of another shape": [f"{name} {_shape(found[name])} for {_shape(own[name])}" for name in other_shape],
        "missing in the file": [name for name in own if name not in found],
        "not in this network": [name for name in found if name not in own],
    }
    listed = "; ".join(f"{kind}: {_some(names)}" for kind, names in report.items() if names)
    taken, numbers = (sum(value.numel() for value in weights.values()) for weights in (fitting, own))
    if 2 * taken < numbers:
        raise InputError(
            f"{path}: only {100 * taken / numbers:.0f} % of this network's numbers are in it with their names and "
            f"shapes, as of another architecture or width ({listed}); train with the settings of those weights, which "
            "the plan.json beside them has."
        )
    network.load_state_dict(own | fitting)
    logger.log(
        logging.WARNING if listed else logging.INFO,
        "Start from %s: %d of %d weights taken%s.",
        *(path, len(fitting), len(own), f"; {listed}" if listed else ""),
    )
    return network


def _some(names: Sequence[str], shown: int = 5) -> str:
    more = [f"and {len(names) - shown} more"] if len(names) > shown else []
    return ", ".join([*names[:shown], *more])


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
