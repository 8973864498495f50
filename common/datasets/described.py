"""What a transform is and was given, in words that are the same in every process: names of files that are kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np
import torch

__all__ = ["described"]

PLAIN = (str, int, float, complex, bytes, torch.dtype, torch.device, np.generic, os.PathLike, type(None), type(...))
LIBRARIES = ("builtins", "common", "monai", "numpy", "torch")  # whose programs change with their versions only


def described(value: Any, around: tuple[int, ...] = ()) -> str:
    """A text that differs for values that differ.

    An object is its class and what it holds; a function what it does and what it takes from around it. Of classes and
    functions of a user's own the program counts, too, with the numbers and functions of its module that it names.

    Args:
        value: anything.
        around: ids of the values that hold it, which it may hold in turn.

    Returns:
        The text. NumPy's old random state is one word, as a transform that is kept does not draw.

    Example:
        >>> described({"k": 2}), described(partial(pow, 2)) == described(partial(pow, 3))
        ("{'k': 2}", False)
    """
    if isinstance(value, PLAIN):
        return repr(value)
    if id(value) in around:
        return "itself"
    inner = partial(described, around=(*around, id(value)))
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {inner(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, set | frozenset):  # in an order that differs between processes
        return "[" + ", ".join(sorted(map(inner, value))) + "]"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(inner, value)) + "]"
    if isinstance(value, np.random.RandomState):
        return "random"
    if isinstance(value, torch.Tensor):
        array = value.detach().cpu().as_subclass(torch.Tensor).contiguous()
        return f"{array.dtype} {tuple(array.shape)} {_digest(array.flatten().view(torch.uint8).numpy().tobytes())}"
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {_digest(np.ascontiguousarray(value).tobytes())}"
    if isinstance(value, MethodType):
        return f"{inner(value.__func__)} of {inner(value.__self__)}"
    if isinstance(value, type):
        return f"{_name(value)} {_digest(str([inner(each) for each in _functions(value)]).encode())}"
    if isinstance(value, FunctionType):
        held = [value.__defaults__, value.__kwdefaults__, [cell.cell_contents for cell in value.__closure__ or ()]]
        said = f"{_program(value.__code__)} {inner(held)} {inner(list(_named(value)))}"
        return f"{_name(value)} {_digest(said.encode())}"
    if held_by_name := getattr(value, "__dict__", None):
        return inner(type(value)) + inner(held_by_name)
    try:  # such as a partial function, a slice, an object with slots
        parts = value.__reduce_ex__(2)
    except TypeError:  # such as a lock, which holds nothing
        parts = ""
    return inner(type(value)) + (parts if isinstance(parts, str) else inner(parts[:3]))


def _name(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


def _module(value: Any) -> str:
    return str(getattr(value, "__module__", ""))


def _of_library(value: Any) -> bool:
    return _module(value).partition(".")[0] in LIBRARIES


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _functions(value: type) -> Iterator[FunctionType]:
    """What a class and those that it inherits from do, as far as they are a user's own."""
    for base in value.__mro__:
        if not _of_library(base):
            for entry in vars(base).values():
                for part in (entry, *(getattr(entry, name, None) for name in ("__func__", "fget"))):
                    if isinstance(part, FunctionType):
                        yield part


def _named(function: FunctionType) -> Iterator[Any]:
    """What a function names of its module: entries of a dictionary, of a user's own numbers and functions, too."""
    names, constants = _words(function.__code__)
    for name in sorted(names):
        found = function.__globals__.get(name)
        if isinstance(found, Mapping):  # as MONAI keeps what an expression of a configuration refers to
            yield {key: found[key] for key in sorted(constants) if key in found}
        elif not _of_library(function) and (
            isinstance(found, (*PLAIN, tuple)) or _module(found) == function.__module__
        ):
            yield found


def _words(code: CodeType) -> tuple[set[str], set[str]]:
    """Names and texts in a function and those within it."""
    names, texts = set(code.co_names), {each for each in code.co_consts if isinstance(each, str)}
    for each in code.co_consts:
        if isinstance(each, CodeType):
            names, texts = (one | other for one, other in zip((names, texts), _words(each), strict=True))
    return names, texts


def _program(code: CodeType) -> str:
    """What a function does, its constants included: ``x * 2`` and ``x * 3`` have the same instructions."""
    constants = [_program(each) if isinstance(each, CodeType) else described(each) for each in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {constants}"
