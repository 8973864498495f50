"""Labels in which some pixels are not labeled (−1) through steps that would mix them with others or make them 0."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import get_track_meta
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type, convert_to_tensor

from common.fusion import exceeds
from common.transforms.resample_slices import AxisSpacingd, ResizeSharesd

__all__ = ["HardLabeld", "ResizeSoftLabeld", "SpacingSoftLabeld", "without_unlabelled"]

MIXED = 1e-2  # share of a pixel from which on what nobody labeled makes it one that nobody labeled


def without_unlabelled(detections: Mapping[str, torch.Tensor], label: torch.Tensor) -> dict[str, torch.Tensor]:
    """Detections without the pixels that nobody labeled; those that consist of such pixels alone are dropped.

    Args:
        detections: ``masks`` (N, *spatial) of True and False, other values of the N, of which ``boxes`` (N, 2·D),
            starts then ends in voxels, end where the rest of their mask does; and where there is one ``class_map``
            (*spatial), which is 0 there afterwards.
        label: (K, *spatial), −1 where nobody labeled.

    Returns:
        The values of the detections that remain; of a detection without any pixel, too.

    Example:
        >>> found = {"masks": torch.tensor([[True, True], [False, True]]), "scores": torch.tensor([0.5, 0.25])}
        >>> {key: value.tolist() for key, value in without_unlabelled(found, torch.tensor([[1.0, -1.0]])).items()}
        {'masks': [[True, False]], 'scores': [0.5]}
    """
    masks, unknown = detections["masks"], (label < 0).any(0).to(detections["masks"].device)
    if not unknown.any():
        return dict(detections)
    known = masks & ~unknown
    kept = known.flatten(1).any(1) | ~masks.flatten(1).any(1)
    changed = dict(detections) | {"masks": known}
    if "boxes" in detections:
        cut = known.flatten(1).any(1) & (known != masks).flatten(1).any(1)
        changed["boxes"] = detections["boxes"].clone()
        for index in cut.nonzero()[:, 0]:
            starts, ends = changed["boxes"][index].chunk(2)
            voxels = known[index].nonzero().to(starts)
            changed["boxes"][index] = torch.cat((starts.maximum(voxels.amin(0)), ends.minimum(voxels.amax(0) + 1)))
    remaining = {key: value[kept] for key, value in changed.items() if key != "class_map"}
    if "class_map" in detections:
        remaining["class_map"] = detections["class_map"].masked_fill(unknown, 0)
    return remaining


class HardLabeld(MapTransform):
    """Soft labels as 0 and 1: 1 above one half (`common.fusion.exceeds`), −1 where nobody labeled.

    Args:
        keys: labels, any shape, from 0 to 1, negative where not labeled.
        allow_missing_keys: leave out labels that the item does not have.

    Example:
        >>> HardLabeld("label")({"label": torch.tensor([[0.4, 0.5, 0.6, -1.0]])})["label"].tolist()
        [[0.0, 0.0, 1.0, -1.0]]
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            label = convert_to_tensor(item[key], track_meta=get_track_meta())
            plain = label.as_subclass(torch.Tensor)
            hard = exceeds(plain).to(plain.dtype).where(plain >= 0, -1)
            item[key] = convert_to_dst_type(hard, label)[0]
        return item


class ResizeSoftLabeld(MapTransform):
    """`ResizeSharesd` of soft labels, in which what nobody labeled (−1) is not averaged with what was.

    A new pixel of which more than 1 % has no label is −1, all others have the mean of the shares over their area.

    Args:
        keys: labels ``(K, *spatial)`` from 0 to 1, negative where not labeled.
        spatial_size: of each spatial axis.
        allow_missing_keys: leave out labels that the item does not have.

    Example:
        >>> label = torch.tensor([[[1.0, 0.0, 1.0, -1.0]]])
        >>> ResizeSoftLabeld("label", (1, 2))({"label": label})["label"].tolist()
        [[[0.5, -1.0]]]
    """

    def __init__(self, keys: KeysCollection, spatial_size: Sequence[int], allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.resize = ResizeSharesd("label", spatial_size)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            label = convert_to_tensor(item[key], track_meta=get_track_meta(), dtype=torch.float32)
            item[key] = _resampled(label, lambda values: self.resize({"label": values})["label"])
        return item


class SpacingSoftLabeld(MapTransform):
    """`AxisSpacingd` of soft labels, in which what nobody labeled (−1) is not averaged with what was.

    Shares lie on straight lines between neighboring voxels. A new voxel to which voxels without a label would
    contribute more than 1 % is −1.

    Args:
        keys: labels ``(K, *spatial)`` from 0 to 1 with an affine, negative where not labeled.
        pixdim: of the three axes in mm, or -1 where an axis stays.
        allow_missing_keys: leave out labels that the item does not have.

    Example:
        >>> from monai.data import MetaTensor
        >>> label = torch.tensor([1.0, 0.0, 1.0, -1.0, -1.0]).reshape(1, 5, 1, 1)
        >>> item = SpacingSoftLabeld("label", (0.5, -1, -1))({"label": MetaTensor(label, affine=torch.eye(4))})
        >>> item["label"].flatten().tolist()
        [1.0, 0.5, 0.0, 0.5, 1.0, -1.0, -1.0, -1.0, -1.0]
    """

    def __init__(self, keys: KeysCollection, pixdim: Sequence[float], allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.spacing = AxisSpacingd("label", pixdim)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            item[key] = _resampled(item[key].float(), self._spaced)
        return item

    def _spaced(self, label: torch.Tensor) -> torch.Tensor:
        return self.spacing({"label": label})["label"]


def _resampled(label: torch.Tensor, resample: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """The shares resampled, −1 where what nobody labeled contributes."""
    resampled = resample(label.clamp_min(0))
    if (label < 0).any():
        unknown = resample((label < 0).to(label.dtype)) > MIXED
        resampled = resampled.masked_fill(unknown.as_subclass(torch.Tensor), -1)
    return resampled
