"""Dice and 95 % Hausdorff distance of the structures of a case, by the conventions of `common.metrics.conventions`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from ignite.engine import Engine
from monai.data import MetaTensor
from monai.handlers import IgniteMetricHandler
from monai.metrics import compute_hausdorff_distance
from monai.utils import MetricReduction

from common.errors import ArgumentError
from common.metrics.conventions import StructureCounts, count_structures
from common.metrics.image_metric import ImageMetric

__all__ = ["DiceScore", "HausdorffDistance95", "dice_score", "hausdorff_distance_95", "structure_pair"]


def structure_pair(
    prediction: torch.Tensor, label: torch.Tensor, num_classes: int | None = None, include_background: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """Prediction and label as masks of each structure, both empty where nobody labeled.

    Args:
        prediction: class indices ``(B, 1, *spatial)``, or masks of 0 and 1 ``(B, C, *spatial)``.
        label: likewise, in either form; −1 where nobody labeled (of masks in any channel).
        num_classes: of class indices, background included; None: masks.
        include_background: whether class or channel 0 is a structure; of a single mask it always is.

    Returns:
        Two boolean tensors ``(B, K, *spatial)``.

    Raises:
        ArgumentError: if the shapes do not fit each other.

    Example:
        >>> a, b = structure_pair(torch.tensor([[[0, 1, 2, 2]]]), torch.tensor([[[0, 1, 1, -1]]]), 3, False)
        >>> a.int().tolist(), b.int().tolist()
        ([[[0, 1, 0, 0], [0, 0, 1, 0]]], [[[0, 1, 1, 0], [0, 0, 0, 0]]])
    """
    prediction, label = prediction.as_subclass(torch.Tensor), label.as_subclass(torch.Tensor).to(prediction.device)
    count = num_classes or prediction.shape[1]
    if (
        prediction.ndim < 3
        or prediction.shape[:1] + prediction.shape[2:] != label.shape[:1] + label.shape[2:]
        or not {prediction.shape[1], label.shape[1]} <= {1, count}
    ):
        raise ArgumentError(
            f"prediction and label: expected (batch, 1 or {count}, *spatial) of one size, "
            f"got {tuple(prediction.shape)} and {tuple(label.shape)}."
        )
    first = 0 if include_background or count == 1 else 1
    classes = torch.arange(first, count, device=prediction.device) if count > 1 else torch.ones(1, device=label.device)
    classes = classes.view(1, -1, *[1] * (prediction.ndim - 2))
    labeled = (label >= 0).all(1, keepdim=True)

    def masks(values: torch.Tensor) -> torch.Tensor:
        return (values == classes if values.shape[1] == 1 else values[:, first:] == 1) & labeled

    return masks(prediction), masks(label)


def dice_score(prediction: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Dice of each structure, 2 |A ∩ B| / (|A| + |B|).

    Args:
        prediction: masks ``(B, K, *spatial)``, see `structure_pair`.
        label: likewise.

    Returns:
        ``(B, K)`` float64 (float32 on Apple's MPS) in [0, 1]; 0 for a missed or false structure, nan for an absent one.

    Example:
        >>> dice_score(torch.tensor([[[1, 1], [1, 0], [0, 0]]]), torch.tensor([[[1, 0], [0, 0], [0, 0]]]))
        tensor([[0.6667, 0.0000,    nan]], dtype=torch.float64)
    """
    dtype = torch.float32 if prediction.device.type == "mps" else torch.float64
    both, ours, theirs = (
        masks.flatten(2).sum(2).to(dtype)
        for masks in (prediction.bool() & label.bool(), prediction.bool(), label.bool())
    )
    return 2 * both / (ours + theirs)


def hausdorff_distance_95(
    prediction: torch.Tensor, label: torch.Tensor, spacing: Sequence[float] | None = None
) -> torch.Tensor:
    """95 % Hausdorff distance of each structure: the larger of the two 95th percentiles of distances between surfaces.

    Args:
        prediction: masks ``(B, K, *spatial)``, 2-D or 3-D, see `structure_pair`.
        label: likewise.
        spacing: voxel size along each axis, e.g. in mm; by default 1, so the distance is in voxels.

    Returns:
        ``(B, K)`` float32 from 0 up, in the unit of ``spacing``: MONAI's ``compute_hausdorff_distance`` where label and
        prediction have the structure; the image's diagonal √Σ(nᵢ sᵢ)² where it is missed or false; nan where absent.
        A volume of one slice is measured as that slice: with the axis of length 1, all of a structure would be surface,
        and the distance smaller.

    Raises:
        ArgumentError: if the spacing does not fit.

    Example:
        >>> label = torch.zeros(1, 3, 3, 4)
        >>> label[:, :2, 1, 1] = 1
        >>> prediction = label.roll(1, -1)
        >>> prediction[:, 1] = 0
        >>> hausdorff_distance_95(prediction, label)  # one voxel off, missed, absent
        tensor([[1., 5., nan]])
    """
    sides = [1.0] * (prediction.ndim - 2) if spacing is None else [float(side) for side in spacing]
    if len(sides) != prediction.ndim - 2 or not min(sides) > 0:
        raise ArgumentError(f"spacing: expected {prediction.ndim - 2} voxel sizes above 0, got {spacing}.")
    diagonal = math.hypot(*(size * side for size, side in zip(prediction.shape[2:], sides, strict=True)))
    found, true = (masks.bool().flatten(2).any(2) for masks in (prediction, label))
    distance = torch.full(found.shape, diagonal, device=prediction.device).masked_fill(~found & ~true, torch.nan)
    for axis in range(prediction.ndim - 1, 1, -1):
        if prediction.ndim > 4 and prediction.shape[axis] == 1:
            prediction, label = prediction.squeeze(axis), label.squeeze(axis)
            del sides[axis - 2]
    for image, structure in (found & true).nonzero().tolist():
        one, other = (masks[image, structure][None, None] for masks in (prediction, label))
        with warnings.catch_warnings():  # of an argument that MONAI 1.6 itself gives
            warnings.simplefilter("ignore", FutureWarning)
            value = compute_hausdorff_distance(one, other, True, percentile=95, spacing=sides)
        distance[image, structure] = value[0, 0]
    return distance


class _StructureMetric(ImageMetric):
    """A measure ``(B, K)`` of pairs of masks, which counts absent, missed and false structures as it goes."""

    def __init__(
        self,
        measure: Callable[..., torch.Tensor],
        num_classes: int | None,
        include_background: bool,
        reduction: MetricReduction | str,
    ) -> None:
        super().__init__(reduction)
        self.measure, self.num_classes, self.include_background = measure, num_classes, include_background

    def values(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        pair = structure_pair(prediction, target, self.num_classes, self.include_background)
        found, true = (masks.flatten(2).any(2) for masks in pair)
        values = self.measured(pair, target)
        # a column of flags beside each value: they are gathered from all processes as the values are
        return torch.stack([values, found.to(values), true.to(values)], 2)

    def measured(self, pair: tuple[torch.Tensor, torch.Tensor], target: torch.Tensor) -> torch.Tensor:
        return self.measure(*pair)

    def get_buffer(self) -> Any:
        """The values ``(B, K)`` of all images, nan where a structure is absent."""
        return self._gathered()[..., 0]

    def counts(self) -> StructureCounts:
        """Of all images since the last reset."""
        gathered = self._gathered()
        return count_structures(gathered[..., 1:2], gathered[..., 2:3])

    def _gathered(self) -> torch.Tensor:
        values = super().get_buffer()
        if not isinstance(values, torch.Tensor):
            raise ArgumentError("expected at least one image before a metric's aggregate, got none.")
        return values


class _DistanceMetric(_StructureMetric):
    """A measure ``(B, K)`` with the ``spacing`` of each label's own affine."""

    def measured(self, pair: tuple[torch.Tensor, torch.Tensor], target: torch.Tensor) -> torch.Tensor:
        if not isinstance(target, MetaTensor):
            raise ArgumentError("spacing: expected labels with an affine (MetaTensors), got one without.")
        dimensions = target.ndim - 2
        affines = torch.as_tensor(target.affine, dtype=torch.float64).cpu().expand(len(target), -1, -1)
        sides = [affine[:dimensions, :dimensions].norm(dim=0).tolist() for affine in affines]
        images = zip(*(masks.split(1) for masks in pair), sides, strict=True)
        return torch.cat([self.measure(*masks, spacing=spacing) for *masks, spacing in images])


def _as_it_is(output: Any) -> Any:  # not a lambda, so that the metrics can be pickled
    return output


class _StructureHandler(IgniteMetricHandler):
    """An ignite metric of structures; with ``count`` how many were absent, missed and false beside it."""

    def __init__(self, metric: _StructureMetric, output_transform: Callable, save_details: bool, count: bool) -> None:
        super().__init__(metric_fn=metric, output_transform=output_transform, save_details=save_details)
        self.structures, self.count = metric, count

    def completed(self, engine: Engine, name: str) -> None:
        super().completed(engine, name)
        if self.count:
            counts = self.structures.counts()._asdict()
            engine.state.metrics.update({f"{name}_{kind}": number for kind, number in counts.items()})


class DiceScore(_StructureHandler):
    """Mean Dice as a metric of MONAI's engines: `dice_score` of every image and structure.

    In place of MONAI's ``MeanDice``, which leaves false structures out: here they are 0, as missed ones; absent ones
    are left out; without any structure the mean is nan. Pixels that nobody labeled (−1) do not count.

    Args:
        num_classes: of class indices ``(1, *spatial)``, background included; None: masks, one for each channel.
        include_background: whether class or channel 0 counts; of a single mask it always does.
        reduction: first over the structures of an image, then over images, see MONAI's metrics.
        output_transform: prediction and label from the engine's output, e.g. ``monai.handlers.from_engine``.
        save_details: whether the value of each image goes into ``engine.state.metric_details``.
        count: whether ``<name>_absent``, ``<name>_missed`` and ``<name>_false`` become metrics too: in how many images,
            summed over the structures.

    Example:
        >>> metric = DiceScore()
        >>> metric.update((torch.tensor([[[1, 1, 0]], [[0, 1, 0]]]), torch.tensor([[[1, 0, 0]], [[0, 0, 0]]])))
        >>> round(metric.structures.aggregate().item(), 4), metric.structures.counts()
        (0.3333, StructureCounts(absent=0, missed=0, false=1))
    """

    def __init__(
        self,
        num_classes: int | None = None,
        include_background: bool = True,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        output_transform: Callable = _as_it_is,
        save_details: bool = True,
        count: bool = False,
    ) -> None:
        metric = _StructureMetric(dice_score, num_classes, include_background, reduction)
        super().__init__(metric, output_transform, save_details, count)


class HausdorffDistance95(_StructureHandler):
    """Mean 95 % Hausdorff distance as a metric of MONAI's engines: `hausdorff_distance_95` of images and structures.

    In place of MONAI's ``HausdorffDistance``, whose mean leaves out what was not found, and is 0 if nothing was: here
    missed and false structures get the image's diagonal.

    Args:
        spacing: voxel size along each axis; by default 1, so the distance is in voxels; ``"affine"`` takes that of each
            label's affine, so that it is in mm, and of pictures, whatever size they were given, in pixels of the file.
        num_classes, include_background, reduction, output_transform, save_details, count: see `DiceScore`.

    Raises:
        ArgumentError: another word for the spacing; with ``"affine"``, a label without one.

    Example:
        >>> metric = HausdorffDistance95()
        >>> metric.update((torch.zeros(1, 1, 3, 4), torch.ones(1, 1, 3, 4)))
        >>> metric.structures.aggregate().item()
        5.0
    """

    def __init__(
        self,
        spacing: Sequence[float] | str | None = None,
        num_classes: int | None = None,
        include_background: bool = True,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        output_transform: Callable = _as_it_is,
        save_details: bool = True,
        count: bool = False,
    ) -> None:
        if isinstance(spacing, str) and spacing != "affine":
            raise ArgumentError(f"spacing: expected voxel sizes, affine or none, got {spacing!r}.")
        options = (num_classes, include_background, reduction)
        metric = (
            _DistanceMetric(hausdorff_distance_95, *options)
            if isinstance(spacing, str)
            else _StructureMetric(partial(hausdorff_distance_95, spacing=spacing), *options)
        )
        super().__init__(metric, output_transform, save_details, count)
