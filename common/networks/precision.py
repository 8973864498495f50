"""A network in mixed precision on devices that MONAI's engines have none for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

__all__ = ["MixedPrecision"]


class MixedPrecision:
    """Calls a network, or a method of it, under `torch.autocast`, and gives float32.

    MONAI's engines know CUDA's mixed precision alone, which this one leaves to them. On a CPU the type is bfloat16: a
    number keeps 8 of 24 bits, and convolutions take half the time where the processor computes in it (AVX-512 BF16,
    AMX); docs/performance.md has what that costs.

    Args:
        network: of tensors, or an object with methods that are called instead.

    Shapes:
        Those of the network.

    Example:
        >>> MixedPrecision(torch.nn.Conv1d(1, 1, 1))(torch.ones(1, 1, 2)).dtype
        torch.float32
    """

    def __init__(self, network: Any) -> None:
        self._network = network

    def __call__(self, image: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        return self._run(self._network, image, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._network, name)
        if not callable(found):
            return found
        return lambda image, *args, **kwargs: self._run(found, image, *args, **kwargs)

    @staticmethod
    def _run(call: Callable, image: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        if image.device.type == "cuda":
            return call(image, *args, **kwargs)
        with torch.autocast(image.device.type):
            found = call(image, *args, **kwargs)
        return type(found)(map(_single, found)) if isinstance(found, tuple | list) else _single(found)


def _single(value: Any) -> Any:
    return value.float() if isinstance(value, torch.Tensor) and value.is_floating_point() else value
