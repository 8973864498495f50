"""MONAI's `LoadImaged` with this library's one way to read an image, and its checks."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.data import MetaTensor
from monai.transforms import EnsureChannelFirst
from monai.transforms.io.dictionary import LoadImaged
from monai.utils import ensure_tuple

from common.errors import InputError
from common.io.checks import (
    affine_finding,
    geometry_finding,
    image_findings,
    value_counts,
    value_findings,
)
from common.io.formats import is_picture, join_channels, read_image
from common.io.label_values import read_label_values
from common.io.orientation import reoriented

__all__ = ["LABEL_KEYS", "ImageLoader", "load_images"]

LABEL_KEYS = ("label", "truth", "bones")  # of items, for files that hold labels


class ImageLoader(LoadImaged):
    """MONAI's `LoadImaged` for every format of `read_image`, which checks what it has loaded; see `load_images`."""

    def __init__(
        self,
        keys: str | Sequence[str],
        channels: int | None = 1,
        check: bool = True,
        classes: Mapping[str, int] | None = None,
    ) -> None:
        if channels is not None and not (isinstance(channels, int) and channels > 0):
            raise InputError(f"channels must be 1 or more, got {channels!r}.")
        super().__init__(keys, ensure_channel_first=True)
        self.channels, self.check, self.classes = channels, check, dict(classes or {})

    def __call__(self, data: Mapping[Hashable, Any], reader: Any = None) -> dict[Hashable, Any]:
        item, case = dict(data), data.get("case", "without a name")
        for key in self.key_iterator(data):
            in_memory = isinstance(data[key], MetaTensor)
            item[key] = EnsureChannelFirst()(data[key]).float() if in_memory else self._join(case, key, data[key])
        if self.check:
            for key in self.key_iterator(item):
                item[key] = reoriented(item[key], _first(item))
                in_memory = isinstance(data[key], MetaTensor)
                source = "an image in memory" if in_memory else ", ".join(map(str, ensure_tuple(data[key])))
                fault = self._fault(key, item, not in_memory and is_picture(ensure_tuple(data[key])[0]))
                if fault:
                    raise InputError(f"Case {case}: {source}: {fault}.")
        return item

    def _join(self, case: Any, key: Hashable, source: Any) -> torch.Tensor:
        """The channels of one file, or of several one after the other."""
        files = ensure_tuple(source)
        if key in LABEL_KEYS or key in self.classes:
            images = [read_label_values(file) for file in files]
        else:
            color = self.channels == 3 and len(files) == 1
            images = [read_image(file, (3 if color else 1) if is_picture(file) else None) for file in files]
        try:
            return join_channels(files, images)
        except InputError as error:
            raise InputError(f"Case {case}: {error}") from error

    def _fault(self, key: Hashable, item: Mapping[Hashable, Any], picture: bool) -> str:
        image = item[key]
        if image.ndim not in (3, 4):
            return f"expected two or three dimensions, got the shape {tuple(image.shape[1:])}"
        if self.channels is not None and len(image) != self.channels:
            got = "a picture, which has 1 (gray) or 3 (color)" if picture else len(image)
            return f"expected {self.channels} channel{'s' * (self.channels > 1)}, got {got}"
        first = _first(item)
        findings = [affine_finding(image), *image_findings(image), geometry_finding(first, image)]
        if key in self.classes:
            findings += value_findings(value_counts(image), self.classes[str(key)])
        return next((finding.message for finding in findings if finding and finding.unusable), "")


def _first(item: Mapping[Hashable, Any]) -> MetaTensor:
    return next(value for value in item.values() if isinstance(value, MetaTensor))


def load_images(
    keys: str | Sequence[str], channels: int | None = 1, check: bool = True, classes: Mapping[str, int] | None = None
) -> ImageLoader:
    """MONAI's `LoadImaged` for every format of `read_image`, by suffix, as float32 with the channel first.

    A picture of width W and height H becomes (channels, W, H), any other file (C, X, Y) or (C, X, Y, Z) with its
    affine. Of a list of files, such as modalities, the channels follow each other in its order; affine and name are
    those of the first. `SaveImaged` writes both back in their own geometry. An image in memory (a `MetaTensor` in the
    place of the name) gets its channel first.

    Args:
        keys: of the items that hold file names, or lists of them. ``label``, ``truth``, ``bones`` and the keys of
            ``classes`` hold labels: a palette is read by its indices, and colors are refused (`read_label_values`).
        channels: of the image, at least 1; volumes must have as many, pictures become gray (1) or colored (3).
            None: gray pictures, and volumes of any number.
        check: refuse what cannot be trained on: another number of channels, values that are not finite, an affine that
            cannot be inverted, a file whose shape or position is not that of the item's image (`geometry_finding`).
        classes: of label files by key, how many classes they hold, background included; other values are refused.

    Returns:
        The transform.

    Raises:
        InputError: fewer than 1 channel; on loading, a file that cannot be read, files of a list that differ in shape
            or position, and what ``check`` finds, a picture where other than 1 or 3 channels are expected among it, by
            case and file.

    Example:
        >>> load_images(["image", "label"]).keys
        ('image', 'label')
    """
    return ImageLoader(keys, channels, check, classes)
