"""How a network goes over an image that is larger than what it was trained on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from monai.inferers import Inferer, SimpleInferer

from common.datasets.plan import Plan
from common.datasets.stages import intensity
from common.errors import InputError
from common.networks.ensemble import averaged
from common.networks.precision import MixedPrecision
from common.transforms.resample_slices import AxisSpacingd, ResizeAread
from common.workflow.slab_inferer import GrowingWindows, SlabInferer, SliceBatches

__all__ = ["EachMember", "MixedPrecisionInferer", "inferer_of", "new_image_inferer"]


class EachMember(Inferer):
    """Runs an inferer with one member of a `common.networks.Ensemble` after the other, and averages.

    Any other network is handed on. Without it the members would be averaged window by window, before windows that
    overlap are.

    Args:
        inferer: inferer of MONAI.
        amp: mixed precision also where MONAI's engines have none, see `common.networks.MixedPrecision`.

    Shapes:
        Those of the inferer.

    Example:
        >>> EachMember(GrowingWindows((4, 4)))(torch.ones(1, 1, 8, 8), torch.nn.Identity()).shape
        torch.Size([1, 1, 8, 8])
    """

    def __init__(self, inferer: Inferer, amp: bool = False) -> None:
        super().__init__()
        self.inferer, self.amp = inferer, amp

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        return averaged(network, lambda member: self.inferer(inputs, member, *args, **kwargs), self.amp)


class MixedPrecisionInferer(Inferer):
    """``inferer`` of MONAI's trainer that has mixed precision also on a CPU, where the trainer has none.

    The network alone computes in bfloat16, forward and backward; weights, their gradients, the loss and the optimizer
    stay in float32. A bfloat16 has the range of a float32, so the loss is not scaled, as it is with CUDA's float16.

    Args:
        inferer: inferer of MONAI.
        amp: see `common.networks.MixedPrecision`; without it the network is handed on.

    Shapes:
        Those of the inferer.

    Example:
        >>> infer = MixedPrecisionInferer(GrowingWindows((4,)), amp=True)
        >>> infer(torch.ones(1, 1, 8), torch.nn.Conv1d(1, 1, 1)).dtype
        torch.float32
    """

    def __init__(self, inferer: Inferer, amp: bool = False) -> None:
        super().__init__()
        self.inferer, self.amp = inferer, amp

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> Any:
        return self.inferer(inputs, MixedPrecision(network) if self.amp else network, *args, **kwargs)


OVERLAP = 0.5  # of neighboring windows, as a share of their size


def inferer_of(
    plan: Plan, batch_size: int = 8, overlap: float | None = OVERLAP, amp: bool = False, growth: float = 1.0
) -> EachMember:
    """The inferer of prepared images, for validation: windows of the plan's patch, as `new_image_inferer` has them.

    Args:
        plan: plan of the network.
        batch_size: windows that the network sees at once.
        overlap: of neighboring windows, as a share of their size, in [0, 1); None: a 2-D network sees slices and
            pictures as a whole. Where an image fits into one window there is nothing to overlap.
        amp: see `EachMember`.
        growth: largest window over the patch, for networks with batch normalization, see `GrowingWindows`.

    Returns:
        `EachMember` of `SliceBatches` for volumes and a 2-D network, with slices along the last axis, else of
        `GrowingWindows`, or MONAI's `SimpleInferer` for whole pictures.

    Raises:
        InputError: as `new_image_inferer`.

    Example:
        >>> from dataclasses import replace
        >>> from common.datasets.plan import example_plan
        >>> [type(inferer_of(replace(example_plan(), image_dims=dims)).inferer).__name__ for dims in (2, 3)]
        ['GrowingWindows', 'SliceBatches']
    """
    _check_windows(plan, overlap, growth)
    if plan.slices:
        return EachMember(SliceBatches(plan.patch_size, batch_size, overlap, None, growth, _strides(plan)), amp)
    if overlap is None:
        return EachMember(SimpleInferer(), amp)
    return EachMember(GrowingWindows(plan.patch_size, batch_size, overlap, growth, _strides(plan)), amp)


def new_image_inferer(
    plan: Plan,
    activations: Sequence[Callable] = (),
    orientation: str | None = None,
    batch_size: int = 8,
    overlap: float | None = OVERLAP,
    neighbors: int = 0,
    num_classes: int | None = None,
    call: str | None = None,
    amp: bool = False,
    growth: float = 1.0,
) -> SlabInferer:
    """The inferer of new images, which gives the prediction in the geometry of each file.

    Args:
        plan: plan of the network.
        activations: transforms of ``pred`` before it is brought back.
        orientation: orientation in which slices of volumes lie as pictures do, for a network trained on pictures;
            None: RAS. Of a network trained on volumes it is the plan's.
        batch_size: slices or windows that the network sees at once.
        overlap: share of its size by which a window of the network overlaps the next, in [0, 1); None: a 2-D network
            sees slices as a whole, as does a method that ``call`` names.
        neighbors: slices on either side that are channels of each slice.
        num_classes: see `SlabInferer`.
        call: name of the network's method; None calls the network itself.
        amp: see `SlabInferer`.
        growth: see `inferer_of`.

    Returns:
        `SlabInferer`.

    Raises:
        InputError: ``overlap`` or ``growth`` is out of range, or ``overlap`` None of a network of volumes;
            ``orientation`` is none, or another than the plan's.

    Example:
        >>> from common.datasets.plan import example_plan
        >>> new_image_inferer(example_plan()).volume
        False
    """
    _check_windows(plan, overlap, growth)
    slices = SliceBatches(plan.patch_size, batch_size, None if call else overlap, call, growth, _strides(plan))
    if plan.image_dims == 2:
        fit = [*intensity(plan, slice_axis=2), ResizeAread("image", [*(plan.image_size or plan.patch_size), -1])]
        depth = None if plan.normalization["kind"] == "zscore" else 1  # other numbers are of one picture
        turned = "RAS" if orientation is None else orientation
        return SlabInferer(slices, fit, activations, turned, depth=depth, num_classes=num_classes, amp=amp)
    if orientation not in (None, plan.orientation):
        raise InputError(
            f"orientation: the network was trained with {plan.orientation}, got {orientation!r}. Leave it out: "
            "files may have any orientation."
        )
    across = float(plan.spacing[2]) if plan.spacing else -1.0
    within = [AxisSpacingd("image", [*plan.spacing[:2], -1])] if plan.spacing else []
    if plan.spatial_dims == 2:
        return SlabInferer(
            slices, within, activations, plan.orientation, neighbors=neighbors, num_classes=num_classes, amp=amp
        )
    windows = GrowingWindows(plan.patch_size, 4, overlap or 0.0, growth, _strides(plan))
    return SlabInferer(
        windows,
        within,
        activations,
        plan.orientation,
        volume=True,
        slice_mm=across if across > 0 else None,
        num_classes=num_classes,
        amp=amp,
    )


def _strides(plan: Plan) -> int:
    """The product of the strides of a network with the plan's features."""
    return int(2 ** (len(plan.features) - 1))


def _check_windows(plan: Plan, overlap: Any, growth: Any) -> None:
    if isinstance(growth, bool) or not isinstance(growth, int | float) or not 1 <= growth < math.inf:
        raise InputError(f"window_growth: expected a number of at least 1, got {growth!r}.")
    whole = overlap is None and plan.spatial_dims == 2
    if not whole and (isinstance(overlap, bool) or not isinstance(overlap, int | float) or not 0 <= overlap < 1):
        also = ", or null" if plan.spatial_dims == 2 else " for a network of volumes"
        got = "null" if overlap is None else repr(overlap)
        raise InputError(f"overlap: expected a number from 0 to below 1{also}, got {got}.")
