"""The slices of volumes, for a network that is trained in two dimensions."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch.utils.data import Dataset

from common.datasets.in_memory import in_memory
from common.errors import InputError


class Volumes(Protocol):
    """What has a length and gives an item for each index: a list or a data set of PyTorch or MONAI."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


class SliceDataset(Dataset):
    """Every slice of every volume as an item of its own.

    Files are read and preprocessed once (a `CacheDataset` of volumes), a slice is then a copy of one plane, and a
    shuffling `DataLoader` draws its batches from the slices of all volumes. Random transforms belong after the slices
    or on the batch: in the volumes' data set they would run over a whole volume for each slice.

    Args:
        data: volumes, whose tensors or arrays of four axes (C, H, W, S) are cut; everything else is copied to each
            slice. They are read once at the start, for their numbers of slices.
        slice_axis: spatial axis along which the slices are stacked: 0, 1 or 2.
        transform: makes the volumes of the items of ``data``, once for each; None where they are volumes already.
        foreground: keys of class maps; only slices in which one of them is above 0 are items. None: all slices.

    Raises:
        InputError: no such axis; a volume has no tensor of four axes, or two with different numbers of slices.

    Example:
        >>> slices = SliceDataset([{"image": torch.rand(1, 5, 4, 3), "case": "a"}, {"image": torch.rand(1, 5, 4, 2)}])
        >>> len(slices), slices[0]["image"].shape, slices[0]["case"]
        (5, torch.Size([1, 5, 4]), 'a')
    """

    def __init__(
        self,
        data: Volumes,
        slice_axis: int = 2,
        transform: Callable[[Any], Any] | None = None,
        foreground: Sequence[Hashable] | None = None,
    ) -> None:
        if slice_axis not in (0, 1, 2):
            raise InputError(f"slice_axis must be 0, 1 or 2, got {slice_axis!r}.")
        self.volumes: Volumes = data if transform is None else in_memory(cast(Sequence, data), transform)
        self.slice_axis = slice_axis
        self.foreground = None if foreground is None else tuple(foreground)
        self.index = [
            (index, position)
            for index in range(len(self.volumes))
            for position in self._positions(self.volumes[index], index)
        ]

    def __len__(self) -> int:
        """Number of slices of all volumes; 0 without volumes."""
        return len(self.index)

    def __getitem__(self, index: int) -> dict[Hashable, Any]:
        """One slice.

        Args:
            index: volumes follow each other, with their slices in order.

        Returns:
            The volume's keys; tensors are (C, H, W), without metadata, and share no memory with the volume.
        """
        volume, position = self.index[index]
        return {
            key: torch.as_tensor(value).as_subclass(torch.Tensor).select(self.slice_axis + 1, position).clone()
            if _is_volume(value)
            else value
            for key, value in self.volumes[volume].items()
        }

    def _positions(self, item: Mapping[Hashable, Any], index: int) -> list[int]:
        count = self._count(item, index)
        if self.foreground is None:
            return list(range(count))
        drawn = torch.zeros(count, dtype=torch.bool)
        for key in self.foreground:
            if key in item:
                above = torch.as_tensor(item[key]).as_subclass(torch.Tensor) > 0
                drawn |= above.movedim(self.slice_axis + 1, 0).flatten(1).any(1)
        return drawn.nonzero().flatten().tolist()

    def _count(self, item: Mapping[Hashable, Any], index: int) -> int:
        counts = {key: value.shape[self.slice_axis + 1] for key, value in item.items() if _is_volume(value)}
        if len(set(counts.values())) != 1:
            name = item.get("case", f"number {index}")
            found = ", ".join(f"{key} {count}" for key, count in counts.items()) or "none"
            raise InputError(
                f"Volume {name}: expected tensors (C, H, W, S) with the same number of slices, got {found}."
            )
        return next(iter(counts.values()))


def _is_volume(value: Any) -> bool:
    return isinstance(value, torch.Tensor | np.ndarray) and value.ndim == 4
