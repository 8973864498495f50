"""Instances of an image written as label maps and a table, in the geometry of the image they belong to."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import MapTransform
from nibabel.orientations import io_orientation

from common.errors import InputError
from common.io.writers import save_like
from common.planes import by_planes
from common.transforms.instances import class_map, instance_parts, instance_rows, label_instances
from common.transforms.region_sizes import size_columns, voxel_volume
from common.transforms.save_prediction import label_map_like
from common.transforms.save_probabilities import save_class_probabilities

__all__ = ["SaveInstancesd"]

AXES = {"R": 0, "L": 0, "A": 1, "P": 1, "S": 2, "I": 2}  # of the world, by the direction that a letter names


def _looked_up(table: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
    return table[part[0].long()]


def _scores(
    instances: torch.Tensor, classes: torch.Tensor, probabilities: torch.Tensor, scores: torch.Tensor | None = None
) -> torch.Tensor:
    """Of each instance the highest score, or without scores the mean probability of its structure."""
    found = torch.zeros(len(classes))
    for number, where, part in instance_parts(instances):
        index = int(classes[number - 1]) - 1
        values = (probabilities if scores is None else scores)[index][where][part]
        found[number - 1] = values.mean() if scores is None else values.max()
    return found


class SaveInstancesd(MapTransform):
    """Writes class map, instance map and probabilities of an image, and sums it up.

    Files: ``<case>_mask``, `class_map` (in PNG 0 and 255 of one structure, else indices of a palette);
    ``<case>_instances``, its connected components, numbered from 1 (PNG of 16 bits); ``<case>_probabilities`` with the
    background, which is what the most probable structure leaves, and the K structures along a fourth axis, or, in PNG,
    ``<case>_probability_<structure>``.

    The class map takes the place of the probabilities; an item without ``case`` gets it and no file.

    The row under ``summary`` has ``case``, ``instances`` (their number), ``foreground_voxels``, ``volume_mm3`` of all
    and ``volume_mm3_<structure>``, of a picture ``foreground_pixels`` and ``pixels_<structure>``; ``score``, the
    highest of an instance, ``first_slice`` and ``last_slice`` that hold one (from 0; of an image without instances
    these three are empty). The rows under ``instances`` are those of `instance_rows`, with the case. An instance's
    score is the highest score of a detection within it, without scores the mean probability of its structure.

    Args:
        keys: one, of probabilities ``(K, *spatial)``, in the geometry of the file that the item's ``image`` was read
            from. A 2-D image may have a third axis of size 1.
        output_dir: folder for the files; a case ``a/b`` goes into its sub-folder ``a``.
        class_names: of the K structures.
        with_scores: whether K more channels follow the probabilities, the scores of the detections.
        orientation: in which the network saw volumes; slices count along the axis of the file that runs nearest to its
            last direction.
        threshold: see `class_map`.
        min_voxels: smaller components are removed from both maps.
        save_probabilities: whether to write them.

    Raises:
        InputError: there are other than K names, or an argument out of range.
    """

    def __init__(
        self,
        keys: str,
        output_dir: str,
        class_names: Sequence[str],
        with_scores: bool = False,
        orientation: str = "RAS",
        threshold: float = 0.5,
        min_voxels: int = 1,
        save_probabilities: bool = True,
    ) -> None:
        super().__init__(keys)
        if str(orientation)[-1:] not in tuple(AXES):
            raise InputError(f"orientation: expected three letters such as RAS, got {orientation!r}.")
        if not 0 <= threshold < 1:
            raise InputError(f"threshold: expected a number from 0 to below 1, got {threshold}.")
        if min_voxels < 0:
            raise InputError(f"min_voxels: expected a number of voxels from 0 up, got {min_voxels}.")
        self.output_dir, self.class_names = Path(output_dir), [str(name) for name in class_names]
        self.with_scores, self.world_axis = with_scores, AXES[orientation[-1]]
        self.threshold, self.min_voxels, self.save_probabilities = threshold, min_voxels, save_probabilities

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            values = torch.as_tensor(item[key]).detach().as_subclass(torch.Tensor).cpu().float()
            flat = values.ndim == 3
            values = values.unsqueeze(-1) if flat else values
            probabilities, *scores = values.chunk(2) if self.with_scores else [values]
            if len(probabilities) != len(self.class_names):
                raise InputError(
                    f"class_names: expected a name for each of {len(probabilities)} structures, "
                    f"got {', '.join(self.class_names) or 'none'}."
                )
            instances, classes = label_instances(class_map(probabilities, self.threshold), self.min_voxels)
            table = torch.cat([classes.new_zeros(1), classes])
            mask = by_planes(partial(_looked_up, table), instances[None], torch.uint8)
            item[key] = label_map_like(item, key, mask)
            if "case" not in item:
                continue
            source, target = item["image"].meta["filename_or_obj"], self.output_dir / item["case"]
            save_like(source, mask.numpy(), f"{target}_mask", len(self.class_names) + 1)
            save_like(source, instances.numpy(), f"{target}_instances")
            if self.save_probabilities:
                background = by_planes(lambda part: 1 - part.amax(0), probabilities, torch.float32)
                shares = [background.numpy(), *probabilities.numpy()]
                save_class_probabilities(source, shares, target, self.class_names)
            affine = torch.as_tensor(item["image"].meta.get("original_affine", torch.eye(4)))  # a picture has none
            rows = instance_rows(
                instances,
                classes,
                voxel := voxel_volume(source),
                dict(enumerate(self.class_names, start=1)),
                _scores(instances, classes, probabilities, *scores),
                slice_axis=int(np.argmax(io_orientation(affine.numpy())[:, 0] == self.world_axis)),  # as the network
            )
            item["instances"] = [{"case": item["case"], **row} for row in rows]
            item["summary"] = self._summary(item["case"], rows, voxel)
        return item

    def _summary(self, case: str, rows: Sequence[Mapping[str, Any]], voxel: float | None) -> dict[str, Any]:
        counts = dict.fromkeys(self.class_names, 0)
        for row in rows:
            counts[row["structure"]] += row["pixels" if voxel is None else "voxels"]
        sizes = size_columns(sum(counts.values()), voxel, voxels=True)
        for name, count in counts.items():
            sizes |= size_columns(count, voxel, name)
        return {
            "case": case,
            "instances": len(rows),
            **sizes,
            "score": max((row["score"] for row in rows), default=""),
            "first_slice": min((row["first_slice"] for row in rows), default=""),
            "last_slice": max((row["last_slice"] for row in rows), default=""),
        }
