"""Volumes segmented slab by slab: what is resampled, normalized and held by a network is a few slices at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.inferers import Inferer, SlidingWindowInferer
from monai.transforms import Compose
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform

from common.errors import ArgumentError, InputError
from common.networks.ensemble import averaged
from common.transforms.neighbour_slices import neighbour_slices
from common.transforms.resample_slices import interpolate_axis, spaced
from common.transforms.slices import extended_slices

__all__ = ["GrowingWindows", "SlabInferer", "SliceBatches", "window_size"]

SAMPLES = 1 << 22  # values of which percentiles are taken, at most
ELEMENTS = 1 << 21  # of a slab as it is read, channels included


def window_size(
    size: Sequence[int], patch_size: Sequence[int], overlap: float, growth: float = 1.0, multiple: int = 1
) -> tuple[int, ...]:
    """The windows that cover an image with the least to compute: those of training, or somewhat larger ones.

    Along each axis n windows of the side s cover L voxels if L ≤ s + (n − 1) · ⌊s · (1 − overlap)⌋; then a network
    sees n · s voxels. Of s = ``patch_size`` and the larger multiples of ``multiple`` up to ``growth · patch_size``, and
    of L itself if it is not larger than that, the one of the smallest n · s is taken.

    Args:
        size: of the image, L of each axis.
        patch_size: of training.
        overlap: of neighboring windows, as a share of their size, in [0, 1).
        growth: largest window over the patch, at least 1.
        multiple: of which larger windows have a size, such as the product of a network's strides.

    Returns:
        Size of the windows, at least ``patch_size``.

    Raises:
        ArgumentError: ``growth`` or ``multiple`` is below 1.

    Example:
        >>> window_size((171, 96), (96, 96), 0.5), window_size((171, 100), (96, 96), 0.5, growth=1.25, multiple=8)
        ((96, 96), (120, 100))
    """
    if growth < 1 or multiple < 1:
        raise ArgumentError(f"growth and multiple: expected at least 1, got {growth} and {multiple}.")

    def best(length: int, side: int) -> int:
        largest = int(growth * side)
        sides = [side, *range(side // multiple * multiple + multiple, largest + 1, multiple)]
        sides += [length] if side < length <= largest else []
        return min(sides, key=lambda one: (_count(length, one, overlap) * one, one))

    return tuple(best(int(length), int(side)) for length, side in zip(size, patch_size, strict=True))


def _count(length: int, side: int, overlap: float) -> int:
    """Windows along an axis, as MONAI lays them."""
    return 1 + math.ceil(max(length - side, 0) / max(1, int(side * (1 - overlap))))


class GrowingWindows(Inferer):
    """MONAI's `SlidingWindowInferer`, weighted by Gaussians, with windows of `window_size`.

    Args:
        patch_size: of training.
        batch_size: windows that the network sees at once; of larger ones fewer.
        overlap: of neighboring windows, as a share of their size, in [0, 1).
        growth: see `window_size`. Larger windows are for networks whose result depends on the size of what they see at
            its borders alone: batch normalization, unlike instance normalization, has the statistics of training.
        multiple: see `window_size`.

    Shapes:
        ``(B, C, *spatial)`` → ``(B, K, *spatial)``.

    Raises:
        ArgumentError: as `window_size`.

    Example:
        >>> GrowingWindows((4, 4), growth=1.25)(torch.ones(1, 1, 5, 9), torch.nn.Identity()).shape
        torch.Size([1, 1, 5, 9])
    """

    def __init__(
        self,
        patch_size: Sequence[int],
        batch_size: int = 8,
        overlap: float = 0.5,
        growth: float = 1.0,
        multiple: int = 1,
    ) -> None:
        super().__init__()
        self.patch_size, self.batch_size = tuple(patch_size), batch_size
        self.overlap, self.growth, self.multiple = overlap, growth, multiple

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> Any:
        size = window_size(inputs.shape[2:], self.patch_size, self.overlap, self.growth, self.multiple)
        count = max(1, self.batch_size * math.prod(self.patch_size) // math.prod(size))
        windows = SlidingWindowInferer(size, count, self.overlap, mode="gaussian")
        return windows(inputs, network, *args, **kwargs)


class SliceBatches(Inferer):
    """A 2-D network on the slices of volumes, several at once.

    Slices that are larger than those of training are seen through windows of about that size, which overlap: where a
    network has instance normalization, the statistics of what it sees are part of its result (docs/performance.md has
    what whole slices would cost). Smaller ones are extended by zeros, as MONAI's `SliceInferer` extends them.

    Args:
        roi_size: ``(H, W)`` that the network sees, that of training.
        batch_size: slices or windows that the network sees at once; of larger slices fewer.
        overlap: of neighboring windows, as a share of their size, in [0, 1); None: slices are seen as a whole.
        call: name of the network's method; None calls the network itself.
        growth: largest window over ``roi_size``, see `GrowingWindows`.
        multiple: of larger windows, see there.

    Shapes:
        ``(B, C, H, W, S)`` → ``(B, K, H, W, S)``.

    Example:
        >>> SliceBatches((4, 4))(torch.ones(1, 1, 2, 5, 3), torch.nn.Identity()).shape
        torch.Size([1, 1, 2, 5, 3])
    """

    def __init__(
        self,
        roi_size: Sequence[int],
        batch_size: int = 8,
        overlap: float | None = None,
        call: str | None = None,
        growth: float = 1.0,
        multiple: int = 1,
    ) -> None:
        super().__init__()
        self.roi_size, self.batch_size, self.overlap, self.call = tuple(roi_size), batch_size, overlap, call
        self.growth, self.multiple = growth, multiple

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        run = getattr(network, self.call) if self.call else network
        slices = inputs.as_subclass(torch.Tensor).movedim(-1, 1).flatten(0, 1)
        height, width = slices.shape[2:]
        if self.overlap is not None and (height > self.roi_size[0] or width > self.roi_size[1]):
            windows = GrowingWindows(self.roi_size, self.batch_size, self.overlap, self.growth, self.multiple)
            found = [torch.as_tensor(windows(slices, run, *args, **kwargs))]
        else:
            pixels = max(height, self.roi_size[0]) * max(width, self.roi_size[1])
            count = max(1, self.batch_size * self.roi_size[0] * self.roi_size[1] // pixels)
            found = []
            for part in slices.split(count):
                extended, (rows, columns) = extended_slices(part, self.roi_size)
                found.append(run(extended.contiguous(), *args, **kwargs)[..., rows, columns])
        return torch.cat(found).unflatten(0, (len(inputs), -1)).movedim(1, -1)


class SlabInferer(Inferer):
    """Segments an image as it is stored, slab by slab, and gives the prediction in the image's own geometry.

    Every slab of slices is turned into the orientation of training, prepared by ``fit``, segmented and brought back, so
    that beside the image and the prediction only one slab exists at a time. A 2-D image counts as a stack of one slice.
    Networks that see volumes get all prepared slabs as one, which is small where their voxels are larger than those of
    the image; only what is prepared and brought back then goes slab by slab. The networks of an `Ensemble` see what is
    prepared one after the other; their average is brought back.

    Args:
        inferer: MONAI's inferer of what is prepared ``(1, C, *spatial)``, such as `SliceBatches` (which gets the slices
            along the last axis) or `SlidingWindowInferer`.
        fit: transforms of the item's ``image`` that are the same for every slab: resampling or cropping in the plane,
            normalization of slices or by fixed numbers. What moves pixels must be invertible.
        activations: transforms of the item's ``pred`` before it is brought back.
        orientation: orientation of the axes as the network knows them, three letters; None leaves them as they are
            stored.
        slice_axis: axis along which slices are stacked then, 0, 1 or 2.
        neighbors: slices on either side that are channels of each slice (`common.transforms.neighbour_slices`).
        percentiles: lower and upper percentile of the values that ``fit`` gives which become 0 and 1; None leaves them.
            Of large volumes they are those of 4 million values, at equal distances.
        volume: whether the network sees volumes rather than slices.
        intensities: for volumes, transforms of the ``image`` that is resampled as a whole, such as normalization.
        slice_mm: for volumes, distance in mm to which slices are resampled; None keeps it.
        depth: slices of a slab; None: as many as make up 2 million values; 0: all, where ``fit`` is of whole volumes.
        amp: mixed precision also where MONAI's engines have none, see `common.networks.MixedPrecision`.
        num_classes: classes of the prediction; what ``fit`` has cropped is their background
            (`common.transforms.outside_as_background`); None leaves zeros.

    Shapes:
        ``(1, C, *spatial)`` → ``(1, K, *spatial)``, float32 on the device of the image.

    Raises:
        InputError: an argument is out of range, or there is more than one image.

    Example:
        >>> SlabInferer(SliceBatches((4, 4)))(torch.ones(1, 1, 6, 5, 3), torch.nn.Identity()).shape
        torch.Size([1, 1, 6, 5, 3])
    """

    def __init__(
        self,
        inferer: Inferer,
        fit: Sequence[Callable] = (),
        activations: Sequence[Callable] = (),
        orientation: str | None = None,
        slice_axis: int = 2,
        neighbors: int = 0,
        percentiles: Sequence[float] | None = None,
        volume: bool = False,
        intensities: Sequence[Callable] = (),
        slice_mm: float | None = None,
        depth: int | None = None,
        num_classes: int | None = None,
        amp: bool = False,
    ) -> None:
        super().__init__()
        if slice_axis not in (0, 1, 2):
            raise InputError(f"slice_axis: expected 0, 1 or 2, along which slices are stacked, got {slice_axis!r}.")
        if orientation is not None and sorted(_SIDES.get(letter, 3) for letter in str(orientation)) != [0, 1, 2]:
            raise InputError(f"orientation: expected three letters such as RAS, got {orientation!r}.")
        self.inferer, self.fit, self.activations = inferer, Compose(list(fit)), Compose(list(activations))
        self.orientation, self.slice_axis, self.neighbors = orientation, slice_axis, neighbors
        self.percentiles, self.volume, self.slice_mm = percentiles, volume, slice_mm
        self.depth, self.num_classes, self.intensities = depth, num_classes, Compose(list(intensities))
        self.amp = amp

    @torch.inference_mode()
    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        if inputs.ndim not in (4, 5) or len(inputs) != 1:
            raise InputError(f"expected one image (1, C, *spatial) at a time, got the shape {tuple(inputs.shape)}.")
        stack = Stack(inputs[0], self.orientation, self.slice_axis)
        depth = stack.length if self.depth == 0 else self.depth or max(1, ELEMENTS // stack.slice_elements)

        def infer(values: torch.Tensor) -> torch.Tensor:
            return averaged(network, lambda member: self.inferer(values, member, *args, **kwargs), self.amp)

        def run(prepared: torch.Tensor) -> torch.Tensor:
            return self._predict(prepared, infer)

        found = self._volume(stack, depth, run) if self.volume else self._slices(stack, depth, run)
        result: torch.Tensor | None = None
        for first, pred in found:
            if result is None:
                shape = (len(pred), *stack.stored.shape[1:])
                result = torch.empty(shape, dtype=torch.float32, device=inputs.device)
            stack.write(result, pred, first)
        assert result is not None
        result = result[..., 0] if inputs.ndim == 4 else result
        if isinstance(inputs, MetaTensor):  # where the image lies
            return MetaTensor(result[None], affine=torch.as_tensor(inputs.affine).reshape(-1, 4, 4)[0])
        return result[None]

    def _slices(self, stack: Stack, depth: int, run: Callable) -> Iterator[tuple[int, torch.Tensor]]:
        """First slice and prediction of one slab after the other."""
        limits, beside = self._limits(stack, depth), self.neighbors
        for first in range(0, stack.length, depth):
            last = min(first + depth, stack.length)
            start = max(first - beside, 0)
            image = self._prepare(stack, start, min(last + beside, stack.length))
            values = _scale(image.as_subclass(torch.Tensor), limits)
            if beside:
                values = neighbour_slices(values, beside, self.slice_axis)
            pred = self._restore(image, run(values))
            yield first, pred.narrow(self.slice_axis + 1, first - start, last - first)

    def _volume(self, stack: Stack, depth: int, run: Callable) -> Iterator[tuple[int, torch.Tensor]]:
        """The same of a network that sees the volume as a whole."""
        axis, records = self.slice_axis + 1, []
        parts = []
        for first in range(0, stack.length, depth):
            image = self._prepare(stack, first, min(first + depth, stack.length))
            parts.append(image.as_subclass(torch.Tensor))
            nothing = parts[-1][:0].clone()  # a view would keep the slab
            empty = MetaTensor(nothing, affine=image.affine, applied_operations=image.applied_operations)
            records.append((first, parts[-1].shape[axis], empty))
        values = torch.cat(parts, axis) if len(parts) > 1 else parts[0]
        del parts
        values = _scale(values, self._percentiles([values]))
        scale = self.slice_mm / float(np.linalg.norm(stack.affine[:3, self.slice_axis])) if self.slice_mm else 1.0
        values = interpolate_axis(values, axis, spaced(values.shape[axis], scale))
        pred = run(torch.as_tensor(self.intensities({"image": values})["image"]).as_subclass(torch.Tensor))
        del values
        for first, count, record in records:
            positions = torch.arange(first, first + count, dtype=torch.float64) / scale
            yield first, self._restore(record, interpolate_axis(pred, axis, positions))

    def _prepare(self, stack: Stack, first: int, last: int) -> MetaTensor:
        return self.fit({"image": stack.slab(first, last)})["image"]

    def _predict(self, values: torch.Tensor, infer: Callable) -> torch.Tensor:
        axis = self.slice_axis + 1
        if isinstance(self.inferer, SliceBatches):
            pred = infer(values.movedim(axis, -1)[None])[0].movedim(-1, axis)
        else:
            pred = infer(values[None])[0]
        return self.activations({"pred": pred.as_subclass(torch.Tensor).float()})["pred"]

    def _restore(self, image: MetaTensor, pred: torch.Tensor) -> torch.Tensor:
        if image.applied_operations:
            moved = MetaTensor(pred, meta=image.meta, applied_operations=deepcopy(image.applied_operations))
            pred = self.fit.inverse({"image": moved})["image"]
        pred = pred.as_subclass(torch.Tensor)
        classes = self.num_classes or len(pred)
        for first in range(0, len(pred), classes) if self.num_classes else ():
            others = pred[first + 1 : first + classes]
            pred[first] = (1 - others.sum(0)).clamp_(min=0)  # `outside_as_background` in place
        return pred

    def _limits(self, stack: Stack, depth: int) -> tuple[float, float] | None:
        if self.percentiles is None:
            return None
        starts = range(0, stack.length, depth)
        return self._percentiles(self._prepare(stack, first, min(first + depth, stack.length)) for first in starts)

    def _percentiles(self, parts: Iterable[torch.Tensor]) -> tuple[float, float] | None:
        """The two percentiles of the values of all parts, each of at most 4 million; of more every n-th."""
        if self.percentiles is None:
            return None
        samples = [part.as_subclass(torch.Tensor).flatten()[:: max(1, part.numel() // SAMPLES)] for part in parts]
        joined = torch.cat(samples)
        joined = joined[:: max(1, joined.numel() // SAMPLES)]
        low, high = np.percentile(joined.cpu().numpy(), list(self.percentiles))
        return float(low), float(high)


def _scale(values: torch.Tensor, limits: tuple[float, float] | None) -> torch.Tensor:
    """Values between 0 and 1 at the limits, as MONAI's `ScaleIntensityRange` scales them."""
    if limits is None:
        return values
    low, high = limits
    return (values - low) / (high - low) if high > low else values - low


_SIDES = {"L": 0, "R": 0, "P": 1, "A": 1, "I": 2, "S": 2}


class Stack:
    """An image ``(C, *spatial)`` whose slabs are read, and written, in another orientation; nothing is copied."""

    def __init__(self, image: torch.Tensor, orientation: str | None, slice_axis: int) -> None:
        plain = image.as_subclass(torch.Tensor)
        affine = np.eye(4)
        if plain.ndim == 3:
            plain = plain.unsqueeze(-1)
        elif isinstance(image, MetaTensor):
            affine = np.asarray(torch.as_tensor(image.affine).cpu(), dtype=np.float64).reshape(-1, 4, 4)[0]
        self.stored = plain
        shape = plain.shape[1:]
        turn = np.array([[0, 1], [1, 1], [2, 1]])
        if image.ndim == 3:  # a picture's only slice lies along the slice axis
            order = [axis for axis in range(3) if axis != slice_axis]
            turn[:, 0] = [*order, slice_axis]
        elif orientation is not None:
            turn = ornt_transform(io_orientation(affine), axcodes2ornt(orientation))
        self.axes = [int(np.flatnonzero(turn[:, 0] == axis)[0]) for axis in range(3)]  # stored axis of each new one
        self.flipped = [turn[axis, 1] < 0 for axis in self.axes]
        self.affine = affine @ inv_ornt_aff(turn, shape)
        self.slice_axis = slice_axis
        self.length = shape[self.axes[slice_axis]]
        self.slice_elements = plain.numel() // self.length

    def _view(self, tensor: torch.Tensor, first: int, last: int) -> torch.Tensor:
        """The slices of the oriented image from first to last, not yet flipped."""
        if self.flipped[self.slice_axis]:
            first, last = self.length - last, self.length - first
        oriented = tensor.permute(0, *(axis + 1 for axis in self.axes))
        return oriented.narrow(self.slice_axis + 1, first, last - first)

    def _flip(self, tensor: torch.Tensor) -> torch.Tensor:
        axes = [axis for axis, flipped in enumerate(self.flipped, start=1) if flipped]
        return tensor.flip(axes) if axes else tensor

    def slab(self, first: int, last: int) -> MetaTensor:
        affine = self.affine.copy()
        affine[:3, 3] += first * affine[:3, self.slice_axis]
        values = self._flip(self._view(self.stored, first, last)).float().contiguous()
        return MetaTensor(values, affine=torch.from_numpy(affine))

    def write(self, result: torch.Tensor, slab: torch.Tensor, first: int) -> None:
        last = first + slab.shape[self.slice_axis + 1]
        self._view(result, first, last).copy_(self._flip(slab))
