"""Annotators with errors of a known kind, made from a truth, and the confusion matrices that they have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from monai.utils import convert_to_dst_type
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, maximum_filter

from common.errors import ArgumentError
from common.noise.morphology import dilate, erode, plane_of

__all__ = ["ANNOTATOR_KINDS", "choose_annotators", "fracture", "pixelwise_confusion", "simulate_annotator"]

# Changed area relative to the object that gives the means of the paper's published MNIST sample (70 training images).
STRENGTHS = {"good": 0.0, "over": 2.0, "under": 0.7, "wrong": 1.5, "blank": 0.0}
ANNOTATOR_KINDS = tuple(STRENGTHS)

FRACTURE_WIDTH = 1.5  # pixels, as Morpho-MNIST's


def simulate_annotator(
    label: torch.Tensor,
    kind: str,
    generator: torch.Generator,
    strength: float | None = None,
    target: int | None = None,
    fractures: int = 3,
) -> torch.Tensor:
    """A label as one of the five annotators of Zhang et al. would draw it.

    - ``"good"``: the truth itself.
    - ``"over"``: the object dilated until the area added is nearest to ``strength`` times its own.
    - ``"under"``: the object eroded until the area lost is nearest to ``strength`` times its own.
    - ``"wrong"``: dilated like ``"over"``, then cut by small fractures.
    - ``"blank"``: background everywhere.

    Of several classes one is the target. What its object gains is taken from whatever was there, what it loses becomes
    background; the other classes stay as they are (except for ``"blank"``), and so does −1, not labeled.

    Zhang et al., *Disentangling Human Error from Ground Truth in Segmentation of Medical Images*, appendices A.1, A.3.
    The paper uses Morpho-MNIST, which is made for 2-D digits; this is for any 2-D or 3-D label.

    Args:
        label: the truth ``(*spatial)``, 2-D or 3-D: class indices, or any mask of one positive value; below 0 not
            labeled.
        kind: one of ``ANNOTATOR_KINDS``.
        generator: draws where the fractures of ``"wrong"`` are.
        strength: ≥ 0, area added or lost relative to the object, before any fracture; None for that of the paper's
            sample: 2.0 for ``"over"``, 0.7 for ``"under"``, 1.5 for ``"wrong"``.
        target: the class whose object is changed; None if there is only one foreground class.
        fractures: how many, for ``"wrong"``.

    Returns:
        The annotator's label; shape, dtype, device and metadata of ``label``. Without the target class it is
        unchanged, and except for ``"blank"`` the target never vanishes.

    Raises:
        ArgumentError: if an argument is out of range, or there are several classes and no target.

    Example:
        >>> label = torch.zeros(9, 9)
        >>> label[3:6, 3:6] = 1
        >>> generator = torch.Generator().manual_seed(0)
        >>> [int(simulate_annotator(label, kind, generator).sum()) for kind in ANNOTATOR_KINDS]
        [9, 21, 1, 16, 0]
    """
    if kind not in STRENGTHS:
        raise ArgumentError(f"kind: expected one of {', '.join(ANNOTATOR_KINDS)}, got {kind!r}.")
    if target is not None and target < 1:
        raise ArgumentError(f"target: expected a foreground class, 1 or more, got {target}.")
    strength = STRENGTHS[kind] if strength is None else strength
    if kind == "blank":
        return torch.where(label < 0, label, 0)
    if kind == "good":
        return label.clone()
    truth = (label if target is None else torch.where((label == target) | (label < 0), label, 0)).clone()
    try:
        noisy = erode(truth, strength) if kind == "under" else dilate(truth, strength)
    except ArgumentError as error:
        classes = label[label > 0].unique().tolist()
        if target is None and len(classes) > 1:
            raise ArgumentError(f"target: expected one of the label's several classes {classes}, got None.") from error
        raise
    if kind == "wrong":
        noisy = fracture(noisy, fractures, generator)
    return torch.where(noisy > 0, noisy, torch.where(truth > 0, 0, label))


def fracture(label: torch.Tensor, count: int, generator: torch.Generator) -> torch.Tensor:
    """Cut a label across at random places of its medial axis.

    A place is a pixel whose Euclidean distance ρ to the background is the largest among its neighbors. The cut removes
    what lies within ρ + 1 of it and within 0.75 pixels of the plane (in 2-D: line) across the object there, that is
    perpendicular to the principal axis of the object's pixels within 2ρ + 1.

    Args:
        label: one object's mask ``(*spatial)``, 2-D or 3-D, of one positive value; below 0 not labeled.
        count: how many cuts, ≥ 0; they may meet.
        generator: draws the places.

    Returns:
        The fractured label; shape, dtype, device and metadata of ``label``. A cut that would leave nothing is not made;
        an empty label is returned unchanged and draws nothing.

    Raises:
        ArgumentError: if the count is negative.

    Example:
        >>> line = torch.zeros(3, 7)
        >>> line[1] = 1
        >>> fracture(line, 1, torch.Generator().manual_seed(0))[1]
        tensor([1., 1., 1., 1., 0., 1., 1.])
    """
    if count < 0:
        raise ArgumentError(f"fractures: expected 0 or more, got {count}.")
    mask = (label > 0).numpy(force=True)
    if not mask.any():
        return label.clone()
    plane = plane_of(mask)  # its cuts are those of the mask
    distance = distance_transform_edt(np.pad(plane, 1))[(slice(1, -1),) * plane.ndim]
    medial = np.argwhere(plane & (distance == maximum_filter(distance, 3)))
    chosen = torch.randint(len(medial), (count,), generator=generator, device=generator.device).tolist()
    pixels = np.argwhere(plane)
    for place in medial[chosen]:
        cut = pixels[_cut(pixels - place, distance[tuple(place)])]
        if np.count_nonzero(plane) > np.count_nonzero(plane[tuple(cut.T)]):
            plane[tuple(cut.T)] = False
    return torch.where(convert_to_dst_type(mask, label, dtype=torch.bool)[0] | (label < 0), label, 0)


def pixelwise_confusion(labels: torch.Tensor, truth: torch.Tensor, num_classes: int) -> torch.Tensor:
    """The true confusion matrix of every annotator at every pixel, as far as one truth can tell.

        A⁽ʳ⁾[i, j] = 1 if ỹ⁽ʳ⁾ = i else 0, in the column j = y of the true class

    Nothing is known of the other columns, which are nan; the paper takes them for 1/L (``A.nan_to_num(1 / L)``).

    Zhang et al., *Disentangling Human Error from Ground Truth in Segmentation of Medical Images*, section 3.4.

    Args:
        labels: class indices ``(B, R, *spatial)`` of any type; negative where an annotator did not label.
        truth: class indices ``(B, 1, *spatial)`` of any type.
        num_classes: L ≥ 2.

    Returns:
        ``(B, R, L, L, *spatial)`` float32; nan where an annotator did not label.

    Raises:
        ArgumentError: if the shapes do not fit each other.

    Example:
        >>> pixelwise_confusion(torch.tensor([[[1, 1]]]), torch.tensor([[[0, 1]]]), num_classes=2)[0, 0, ..., 0]
        tensor([[0., nan],
                [1., nan]])
    """
    if labels.ndim < 3 or truth.shape != (len(labels), 1, *labels.shape[2:]):
        raise ArgumentError(
            "labels and truth: expected (batch, annotator, *spatial) and (batch, 1, *spatial), "
            f"got {tuple(labels.shape)} and {tuple(truth.shape)}."
        )
    labels, truth = labels.as_subclass(torch.Tensor), truth.as_subclass(torch.Tensor)
    classes = torch.arange(num_classes, device=labels.device).view(-1, *[1] * (labels.ndim - 2))
    written = labels[:, :, None, None] == classes[:, None]
    known = (truth[:, :, None, None] == classes) & (labels >= 0)[:, :, None, None]
    return torch.where(known, written.float(), torch.nan)


def choose_annotators(names: Sequence[str], count: int, generator: torch.Generator) -> list[str]:
    """Some of the annotators, each equally often.

    Args:
        names: of those there are.
        count: how many to choose, at least one; all if there are no more.
        generator: draws them.

    Returns:
        The names chosen, in the order of ``names``.

    Raises:
        ArgumentError: if ``count`` is less than one.

    Example:
        >>> choose_annotators(["AR", "HS", "SG"], 2, torch.Generator().manual_seed(0))
        ['AR', 'SG']
    """
    if count < 1:
        raise ArgumentError(f"Expected at least one label per image, got {count}.")
    order = torch.randperm(len(names), generator=generator, device=generator.device)
    return [names[index] for index in sorted(order[:count].tolist())]


def _cut(offsets: NDArray[np.integer], radius: float) -> NDArray[np.bool_]:
    """Which of the object's pixels, given relative to a medial one, a cut across the object there removes."""
    lengths = np.linalg.norm(offsets, axis=1)
    near = offsets[lengths <= 2 * radius + 1]
    along = np.linalg.eigh(near.T @ near)[1][:, -1]
    return (lengths <= radius + 1) & (np.abs(offsets @ along) <= FRACTURE_WIDTH / 2)
