"""Slices of volumes as items of their own: which there are, and how they are read."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import ensure_tuple

from common.errors import InputError
from common.io.formats import read_header
from common.io.label_values import read_label_values
from common.io.readers import load_images
from common.noise.seed import case_generator
from common.noise.simulated_annotators import choose_annotators

Paths = str | os.PathLike[str]


def slice_items(
    item: Mapping[str, Any], labels: Sequence[Paths], slices: str = "foreground", slice_axis: int = 2
) -> list[dict[str, Any]]:
    """An item for every slice of a volume, for `LoadSliced`.

    Args:
        item: of the volume; each of its slices has the same files.
        labels: NIfTI files of one shape, which say what is foreground.
        slices: ``"foreground"`` for those where a label has any, ``"all"`` (then headers only are read).
        slice_axis: along which the slices are stacked: 0, 1 or 2.

    Returns:
        Items with ``"slice"``, the index; ``"case"``, followed by it; and ``"volume"``, the volume's case. None of a
        volume without foreground.

    Raises:
        InputError: an argument out of range; a file cannot be read or is no volume, or shapes differ.

    Example:
        >>> import tempfile
        >>> import nibabel as nib
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     nib.save(nib.Nifti1Image(np.eye(3, dtype=np.uint8)[:, None, :2], np.eye(4)), f"{folder}/a.nii")
        ...     [found["case"] for found in slice_items({"case": "a"}, [f"{folder}/a.nii"])]
        ['a_000', 'a_001']
    """
    if slices not in ("foreground", "all") or slice_axis not in (0, 1, 2):
        raise InputError(
            f"slices must be 'foreground' or 'all' and slice_axis 0, 1 or 2, got {slices!r} and {slice_axis!r}."
        )
    wanted: Any = False
    shapes = {}
    for path in labels:
        found, shapes[path] = _foreground(path, slices, slice_axis)
        if len(shapes[path]) != 3 or len(set(shapes.values())) > 1:
            raise InputError(f"{path}: expected volumes of one shape, got {', '.join(map(str, shapes.values()))}.")
        wanted = wanted | found
    return [
        {**item, "case": f"{item['case']}_{index:03d}", "volume": item["case"], "slice": index}
        for index in np.flatnonzero(wanted).tolist()
    ]


def _foreground(path: Paths, slices: str, slice_axis: int) -> tuple[Any, tuple[int, ...]]:
    """Which slices are wanted, and the shape of the volume."""
    shape = read_header(path).shape
    if len(shape) != 3:
        return False, shape
    if slices == "all":
        return np.ones(shape[slice_axis], dtype=bool), shape
    others = tuple(axis for axis in range(3) if axis != slice_axis)
    return (read_label_values(path).amax(0).numpy() > 0).any(others), shape


def draw_items(items: Sequence[dict[str, Any]], count: int | None, seed: int, section: str) -> list[dict[str, Any]]:
    """So many of the items, in their order, drawn from ``seed`` and section; all if there are no more, or for None."""
    if count is None or count >= len(items):
        return list(items)
    if count < 0:
        raise InputError(f"num_slices: expected at least 0 for {section}, got {count}.")
    order = torch.randperm(len(items), generator=case_generator(seed, "slices", section))
    return [items[index] for index in sorted(order[:count].tolist())]


def simulated_slices(
    volumes: Sequence[Mapping[str, Any]],
    section: str,
    annotators: Sequence[str],
    labels_per_image: int | None,
    seed: int,
    num_slices: int | None,
    slices: str,
    slice_axis: int,
) -> list[dict[str, Any]]:
    """Slices of volumes whose ``"label"`` is the truth, each with the names of the annotators to simulate.

    Of training slices ``labels_per_image`` names are drawn per slice from ``seed``, of the others all are kept; for
    `SimulateAnnotatorsd`, which finds them under ``"annotators"``.
    """
    if isinstance(annotators, str) or not annotators:
        raise InputError(f"annotators: expected a list of names, got {annotators!r}.")
    items = [item for volume in volumes for item in slice_items(volume, [volume["label"]], slices, slice_axis)]
    items = draw_items(items, num_slices, seed, section)
    for item in items:
        count = labels_per_image if labels_per_image is not None and section == "training" else len(annotators)
        item["annotators"] = choose_annotators(annotators, count, case_generator(seed, item["case"]))
    return items


class SliceReader:
    """Slices of files; what one call has read serves the next as long as it asks for the same files.

    Slices of a volume that follow each other, as `slice_items` lists them, therefore cost one reading of it.

    Args:
        slice_axis: 0, 1 or 2.
    """

    def __init__(self, slice_axis: int = 2) -> None:
        if slice_axis not in (0, 1, 2):
            raise InputError(f"slice_axis must be 0, 1 or 2, got {slice_axis!r}.")
        self.slice_axis = slice_axis
        self._load = load_images("volume", channels=None)
        self._held: dict[str, MetaTensor] = {}

    def __call__(
        self, paths: Sequence[Paths], index: int, transforms: Mapping[str, Callable] | None = None
    ) -> list[MetaTensor]:
        """Slice ``index`` of every file (C, H, W), with the affine of its plane.

        Args:
            paths: NIfTI files.
            index: along the slice axis.
            transforms: of whole volumes (C, H, W, S), by path.

        Raises:
            InputError: a file is no volume or has no such slice.
        """
        transforms, held = transforms or {}, self._held
        names = list(dict.fromkeys(os.fspath(path) for path in paths))
        volumes = {name: held[name] if name in held else self._read(name, transforms.get(name)) for name in names}
        self._held = volumes
        return [self._cut(os.fspath(path), volumes[os.fspath(path)], index) for path in paths]

    def _read(self, path: str, transform: Callable | None) -> MetaTensor:
        volume = self._load({"volume": path})["volume"]
        if volume.ndim != 4:
            raise InputError(f"{path}: expected a volume, got spatial shape {tuple(volume.shape[1:])}.")
        return transform(volume) if transform else volume

    def _cut(self, path: str, volume: MetaTensor, index: int) -> MetaTensor:
        count = volume.shape[self.slice_axis + 1]
        if not 0 <= index < count:
            raise InputError(f"{path}: expected a slice from 0 to {count - 1}, got {index}.")
        plane = volume.as_tensor().select(self.slice_axis + 1, index).clone()
        axes = [axis for axis in range(3) if axis != self.slice_axis] + [self.slice_axis]
        affine = torch.as_tensor(volume.affine)[:, [*axes, 3]].clone()
        affine[:, 3] += index * affine[:, 2]
        return MetaTensor(plane, affine=affine, meta={"filename_or_obj": path})


class LoadSliced(MapTransform):
    """Load one slice of each volume that an item names, (C, H, W) float32 with the affine of its plane.

    Files are read once for slices that follow each other, so wrap this in a `CacheDataset`, which reads them in order.

    Args:
        keys: of a NIfTI file each, or of a list of them (modalities), which become channels.
        slice_axis: along which the slices are stacked: 0, 1 or 2.
        volume_transforms: by key, what is done to each file's whole volume (C, H, W, S) once, such as MONAI's
            `NormalizeIntensity`.
        slice_key: of the slice's index in the item.
        case_key: of the case name, for messages.
        allow_missing_keys: leave out keys that an item does not have.

    Raises:
        InputError: if an item has no index, or its files do not have that slice or not one shape. The message names
            case and file.

    Example:
        >>> import tempfile
        >>> import nibabel as nib
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     nib.save(nib.Nifti1Image(np.arange(24.0).reshape(2, 3, 4), np.eye(4)), f"{folder}/a.nii")
        ...     LoadSliced("image")({"image": f"{folder}/a.nii", "slice": 1})["image"].tolist()
        [[[1.0, 5.0, 9.0], [13.0, 17.0, 21.0]]]
    """

    def __init__(
        self,
        keys: KeysCollection,
        slice_axis: int = 2,
        volume_transforms: Mapping[str, Callable] | None = None,
        slice_key: str = "slice",
        case_key: str = "case",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.volume_transforms = dict(volume_transforms or {})
        unknown = sorted(set(self.volume_transforms) - set(self.keys))
        if unknown:
            raise InputError(f"volume_transforms: expected keys of {self.keys}, got {', '.join(map(str, unknown))}.")
        self.slice_key, self.case_key = slice_key, case_key
        self._slices = SliceReader(slice_axis)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        case = item.get(self.case_key, "without a name")
        if self.slice_key not in item:
            raise InputError(f"Case {case}: expected the index of a slice as {self.slice_key!r}, got {list(item)}.")
        files = {key: ensure_tuple(item[key]) for key in self.key_iterator(item)}
        transforms = {
            os.fspath(path): self.volume_transforms[key]
            for key in files
            if key in self.volume_transforms
            for path in files[key]
        }
        paths = [path for found in files.values() for path in found]
        try:
            planes = self._slices(paths, item[self.slice_key], transforms)
        except InputError as error:
            raise InputError(f"Case {case}: {error}") from error
        for path, plane in zip(paths, planes, strict=True):
            if plane.shape[1:] != planes[0].shape[1:]:
                raise InputError(
                    f"Case {case}: {path} and {paths[0]}: expected slices of one shape, got {tuple(plane.shape[1:])} "
                    f"and {tuple(planes[0].shape[1:])}."
                )
        for key, found in files.items():
            parts: list[torch.Tensor] = [planes.pop(0) for _ in found]
            item[key] = parts[0] if len(parts) == 1 else torch.cat(parts)
        return item
