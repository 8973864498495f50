"""How strongly each voxel's consistency counts: more, the nearer it is to the boundary of a class."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor, get_track_meta
from monai.transforms import MapTransform, Transform
from monai.utils import convert_to_dst_type, convert_to_tensor
from numpy.typing import NDArray
from scipy import ndimage

from common.errors import InputError

__all__ = ["BoundaryBandLabeld", "BoundaryWeight", "BoundaryWeightd", "boundary_distance", "boundary_weight"]


def boundary_distance(
    label: torch.Tensor,
    limit: float = math.inf,
    spacing: Sequence[float] | None = None,
    slice_axis: int | None = None,
) -> torch.Tensor:
    r"""The distance r of every voxel to the nearest boundary of a foreground class.

    $$ r = \min_c r_c, \qquad r_c(x) = \min \{ \lVert x - y \rVert : [l(y) = c] \ne [l(x) = c] \} $$

    over the foreground classes c = 1, 2, … (Karani et al., *Boundary-weighted logit consistency*, below eq. 3, whose
    "argmin" is min). Distances are those between voxel centers, so r is at least one voxel, and one-voxel structures
    have a boundary; a class that is absent or fills the image has none. The two sides of a class are, for x outside
    of it, the voxels of c, and for x inside, all others, hence

    $$ r(x) = \min \{ \lVert x - y \rVert : l(y) \ne l(x) \}, $$

    one distance transform for each class, background included, instead of two for each class. The nearest other voxel
    of a voxel in class c lies in the box around c or touches it, so that transform needs the box only.

    Args:
        label: ``(*spatial)``, 2-D or 3-D, class indices from 0, the background, up; −1 where not labeled, which is
            neither side of a boundary.
        limit: distances from here up are inf, which saves the background far from everything.
        spacing: voxel size along each axis, e.g. in mm; by default 1, so r is in voxels.
        slice_axis: the axis across which slices are stacked, if each slice is an image of its own; r is then measured
            within the slices.

    Returns:
        float32 ``(*spatial)`` on the label's device; inf where there is no boundary (in an empty label everywhere) and
        where not labeled.

    Raises:
        InputError: if the label has other values than class indices, or an argument does not fit its dimensions.

    Example:
        >>> boundary_distance(torch.tensor([[0, 0, 1, 2, 2]])).tolist()
        [[2.0, 1.0, 1.0, 1.0, 2.0]]
    """
    return _to_device(_distance(label, limit, spacing, slice_axis), label)


def boundary_weight(
    label: torch.Tensor,
    radius: float = 10.0,
    lambda_max: float = 1.0,
    lambda_min: float = 0.01,
    spacing: Sequence[float] | None = None,
    slice_axis: int | None = None,
) -> torch.Tensor:
    r"""The weight λ of every voxel's consistency, which drops away from the boundaries of the foreground classes.

    $$ \lambda(r) = \lambda_{\max} \frac{\max(R - r, 0)}{R} + \lambda_{\min} $$

    with the distance r of `boundary_distance` (Karani et al., eq. 3). r is the distance to the nearest voxel of the
    other side, so a voxel next to a boundary has r = 1 and thin structures their weight, by the errata. The largest
    weight is therefore λ_max (R − 1)/R + λ_min (of R = 10: 0.91, of R = 3: 0.68), and R ≤ 1 voxel weighs nothing.

    Args:
        label: ``(*spatial)``, 2-D or 3-D, class indices from 0, the background, up.
        radius: R > 0, in voxels, or in the unit of ``spacing``.
        lambda_max: λ_max ≥ 0.
        lambda_min: λ_min ≥ 0, the weight of voxels at R and beyond, and of every voxel where no class has a boundary.
        spacing: voxel size along each axis, e.g. in mm; by default 1.
        slice_axis: the axis across which slices are stacked, if each slice is an image of its own.

    Returns:
        float32 ``(*spatial)`` on the label's device.

    Raises:
        InputError: as `boundary_distance`, or if R is not positive, or λ_max or λ_min negative or not finite.

    Example:
        >>> boundary_weight(torch.tensor([[0, 0, 0, 0, 1]]), radius=4.0)
        tensor([[0.0100, 0.2600, 0.5100, 0.7600, 0.7600]])
    """
    _check(radius, lambda_max, lambda_min)
    distance = _distance(label, radius, spacing, slice_axis)
    weight = lambda_max * np.maximum(radius - distance, 0) / radius + lambda_min
    return _to_device(weight, label)


class BoundaryWeight(Transform):
    """The weight map of a label, see `boundary_weight`.

    Not a random transform, so MONAI's caching data sets compute it once per label.

    Args:
        radius: R > 0, in voxels, or mm with ``millimetres`` (paper: 10 voxels).
        lambda_max: λ_max ≥ 0 (paper: 1).
        lambda_min: λ_min ≥ 0 (paper: 0.01).
        millimetres: R is in mm, with the voxel size of the label's metadata.
        slice_axis: the axis (0 is the first after the channel) across which the slices of a volume are stacked, if
            each slice is an image of its own.

    Raises:
        InputError: if an argument is out of range.

    Example:
        >>> BoundaryWeight(radius=2.0, lambda_min=0.0)(torch.tensor([[[0, 0, 1]]])).tolist()
        [[[0.0, 0.5, 0.5]]]
    """

    def __init__(
        self,
        radius: float = 10.0,
        lambda_max: float = 1.0,
        lambda_min: float = 0.01,
        millimetres: bool = False,
        slice_axis: int | None = None,
    ) -> None:
        _check(radius, lambda_max, lambda_min)
        self.radius, self.lambda_max, self.lambda_min = radius, lambda_max, lambda_min
        self.millimetres, self.slice_axis = millimetres, slice_axis

    def __call__(self, label: Any) -> torch.Tensor:
        """
        Args:
            label: ``(1, *spatial)`` class indices, array or tensor.

        Returns:
            float32 ``(1, *spatial)`` with the label's metadata.

        Raises:
            InputError: as `boundary_weight`, if there are several channels, or no voxel size although R is in mm.
        """
        classes, spacing = _single_channel(label, self.millimetres)
        weight = boundary_weight(classes, self.radius, self.lambda_max, self.lambda_min, spacing, self.slice_axis)
        return _like(weight, label)


class BoundaryWeightd(MapTransform):
    """Add the weight map of each label as ``<key>_weight``, see `BoundaryWeight`.

    Args:
        keys: labels ``(1, *spatial)``, class indices.
        radius, lambda_max, lambda_min, millimetres, slice_axis: see `BoundaryWeight`.
        allow_missing_keys: leave out labels that the item does not have.

    Raises:
        InputError: as `BoundaryWeight`.

    Example:
        >>> item = BoundaryWeightd("label", radius=2.0, lambda_min=0.0)({"label": torch.tensor([[[0, 0, 1]]])})
        >>> item["label_weight"].tolist()
        [[[0.0, 0.5, 0.5]]]
    """

    def __init__(
        self,
        keys: KeysCollection,
        radius: float = 10.0,
        lambda_max: float = 1.0,
        lambda_min: float = 0.01,
        millimetres: bool = False,
        slice_axis: int | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.transform = BoundaryWeight(radius, lambda_max, lambda_min, millimetres, slice_axis)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            item[f"{key}_weight"] = self.transform(item[key])
        return item


class BoundaryBandLabeld(MapTransform):
    """Add each label with −1 outside the band r < R around the boundaries as ``<key>_band``.

    −1 is "not counted" to the metrics of `common.metrics.calibration`, which then measure calibration inside the band.

    Args:
        keys: labels ``(1, *spatial)``, class indices.
        radius, millimetres, slice_axis: see `BoundaryWeight`.
        allow_missing_keys: leave out labels that the item does not have.

    Raises:
        InputError: as `BoundaryWeight`.

    Example:
        >>> item = BoundaryBandLabeld("label", radius=2.0)({"label": torch.tensor([[[0, 0, 1]]])})
        >>> item["label_band"].tolist()
        [[[-1.0, 0.0, 1.0]]]
    """

    def __init__(
        self,
        keys: KeysCollection,
        radius: float = 10.0,
        millimetres: bool = False,
        slice_axis: int | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        _check(radius)
        self.radius, self.millimetres, self.slice_axis = radius, millimetres, slice_axis

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            classes, spacing = _single_channel(item[key], self.millimetres)
            inside = boundary_distance(classes, self.radius, spacing, self.slice_axis) < self.radius
            item[f"{key}_band"] = _like(torch.where(inside, classes.to(torch.float32), -1.0), item[key])
        return item


def _check(radius: float, lambda_max: float = 0.0, lambda_min: float = 0.0) -> None:
    if not 0 < radius < math.inf:
        raise InputError(f"radius: expected a positive finite number, got {radius}.")
    for name, value in (("lambda_max", lambda_max), ("lambda_min", lambda_min)):
        if not 0 <= value < math.inf:
            raise InputError(f"{name}: expected a finite number of at least 0, got {value}.")


def _single_channel(label: Any, millimetres: bool) -> tuple[torch.Tensor, list[float] | None]:
    """The classes ``(*spatial)`` of a label ``(1, *spatial)``, and its voxel size if that is asked for."""
    if len(label) != 1:
        raise InputError(f"label: expected one channel of class indices, got the shape {tuple(label.shape)}.")
    if millimetres and not isinstance(label, MetaTensor):
        raise InputError("The radius is in mm, but a label has no voxel size; load it with LoadImaged.")
    classes = convert_to_tensor(label[0], track_meta=False)
    return classes, label.pixdim[: classes.ndim].tolist() if millimetres else None


def _to_device(values: NDArray[np.float64], label: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.float32)).to(label.device)


def _like(values: torch.Tensor, label: Any) -> torch.Tensor:
    label = convert_to_tensor(label, track_meta=get_track_meta())
    return convert_to_dst_type(values[None], label, dtype=torch.float32)[0]


def _distance(
    label: torch.Tensor, limit: float, spacing: Sequence[float] | None, slice_axis: int | None
) -> NDArray[np.float64]:
    values = label.detach().as_subclass(torch.Tensor).cpu()
    classes = values.to(torch.int32).numpy()
    if not torch.equal(torch.from_numpy(classes).to(values), values) or classes.min(initial=0) < -1:
        raise InputError("label: expected class indices 0, 1, 2, …, or -1 = not labeled, got other values.")
    sides = np.ones(classes.ndim) if spacing is None else np.asarray(spacing, dtype=float)
    if sides.shape != (classes.ndim,) or not (np.isfinite(sides) & (sides > 0)).all():
        raise InputError(
            f"spacing: expected {classes.ndim} positive voxel sizes for the label's shape {classes.shape}, "
            f"got {spacing}."
        )
    if slice_axis is None:
        return _distance_in_image(classes, limit, sides)
    if not (classes.ndim == 3 and 0 <= slice_axis < 3):
        raise InputError(f"slice_axis: expected an axis of a volume, got {slice_axis} for the shape {classes.shape}.")
    slices = np.moveaxis(classes, slice_axis, 0)
    sides = np.delete(sides, slice_axis)
    distances = [_distance_in_image(np.ascontiguousarray(one), limit, sides) for one in slices]
    return np.stack(distances, slice_axis) if distances else np.zeros(classes.shape)


def _distance_in_image(classes: NDArray[np.int32], limit: float, sides: NDArray[np.float64]) -> NDArray[np.float64]:
    distance = np.full(classes.shape, np.inf)
    unknown = classes < 0
    if unknown.any():  # the nearest other voxel may lie behind them, outside of every box
        for c in np.unique(classes[~unknown]):
            inside = classes == c
            if not (inside | unknown).all():
                np.copyto(distance, ndimage.distance_transform_edt(inside | unknown, sampling=sides), where=inside)
        distance[distance >= limit] = np.inf
        return distance
    # one transform a class, in a box that holds the nearest others of all its voxels: one voxel wider than a foreground
    # class; for the background as much wider than the whole foreground as its distances count
    found = ndimage.find_objects(classes) if classes.any() else []
    boxes = [(c, box, np.ones(classes.ndim)) for c, box in enumerate(found, 1) if box]
    if boxes:
        around = [[box[axis] for _, box, _ in boxes] for axis in range(classes.ndim)]
        union = tuple(slice(min(s.start for s in axis), max(s.stop for s in axis)) for axis in around)
        boxes.append((0, union, np.minimum(np.ceil(limit / sides), classes.shape)))
    for c, box, margin in boxes:
        grown = tuple(
            slice(max(0, side.start - int(extra)), side.stop + int(extra))
            for side, extra in zip(box, margin, strict=True)
        )
        inside = classes[grown] == c
        if not inside.all():
            np.copyto(distance[grown], ndimage.distance_transform_edt(inside, sampling=sides), where=inside)
    distance[distance >= limit] = np.inf
    return distance
