"""Masks and probabilities written in the geometry of the image they belong to."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type

from common.errors import InputError
from common.io.formats import is_nifti, is_picture
from common.io.writers import save_like, voxel_mm3

__all__ = ["SaveSegmentationd", "is_nifti", "label_map_like", "save_like", "voxel_mm3"]


def label_map_like(probabilities: torch.Tensor, mask: np.ndarray | torch.Tensor) -> torch.Tensor:
    """A label map ``(1, *spatial)``, uint8, where its probabilities lie: on their device, with their metadata."""
    return convert_to_dst_type(mask[None], probabilities, dtype=torch.uint8)[0]


class SaveSegmentationd(MapTransform):
    """Thresholds a probability map, writes ``<case>_mask`` (and ``<case>_probability``) and sums the case up.

    The mask takes the place of the map. An item without ``case``, as programs have it that run a bundle's
    post-processing on images of their own, gets its mask and no file.

    The row under ``summary`` has: ``case``, ``foreground_voxels``, ``volume_mm3`` (empty for pictures) and
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
            if len(d[key]) != 1:
                raise InputError(
                    f"Case {d.get('case', 'without a name')}: expected one channel, the foreground's probability, got "
                    f"{len(d[key])}."
                )
            probability = torch.as_tensor(d[key])[0].detach().cpu().float().numpy()
            mask = (probability > self.threshold).astype(np.uint8)
            d[key] = label_map_like(d[key], mask)
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
                "volume_mm3": round(float(mask.sum()) * voxel_mm3(source), 3) if not is_picture(source) else "",
                "mean_confidence": round(float(np.maximum(probability, 1 - probability).mean()), 6),
            }
        return d
