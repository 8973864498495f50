"""A random patch of an image and its labels, often around what is labeled."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.data import MetaTensor
from monai.data.utils import to_affine_nd
from monai.transforms import RandomizableTransform
from monai.transforms.utils import create_translate

from common.errors import InputError

__all__ = ["RandomPatch"]


class RandomPatch(RandomizableTransform):
    """Crops all arrays of an item that have the image's size to one random patch.

    With a given probability the patch holds a random voxel of the foreground (nnU-Net: 0.33), so that
    small structures are seen; elsewhere every place is equally likely. Images that are no larger than the patch stay as
    they are.

    Args:
        spatial_size: of the patch, in voxels.
        label_keys: class maps whose values above 0 are the foreground; those that an item lacks are left out.
        foreground: probability in [0, 1].
        image_key: of the image ``(C, *spatial)``.

    Raises:
        InputError: ``foreground`` is no number in [0, 1].

    Example:
        >>> label = torch.zeros(1, 9, 9)
        >>> label[0, 8, 8] = 1
        >>> crop = RandomPatch([4, 4], foreground=1.0).set_random_state(0)
        >>> crop({"image": label, "label": label, "case": "a"})["label"].sum()
        tensor(1.)

    Source: Isensee et al., nnU-Net, Nature Methods 2021, https://doi.org/10.1038/s41592-020-01008-z.
    """

    def __init__(
        self,
        spatial_size: Sequence[int],
        label_keys: Sequence[str] = ("label", "annotators"),
        foreground: float = 0.33,
        image_key: str = "image",
    ) -> None:
        super().__init__(prob=1.0)
        if not isinstance(foreground, int | float) or not 0 <= foreground <= 1:
            raise InputError(f"foreground_patches: expected a share in [0, 1], got {foreground!r}.")
        self.spatial_size, self.label_keys, self.foreground = tuple(spatial_size), tuple(label_keys), foreground
        self.image_key = image_key

    def start_of(self, item: Mapping[Hashable, Any]) -> list[int]:
        """Draws where the patch begins.

        Args:
            item: with the image ``(C, *spatial)`` and any of the class maps.

        Returns:
            Index of the first voxel along each spatial axis, from 0 to the image's size less that of the patch.
        """
        shape = item[self.image_key].shape[1:]
        room = [max(0, available - size) for available, size in zip(shape, self.spatial_size, strict=True)]
        if not any(room):
            return [0] * len(room)
        if self.R.random() < self.foreground:
            labels = [torch.as_tensor(item[key]) > 0 for key in self.label_keys if key in item]
            places = torch.cat(labels).any(0).nonzero() if labels else torch.empty(0, len(room))
            if len(places):
                place = places[self.R.randint(len(places))].tolist()
                return [
                    int(self.R.randint(min(free, max(0, at - size + 1)), min(at, free) + 1))
                    for at, size, free in zip(place, self.spatial_size, room, strict=True)
                ]
        return [int(self.R.randint(free + 1)) for free in room]

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item, shape = dict(data), data[self.image_key].shape[1:]
        starts = self.start_of(item)
        cut = (slice(None), *(slice(at, at + size) for at, size in zip(starts, self.spatial_size, strict=True)))
        for key, value in data.items():
            if isinstance(value, torch.Tensor) and value.shape[1:] == shape:
                item[key] = value[cut]
                if isinstance(value, MetaTensor):
                    shift = to_affine_nd(len(value.affine) - 1, create_translate(len(starts), starts))
                    item[key].affine = value.affine @ torch.from_numpy(shift)
        return item
