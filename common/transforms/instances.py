"""Instances of a label volume by connected components, and instances back to one volume and a table."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from monai.transforms import MapTransform
from scipy import ndimage

from common.errors import InputError
from common.fusion import exceeds, most_probable_class
from common.io.rounding import rounded
from common.planes import by_planes

__all__ = [
    "DetectInstancesd",
    "class_map",
    "find_instances",
    "instance_parts",
    "instance_rows",
    "label_instances",
    "merge_instances",
    "slice_instances",
    "slices_of",
]


def class_map(probabilities: torch.Tensor, threshold: float = 0.5) -> torch.Tensor:
    """The most probable structure of each voxel, if its probability exceeds a threshold (see `common.fusion.ties`).

    Args:
        probabilities: (K, *spatial) in [0, 1], of each structure on its own.
        threshold: in [0, 1).

    Returns:
        (*spatial) uint8: 0 where there is none, else 1 … K; of equal ones the first.

    Example:
        >>> class_map(torch.tensor([[0.6, 0.2, 0.7], [0.1, 0.3, 0.9]]))
        tensor([1, 0, 2], dtype=torch.uint8)
    """

    def decide(part: torch.Tensor) -> torch.Tensor:
        return torch.where(exceeds(part.amax(0), threshold), most_probable_class(part) + 1, 0)

    return by_planes(decide, probabilities, torch.uint8)


def label_instances(labels: torch.Tensor, min_voxels: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Numbers the connected components of each class of a label map.

    Voxels that touch at a face, an edge or a corner belong together. Numbers run by class, then by position.

    Args:
        labels: (*spatial), whole numbers, 0 is the background.
        min_voxels: smaller components are left out, at least 1.

    Returns:
        Instance map (*spatial) int32, 0 or 1 … N, and the class of each instance, (N,) int64. Of an empty map N is 0.

    Raises:
        InputError: min_voxels is below 1.

    Example:
        >>> instances, classes = label_instances(torch.tensor([2, 2, 0, 1, 0, 2]))
        >>> instances.tolist(), classes.tolist()
        ([2, 2, 0, 1, 0, 3], [1, 2, 2])
    """
    array = labels.detach().cpu().numpy()
    instances, classes = np.zeros(array.shape, np.int32), []
    for value in np.unique(array[array > 0]):
        for where, part in _components(array == value, min_voxels):
            classes.append(int(value))
            instances[where][part] = len(classes)
    return torch.from_numpy(instances).to(labels.device), torch.tensor(classes, dtype=torch.int64, device=labels.device)


def find_instances(label: torch.Tensor, threshold: float = 0.5, min_voxels: int = 1) -> dict[str, torch.Tensor]:
    """Boxes, classes and masks of the connected components of each structure, as instance segmentation trains on them.

    An instance of structure k is a connected component of ``label_k > threshold``, see `common.fusion.ties`: a share of
    exactly one half is background. Its mask is the label as it is, soft values and −1, not labeled, included, inside
    its box, and 0 on the other instances of its structure.

    Args:
        label: (K, *spatial) from 0 to 1, soft or hard, 2-D or 3-D; −1 where nobody labeled.
        threshold: from 0 to below 1.
        min_voxels: smaller components are left out, at least 1.

    Returns:
        ``boxes`` (N, 2·D) float32 in MONAI's ``StandardMode``, starts then ends (exclusive) in voxels, axis by axis;
        ``classes`` (N,) int64, k + 1; ``masks`` (N, *spatial) float32. N is 0 for an empty label.

    Raises:
        InputError: an argument out of range.

    Example:
        >>> found = find_instances(torch.tensor([[[0.0, 0.7, 1.0], [0.0, 0.2, 0.0]]]))
        >>> found["boxes"].tolist(), found["classes"].tolist()
        ([[0.0, 1.0, 1.0, 3.0]], [1])
    """
    if not 0 <= threshold < 1:
        raise InputError(f"threshold: expected a number from 0 to below 1, got {threshold}.")
    shares = label.detach().as_subclass(torch.Tensor).cpu().float()
    values, above = shares.numpy(), exceeds(shares, threshold).numpy()
    boxes, classes, masks = [], [], []
    for index, (structure, certain) in enumerate(zip(values, above, strict=True)):
        for where, part in _components(certain, min_voxels):
            mask = np.zeros_like(structure)
            mask[where] = np.where(certain[where] & ~part, 0.0, structure[where])
            boxes.append([side.start for side in where] + [side.stop for side in where])
            classes.append(index + 1)
            masks.append(mask)
    dimensions = values.ndim - 1
    return {
        "boxes": torch.tensor(boxes, dtype=torch.float32, device=label.device).reshape(-1, 2 * dimensions),
        "classes": torch.tensor(classes, dtype=torch.int64, device=label.device),
        "masks": torch.from_numpy(np.array(masks, np.float32).reshape(-1, *values.shape[1:])).to(label.device),
    }


def merge_instances(masks: torch.Tensor, scores: torch.Tensor | None = None, threshold: float = 0.5) -> torch.Tensor:
    """One instance map of masks that may overlap; where they do, the instance with the higher score stays.

    The class map is ``torch.cat([classes.new_zeros(1), classes])[instance_map]``.

    Args:
        masks: (N, *spatial) from 0 to 1; voxels above ``threshold`` belong to the instance.
        scores: (N,); None prefers the first ones.
        threshold: in [0, 1).

    Returns:
        (*spatial) int32, 0 or the number of the instance, 1 … N in the masks' order; 0 everywhere for N = 0.

    Raises:
        InputError: the numbers of masks and scores differ.

    Example:
        >>> merge_instances(torch.tensor([[1.0, 1, 0], [0, 1, 1]]), torch.tensor([0.4, 0.9])).tolist()
        [1, 2, 2]
    """
    if scores is not None and len(scores) != len(masks):
        raise InputError(f"scores: expected one for each of {len(masks)} masks, got {len(scores)}.")
    order = torch.arange(len(masks)) if scores is None else torch.argsort(scores.cpu(), descending=True, stable=True)
    merged = torch.zeros(masks.shape[1:], dtype=torch.int32, device=masks.device)
    for number in reversed(order.tolist()):
        merged[masks[number] > threshold] = number + 1
    return merged


def instance_rows(
    instances: torch.Tensor,
    classes: torch.Tensor,
    voxel_mm3: float | None,
    names: Mapping[int, str] | None = None,
    scores: torch.Tensor | None = None,
    slice_axis: int = -1,
) -> list[dict[str, Any]]:
    """A table of instances: what ``summary.csv`` says about each.

    Args:
        instances: map (*spatial) of 0 or 1 … N.
        classes: (N,) of the instances.
        voxel_mm3: volume of a voxel; None of a picture, whose rows have ``pixels`` in the place of ``voxels`` and
            ``volume_mm3``.
        names: of the classes; None writes their numbers.
        scores: (N,); None leaves the column empty.
        slice_axis: of the slices.

    Returns:
        A row for each instance that has a voxel: ``instance``, ``structure``, ``voxels``, ``volume_mm3``,
        ``score``, ``first_slice`` and ``last_slice`` (from 0, both included).

    Raises:
        InputError: the map holds more instances than there are classes.

    Example:
        >>> rows = instance_rows(torch.tensor([[1, 1, 0]]), torch.tensor([2]), 4.5, {2: "tibia"}, torch.tensor([0.75]))
        >>> rows  # doctest: +NORMALIZE_WHITESPACE
        [{'instance': 1, 'structure': 'tibia', 'voxels': 2, 'volume_mm3': 9.0, 'score': 0.75, 'first_slice': 0,
          'last_slice': 1}]
    """
    if instances.numel() and int(instances.max()) > len(classes):
        raise InputError(f"classes: expected one for each of {int(instances.max())} instances, got {len(classes)}.")
    rows: list[dict[str, Any]] = []
    for number, where, part in instance_parts(instances):
        value, count, along = int(classes[number - 1]), int(part.sum()), where[slice_axis]
        volume = {} if voxel_mm3 is None else {"volume_mm3": rounded(count * voxel_mm3, 3)}
        rows.append(
            {
                "instance": number,
                "structure": value if names is None else names[value],
                "pixels" if voxel_mm3 is None else "voxels": count,
                **volume,
                "score": "" if scores is None else round(float(scores[number - 1]), 6),
                "first_slice": along.start,
                "last_slice": along.stop - 1,
            }
        )
    return rows


def instance_parts(instances: torch.Tensor) -> Iterator[tuple[int, tuple[slice, ...], torch.Tensor]]:
    """The instances of a map one after the other.

    Args:
        instances: map (*spatial) of 0 or 1 … N, whole numbers.

    Yields:
        Number, box and bool mask inside the box of each instance that has a voxel.

    Example:
        >>> [(number, mask.tolist()) for number, _, mask in instance_parts(torch.tensor([0, 3, 1, 3]))]
        [(1, [True]), (3, [True, False, True])]
    """
    array = instances.detach().cpu().numpy()
    for number, where in enumerate(ndimage.find_objects(array), start=1):
        if where is not None:
            yield number, where, torch.from_numpy(array[where] == number)


def slices_of(image: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The slices of a volume along its last axis; a picture is its own only slice.

    Args:
        image: (C, H, W, S), or (C, H, W).

    Returns:
        S or one of (C, H, W).

    Example:
        >>> len(slices_of(torch.zeros(1, 4, 4, 3))), len(slices_of(torch.zeros(1, 4, 4)))
        (3, 1)
    """
    return image.unbind(-1) if image.ndim == 4 else (image,)


def slice_instances(label: torch.Tensor, threshold: float = 0.5) -> list[dict[str, torch.Tensor]]:
    """`find_instances` of each slice of a volume, as a detection in slices is compared with.

    Args:
        label: (K, H, W, S) from 0 to 1, or of a picture (K, H, W).
        threshold: from 0 to below 1.

    Returns:
        Of each slice ``boxes`` (N, 4), ``classes`` (N,) and ``masks`` (N, H, W), on the CPU.

    Example:
        >>> label = torch.zeros(1, 4, 4, 2)
        >>> label[0, 1, 2:, 1] = 1
        >>> [found["boxes"].tolist() for found in slice_instances(label)]
        [[], [[1.0, 2.0, 2.0, 4.0]]]
    """
    volume = label.detach().as_subclass(torch.Tensor).cpu()
    return [find_instances(part, threshold) for part in slices_of(volume)]


class DetectInstancesd(MapTransform):
    """Detections of a segmentation network: adds ``detections``, the connected components of `class_map` in each slice.

    Each has ``boxes`` (N, 4), ``classes``, ``scores`` and ``counted`` (N,), ``masks`` (N, H, W) of True and False and
    ``class_map`` (H, W), as `common.metrics.InstanceMetrics` takes them. The score is the mean probability within the
    component. All are counted, whatever their scores, since all are in the class map.

    Args:
        keys: one, of probabilities (K, H, W, S), or of a picture (K, H, W).
        threshold: of `class_map`.

    Example:
        >>> item = DetectInstancesd("pred")({"pred": torch.full((1, 4, 4, 2), 0.75)})
        >>> [found["scores"].tolist() for found in item["detections"]]
        [[0.75], [0.75]]
    """

    def __init__(self, keys: str, threshold: float = 0.5) -> None:
        super().__init__(keys)
        self.threshold = threshold

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            probabilities = item[key].detach().as_subclass(torch.Tensor).cpu()
            classes = class_map(probabilities, self.threshold)
            structures = torch.arange(1, len(probabilities) + 1).reshape(-1, *[1] * classes.ndim)
            item["detections"], alone = [], probabilities.where(classes == structures, 0)
            for found, part in zip(slice_instances(alone, self.threshold), slices_of(classes[None]), strict=True):
                values, inside = found["masks"], exceeds(found["masks"], self.threshold)
                scores = (values * inside).sum((1, 2)) / inside.sum((1, 2))
                values_of = {"scores": scores, "counted": torch.ones(len(scores), dtype=torch.bool)}
                item["detections"].append(found | values_of | {"masks": inside, "class_map": part[0]})
        return item


def _components(mask: np.ndarray, min_voxels: int) -> Iterator[tuple[tuple[slice, ...], np.ndarray]]:
    """Box of each connected component, and the component inside it."""
    if min_voxels < 1:
        raise InputError(f"min_voxels: expected at least 1, got {min_voxels}.")
    parts, _ = ndimage.label(mask, structure=np.ones((3,) * mask.ndim))
    for number, where in enumerate(ndimage.find_objects(parts), start=1):
        part = parts[where] == number
        if part.sum() >= min_voxels:
            yield where, part
