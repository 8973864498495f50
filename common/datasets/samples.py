"""What batches are made of: cases, their slices or patches, kept in memory, on disk, or read anew."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache
from glob import escape
from pathlib import Path
from typing import Any

import monai
import torch
from monai.data import Dataset
from monai.transforms import Compose, RandomizableTrait, apply_transform

import common
from common import __version__
from common.datasets.described import described
from common.datasets.in_memory import in_memory
from common.datasets.on_disk import OnDisk
from common.datasets.plan import Plan
from common.datasets.slice_dataset import SliceDataset
from common.errors import InputError
from common.transforms.random_patch import RandomPatch

__all__ = ["CACHES", "Samples", "cached"]

CACHES = ("memory", "disk", "none")
SLICES = ("all", "foreground")
HEADERS = (".hdr", ".img", ".mhd", ".nhdr")  # whose images stand in files of the same name


def cached(
    data: Sequence[Mapping[Hashable, Any]],
    transform: Compose,
    cache: str = "memory",
    cache_dir: str | os.PathLike[str] | None = None,
    key: str = "",
    num_workers: int = 0,
    planes: bool = False,
) -> Dataset:
    """Cases after their deterministic transforms, by MONAI's data sets.

    Args:
        data: items.
        transform: its random part, if there is one, runs anew each time.
        cache: ``memory`` (`in_memory`), ``disk`` (`OnDisk`, shared by processes and runs) or ``none``.
        cache_dir: for ``disk``.
        key: what the result depends on beside the items, the transforms, the program of `common`, and the versions of
            MONAI and PyTorch, such as the plan as JSON. Files count by name, size and time, a folder, such as that of a
            DICOM series, by its files, and a header by the file of its data, too.
        num_workers: threads that fill the memory.
        planes: of volumes on disk, whether their slices are what is used.

    Returns:
        A data set of as many cases.

    Raises:
        InputError: there is no such cache, or no folder for it.

    Example:
        >>> cached([{"x": 1}, {"x": 2}], Compose([]))[1]
        {'x': 2}
    """
    if cache not in CACHES:
        raise InputError(f"cache: expected one of {', '.join(CACHES)}, got {cache!r}.")
    if cache == "memory":
        return in_memory(data, transform, num_workers or None)
    if cache == "none":
        return Dataset(data, transform)
    if not cache_dir:
        raise InputError("cache_dir: expected a folder for cache disk, got none.")
    steps, kept = transform.flatten(), _deterministic(transform)
    told = "\n".join([__version__, _sources(), monai.__version__, torch.__version__, key, *map(described, kept)])

    def fingerprint(item: Mapping[Hashable, Any]) -> str:
        text = "\n".join([told, *(f"{name}: {_stated(item[name])}" for name in sorted(item, key=str))])
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()

    return OnDisk(data, steps, len(kept), cache_dir, fingerprint, planes)


class Samples(torch.utils.data.Dataset):
    """The samples of a section: whole cases; slices, where a 2-D network takes volumes; patches, where they are drawn.

    Args:
        data: items, with files or with tensors.
        transform: files → tensors, deterministic; what it gives is kept as ``cache`` says.
        plan: says whether volumes are cut into slices, and how large a patch is.
        augmentation: random transforms of each sample, on the way out.
        cache: see `cached`.
        cache_dir: see `cached`.
        whole: give whole cases, as validation needs them.
        num_workers: threads that fill the memory.
        slices: of volumes for a 2-D network: ``all``, or ``foreground`` for those in which something is drawn.
        foreground_patches: share in [0, 1] of the patches that hold a labeled voxel for certain, see `RandomPatch`.

    Attributes:
        data: the items; programs such as MONAI Label replace them before training.

    Raises:
        InputError: as `cached`; no such share; the plan knows of training cases that cannot be used;
            a volume whose tensors have different numbers of slices.

    Example:
        >>> from common.datasets.plan import example_plan
        >>> samples = Samples([{"case": "a", "image": torch.zeros(1, 40, 40)}], Compose([]), example_plan())
        >>> len(samples), samples[0]["image"].shape
        (1, torch.Size([1, 32, 32]))
    """

    def __init__(
        self,
        data: Sequence[Mapping[Hashable, Any]],
        transform: Compose,
        plan: Plan,
        augmentation: Callable | Sequence[Callable] = (),
        cache: str = "memory",
        cache_dir: str | os.PathLike[str] | None = None,
        whole: bool = False,
        num_workers: int = 0,
        slices: str = "all",
        foreground_patches: float = 0.33,
    ) -> None:
        if slices not in SLICES:
            raise InputError(f"slices: expected one of {', '.join(SLICES)}, got {slices!r}.")
        patch = RandomPatch(plan.patch_size, foreground=foreground_patches)
        if plan.faults:
            raise InputError(plan.faults[0])
        self.data = data
        self.cases = cached(data, transform, cache, cache_dir, plan.to_json(), num_workers, plan.slices and not whole)
        drawn = ("label", "annotators") if slices == "foreground" else None
        self.samples: Any = SliceDataset(self.cases, 2, foreground=drawn) if plan.slices and not whole else self.cases
        steps = list(augmentation) if isinstance(augmentation, Sequence) else [augmentation]
        if not whole and plan.crop == "random":
            steps.insert(0, patch)
        self.transform = Compose(steps)

    def __len__(self) -> int:
        return len(self.samples)

    def case_indices(self) -> list[int]:
        """The case of each sample.

        Returns:
            Indices in ``data``, one for each sample; volumes follow each other.
        """
        if isinstance(self.samples, SliceDataset):
            return [volume for volume, _ in self.samples.index]
        return list(range(len(self)))

    def __getitem__(self, index: int) -> dict[Hashable, Any]:
        """One sample: the keys of the case, arrays ``(C, *spatial)``."""
        sample: dict[Hashable, Any] = apply_transform(self.transform, self.samples[index], map_items=False)  # type: ignore[assignment]
        return sample


@lru_cache
def _sources() -> str:
    """A digest of the program of `common`, which may change between two versions."""
    digest = hashlib.sha256()
    for folder in common.__path__:
        for path in sorted(Path(folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _deterministic(transform: Compose) -> list[Any]:
    """The transforms before the first random one, which are kept."""
    steps = list(transform.flatten().transforms)
    return steps[: next((k for k, step in enumerate(steps) if isinstance(step, RandomizableTrait)), len(steps))]


def _stated(value: Any) -> str:
    """A file by its name, size and time; everything else in words."""
    series = isinstance(value, str | os.PathLike) and os.path.isabs(value) and os.path.isdir(value)  # not a case's name
    if series or (isinstance(value, str | os.PathLike) and os.path.isfile(value)):
        path = Path(value)
        parts = [path] if path.suffix.lower() not in HEADERS else sorted(path.parent.glob(f"{escape(path.stem)}.*"))
        states = [(part.name, part.stat()) for part in (sorted(path.iterdir()) if series else parts)]
        each = (f"{name} {state.st_size} {state.st_mtime_ns}" for name, state in states)
        return " ".join([os.path.abspath(value), *each])
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_stated(entry)}" for name, entry in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_stated, value))
    return described(value)
