"""Single slices of volumes, read in the geometry of their plane."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import ensure_tuple

from common.errors import InputError
from common.io.readers import load_images

Paths = str | os.PathLike[str]


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
        >>> import numpy as np
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
