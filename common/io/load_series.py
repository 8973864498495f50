"""DICOM series, NRRD and whatever else SimpleITK reads, with labels on the image's own grid."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from common.errors import InputError
from common.io.formats import StoredImage, to_tensor
from common.io.simple_itk import itk_voxels, read_itk, simple_itk

LATTICE_TOLERANCE = 5e-3  # of the voxel size, per voxel


class LoadSeriesd(MapTransform):
    """Load a series or file and the labels drawn on it, as float32 tensors with the channel first.

    The first key is the image: the folder of one DICOM series, or a file. Further keys are its labels. A label may have
    other slices than the image, or be stored in another order or direction, as long as its voxels lie on the image's:
    it is laid on the image's grid, 0 where it says nothing. (One label of NCI-ISBI 2013 has 23 slices of a series' 34.)

    Args:
        keys: of the items that hold paths, the image first.

    Raises:
        InputError: SimpleITK (extra ``itk``) is not installed; when called, a folder that does not hold exactly one
            series, a file that cannot be read, a label whose voxels are not the image's or that reaches beyond it.
    """

    def __init__(self, keys: KeysCollection) -> None:
        super().__init__(keys)
        simple_itk("LoadSeriesd")

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """
        Args:
            data: an item with paths.

        Returns:
            The item with ``(1, X, Y, Z)`` in their place, whose affines lead to RAS as those of NIfTI do.
        """
        item = dict(data)
        image = read_itk(item[self.keys[0]])
        for key in self.keys:
            volume = image if key == self.keys[0] else _on_grid(read_itk(item[key]), image, item[key])
            item[key] = _tensor(volume, item[key])
        return item


def _on_grid(label: Any, image: Any, path: Any) -> Any:
    """The label on the image's grid, if its voxels are voxels of the image."""
    sitk = simple_itk("Reading labels")
    if label.GetDimension() != image.GetDimension() or label.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(f"Label {path}: expected {image.GetDimension()} axes and one value per voxel, got others.")
    step = np.linalg.inv(_axes(image)) @ _axes(label)  # the label's axes in voxels of the image
    nearest = np.abs(step).round()
    if np.abs(np.abs(step) - nearest).max() > LATTICE_TOLERANCE or not (nearest.sum(0) == 1).all():
        raise InputError(
            f"Label {path}: its voxels are not the image's; spacing {_listed(label.GetSpacing())} mm where the image "
            f"has {_listed(image.GetSpacing())} mm, or turned against it."
        )
    laid = sitk.Resample(label, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0, label.GetPixelID())
    before, after = (int((sitk.GetArrayViewFromImage(volume) != 0).sum()) for volume in (label, laid))
    if after != before:
        raise InputError(
            f"Label {path} reaches beyond its image: {before - after} of {before} labeled voxels lie outside; size "
            f"{label.GetSize()} from {_listed(label.GetOrigin())} mm, the image {image.GetSize()} from "
            f"{_listed(image.GetOrigin())} mm."
        )
    return laid


def _axes(volume: Any) -> np.ndarray:
    size = volume.GetDimension()
    return np.reshape(volume.GetDirection(), (size, size)) * np.asarray(volume.GetSpacing())


def _tensor(volume: Any, path: Any) -> MetaTensor:
    array, affine = itk_voxels(volume)
    return to_tensor(StoredImage(array[None], affine), path)


def _listed(values: tuple[float, ...]) -> str:
    return " × ".join(f"{value:g}" for value in values)
