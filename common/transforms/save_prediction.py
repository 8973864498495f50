"""Masks and probabilities written in the geometry of the image they belong to."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type

from common.errors import InputError
from common.io.formats import is_nifti
from common.io.writers import save_like, voxel_mm3
from common.planes import by_planes, largest_channel
from common.transforms.region_sizes import size_columns, voxel_volume

__all__ = ["SaveSegmentationd", "is_nifti", "label_map_like", "save_like", "voxel_mm3"]


def label_map_like(item: Mapping[Hashable, Any], key: Hashable, mask: np.ndarray | torch.Tensor) -> torch.Tensor:
    """A label map ``(1, *spatial)``, uint8, where its probabilities lie: on their device, with their metadata.

    Its spatial axes are those of the file of the image: a picture that was segmented as a stack of one slice is a
    picture again. MONAI Label, whose items have ``image_path``, gets a picture as ``(W, H)``: it would write the first
    of three axes as a picture's columns.

    Args:
        item: with the probabilities and the ``image`` that was segmented.
        key: of the probabilities.
        mask: classes (*spatial), in the geometry of the probabilities.
    """
    label_map = convert_to_dst_type(mask[None], item[key], dtype=torch.uint8)[0]
    image = item.get("image")
    meta = image.meta if isinstance(image, MetaTensor) else {}
    picture = tuple(map(int, meta.get("spatial_shape", ())))
    if mask.ndim == 3 and len(picture) == 2:
        shape = tuple(mask.shape)
        axes = [axis for axis in range(3) if shape[axis] == 1 and shape[:axis] + shape[axis + 1 :] == picture]
        label_map = label_map.squeeze(axes[-1] + 1) if axes else label_map
    return label_map[0] if "image_path" in item and label_map.ndim == 3 else label_map


class SaveSegmentationd(MapTransform):
    """Decides on a mask, writes ``<case>_mask`` (and probabilities) and sums the case up.

    Of one channel the mask is where its probability exceeds a threshold. Of several, probabilities of classes that sum
    to 1, background first, it is a class map: the most probable class, the smallest of several; a picture holds these
    numbers as they are, so that of more than two classes it looks black.

    The mask takes the place of the map. An item without ``case``, as programs have it that run a bundle's
    post-processing on images of their own, gets its mask and no file.

    The row under ``summary`` has: ``case``; ``foreground_voxels`` and ``volume_mm3``, of a picture
    ``foreground_pixels``; of several channels the same of each class but the background, ``voxels_<class>`` and
    ``volume_mm3_<class>`` or ``pixels_<class>``; and ``mean_confidence``, the mean over all pixels of max(p, 1 − p), of
    several channels of the highest probability.

    Args:
        keys: probabilities (C, *spatial), C ≥ 1, in the geometry of the file that the item's ``image`` was read from.
        output_dir: folder for the files; a case ``a/b`` goes into its sub-folder ``a``.
        threshold: of one channel, a pixel whose probability exceeds it is foreground, in [0, 1).
        save_probability: also write the map, of several channels ``<case>_probability_<class>`` of each.
        class_names: of all C classes, background included, for several channels; None for their numbers.

    Raises:
        InputError: the threshold is out of range, or given for more than two classes; of several channels the
            probabilities do not sum to 1, or there are not as many names.
    """

    def __init__(
        self,
        keys: str,
        output_dir: str,
        threshold: float = 0.5,
        save_probability: bool = False,
        class_names: Sequence[str] | None = None,
    ) -> None:
        super().__init__(keys)
        if not 0 <= threshold < 1:
            raise InputError(f"threshold: expected a number from 0 to below 1, got {threshold}.")
        if threshold != 0.5 and len(class_names or ()) > 2:
            raise InputError(
                f"threshold: expected none for {len(class_names or ())} classes, of which the most probable is taken; "
                f"got {threshold}."
            )
        self.output_dir = Path(output_dir)
        self.threshold = threshold
        self.save_probability = save_probability
        self.class_names = None if class_names is None else [str(name) for name in class_names]

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key in self.key_iterator(d):
            probabilities = torch.as_tensor(d[key]).detach().as_subclass(torch.Tensor).cpu().float()
            names = self._names(probabilities, d.get("case", "without a name"))
            if names:
                mask = largest_channel(probabilities).numpy()
            else:
                mask = by_planes(lambda part: part[0] > self.threshold, probabilities, torch.uint8).numpy()
            d[key] = label_map_like(d, key, mask)
            if "case" not in d:
                continue
            source = d["image"].meta["filename_or_obj"]
            target = self.output_dir / d["case"]
            save_like(source, mask, f"{target}_mask", max(2, len(names)))
            if self.save_probability:
                for probability, name in zip(probabilities, names or [""], strict=True):
                    save_like(source, probability.numpy(), f"{target}_probability{'_' * bool(name)}{name}")
            voxel = voxel_volume(source)
            counts = {"": int(np.count_nonzero(mask))}
            counts |= {name: int(np.count_nonzero(mask == k)) for k, name in enumerate(names) if k}
            d["summary"] = {"case": d["case"]}
            for name, count in counts.items():
                d["summary"] |= size_columns(count, voxel, name, voxels=True)
            total = sum(float(_confidence(plane).sum(dtype=torch.float64)) for plane in probabilities.split(1, 1))
            d["summary"]["mean_confidence"] = round(total / probabilities[0].numel(), 6)
        return d

    def _names(self, probabilities: torch.Tensor, case: str) -> list[str]:
        """Of the classes of several channels; of one channel none."""
        count = len(probabilities)
        if count == 1:
            return []
        names = self.class_names or [str(index) for index in range(count)]
        if len(names) != count or not 2 <= count <= 256:
            raise InputError(
                f"Case {case}: class_names: expected a name for each of {count} channels (2 to 256, background "
                f"included), got {', '.join(names)}."
            )
        off = max(float((plane.sum(0) - 1).abs().max()) for plane in probabilities.split(1, 1))
        if not off <= 0.01:
            raise InputError(
                f"Case {case}: expected the probabilities of {count} classes, which sum to 1 in every voxel (softmax), "
                f"got a sum that differs by {off:.3g}."
            )
        return names


def _confidence(probabilities: torch.Tensor) -> torch.Tensor:
    if len(probabilities) > 1:
        return probabilities.amax(0)
    return torch.maximum(probabilities[0], 1 - probabilities[0])
