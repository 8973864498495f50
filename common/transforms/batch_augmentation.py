"""Random mirroring and gamma on whole batches, on the batch's own device, drawn per image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from monai.transforms import Randomizable

from common.errors import InputError


def mirror(batch: torch.Tensor, flipped: torch.Tensor, axis: int) -> torch.Tensor:
    """Mirrors the images of a batch that ``flipped`` names along one spatial axis.

    Args:
        batch: (B, C, *spatial).
        flipped: (B,) boolean.
        axis: spatial axis, 0 is the first after the channel.

    Example:
        >>> mirror(torch.tensor([[[1, 2]], [[3, 4]]]), torch.tensor([True, False]), axis=0).flatten().tolist()
        [2, 1, 3, 4]
    """
    chosen = flipped.to(batch.device).view(-1, *[1] * (batch.ndim - 1))
    return torch.where(chosen, batch.flip(axis + 2), batch)


def gamma_contrast(batch: torch.Tensor, gamma: torch.Tensor) -> torch.Tensor:
    """Raises each image, rescaled to [0, 1] by its own range, to the power gamma and scales it back.

    ``x ↦ min + (max − min)·((x − min)/(max − min))^gamma``; a constant image stays as it is.

    Args:
        batch: (B, C, *spatial), any range.
        gamma: (B,) positive exponents.
    """
    axes = tuple(range(1, batch.ndim))
    low, high = batch.amin(axes, keepdim=True), batch.amax(axes, keepdim=True)
    span = (high - low).clamp_min(torch.finfo(batch.dtype).tiny)
    exponent = gamma.to(batch).view(-1, *[1] * (batch.ndim - 1))
    return low + span * ((batch - low) / span).pow(exponent)


class AugmentBatch(Randomizable):
    """``prepare_batch`` of a trainer: moves the batch to the device, then mirrors and changes contrast per image.

    Images and labels are mirrored alike; only images change contrast. Every array stays in the batch under its key, so
    handlers (the memorization curve) see the views that the network saw.

    Args:
        label_keys: arrays mirrored with ``image``; the first is the training target.
        mirror_probability: of mirroring, for each spatial axis on its own.
        gamma_probability: of a change of contrast.
        gamma: range of the exponent.

    Raises:
        InputError: a probability outside [0, 1] or a range of gamma that is not positive and increasing.
    """

    def __init__(
        self,
        label_keys: Sequence[str] = ("label",),
        mirror_probability: float = 0.5,
        gamma_probability: float = 0.5,
        gamma: Sequence[float] = (0.7, 1.5),
    ) -> None:
        for name, value in (("mirror_probability", mirror_probability), ("gamma_probability", gamma_probability)):
            if not 0 <= value <= 1:
                raise InputError(f"{name}: expected a probability in [0, 1], got {value}.")
        if not 0 < gamma[0] <= gamma[1]:
            raise InputError(f"gamma: expected two positive increasing numbers, got {list(gamma)}.")
        self.keys = ("image", *label_keys)
        self.mirror_probability = mirror_probability
        self.gamma_probability = gamma_probability
        self.gamma = gamma

    def __call__(
        self, batch: dict, device: str | torch.device | None = None, non_blocking: bool = False, **kwargs
    ) -> tuple[torch.Tensor, torch.Tensor]:
        for key in self.keys:
            batch[key] = batch[key].to(device=device, non_blocking=non_blocking, **kwargs)
        image = batch["image"]
        for axis in range(image.ndim - 2):
            flipped = torch.from_numpy(self.R.random(len(image)) < self.mirror_probability)
            for key in self.keys:
                batch[key] = mirror(batch[key], flipped, axis)
        # exp(U(log a, log b)): a gamma and its inverse are equally likely
        exponent = torch.from_numpy(np.exp(self.R.uniform(np.log(self.gamma[0]), np.log(self.gamma[1]), len(image))))
        exponent[torch.from_numpy(self.R.random(len(image)) >= self.gamma_probability)] = 1
        batch["image"] = gamma_contrast(batch["image"], exponent)
        return batch["image"], batch[self.keys[1]]
