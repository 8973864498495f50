"""Label noise as if drawn by shaky hands: random smooth deformations, their sampling and their closed forms.

The noise model of Nordström et al., *Marginal Thresholding in Noisy Image Segmentation*. A label l on the domain
Ω = [0, 1]ⁿ becomes L(ω) = l(ω + X(ω)), zero where ω + X(ω) leaves Ω (eq. 18). X has n independent components, each a
Gaussian field with covariance (eq. 8)

    k(ω, ω') = a² exp(−‖ω − ω'‖² / (2b²)).

A label is constant over each of its voxels, the outer half of the border voxels included, and fields are known at
the voxels' centers; under these two conventions everything below is exact. With ``spacing``, a and b are
millimeters and the domain is the image; without, they are fractions of each side of the domain, as in the paper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F

from common.errors import ArgumentError

__all__ = ["deform_label", "gaussian_marginal", "sample_gaussian_field", "volume_bias"]

SLAB = 1 << 18  # voxels that are looked up at a time, few enough for a core's cache
NEGLIGIBLE = 1e-8  # of the largest eigenvalue: less than the rounding of float32


def sample_gaussian_field(
    shape: Sequence[int],
    a: float,
    b: float,
    generator: torch.Generator | None = None,
    device: torch.device | str | None = None,
    *,
    spacing: Sequence[float] | None = None,
    batch_size: int | None = None,
) -> torch.Tensor:
    """Random displacements X of every voxel of an image, by the law of eq. 8.

    At voxel centers the covariance is a product of one correlation matrix per axis, K_i = L_i L_iᵀ, so

        X = a · Z ×₁ L₁ ×₂ L₂ (×₃ L₃),   Z i.i.d. N(0, 1),

    has exactly that covariance. L_i has one column for each eigenvalue of K_i that is not negligible: a smooth field
    on 128³ voxels takes about 20³ random numbers. The same law as the filtered noise of Theorem 3, which the paper
    discretizes; here nothing is, so the standard deviation is a at every voxel, borders and corners included, for
    any b, also far below one voxel (the errata's two points on the paper's listing 2).

    Args:
        shape: voxels along each of the n axes.
        a: standard deviation of each component of the displacement, ≥ 0.
        b: correlation length, > 0; ``math.inf`` moves the image as a whole.
        generator: draws Z on the generator's own device, image by image and component by component.
        device: where the field is made; by default the generator's device.
        spacing: voxel size along each axis in mm, if a and b are in mm.
        batch_size: number of independent fields; None for one without batch dimension.

    Returns:
        float32 ``(n, *shape)`` or ``(batch_size, n, *shape)``: the displacement along each axis, as a fraction of that
        side of the domain (times the number of voxels it is in voxels).

    Raises:
        ArgumentError: if the shape is empty, a is negative or infinite, b is not positive, or the spacing does not fit.

    Example:
        >>> sample_gaussian_field((32, 32), a=0.03, b=0.1, generator=torch.Generator().manual_seed(0)).shape
        torch.Size([2, 32, 32])
    """
    shape = tuple(shape)
    if not shape or min(shape) < 1:
        raise ArgumentError(f"shape: expected at least one voxel along each axis, got {shape}.")
    check_parameters(a, b)
    deviations = _in_voxels(a, shape, spacing)
    factors = [correlation_factor(*axis) for axis in zip(shape, _in_voxels(b, shape, spacing), strict=True)]

    source = generator.device if generator is not None else device
    device = device if device is not None else source
    count = (1 if batch_size is None else batch_size) * len(shape)
    ranks = [factor.shape[1] for factor in factors]
    field = torch.empty(count, *ranks, device=source)
    for component in field:  # one by one: the draws of the first do not depend on how many follow
        component.normal_(generator=generator)
    field = _multiply_axes(field.to(device), factors).unflatten(0, (-1, len(shape)))
    for axis, (size, deviation) in enumerate(zip(shape, deviations, strict=True)):
        field[:, axis] *= deviation / size
    return field[0] if batch_size is None else field


def deform_label(label: torch.Tensor, field: torch.Tensor) -> torch.Tensor:
    """The label seen through a displacement: L(ω) = l(ω + X(ω)) at voxel centers ω, zero outside the domain (eq. 18).

    l is constant over each voxel, so this is a look-up of the voxel that ω + X(ω) falls in: class indices stay class
    indices, soft labels are not blurred. Of one-hot labels pass the foreground channels only: every channel is zero
    outside. (Interpolation with a constant outside, as in the paper's code, would lose the outer half voxel.)

    Args:
        label: ``(B, C, *spatial)``, 2-D or 3-D, any dtype: masks, class indices or probabilities.
        field: ``(n, *spatial)``, one field for all images, or ``(B, n, *spatial)``, as from `sample_gaussian_field`.

    Returns:
        The deformed label; shape, dtype and device of ``label``. An empty label stays empty.

    Raises:
        ArgumentError: if the label is not 2-D or 3-D, or the field does not fit it.

    Example:
        >>> label = torch.tensor([[[[1, 2], [3, 4]]]])
        >>> deform_label(label, torch.tensor([0.0, 0.5]).view(2, 1, 1).expand(2, 2, 2))  # one voxel along axis 1
        tensor([[[[2, 0],
                  [4, 0]]]])
    """
    spatial = _spatial_shape(label)
    batch = field[None] if field.ndim == label.ndim - 1 else field
    if batch.shape[1:] != (len(spatial), *spatial) or batch.shape[0] not in (1, label.shape[0]):
        raise ArgumentError(
            f"field: expected the shape {(len(spatial), *spatial)}, one for all images or one for each of the "
            f"{label.shape[0]}, got {tuple(field.shape)}."
        )
    padded = F.pad(label, (1, 1) * len(spatial)).flatten(2)  # the border stands for all that is outside
    rows = max(1, SLAB // math.prod(spatial[1:])) if label.device.type == "cpu" else spatial[0]
    slabs = []
    for first in range(0, spatial[0], rows):
        slab = batch[:, :, first : first + rows].to(label.device)
        index = _voxel_index(slab, spatial, first).flatten(1)[:, None].expand(*label.shape[:2], -1)
        slabs.append(padded.gather(2, index).unflatten(2, slab.shape[2:]))
    return torch.cat(slabs, 2)


def gaussian_marginal(label: torch.Tensor, a: float, *, spacing: Sequence[float] | None = None) -> torch.Tensor:
    """The probability that a voxel of the deformed label is foreground: m = E[L], closed form (Theorem 1, eq. 19).

        m(ω) = ∫ l(ω') p(ω − ω') dω',   p the density of N(0, a²·I),   l = 0 outside the domain.

    l is constant over each voxel, so the integral is a sum over voxels, weighted along each axis by
    Φ((j − i + ½)/σ) − Φ((j − i − ½)/σ) with σ = a in voxels; it is taken over the whole image, without truncating the
    Gaussian. Differs from the paper's listing 1 (an undefined name, integer labels filtered to zeros, the density
    sampled at voxel centers) as the errata say.

    Args:
        label: ``(B, C, *spatial)``, 2-D or 3-D: masks or probabilities, not class indices.
        a: standard deviation of the displacement, ≥ 0, as a fraction of the domain, or in mm if ``spacing`` is given.
        spacing: voxel size along each axis in mm.

    Returns:
        ``(B, C, *spatial)`` on the label's device; float64 for a float64 label, otherwise float32. An empty label gives
        zeros, a = 0 the label itself.

    Raises:
        ArgumentError: if the label is not 2-D or 3-D, a is negative or infinite, or the spacing does not fit.

    Example:
        >>> gaussian_marginal(torch.ones(1, 1, 1, 1), a=0.5)  # stays inside one side with probability 0.68
        tensor([[[[0.4661]]]])
    """
    spatial = _spatial_shape(label)
    check_parameters(a)
    weights = []
    for size, sigma in zip(spatial, _in_voxels(a, spatial, spacing), strict=True):
        index = torch.arange(size, dtype=torch.float64)
        distance = index - index[:, None]
        weights.append(torch.special.ndtr((distance + 0.5) / sigma) - torch.special.ndtr((distance - 0.5) / sigma))
    return _multiply_axes(label if label.dtype == torch.float64 else label.float(), weights)


def volume_bias(label: torch.Tensor, a: float, *, spacing: Sequence[float] | None = None) -> torch.Tensor:
    """The volume ξ that deformations push out of the domain, on average: E‖L‖₁ = ‖l‖₁ − ξ (Theorem 2, eq. 21).

        ξ = ∫ l(ω') P(ω' + N(0, a²·I) ∉ Ω) dω'

    with ω' at the voxels' centers, so that ξ is the difference of the means of ``label`` and of its
    `gaussian_marginal`, without their rounding.

    Args:
        label: ``(B, C, *spatial)``, 2-D or 3-D: masks or probabilities.
        a: standard deviation of the displacement, ≥ 0, as a fraction of the domain, or in mm if ``spacing`` is given.
        spacing: voxel size along each axis in mm.

    Returns:
        ``(B, C)``, float64 (on the CPU for Apple's MPS): ξ as a fraction of the domain's volume, 0 for an empty label.

    Raises:
        ArgumentError: as `gaussian_marginal`.

    Example:
        >>> volume_bias(torch.ones(1, 1, 1, 1), a=0.5)
        tensor([[0.5339]], dtype=torch.float64)
    """
    spatial = _spatial_shape(label)
    stays = torch.ones((), dtype=torch.float64)
    check_parameters(a)
    for axis, (size, sigma) in enumerate(zip(spatial, _in_voxels(a, spatial, spacing), strict=True)):
        center = torch.arange(size, dtype=torch.float64) + 0.5
        inside = torch.special.ndtr((size - center) / sigma) - torch.special.ndtr(-center / sigma)
        stays = stays * inside.view(_along(axis, len(spatial)))
    label = label.cpu() if label.device.type == "mps" else label
    return (label * (1 - stays).to(label.device)).flatten(2).mean(2)


def check_parameters(a: float, b: float = math.inf) -> None:
    """Raises `ArgumentError` if ``a`` is no standard deviation or ``b`` no correlation length."""
    if not 0 <= a < math.inf:
        raise ArgumentError(f"a: expected the standard deviation of the displacement, finite and at least 0, got {a}.")
    if not b > 0:
        raise ArgumentError(f"b: expected the correlation length, above 0, got {b}.")


@lru_cache(maxsize=32)
def correlation_factor(size: int, length: float) -> torch.Tensor:
    """L with L·Lᵀ = exp(−(j − k)²/(2·length²)), the correlation along an axis.

    Args:
        size: of the axis, in voxels.
        length: of the correlation, in voxels.

    Returns:
        ``(size, n)`` float64, n ≤ size: the longer the correlation, the fewer random numbers are needed. Rows have the
        length 1.

    Example:
        >>> (correlation_factor(2, 1e9) @ correlation_factor(2, 1e9).T).round(decimals=3)
        tensor([[1., 1.],
                [1., 1.]], dtype=torch.float64)
    """
    index = torch.arange(size, dtype=torch.float64)
    eigenvalues, vectors = torch.linalg.eigh(torch.exp(-(((index - index[:, None]) / length) ** 2) / 2))
    kept = eigenvalues > NEGLIGIBLE * eigenvalues[-1]
    # an eigenvector has no sign of its own: without a rule, the same seed gives mirrored noise on another machine
    factor = vectors[:, kept] * eigenvalues[kept].sqrt() * torch.where(vectors[0, kept] < 0, -1.0, 1.0)
    return factor / factor.norm(dim=1, keepdim=True)


def _voxel_index(slab: torch.Tensor, spatial: tuple[int, ...], first: int) -> torch.Tensor:
    """Where ω + X(ω) falls in the label padded by one voxel; ``slab`` is the part of X from row ``first`` on."""
    index = torch.zeros(slab.shape[:1] + slab.shape[2:], dtype=torch.long, device=slab.device)
    for axis, size in enumerate(spatial):
        start = first if axis == 0 else 0
        center = torch.arange(start, start + slab.shape[axis + 2], device=slab.device).add(1.5)
        voxel = torch.add(center.view(_along(axis, len(spatial))), slab[:, axis], alpha=size).clamp_(0, size + 1)
        index.mul_(size + 2).add_(voxel.long())
    return index


def _multiply_axes(array: torch.Tensor, matrices: Sequence[torch.Tensor]) -> torch.Tensor:
    """Multiplies each of the last axes of ``array`` by its matrix."""
    for axis, matrix in enumerate(matrices, start=array.ndim - len(matrices)):
        array = F.linear(array.movedim(axis, -1), matrix.to(array.dtype).to(array.device)).movedim(-1, axis)
    return array


def _spatial_shape(label: torch.Tensor) -> tuple[int, ...]:
    if label.ndim not in (4, 5) or 0 in label.shape[2:]:
        raise ArgumentError(f"label: expected (batch, channel, *spatial), 2-D or 3-D, got {tuple(label.shape)}.")
    return tuple(label.shape[2:])


def _in_voxels(length: float, shape: Sequence[int], spacing: Sequence[float] | None) -> list[float]:
    """A length in voxels along each axis."""
    if spacing is None:
        return [length * size for size in shape]
    if len(spacing) != len(shape) or not min(spacing) > 0:
        raise ArgumentError(f"spacing: expected {len(shape)} voxel sizes above 0 mm, got {list(spacing)}.")
    return [length / float(size) for size in spacing]


def _along(axis: int, dimensions: int) -> list[int]:
    """The shape that lets a vector broadcast along ``axis``."""
    return [-1 if other == axis else 1 for other in range(dimensions)]
