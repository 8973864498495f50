"""A device that this machine need not have, for tests: its tensors lie in the CPU's memory.

Inside `pretended`, tensors can be moved to ``cuda`` or ``mps``, and what the device would refuse is refused: an
operation on tensors of two devices, NumPy of a tensor that is not on the CPU, a generator of another device, and
float64 on Apple's MPS. Mixed precision is float16, by the CPU's autocast. Nothing else of the device is shown: not its
kernels, its rounding or its memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from unittest import mock

import torch
from torch._C import DisableTorchFunction
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import_module("torch._dynamo")  # its modules need the true torch.Generator while they are imported
CPU = torch.device("cpu")
# Operations that may have operands on two devices: copies and indices
MIXED = {f"aten.{name}" for name in ("copy_", "_to_copy", "index", "index_put", "index_put_", "_index_put_impl_")}


@contextmanager
def pretended(name: str) -> Iterator[None]:
    """``cuda`` or ``mps`` exists until the context ends."""
    places = Places(torch.device(name, 0))
    load, generator, autocast = torch.load, torch.Generator, torch.autocast

    def loaded(*args: Any, map_location: Any = None, **kwargs: Any) -> Any:
        content = load(*args, map_location=CPU, **kwargs)
        for tensor in tensors_of(content):
            places.put(tensor, places.named(map_location or CPU))
        return content

    def new_generator(device: Any = CPU) -> torch.Generator:
        new = generator()
        places.generators += [new] if places.named(device) != CPU else []
        return new

    def halved(device_type: str, dtype: torch.dtype | None = None, **options: Any) -> torch.autocast:
        if places.named(device_type) == CPU:
            return autocast(device_type, dtype=dtype, **options)
        return autocast("cpu", dtype=dtype or torch.float16, **options)

    with (
        mock.patch.object(torch, "load", loaded),
        mock.patch.object(torch, "autocast", halved),
        mock.patch.object(torch, "Generator", new_generator),
        mock.patch.object(torch.cuda, "_lazy_init"),
        mock.patch.object(torch.cuda, "get_device_name", return_value="a pretended device"),
        Operations(places),
        Calls(places),
    ):
        yield


def tensors_of(*values: Any) -> list[torch.Tensor]:
    """The tensors in nested lists, tuples and dictionaries; several times faster than PyTorch's `tree_leaves`."""
    found: list[torch.Tensor] = []
    for value in values:
        if isinstance(value, torch.Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += tensors_of(*value)
        elif isinstance(value, dict):
            found += tensors_of(*value.values())
    return found


class Places:
    """On which device each tensor is said to be."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.generators: list[torch.Generator] = []
        self.of_new = CPU  # of tensors that an operation makes from nothing
        self._memory: dict[int, StorageWeakRef] = {}  # that is on the device; a reference keeps the number from reuse

    def of(self, tensor: torch.Tensor) -> torch.device:
        with DisableTorchFunction():
            return self.device if StorageWeakRef(tensor.untyped_storage()).cdata in self._memory else CPU

    def put(self, tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
        with DisableTorchFunction():
            reference = StorageWeakRef(tensor.untyped_storage())
        self._memory.pop(reference.cdata, None)
        if device != CPU:
            if device.type == "mps" and tensor.dtype == torch.float64:
                raise TypeError("MPS has no float64.")
            self._memory[reference.cdata] = reference
            if len(self._memory) % 5000 == 0:
                self._memory = {key: value for key, value in self._memory.items() if not value.expired()}
        return tensor

    def named(self, device: Any) -> torch.device:
        """The device of a name, with or without a number."""
        return self.device if torch.device(device).type == self.device.type else torch.device(device)


class Operations(TorchDispatchMode):
    """Every operation: its operands are on one device, and so are its results."""

    def __init__(self, places: Places) -> None:
        super().__init__()
        self.places = places

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, operands, of = str(func.overloadpacket), tensors_of(args, kwargs), self.places.of
        device = of(operands[0]) if operands else self.places.of_new
        if operands and name not in MIXED:
            found = {of(one) for one in operands if one.ndim or of(one) != CPU}  # a number of the CPU goes with all
            if len(found) > 1:
                shapes = ", ".join(f"{tuple(one.shape)} on {of(one)}" for one in operands)
                raise RuntimeError(f"{name}: expected tensors on one device, got {shapes}.")
            device = found.pop() if found else CPU
        result = self.result(func, args, kwargs or {})
        for tensor in tensors_of(result) if device != CPU and name != "aten._local_scalar_dense" else []:
            if operands or tensor.dtype != torch.float64:  # what a gradient on the CPU makes while MPS is of_new
                self.places.put(tensor, device)
        return result

    def result(self, func: Any, args: Any, kwargs: Any) -> Any:
        """What the operation gives; of a convolution's gradient in float16 summed in float32, as on the device.

        The CPU's own is twenty times slower.
        """
        if func is not torch.ops.aten.convolution_backward.default or args[0].dtype != torch.float16:
            return func(*args, **kwargs)
        with DisableTorchFunction():
            summed = func(*(one.float() if isinstance(one, torch.Tensor) else one for one in args), **kwargs)
            return tuple(None if one is None else one.half() for one in summed)


class Calls(TorchFunctionMode):
    """Every call from Python: the device that it asks for, or names."""

    def __init__(self, places: Places) -> None:
        super().__init__()
        self.places = places

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        places, kwargs = self.places, dict(kwargs or {})
        asked = getattr(getattr(func, "__self__", None), "__name__", "")
        if getattr(func, "__name__", "") == "__get__" and asked in ("device", "is_cuda", "is_cpu", "is_mps"):
            device = places.of(args[0])
            return device if asked == "device" else device.type == asked[3:]
        if func in (torch.Tensor.numpy, torch.Tensor.__array__) and places.of(args[0]) != CPU:
            raise TypeError(f"A tensor on {places.of(args[0])} cannot become an array of NumPy.")
        if func in (torch.Tensor.cpu, torch.Tensor.cuda):
            func, args = torch.Tensor.to, (args[0], CPU if func is torch.Tensor.cpu else places.device)
        if func is torch.Tensor.to:
            return self.to(*args, **kwargs)
        operands = tensors_of(args, kwargs)
        device = next((places.of(one) for one in operands if places.of(one) != CPU), CPU)
        named = kwargs.pop("device", None)
        if named is not None:
            device, kwargs["device"] = places.named(named), CPU
        generator = kwargs.get("generator")
        if generator is not None and any(generator is one for one in places.generators) != (device != CPU):
            raise RuntimeError(f"Expected a generator of {device}.")
        if named is None and func is not torch.Tensor.new_tensor:
            before, places.of_new = places.of_new, device
            try:
                return func(*args, **kwargs)
            finally:
                places.of_new = before
        result = func(*args, **kwargs)
        for tensor in tensors_of(result):
            places.put(tensor, device)
        return result

    def to(self, tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """``tensor.to`` in all its forms."""
        dtype, device, copy = tensor.dtype, self.places.of(tensor), kwargs.get("copy", False)
        for value in (*args[:2], *kwargs.values()):
            if isinstance(value, torch.Tensor):
                dtype, device = value.dtype, self.places.of(value)
            elif isinstance(value, torch.dtype):
                dtype = value
            elif isinstance(value, str | torch.device):
                device = self.places.named(value)
        if device == self.places.of(tensor):
            return torch.Tensor.to(tensor, dtype, copy=copy)
        if tensor.requires_grad and torch.is_grad_enabled():
            return Moved.apply(tensor, self.places, device, dtype)
        return copied(tensor, self.places, device, dtype)


def copied(tensor: torch.Tensor, places: Places, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """A copy on another device; in between, as in PyTorch, it is on neither."""
    with mock.patch.object(places, "put"):
        copy = torch.Tensor.to(tensor, dtype, copy=True)
    return places.put(copy, device)


class Moved(torch.autograd.Function):
    """`copied`, whose gradient returns to the first device."""

    @staticmethod
    def forward(ctx: Any, tensor: torch.Tensor, places: Places, device: torch.device, dtype: torch.dtype) -> Any:
        ctx.back = places, places.of(tensor), tensor.dtype
        return copied(tensor.detach(), places, device, dtype)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        return copied(gradient.detach(), *ctx.back), None, None, None
