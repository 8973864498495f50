"""What ``--compile true`` says where ``torch.compile`` fails, or would fail after minutes."""

from __future__ import annotations

import sys

from common.errors import InputError, causes, first_line

__all__ = ["check_compilation", "explain_compilation"]

NOT_COMPILED = {"common.networks.IMaskRCNN": "a Mask R-CNN, in which MONAI's clip_boxes_to_image cannot be traced"}


def check_compilation(network: str) -> None:
    """Refuses networks that ``torch.compile`` cannot compile on any machine.

    Args:
        network: the name of its class, as in a configuration.

    Raises:
        InputError: it is such a network.

    Example:
        >>> check_compilation("common.networks.UNet")
    """
    if network in NOT_COMPILED:
        raise InputError(f"compile: expected false of {NOT_COMPILED[network]}, got true.")


def explain_compilation(error: BaseException) -> str | None:
    """What an error of ``torch.compile`` means, in one sentence; None for any other error.

    Args:
        error: error that ended a training.

    Returns:
        A sentence with the first line of PyTorch's own.

    Example:
        >>> explain_compilation(ValueError("a")) is None
        True
    """
    dynamo = sys.modules.get("torch._dynamo.exc")  # there if anything was compiled
    if dynamo is None:
        return None
    found = next((cause for cause in causes(error) if isinstance(cause, dynamo.TorchDynamoException)), None)
    if found is None:
        return None
    return f"compile: this network cannot be compiled on this machine ({first_line(found)}); --compile false trains it."
