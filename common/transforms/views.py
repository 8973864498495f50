"""Random views of whole batches, drawn per image: an affine geometry T that is inverted exactly, and an intensity S.

A geometry is an affine matrix M, ``(B, n + 1, n + 1)`` float64 on the CPU, that maps a voxel of the image to its place
in the view, both measured in voxels from the center. `warp` makes the view, `unwarp` brings what a network says about
the view back to the image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import torch
from monai.transforms import Randomizable
from torch.nn import functional

from common.errors import InputError
from common.transforms.batch_augmentation import gamma_contrast

__all__ = ["RandomView", "affine_matrix", "gaussian_blur", "sharpen", "unwarp", "warp", "warp_labels"]

TOLERANCE = 1e-3  # voxels by which rounding may move a place out of the image


def affine_matrix(
    rotation: torch.Tensor,
    translation: torch.Tensor,
    scale: torch.Tensor,
    shear: torch.Tensor,
    spacing: Sequence[float] | None = None,
) -> torch.Tensor:
    r"""Composes scaling, shear, rotation and translation about the center of an image.

    $$ M = T \, D^{-1} R \, H \, s \, D $$

    with the voxel size D, the scale s, shears H and rotations R in the planes of the axes (0, 1), (0, 2), (1, 2), one
    after the other, and the translation T. A shear moves along the first axis in proportion to the second.

    Args:
        rotation: ``(B, n(n − 1)/2)`` angles in degrees, one for each plane.
        translation: ``(B, n)`` voxels.
        scale: ``(B,)``, positive; above 1 magnifies.
        shear: ``(B, n(n − 1)/2)`` angles in degrees, one for each plane.
        spacing: voxel size along each axis, so that a rotation stays one where voxels are not cubes; by default 1.

    Returns:
        ``(B, n + 1, n + 1)`` float64 on the CPU.

    Raises:
        InputError: if the shapes do not fit each other.

    Example:
        >>> quarter, none = torch.tensor([[90.0]]), torch.zeros(1, 2)
        >>> affine_matrix(quarter, none, torch.ones(1), none[:, :1])[0, :2, :2].round().abs()
        tensor([[0., 1.],
                [1., 0.]], dtype=torch.float64)
    """
    count, dimensions = translation.shape
    planes = list(combinations(range(dimensions), 2))
    shapes = {"rotation": (count, len(planes)), "scale": (count,), "shear": (count, len(planes))}
    for name, value in (("rotation", rotation), ("scale", scale), ("shear", shear)):
        if value.shape != shapes[name]:
            raise InputError(
                f"{name}: expected the shape {shapes[name]} beside a translation of shape {tuple(translation.shape)}, "
                f"got {tuple(value.shape)}."
            )
    if spacing is not None and len(spacing) != dimensions:
        raise InputError(f"spacing: expected {dimensions} voxel sizes, got {list(spacing)}.")

    rotation, translation, scale, shear = (part.double().cpu() for part in (rotation, translation, scale, shear))
    angles, slopes = torch.deg2rad(rotation).unbind(1), torch.deg2rad(shear).tan().unbind(1)
    unit = torch.eye(dimensions, dtype=torch.float64).repeat(count, 1, 1)
    linear = unit * scale.view(-1, 1, 1)
    for (i, j), slope in zip(planes, slopes, strict=True):
        sheared = unit.clone()
        sheared[:, i, j] = slope
        linear = sheared @ linear
    for (i, j), angle in zip(planes, angles, strict=True):
        rotated = unit.clone()
        rotated[:, i, i] = rotated[:, j, j] = angle.cos()
        rotated[:, i, j], rotated[:, j, i] = -angle.sin(), angle.sin()
        linear = rotated @ linear
    if spacing is not None:
        sides = torch.as_tensor(spacing, dtype=torch.float64)
        linear = linear * sides / sides[:, None]
    matrix = torch.eye(dimensions + 1, dtype=torch.float64).repeat(count, 1, 1)
    matrix[:, :-1, :-1], matrix[:, :-1, -1] = linear, translation
    return matrix


def warp(batch: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """The view of each image: view(x) = image(M⁻¹ x), linearly interpolated, the border voxel repeated outside.

    Args:
        batch: ``(B, C, *spatial)`` images, 2-D or 3-D.
        matrix: ``(B, n + 1, n + 1)``, see `affine_matrix`.

    Returns:
        ``(B, C, *spatial)``; float64 for float64, else computed and returned in float32, under AMP too.

    Raises:
        InputError: if the matrices do not fit the batch or cannot be inverted.

    Example:
        >>> shift = affine_matrix(torch.zeros(1, 1), torch.tensor([[0.0, 1.0]]), torch.ones(1), torch.zeros(1, 1))
        >>> warp(torch.tensor([[[[1.0, 2.0, 3.0]]]]), shift)
        tensor([[[[1., 1., 2.]]]])
    """
    batch = _floating(batch)
    return _sample(batch, _places(_inverse(matrix, batch), batch))


def warp_labels(labels: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """The view of each label: that of the nearest voxel to M⁻¹ x, of the border outside.

    Args:
        labels: ``(B, C, *spatial)`` of any type, 2-D or 3-D.
        matrix: ``(B, n + 1, n + 1)``, see `affine_matrix`.

    Returns:
        ``(B, C, *spatial)``, with the values and the type of the labels.

    Raises:
        InputError: if the matrices do not fit the batch or cannot be inverted.

    Example:
        >>> shift = affine_matrix(torch.zeros(1, 1), torch.tensor([[0.0, 0.9]]), torch.ones(1), torch.zeros(1, 1))
        >>> warp_labels(torch.tensor([[[[-1, 0, 1]]]]), shift).tolist()
        [[[[-1, -1, 0]]]]
    """
    labels = labels.as_subclass(torch.Tensor)
    grid = labels.new_empty(labels.shape, dtype=torch.float32)  # whose places are computed as those of an image
    index = torch.zeros((), dtype=torch.long, device=labels.device)
    for place, side in zip(_places(_inverse(matrix, grid), grid), labels.shape[2:], strict=True):
        index = index * side + (place + (side - 1) / 2).round().long().clamp(0, side - 1)
    return labels.flatten(2).gather(2, index.flatten(1)[:, None].expand(*labels.shape[:2], -1)).view_as(labels)


def unwarp(logits: torch.Tensor, matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Brings logits of views back to their images: image(x) = view(M x), linearly interpolated, differentiable.

    A voxel is valid if it has a source in the view: x lies in the view's field, and what the view shows at the places
    between which it is interpolated was in the image, not repeated from its border. On valid voxels
    ``unwarp(warp(image, M), M)`` is a linear interpolation of the image that leaves linear images as they are.

    Args:
        logits: ``(B, C, *spatial)``, 2-D or 3-D.
        matrix: ``(B, n + 1, n + 1)``, that of `warp`.

    Returns:
        ``(logits, valid)``: ``(B, C, *spatial)``, float64 for float64, else computed and returned in float32, under
        AMP too; ``(B, 1, *spatial)`` boolean.

    Raises:
        InputError: if the matrices do not fit the batch or cannot be inverted.

    Example:
        >>> shift = affine_matrix(torch.zeros(1, 1), torch.tensor([[0.0, 1.0]]), torch.ones(1), torch.zeros(1, 1))
        >>> back, valid = unwarp(torch.tensor([[[[1.0, 1.0, 2.0]]]]), shift)
        >>> back.tolist(), valid.tolist()
        ([[[[1.0, 2.0, 2.0]]]], [[[[True, True, False]]]])
    """
    logits = _floating(logits)
    inverse = _inverse(matrix, logits)
    places = _places(matrix, logits)
    shown = _inside(_places(inverse, logits), logits).to(logits.dtype)
    valid = _inside(places, logits) & (_sample(shown, places) > 1 - TOLERANCE)
    return _sample(logits, places), valid


def gaussian_blur(batch: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Each image filtered with a Gaussian of its own width.

    The kernel exp(−d²/2σ²) is sampled at the voxels and normalized within the image, so a constant image stays so.
    Weights below ε^1.5 (4e-11 in float32) are 0: products of three would be denormal numbers, with which CPUs are slow.

    Args:
        batch: ``(B, C, *spatial)``.
        sigma: ``(B,)`` standard deviations in voxels, positive.

    Returns:
        ``(B, C, *spatial)``, dtype as `warp`.

    Example:
        >>> gaussian_blur(torch.tensor([[[0.0, 1.0, 0.0]]]), torch.tensor([0.5])).round(decimals=2)
        tensor([[[0.1200, 0.7900, 0.1200]]])
    """
    batch = _floating(batch)
    precision = sigma.to(batch.dtype).to(batch.device).view(-1, 1, 1).pow(-2)
    least = 1.5 * math.log(torch.finfo(batch.dtype).eps)
    with torch.autocast(batch.device.type, enabled=False):
        for axis in range(2, batch.ndim):
            place = torch.arange(batch.shape[axis], dtype=batch.dtype, device=batch.device)
            exponent = -0.5 * precision * (place[:, None] - place).square()
            kernel = exponent.clamp(min=least).exp() * (exponent > least)  # without denormal numbers on the way
            kernel = kernel / kernel.sum(2, keepdim=True)
            if axis == batch.ndim - 1:
                batch = (batch.flatten(1, -2) @ kernel.mT).view_as(batch)
            else:
                batch = (kernel[:, None] @ batch.flatten(axis + 1).flatten(1, axis - 1)).view_as(batch)
    return batch


def sharpen(batch: torch.Tensor, amount: torch.Tensor) -> torch.Tensor:
    """Unsharp masking: x + a (x − G₁ x), with the Gaussian G₁ of one voxel.

    Args:
        batch: ``(B, C, *spatial)``.
        amount: ``(B,)``, a ≥ 0.

    Returns:
        ``(B, C, *spatial)``, dtype as `warp`.

    Example:
        >>> sharpen(torch.tensor([[[0.0, 0.0, 1.0, 1.0]]]), torch.tensor([0.5])).round(decimals=2)
        tensor([[[-0.0400, -0.1600,  1.1600,  1.0400]]])
    """
    batch = _floating(batch)
    return batch + _per_image(amount, batch) * (batch - gaussian_blur(batch, torch.ones(len(batch))))


class RandomView(Randomizable):
    """Draws a view of each image of a batch: geometry T, then intensity S (Karani et al., section 3 and 4).

    Every transformation is drawn for every image on its own, with ``probability`` (the paper's code draws the geometry
    once per batch). A shear or rotation has one angle for each pair of axes. Intensities are meant for images of about
    [0, 1]. The paper takes its ranges from Zhang et al., *Generalizing deep learning for medical image segmentation to
    unseen domains via deep stacked transformation*, TMI 2020, and prints none; the defaults are those of its code
    (https://github.com/neerakara/BWCR, ``utils_data.py``), but for the blur, of which the code draws kernel sizes.

    Args:
        probability: of each transformation, in [0, 1]; 0 leaves images as they are.
        rotation: largest angle in degrees.
        translation: largest displacement along each axis as a fraction of the image's side (10 of 192 pixels).
        scale: range of the magnification.
        shear: largest angle in degrees.
        gamma: range of the exponent of `gamma_contrast`; its logarithm is uniform.
        intensity_scale: range of the factor on intensities.
        intensity_shift: largest summand on intensities.
        blur: range of the Gaussian's σ in voxels.
        sharpening: range of the amount, see `sharpen`.
        noise: range of the standard deviation of white Gaussian noise.
        spacing: voxel size along each axis, see `affine_matrix`.

    Raises:
        InputError: if an argument is out of range.

    Example:
        >>> view, matrix = RandomView().set_random_state(0)(torch.rand(2, 1, 32, 32))
        >>> view.shape, matrix.shape
        (torch.Size([2, 1, 32, 32]), torch.Size([2, 3, 3]))
    """

    def __init__(
        self,
        probability: float = 0.5,
        rotation: float = 20.0,
        translation: float = 10 / 192,
        scale: Sequence[float] = (0.75, 1.25),
        shear: float = 5.0,
        gamma: Sequence[float] = (0.5, 2.0),
        intensity_scale: Sequence[float] = (0.9, 1.1),
        intensity_shift: float = 0.1,
        blur: Sequence[float] = (0.25, 1.5),
        sharpening: Sequence[float] = (0.1, 0.3),
        noise: Sequence[float] = (0.01, 0.1),
        spacing: Sequence[float] | None = None,
    ) -> None:
        if not 0 <= probability <= 1:
            raise InputError(f"probability: expected a number from 0 to 1, got {probability}.")
        for name, limit in (("rotation", rotation), ("translation", translation), ("intensity_shift", intensity_shift)):
            if not 0 <= limit < math.inf:
                raise InputError(f"{name}: expected a finite number of at least 0, got {limit}.")
        if not 0 <= shear < 90:
            raise InputError(f"shear: expected an angle from 0 to below 90 degrees, got {shear}.")
        for name, pair in (("scale", scale), ("gamma", gamma), ("blur", blur)):
            if not 0 < pair[0] <= pair[1] < math.inf:
                raise InputError(f"{name}: expected two positive increasing numbers, got {list(pair)}.")
        for name, pair in (("intensity_scale", intensity_scale), ("sharpening", sharpening), ("noise", noise)):
            if not 0 <= pair[0] <= pair[1] < math.inf:
                raise InputError(f"{name}: expected two increasing numbers of at least 0, got {list(pair)}.")
        if spacing is not None and not all(0 < side < math.inf for side in spacing):
            raise InputError(f"spacing: expected positive voxel sizes, got {list(spacing)}.")
        self.probability, self.spacing = probability, spacing
        self.rotation, self.translation, self.scale, self.shear = rotation, translation, scale, shear
        self.gamma, self.intensity_scale, self.intensity_shift = gamma, intensity_scale, intensity_shift
        self.blur, self.sharpening, self.noise = blur, sharpening, noise

    def __call__(self, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """
        Args:
            batch: ``(B, C, *spatial)`` images, 2-D or 3-D.

        Returns:
            ``(view, matrix)``: the views, dtype as `warp`, on the batch's device, and the geometry for `unwarp`.
        """
        matrix = self.draw_geometry(batch.shape)
        return self.change_intensity(warp(batch, matrix)), matrix

    def draw_geometry(self, shape: Sequence[int]) -> torch.Tensor:
        """Draws how the images of a batch are turned, shifted, scaled and sheared.

        Args:
            shape: of the batch ``(B, C, *spatial)`` with n spatial axes.

        Returns:
            Matrices ``(B, n + 1, n + 1)``, see `affine_matrix`.
        """
        count, sides = shape[0], shape[2:]
        planes = len(sides) * (len(sides) - 1) // 2
        rotation = self._draw((-self.rotation, self.rotation), (count, planes))
        translation = self._draw((-self.translation, self.translation), (count, len(sides))) * torch.tensor(sides)
        scale = self._draw(self.scale, (count,), neutral=1.0)
        shear = self._draw((-self.shear, self.shear), (count, planes))
        return affine_matrix(rotation, translation, scale, shear, self.spacing)

    def change_intensity(self, batch: torch.Tensor) -> torch.Tensor:
        """Random contrast, brightness, sharpness and noise for each image.

        Args:
            batch: ``(B, C, *spatial)``.

        Returns:
            ``(B, C, *spatial)``, floating point.
        """
        count = (len(batch),)
        exponent = self._draw((math.log(self.gamma[0]), math.log(self.gamma[1])), count).exp()
        factor = self._draw(self.intensity_scale, count, neutral=1.0)
        summand = self._draw((-self.intensity_shift, self.intensity_shift), count)
        batch = gamma_contrast(_floating(batch), exponent)
        batch = batch * _per_image(factor, batch) + _per_image(summand, batch)
        for function, parameter in (
            (gaussian_blur, self._draw(self.blur, count)),
            (sharpen, self._draw(self.sharpening, count)),
        ):
            chosen = parameter.nonzero().flatten().to(batch.device)
            if len(chosen):
                batch[chosen] = function(batch[chosen], parameter[parameter > 0])
        generator = torch.Generator(batch.device).manual_seed(int(self.R.randint(2**31)))
        noise = torch.randn(batch.shape, generator=generator, device=batch.device, dtype=batch.dtype)
        return batch + _per_image(self._draw(self.noise, count), batch) * noise

    def _draw(self, bounds: Sequence[float], shape: tuple[int, ...], neutral: float = 0.0) -> torch.Tensor:
        """Uniform values ``(B, …)``, for each image on its own; ``neutral`` where the transformation is not drawn."""
        drawn = self.R.random((shape[0], *[1] * (len(shape) - 1))) < self.probability
        return torch.from_numpy(np.where(drawn, self.R.uniform(bounds[0], bounds[1], shape), neutral))


def _floating(batch: torch.Tensor) -> torch.Tensor:
    batch = batch.as_subclass(torch.Tensor)
    return batch if batch.dtype == torch.float64 else batch.float()


def _per_image(values: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
    return values.to(batch.dtype).to(batch.device).view(-1, *[1] * (batch.ndim - 1))


def _inverse(matrix: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
    dimensions = batch.ndim - 2
    if dimensions not in (2, 3) or matrix.shape != (len(batch), dimensions + 1, dimensions + 1):
        raise InputError(
            "matrix: expected (B, n + 1, n + 1) for a batch (B, C, *spatial) in n = 2 or 3 dimensions, "
            f"got {tuple(matrix.shape)} for {tuple(batch.shape)}."
        )
    try:
        return torch.linalg.inv(matrix.double().cpu())
    except torch.linalg.LinAlgError as error:
        raise InputError("matrix: expected matrices that can be inverted, got a singular one.") from error


def _places(matrix: torch.Tensor, batch: torch.Tensor) -> list[torch.Tensor]:
    """Where M takes every voxel: ``(B, *spatial)`` for each axis, voxels from the center.

    Not by ``affine_grid``, whose matrix product autocast and TF32 would round to a tenth of a voxel.
    """
    sides = batch.shape[2:]
    centered = [torch.arange(side, dtype=batch.dtype, device=batch.device) - (side - 1) / 2 for side in sides]
    axes = torch.meshgrid(centered, indexing="ij")
    affine = matrix[:, :-1].to(batch.dtype).to(batch.device)
    rows = affine.view(*affine.shape, *[1] * len(sides)).unbind(1)
    return [sum((row[:, j] * axis for j, axis in enumerate(axes)), row[:, -1]) for row in rows]


def _inside(places: Sequence[torch.Tensor], batch: torch.Tensor) -> torch.Tensor:
    """Which places lie between voxel centers of the image, ``(B, 1, *spatial)``."""
    borders = [(side - 1) / 2 + TOLERANCE for side in batch.shape[2:]]
    within = [place.abs() <= border for place, border in zip(places, borders, strict=True)]
    return torch.stack(within, 1).all(1, keepdim=True)


def _sample(batch: torch.Tensor, places: Sequence[torch.Tensor]) -> torch.Tensor:
    """The batch at the places, linearly interpolated; outside of it the nearest place of its border."""
    # clamped here, as grid_sample cannot repeat the border on every device; it takes the last axis first, from −1 to 1
    grid = [
        place.clamp((1 - side) / 2, (side - 1) / 2) * (2 / side)
        for place, side in zip(places, batch.shape[2:], strict=True)
    ]
    return functional.grid_sample(batch, torch.stack(grid[::-1], -1), mode="bilinear", align_corners=False)
