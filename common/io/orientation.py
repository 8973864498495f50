"""A label on the grid of its image whose file stores the axes in another order or direction."""

from __future__ import annotations

from typing import TypeVar, cast

import numpy as np
import torch
from monai.data import MetaTensor
from nibabel.orientations import (
    apply_orientation,
    inv_ornt_aff,
    io_orientation,
    ornt2axcodes,
    ornt_transform,
)

from common.io.checks import OTHER_AFFINE, Finding, geometry_finding

__all__ = ["REORIENTED", "reoriented", "reoriented_finding"]

REORIENTED = "reoriented"  # in the metadata of a volume whose axes were turned: how they had been, and are

AnyTensor = TypeVar("AnyTensor", bound=torch.Tensor)


def reoriented(other: AnyTensor, image: torch.Tensor) -> AnyTensor:
    """A volume with its axes in the order and the directions of an image's, where both then have one grid.

    Programs store axes as they like (3D Slicer and ITK from right to left, others from left to right), so the label of
    an image may be the same voxels in another order. Nothing is interpolated.

    Args:
        other: label, mask or further image ``(C', *spatial)``.
        image: ``(C, *spatial)``.

    Returns:
        ``other`` itself where it lies on the image's grid as it is stored, where it does not get there by
        turning axes, of pictures, and where a file does not say for certain where it lies (a NIfTI file without sform
        and qform, or whose two differ; a pair ``.hdr`` and ``.img``, which may be Analyze's without a left and
        a right); or else a `MetaTensor` with turned axes, whose ``meta["reoriented"]`` says from what to what,
        such as ``("RAS", "LPS")``.

    Example:
        >>> image = MetaTensor(torch.zeros(1, 3, 4, 5))
        >>> label = MetaTensor(torch.arange(60.0).view(1, 5, 4, 3), affine=torch.eye(4)[[2, 1, 0, 3]].double())
        >>> turned = reoriented(label, image)
        >>> turned.shape, turned.meta["reoriented"], float(turned[0, 2, 0, 1]) == float(label[0, 1, 0, 2])
        (torch.Size([1, 3, 4, 5]), ('SAR', 'RAS'), True)
    """
    if not isinstance(image, MetaTensor) or not isinstance(other, MetaTensor) or not image.ndim == other.ndim == 4:
        return other
    finding = geometry_finding(image, other)
    if finding is None or not finding.unusable or not (_is_certain(image) and _is_certain(other)):
        return other
    first, second = (np.asarray(tensor.affine.cpu(), dtype=np.float64) for tensor in (image, other))
    if first.shape != (4, 4) or second.shape != (4, 4) or not np.isfinite([first, second]).all():
        return other
    wanted, stored = io_orientation(first), io_orientation(second)
    if np.isnan([wanted, stored]).any():  # an axis without a direction
        return other
    turn = ornt_transform(stored, wanted)
    values = [apply_orientation(channel.numpy(), turn) for channel in other.as_subclass(torch.Tensor).cpu()]
    affine = torch.from_numpy(second @ inv_ornt_aff(turn, tuple(other.shape[1:])))
    said = tuple("".join(map(str, ornt2axcodes(axes))) for axes in (stored, wanted))
    meta = {name: value for name, value in other.meta.items() if name != "affine"} | {REORIENTED: said}
    turned = MetaTensor(torch.from_numpy(np.stack(values)).to(other.device), affine=affine, meta=meta)
    finding = geometry_finding(image, turned)
    return other if finding is not None and finding.unusable else cast(AnyTensor, turned)


def _is_certain(volume: MetaTensor) -> bool:
    pair = str(volume.meta.get("filename_or_obj", "")).lower().removesuffix(".gz").endswith((".hdr", ".img"))
    return not pair and OTHER_AFFINE not in volume.meta


def reoriented_finding(other: torch.Tensor, file: str = "") -> Finding | None:
    """That the axes of a file were turned.

    Args:
        other: of `reoriented`.
        file: for the finding.

    Example:
        >>> reoriented_finding(torch.zeros(1, 2, 2, 2)) is None
        True
    """
    said = getattr(other, "meta", {}).get(REORIENTED)
    if said is None:
        return None
    return Finding("orientation", f"its axes are stored as {said[0]}, those of the image as {said[1]}", False, file)
