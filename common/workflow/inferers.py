"""How a network goes over an image that is larger than what it was trained on."""

from __future__ import annotations

from monai.inferers import Inferer, SliceInferer, SlidingWindowInferer

from common.datasets.plan import Plan

__all__ = ["inferer_of"]


def inferer_of(plan: Plan, batch_size: int = 8, overlap: float = 0.25, stack: bool = False) -> Inferer:
    """MONAI's inferer for a plan: windows of the plan's patch, of a volume's slices for a 2-D network.

    Args:
        plan: of the network.
        batch_size: windows that the network sees at once.
        overlap: of neighboring windows, as a share of their size, in [0, 1). Where an image fits into one window there
            is nothing to overlap.
        stack: pictures come as stacks of slices, too, as in inference.

    Returns:
        `SliceInferer` for slices along the last axis, else `SlidingWindowInferer`.
    """
    if plan.slices or (stack and plan.spatial_dims == 2):
        return SliceInferer(
            roi_size=plan.patch_size, spatial_dim=2, sw_batch_size=batch_size, overlap=overlap, mode="gaussian"
        )
    return SlidingWindowInferer(roi_size=plan.patch_size, sw_batch_size=batch_size, overlap=overlap, mode="gaussian")
