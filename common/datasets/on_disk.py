"""Prepared cases in a folder that processes and runs share, each in a file that is whole or absent."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from monai.data import Dataset, MetaTensor
from monai.transforms import Compose
from monai.utils import convert_to_tensor

from common.errors import InputError
from common.io.files import whole_file

__all__ = ["OnDisk"]


class OnDisk(Dataset):
    """Cases whose deterministic transforms run once, in place of MONAI's `PersistentDataset`.

    That one writes into the system's folder for temporary files and moves what it wrote. Between two file systems
    moving is copying: another process may read half a file, and a run that is killed leaves one, with which every later
    run ends. Here a file is written beside its place and renamed. Files are mapped into memory, so that of a large
    volume only what is used is read. Of a `MetaTensor` the affine is kept, and no other metadata.

    Args:
        data: items.
        transform: of each item.
        count: of its transforms that are deterministic, whose result is kept.
        folder: of the files.
        name: a file's name, without suffix, from an item; what the result depends on is in it.
        planes: keep tensors of four axes (C, H, W, S) in the order of their slices, so that a slice is read as a piece.

    Raises:
        InputError: a file cannot be written, or is there and must not be read.

    Example:
        >>> import tempfile
        >>> from monai.transforms import Lambdad
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     steps = Compose(Lambdad("x", torch.tensor, track_meta=False))
        ...     OnDisk([{"x": 1.0}], steps, 1, folder, lambda item: f"x_{item['x']}")[0], os.listdir(folder)
        ({'x': tensor(1.)}, ['x_1.0.pt'])
    """

    def __init__(
        self,
        data: Sequence[Mapping[Hashable, Any]],
        transform: Compose,
        count: int,
        folder: str | os.PathLike[str],
        name: Callable[[Mapping[Hashable, Any]], str],
        planes: bool = False,
    ) -> None:
        super().__init__(data, transform)
        self.count, self.folder, self.name, self.planes = count, Path(folder), name, planes

    def _transform(self, index: int) -> Any:
        item, steps = self.data[index], self.transform
        path = self.folder / f"{self.name(item)}.pt"
        if not path.is_file() or (kept := _read(path)) is None:
            prepared = steps(deepcopy(item), end=self.count)
            affines = {key: value.affine for key, value in prepared.items() if isinstance(value, MetaTensor)}
            plain = convert_to_tensor(prepared, convert_numeric=False, track_meta=False)
            with whole_file(path, sync=False) as partial:
                torch.save({"item": _by_planes(plain) if self.planes else plain, "affines": affines}, partial)
            kept = torch.load(path, mmap=True, weights_only=True)
        spatial = {key: MetaTensor(kept["item"][key], affine=affine) for key, affine in kept["affines"].items()}
        return steps(kept["item"] | spatial, start=self.count)


def _read(path: Path) -> Any:
    """What a file holds; None of a damaged one, as other software or a full disk leaves it."""
    try:
        return torch.load(path, mmap=True, weights_only=True)
    except PermissionError as error:
        raise InputError(
            f"{path} of the cache cannot be read ({error.strerror}): who wrote it did not share it; give another "
            "output_dir, or --cache memory."
        ) from error
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
        warnings.warn(f"{path} is damaged and made again: {error}", stacklevel=2)
        return None


def _by_planes(item: Any) -> Any:
    """The tensors of volumes with the same values and axes, in memory one slice after the other."""
    return {
        key: value.movedim(-1, 0).contiguous().movedim(0, -1)
        if isinstance(value, torch.Tensor) and value.ndim == 4
        else value
        for key, value in item.items()
    }
