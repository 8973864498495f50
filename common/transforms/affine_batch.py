"""Random shifts, rotations and smoothing of whole batches, on the batch's own device, drawn per image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from monai.transforms import Randomizable

from common.errors import InputError
from common.transforms.views import affine_matrix, gaussian_blur, warp, warp_labels


class AffineBatch(Randomizable):
    """``prepare_batch`` of a trainer: moves the batch to the device, then shifts, rotates and smooths some images.

    An image is changed with ``probability``, and then in all three ways. Outside of an image its border voxel is
    repeated, in the label too, which takes the value of the nearest voxel and so keeps its classes, shares and −1. Only
    images are smoothed. Every array stays in the batch under its key, so that handlers see what the network saw.

    Source: Nordström et al., *Marginal Thresholding in Noisy Image Segmentation*, section 5.3, without its ranges,
    which are not printed.

    Args:
        label_keys: arrays moved with ``image`` where the batch has them; the first is the training target.
        probability: that an image is changed.
        shift: largest displacement along each axis, in voxels.
        rotation: largest angle in each plane of two axes, in radians.
        smoothing: range of the Gaussian's standard deviation, in voxels.
        spacing: voxel size along each axis, so that a rotation stays one where voxels are not cubes; by default 1.

    Raises:
        InputError: a probability outside [0, 1], a negative or infinite shift or rotation, or a range of standard
            deviations that is not positive and increasing.

    Example:
        >>> image, label = torch.rand(4, 1, 8, 8), torch.ones(4, 1, 8, 8, dtype=torch.uint8)
        >>> moved, label = AffineBatch(probability=1.0).set_random_state(0)({"image": image, "label": label})
        >>> moved.shape, label.dtype, label.unique().tolist()
        (torch.Size([4, 1, 8, 8]), torch.uint8, [1])
    """

    def __init__(
        self,
        label_keys: Sequence[str] = ("label",),
        probability: float = 0.5,
        shift: float = 4.0,
        rotation: float = 0.3,
        smoothing: Sequence[float] = (0.25, 1.0),
        spacing: Sequence[float] | None = None,
    ) -> None:
        if not 0 <= probability <= 1:
            raise InputError(f"probability: expected a number from 0 to 1, got {probability}.")
        for name, limit in (("shift", shift), ("rotation", rotation)):
            if not 0 <= limit < math.inf:
                raise InputError(f"{name}: expected a finite number of at least 0, got {limit}.")
        if not 0 < smoothing[0] <= smoothing[1] < math.inf:
            raise InputError(f"smoothing: expected two positive increasing numbers, got {list(smoothing)}.")
        self.label_keys = tuple(label_keys)
        self.probability, self.shift, self.rotation = probability, shift, rotation
        self.smoothing, self.spacing = smoothing, spacing

    def __call__(
        self, batch: dict, device: str | torch.device | None = None, non_blocking: bool = False, **kwargs
    ) -> tuple[torch.Tensor, torch.Tensor]:
        keys = [key for key in ("image", *self.label_keys) if key in batch]
        for key in keys:
            batch[key] = batch[key].to(device=device, non_blocking=non_blocking, **kwargs)
        chosen, matrix, sigma = self._draw(len(batch["image"]), batch["image"].ndim - 2)
        if chosen.any():
            for key in keys:
                kept, values = batch[key], batch[key][chosen]
                if key == "image":
                    moved = gaussian_blur(warp(values, matrix[chosen]), sigma[chosen]).to(kept.dtype)
                else:
                    moved = warp_labels(values, matrix[chosen])
                batch[key] = kept.clone()
                batch[key][chosen] = moved
        return batch["image"], batch[self.label_keys[0]]

    def _draw(self, count: int, dimensions: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Which images are changed, how they are moved, and how much they are smoothed."""
        planes = dimensions * (dimensions - 1) // 2
        chosen = torch.from_numpy(self.R.random(count) < self.probability)
        angles = torch.from_numpy(self.R.uniform(-self.rotation, self.rotation, (count, planes)))
        shifts = torch.from_numpy(self.R.uniform(-self.shift, self.shift, (count, dimensions)))
        sigma = torch.from_numpy(self.R.uniform(self.smoothing[0], self.smoothing[1], count))
        still = torch.zeros(count, planes)
        return chosen, affine_matrix(torch.rad2deg(angles), shifts, torch.ones(count), still, self.spacing), sigma
