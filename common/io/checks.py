"""What can be wrong with an image, a label, or a case among others: pure functions on tensors as they were loaded."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor

from common.io.rounding import rounded

__all__ = [
    "Finding",
    "affine_finding",
    "class_sizes",
    "content_digest",
    "duplicate_groups",
    "extent_finding",
    "form_finding",
    "geometry_finding",
    "image_findings",
    "unit_finding",
    "value_counts",
]

NOT_LABELED = -1
MOVED_VOXELS = 0.5  # from which a label lies on other voxels than it was drawn on
NOTED_VOXELS = 0.01
MICROMETERS = "micrometers"  # in the metadata of a file that says so
OTHER_AFFINE, TAKEN_FORM = "other_affine", "taken_form"  # in the metadata of a NIfTI file whose forms differ
NO_FORM = "neither"
TURNED = "turned"  # in the metadata of a picture: the EXIF orientation by which it was turned or mirrored, 2 to 8
LARGEST_INDEX = 65535
SMALLEST_VOLUME, LARGEST_VOLUME = 1.0, 5000.0  # mm along its longest axis; beyond, the unit is another one


@dataclass(frozen=True)
class Finding:
    """Something wrong with a case.

    Attributes:
        kind: what, in two or three words, the same for all cases.
        message: what was expected and what came, without the case's name.
        unusable: training fails at it, or would learn from what is no label of this image.
        file: that it is in; empty for the case as a whole.
    """

    kind: str
    message: str
    unusable: bool = False
    file: str = ""


def image_findings(image: torch.Tensor, file: str = "") -> list[Finding]:
    """Intensities that are not finite, or all the same.

    Args:
        image: of any shape.
        file: for the findings.

    Example:
        >>> [finding.kind for finding in image_findings(torch.tensor([1.0, torch.nan]))]
        ['not finite']
    """
    if not image.numel():
        return []
    low, high = (float(extreme) for extreme in image.aminmax())  # nan if one is nan; a mask would need its memory
    if not math.isfinite(low) or not math.isfinite(high):
        message = f"{int((~torch.isfinite(image)).sum())} of {image.numel()} intensities are not finite"
        return [Finding("not finite", message, True, file)]
    if low == high:
        return [Finding("constant image", f"every intensity is {low:g}", False, file)]
    return []


def geometry_finding(image: torch.Tensor, other: torch.Tensor, file: str = "") -> Finding | None:
    """Shape and position of a file against those of its image.

    Positions are compared at the eight corners by the affines, in voxels of the image's finest spacing: from half a
    voxel on the case is unusable, below a hundredth nothing is said. This is the only answer to whether a label lies on
    the grid of an image.

    Args:
        image: (C, *spatial), with an affine if it is a `MetaTensor`.
        other: label or further image, (C', *spatial).
        file: for the finding.

    Example:
        >>> geometry_finding(torch.zeros(1, 4, 4), torch.zeros(1, 4, 5)).message
        'its shape is 4 × 5, that of the image 4 × 4'
    """
    turned = [getattr(one, "meta", {}).get(TURNED, 1) for one in (image, other)]
    if other.shape[1:] != image.shape[1:]:
        message = f"its shape is {_listed(other.shape[1:])}, that of the image {_listed(image.shape[1:])}"
        if other.shape[1:] == image.shape[1:][::-1] and turned[0] != turned[1]:
            message += "; one of them is turned by its EXIF orientation, the other is not"
        return Finding("shape", message, True, file)
    if turned[0] != turned[1]:
        message = (
            f"it has the EXIF orientation {turned[1]}, its image {turned[0]}, by which both are turned; if it was "
            "drawn on the picture as stored, it lies elsewhere"
        )
        return Finding("orientation", message, False, file)
    if not isinstance(image, MetaTensor) or not isinstance(other, MetaTensor):
        return None
    first, second = (torch.as_tensor(tensor.affine, dtype=torch.float64).cpu() for tensor in (image, other))
    if first.shape != second.shape:
        return Finding("position", "its affine has another number of axes than that of the image", True, file)
    axes = len(first) - 1
    sides = [(0, size - 1) for size in (*image.shape[1:], *[1] * axes)[:axes]]
    corners = torch.tensor([(*corner, 1) for corner in itertools.product(*sides)], dtype=torch.float64)
    moved = _distance(corners, first, second)
    spacing = float(first[:axes, :axes].norm(dim=0).min())
    if not moved > NOTED_VOXELS * spacing:  # nan too
        return None
    message = f"its affine puts it up to {moved:.3g} mm from the image ({_listed(voxel_size(image))} mm voxels)"
    forms = [(affine, tensor.meta.get(OTHER_AFFINE)) for affine, tensor in ((first, image), (second, other))]
    choices = [
        [affine, *([] if form is None else [torch.as_tensor(form, dtype=torch.float64)])] for affine, form in forms
    ]
    if any(_distance(corners, one, two) <= NOTED_VOXELS * spacing for one, two in itertools.product(*choices)):
        unsaid = any(getattr(tensor, "meta", {}).get(TAKEN_FORM) == NO_FORM for tensor in (image, other))
        message += (
            "; one of the files has neither sform nor qform, and where ITK puts it the two fit"
            if unsaid
            else "; sform and qform of one of the files differ, and by the form that is not taken the two fit"
        )
    return Finding("position", message, moved >= MOVED_VOXELS * spacing, file)


def _distance(corners: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> float:
    return float((corners @ (second - first).T).norm(dim=1).max())


def form_finding(image: torch.Tensor, file: str = "") -> Finding | None:
    """A NIfTI file whose sform and qform say different places, or that has neither.

    Args:
        image: of `read_image`.
        file: for the finding.

    Returns:
        The finding, which says which form or place is taken; None where both forms agree, or only one has a code.
    """
    if not isinstance(image, MetaTensor) or image.meta.get(OTHER_AFFINE) is None:
        return None
    taken, other = (torch.as_tensor(a, dtype=torch.float64) for a in (image.affine, image.meta[OTHER_AFFINE]))
    sides = [(0, size - 1) for size in (*image.shape[1:], 1, 1)[:3]]
    corners = torch.tensor([(*corner, 1) for corner in itertools.product(*sides)], dtype=torch.float64)
    word, apart = image.meta.get(TAKEN_FORM, "sform"), f"{_distance(corners, taken, other):.3g} mm"
    message = (
        f"its sform and qform lie up to {apart} apart; the {word} is taken "
        "(ITK, Slicer and ITK-SNAP may take the other)"
    )
    if word == NO_FORM:
        message = (
            "it has neither sform nor qform (both codes are 0) and so says no place; nibabel's is taken, with x to the "
            f"left and the center at 0 mm (ITK, Slicer and ITK-SNAP put it up to {apart} away, with y to the back)"
        )
    return Finding("position", message, False, file)


def affine_finding(image: torch.Tensor, file: str = "") -> Finding | None:
    """An affine that says nothing of where the image's voxels are.

    Args:
        image: with an affine if it is a `MetaTensor`.
        file: for the finding.

    Example:
        >>> affine_finding(MetaTensor(torch.zeros(1, 2, 2), affine=torch.zeros(4, 4))).message
        'its affine cannot be inverted'
    """
    if not isinstance(image, MetaTensor):
        return None
    affine = torch.as_tensor(image.affine, dtype=torch.float64).cpu()
    if bool(torch.isfinite(affine).all()) and int(torch.linalg.matrix_rank(affine)) == len(affine):
        return None
    return Finding("position", "its affine cannot be inverted", True, file)


def unit_finding(image: torch.Tensor, file: str = "") -> Finding | None:
    """A volume shorter than a millimeter or longer than five meters, as one whose affine is not in millimeters.

    A file that says micrometers may be as short as it likes.

    Args:
        image: ``(C, *spatial)``, with an affine if it is a `MetaTensor`; pictures have no unit.
        file: for the finding.

    Example:
        >>> meters = torch.diag(torch.tensor([0.001, 0.001, 0.002, 1.0]))
        >>> unit_finding(MetaTensor(torch.zeros(1, 64, 64, 20), affine=meters)).kind
        'unit'
    """
    if not isinstance(image, MetaTensor) or image.ndim != 4:
        return None
    sides = torch.as_tensor(image.affine, dtype=torch.float64)[:3, :3].norm(dim=0).tolist()
    lengths = [side * size for side, size in zip(sides, image.shape[1:], strict=True)]
    short = 0 < max(lengths) < SMALLEST_VOLUME and not image.meta.get(MICROMETERS)
    if not short and not LARGEST_VOLUME < max(lengths) < math.inf:
        return None
    size = " × ".join(f"{length:.3g}" for length in lengths)
    message = f"its image has a size of {size} mm; if voxels have another unit than the header says, sizes are wrong"
    return Finding("unit", message, False, file)


def voxel_size(image: torch.Tensor) -> list[float]:
    """Spacing along the spatial axes (C, *spatial) in mm, rounded to 1e-4; 1 for an image without an affine."""
    axes = image.ndim - 1
    if not isinstance(image, MetaTensor):
        return [1.0] * axes
    sides = torch.as_tensor(image.affine, dtype=torch.float64)[:-1, :-1].norm(dim=0).tolist()
    return [rounded(side, 4) for side in (sides + [1.0] * axes)[:axes]]


def voxel_volume(affine: Any, axes: int) -> float:
    """Volume of a voxel, of two axes its area: √det(AᵀA) of the affine's first columns, also where they are sheared.

    Args:
        affine: ``(4, 4)`` from indices to mm.
        axes: of space, 2 or 3.

    Returns:
        mm³, or mm² of two axes.

    Example:
        >>> voxel_volume([[2, 1, 0, 0], [0, 3, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], 3)  # 2·√10·1 would be too much
        6.0
    """
    columns = np.asarray(affine, dtype=np.float64)[:3, :axes]
    return rounded(math.sqrt(np.linalg.det(columns.T @ columns)), 9)


def value_counts(label: torch.Tensor) -> dict[float, int]:
    """How many voxels have each value, by value; nan is one value.

    Example:
        >>> value_counts(torch.tensor([[0.0, 2.0], [2.0, 0.5]]))
        {0.0: 1, 0.5: 1, 2.0: 2}
    """
    flat = label.as_subclass(torch.Tensor).flatten()
    if not flat.numel():
        return {}
    lowest, highest = flat.aminmax()  # nan where there is one
    if lowest >= -1 and highest <= LARGEST_INDEX and bool((flat == flat.round()).all()):
        found = torch.bincount(flat.long() + 1)  # far faster than sorting
        return {float(index - 1): int(found[index]) for index in found.nonzero().flatten().tolist()}
    values, counts = flat.unique(return_counts=True)
    known = {float(v): int(n) for v, n in zip(values, counts, strict=True) if not math.isnan(v)}
    missing = flat.numel() - sum(known.values())
    return known | ({math.nan: missing} if missing else {})


def class_sizes(counts: Mapping[float, int], num_classes: int) -> dict[int, int]:
    """Voxels of every foreground class, also of those that do not occur.

    Example:
        >>> class_sizes({0.0: 9, 2.0: 5}, 3)
        {1: 0, 2: 5}
    """
    return {index: counts.get(float(index), 0) for index in range(1, num_classes)}


def extent_finding(sizes: Mapping[int, int], total: int, file: str = "") -> Finding | None:
    """A label without foreground, or with nothing but foreground.

    Args:
        sizes: of `class_sizes`.
        total: voxels that were labeled.
        file: for the finding.

    Example:
        >>> extent_finding({1: 0}, 16).kind
        'empty label'
    """
    foreground = sum(sizes.values())
    if not foreground:
        return Finding("empty label", "nothing is labeled", False, file)
    if foreground == total:
        return Finding("full label", "every voxel is labeled", False, file)
    return None


def content_digest(image: torch.Tensor) -> str:
    """A digest of values and shape, the same for the same content in whatever file.

    Example:
        >>> content_digest(torch.zeros(1, 2, 3)) == content_digest(torch.zeros(1, 3, 2))
        False
    """
    plain = image.as_subclass(torch.Tensor).float().contiguous().cpu()
    digest = hashlib.blake2b(str(tuple(plain.shape)).encode(), digest_size=16)
    digest.update(plain.numpy().data)
    return digest.hexdigest()


def duplicate_groups(digests: Sequence[Hashable | None]) -> list[list[int]]:
    """Positions of cases with the same content, two or more in each group; None is like nothing.

    Example:
        >>> duplicate_groups(["a", "b", "a", None, None])
        [[0, 2]]
    """
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for position, digest in enumerate(digests):
        if digest is not None:
            groups[digest].append(position)
    return [group for group in groups.values() if len(group) > 1]


def _listed(sizes: Sequence[float]) -> str:
    return " × ".join(f"{size:g}" for size in sizes) or "nothing"
