"""Instances of a volume written as label maps and a table, in the geometry of the image they belong to."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.transforms import MapTransform

from common.errors import InputError
from common.transforms.instances import instance_rows, label_instances
from common.transforms.save_prediction import label_map_like, save_like, voxel_mm3
from common.transforms.save_probabilities import save_class_probabilities

__all__ = ["SaveInstancesd", "class_map"]


def class_map(probabilities: torch.Tensor, threshold: float = 0.5) -> torch.Tensor:
    """The most probable structure of each voxel, if its probability exceeds a threshold.

    Args:
        probabilities: (K, *spatial) in [0, 1], of each structure on its own.
        threshold: in [0, 1).

    Returns:
        (*spatial) uint8: 0 where there is none, else 1 … K; of equal ones the first.

    Example:
        >>> class_map(torch.tensor([[0.6, 0.2, 0.7], [0.1, 0.3, 0.9]]))
        tensor([1, 0, 2], dtype=torch.uint8)
    """
    largest, index = probabilities.max(0)
    return torch.where(largest > threshold, index + 1, 0).to(torch.uint8)


class SaveInstancesd(MapTransform):
    """Writes class map, instance map and probabilities of a NIfTI volume, and sums the volume up.

    Files: ``<case>_mask``, `class_map`; ``<case>_instances``, its connected components, numbered from 1;
    ``<case>_probabilities`` with the background and the K structures along a fourth axis, where that of the background
    is what the most probable structure leaves.

    The class map takes the place of the probabilities; an item without ``case`` gets it and no file.

    The row under ``summary`` has ``case``, ``instances`` (their number), ``volume_mm3`` of all and
    ``volume_mm3_<structure>``, ``score``, the highest of an instance, ``first_slice`` and ``last_slice`` that hold one
    (from 0; of a volume without instances these three are empty). The rows under ``instances`` are those of
    `instance_rows`, with the case. An instance's score is the mean probability of its structure within it. Slices
    count along the axis of the file that runs nearest to left and right.

    Args:
        keys: one, of probabilities ``(K, *spatial)``, in the geometry of the file that the item's ``image`` was read
            from.
        output_dir: folder for the files; a case ``a/b`` goes into its sub-folder ``a``.
        class_names: of the K structures.
        threshold: see `class_map`.
        min_voxels: smaller components are removed from both maps.
        save_probabilities: whether to write them.

    Raises:
        InputError: there are other than K names, or a threshold out of range.
    """

    def __init__(
        self,
        keys: str,
        output_dir: str,
        class_names: Sequence[str],
        threshold: float = 0.5,
        min_voxels: int = 1,
        save_probabilities: bool = True,
    ) -> None:
        super().__init__(keys)
        if not 0 <= threshold < 1:
            raise InputError(f"threshold: expected a number from 0 to below 1, got {threshold}.")
        if min_voxels < 0:
            raise InputError(f"min_voxels: expected a number of voxels from 0 up, got {min_voxels}.")
        self.output_dir, self.class_names = Path(output_dir), [str(name) for name in class_names]
        self.threshold, self.min_voxels, self.save_probabilities = threshold, min_voxels, save_probabilities

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            probabilities = torch.as_tensor(item[key]).detach().as_subclass(torch.Tensor).cpu().float()
            if len(probabilities) != len(self.class_names):
                raise InputError(
                    f"class_names: expected a name for each of {len(probabilities)} structures, "
                    f"got {', '.join(self.class_names) or 'none'}."
                )
            instances, classes = label_instances(class_map(probabilities, self.threshold), self.min_voxels)
            mask = torch.cat([classes.new_zeros(1), classes])[instances.long()].to(torch.uint8)
            item[key] = label_map_like(item[key], mask)
            if "case" not in item:
                continue
            source, target = item["image"].meta["filename_or_obj"], self.output_dir / item["case"]
            scores = torch.tensor(
                [float(probabilities[k - 1][instances == n].mean()) for n, k in enumerate(classes.tolist(), start=1)]
            )
            save_like(source, mask.numpy(), f"{target}_mask")
            save_like(source, instances.numpy(), f"{target}_instances")
            if self.save_probabilities:
                background = 1 - probabilities.amax(0, keepdim=True)
                values = torch.cat([background, probabilities]).numpy()
                save_class_probabilities(source, values, target, self.class_names)
            rows = instance_rows(
                instances,
                classes,
                voxel_mm3(source),
                dict(enumerate(self.class_names, start=1)),
                scores,
                slice_axis=_sagittal_axis(item["image"].meta["original_affine"]),
            )
            item["instances"] = [{"case": item["case"], **row} for row in rows]
            item["summary"] = self._summary(item["case"], rows)
        return item

    def _summary(self, case: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        volumes = {
            name: round(sum(row["volume_mm3"] for row in rows if row["structure"] == name), 3)
            for name in self.class_names
        }
        return {
            "case": case,
            "instances": len(rows),
            "volume_mm3": round(sum(volumes.values()), 3),
            **{f"volume_mm3_{name}": volume for name, volume in volumes.items()},
            "score": max((row["score"] for row in rows), default=""),
            "first_slice": min((row["first_slice"] for row in rows), default=""),
            "last_slice": max((row["last_slice"] for row in rows), default=""),
        }


def _sagittal_axis(affine: Any) -> int:
    """The axis of a file along which its sagittal slices lie."""
    return int(torch.as_tensor(affine)[0, :3].abs().argmax())
