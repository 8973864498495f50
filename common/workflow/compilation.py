"""What ``--compile true`` says where ``torch.compile`` fails."""

from __future__ import annotations

import sys

from common.errors import causes, first_line

__all__ = ["explain_compilation"]


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
