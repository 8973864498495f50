"""A stand-in for Apple's GPU on any machine: a device that has no float64."""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

MPS = torch.device("mps")


class AppleGpu(TorchFunctionMode):
    """While it is entered, tensors of `put` say that they are on ``mps``, and so does what is computed from them.

    What PyTorch refuses there is refused: float64, and tensors of another device beside them, but for a single number.
    All of it is computed on the CPU. It sees the calls of a function under test, not those inside of PyTorch.

    Example:
        >>> with AppleGpu() as gpu:
        ...     gpu.put(torch.ones(2)).sum().device.type
        'mps'
    """

    def __enter__(self) -> AppleGpu:
        as_subclass = torch.Tensor.as_subclass

        def on_the_same_device(tensor: torch.Tensor, kind: Any) -> Any:  # which no mode hears of
            found = as_subclass(tensor, kind)
            return self._marked(found) if hasattr(tensor, "on_mps") else found

        torch.Tensor.as_subclass = on_the_same_device  # type: ignore[method-assign]
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        del torch.Tensor.as_subclass  # that of its base is left
        super().__exit__(*error)

    def put(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor on the device."""
        return self._marked(tensor.clone())

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        leaves = tree_leaves((args, kwargs))
        tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
        here = [tensor for tensor in tensors if hasattr(tensor, "on_mps")]
        if func == torch.Tensor.device.__get__:  # type: ignore[attr-defined]
            return MPS if here else func(*args)
        if func is torch.Tensor.cpu or (func is torch.Tensor.to and _names_cpu(leaves)):
            return func(*_on_cpu(args), **_on_cpu(kwargs)).view_as(args[0])
        moved = any(leaf == MPS for leaf in leaves if isinstance(leaf, torch.device | str))
        if func is torch.Tensor.to and any(hasattr(tensor, "on_mps") for tensor in tensors[1:]):
            moved = True  # to another tensor's device
        elif here and func not in (torch.Tensor.to, torch.Tensor.__setitem__, torch.Tensor.copy_):
            strange = [tensor for tensor in tensors if not hasattr(tensor, "on_mps") and tensor.ndim]
            if strange:
                raise RuntimeError(f"{func}: expected all tensors on one device, got mps and cpu")
        found = func(*_on_cpu(args), **_on_cpu(kwargs))
        if moved and found is args[0]:  # the tensor that is copied stays where it is
            found = found.view_as(found)
        return tree_map(self._marked, found) if here or moved else found

    def _marked(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            if value.dtype == torch.float64:
                raise TypeError("the MPS framework has no float64")
            value.on_mps = True  # type: ignore[attr-defined]
        return value


def _names_cpu(leaves: list[Any]) -> bool:
    return any(leaf == torch.device("cpu") or leaf == "cpu" for leaf in leaves if isinstance(leaf, torch.device | str))


def _on_cpu(values: Any) -> Any:
    return tree_map(
        lambda leaf: torch.device("cpu") if isinstance(leaf, torch.device | str) and leaf in (MPS, "mps") else leaf,
        values,
    )
