"""Masks and probabilities written in the geometry of the image they belong to."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type
from PIL import Image

from common.errors import InputError
from common.io.files import whole_file


def is_nifti(path: str | Path) -> bool:
    """Whether a file is NIfTI by its name."""
    return str(path).lower().endswith((".nii", ".nii.gz"))


def voxel_mm3(path: str | Path) -> float:
    """Volume of one voxel of a NIfTI file in mm³."""
    return float(np.prod(nib.Nifti1Image.from_filename(path).header.get_zooms()[:3]))


def save_like(source: str | Path, array: np.ndarray, path_without_suffix: str | Path) -> Path:
    """Writes ``array`` as the kind of file that ``source`` is, with its size, affine and orientation.

    A NIfTI source gives ``.nii.gz`` with the source's affine and header; any other image gives an 8-bit ``.png`` in
    which 1 is written as 255, or of integers of 32 bits a 16-bit one with these numbers. The file appears whole or not
    at all.

    Args:
        source: the image that was segmented.
        array: (*spatial) as MONAI loads it (first axis is x), values in [0, 1]; integers stay labels in NIfTI, those of
            32 bits everywhere.
        path_without_suffix: where to write.

    Returns:
        The path written.

    Raises:
        InputError: a number exceeds what 16 bits hold.
    """
    if is_nifti(source):
        reference = nib.Nifti1Image.from_filename(source)
        image = nib.Nifti1Image(array.reshape(reference.shape), reference.affine, reference.header)
        image.set_data_dtype(array.dtype)
        image.header.set_slope_inter(1, 0)
        path = Path(f"{path_without_suffix}.nii.gz")
        with whole_file(path) as partial:
            nib.save(image, partial)
    else:
        path = Path(f"{path_without_suffix}.png")
        if array.dtype != np.int32:
            pixels = np.rint(array.squeeze() * 255.0).astype(np.uint8)
        elif array.max(initial=0) < 2**16:
            pixels = array.squeeze().astype(np.uint16)
        else:
            raise InputError(f"{path}: a picture of 16 bits holds numbers up to 65535, got {array.max()}.")
        with whole_file(path) as partial:
            Image.fromarray(pixels.T).save(partial)
    return path


def label_map_like(
    probabilities: torch.Tensor, mask: np.ndarray | torch.Tensor, image: torch.Tensor | None = None
) -> torch.Tensor:
    """A label map ``(1, *spatial)``, uint8, where its probabilities lie: on their device, with their metadata.

    Its spatial axes are those of the file of the image: a picture that was segmented as a stack of one slice is a
    picture again.
    """
    label_map = convert_to_dst_type(mask[None], probabilities, dtype=torch.uint8)[0]
    meta = image.meta if isinstance(image, MetaTensor) else {}
    picture = tuple(map(int, meta.get("spatial_shape", ())))
    if mask.ndim == 3 and len(picture) == 2:
        shape = tuple(mask.shape)
        axes = [axis for axis in range(3) if shape[axis] == 1 and shape[:axis] + shape[axis + 1 :] == picture]
        return label_map.squeeze(axes[-1] + 1) if axes else label_map
    return label_map


class SaveSegmentationd(MapTransform):
    """Thresholds a probability map, writes ``<case>_mask`` (and ``<case>_probability``) and sums the case up.

    The mask takes the place of the map. An item without ``case``, as programs have it that run a bundle's
    post-processing on images of their own, gets its mask and no file.

    The row under ``summary`` has: ``case``, ``foreground_voxels``, ``volume_mm3`` (NIfTI only, else empty) and
    ``mean_confidence``, the mean over all pixels of max(p, 1 − p).

    Args:
        keys: probability map (1, *spatial), in the geometry of the file that the item's ``image`` was read from.
        output_dir: folder for the files; a case ``a/b`` goes into its sub-folder ``a``.
        threshold: a pixel whose probability exceeds it is foreground, in [0, 1).
        save_probability: also write the map.
    """

    def __init__(self, keys: str, output_dir: str, threshold: float = 0.5, save_probability: bool = False) -> None:
        super().__init__(keys)
        if not 0 <= threshold < 1:
            raise InputError(f"threshold: expected a number from 0 to below 1, got {threshold}.")
        self.output_dir = Path(output_dir)
        self.threshold = threshold
        self.save_probability = save_probability

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key in self.key_iterator(d):
            probability = torch.as_tensor(d[key])[0].detach().cpu().float().numpy()
            mask = (probability > self.threshold).astype(np.uint8)
            d[key] = label_map_like(d[key], mask, d.get("image"))
            if "case" not in d:
                continue
            source = d["image"].meta["filename_or_obj"]
            target = self.output_dir / d["case"]
            save_like(source, mask, f"{target}_mask")
            if self.save_probability:
                save_like(source, probability, f"{target}_probability")
            d["summary"] = {
                "case": d["case"],
                "foreground_voxels": int(mask.sum()),
                "volume_mm3": round(float(mask.sum()) * voxel_mm3(source), 3) if is_nifti(source) else "",
                "mean_confidence": round(float(np.maximum(probability, 1 - probability).mean()), 6),
            }
        return d
