"""Loading of PNG, JPEG and NIfTI files as MONAI tensors with a known number of channels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from monai.data.image_reader import NibabelReader, PILReader
from monai.transforms.io.dictionary import LoadImaged
from monai.utils import ensure_tuple
from PIL import Image

from common.errors import InputError

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")
NIFTI_SUFFIXES = (".nii", ".nii.gz")
DEEP_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")


def grey_image(image: Image.Image) -> Image.Image:
    """The picture with one channel: luminance of colours, transparency dropped, 16 bits kept.

    Pillow's ``convert("L")`` would clip everything above 255 of a 16-bit image.

    Args:
        image: of any Pillow mode.

    Returns:
        An image of mode ``L`` (values 0 … 255), or the image itself where it has one channel of more than 8 bits.

    Example:
        >>> grey_image(Image.new("I;16", (1, 1), 4000)).getpixel((0, 0))
        4000
        >>> grey_image(Image.new("RGBA", (1, 1), (200, 200, 200, 0))).getpixel((0, 0))
        200
    """
    image.load()
    return image if image.mode == "L" or image.mode in DEEP_MODES else image.convert("L")


def rgb_image(image: Image.Image) -> Image.Image:
    """The picture with the three channels red, green and blue, 8 bits each; transparency dropped.

    A 16-bit grey image keeps its high byte, as Pillow itself reads 16-bit colours.

    Args:
        image: of any Pillow mode except 32-bit grey, which has no full scale.

    Returns:
        An image of mode ``RGB``.

    Raises:
        InputError: 32-bit grey.

    Example:
        >>> rgb_image(Image.new("I;16", (1, 1), 256 * 7 + 5)).getpixel((0, 0))
        (7, 7, 7)
    """
    image.load()
    if image.mode in ("I", "F"):
        raise InputError(f"colours or grey of 8 or 16 bits were expected, but it is 32-bit grey (mode {image.mode})")
    if image.mode in DEEP_MODES:
        image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    return image.convert("RGB")


class PictureReader(PILReader):
    """MONAI's reader for PNG and JPEG with a fixed number of channels, indexed (x, y) like a NIfTI slice.

    Args:
        channels: 1 for grey (`grey_image`) or 3 for colour (`rgb_image`).

    Raises:
        InputError: another number of channels; on reading, a file that is no picture or a damaged one.
    """

    def __init__(self, channels: int = 1) -> None:
        if channels not in (1, 3):
            raise InputError(f"channels must be 1 (grey) or 3 (colour), got {channels!r}.")
        super().__init__(converter=grey_image if channels == 1 else rgb_image)

    def verify_suffix(self, filename: Sequence[str | os.PathLike[str]] | str | os.PathLike[str]) -> bool:
        return all(os.fspath(name).lower().endswith(PICTURE_SUFFIXES) for name in ensure_tuple(filename))

    def read(self, data: Any, **kwargs: Any) -> Any:
        try:
            return super().read(data, **kwargs)
        except Exception as error:  # decoders of damaged files raise whatever they meet
            names = ", ".join(map(str, ensure_tuple(data)))
            raise InputError(f"{names} cannot be read as a PNG or JPEG image: {error}.") from error

    def _get_meta_dict(self, img: Image.Image) -> dict:
        return {"width": img.width, "height": img.height}


def load_images(keys: str | Sequence[str], channels: int = 1) -> LoadImaged:
    """MONAI's `LoadImaged` for PNG, JPEG and NIfTI, by suffix, as float32 with the channel first.

    A picture of width W and height H becomes (channels, W, H), a NIfTI file (C, X, Y) or (C, X, Y, Z) with its affine
    and its own number of channels. `SaveImaged` writes both back in their own geometry.

    Args:
        keys: of the items that hold file names.
        channels: of PNG and JPEG images, 1 (grey) or 3 (colour).

    Raises:
        InputError: another number of channels.

    Example:
        >>> load_images(["image", "label"]).keys
        ('image', 'label')
    """
    loader = LoadImaged(keys, ensure_channel_first=True)
    loader.register(NibabelReader())
    loader.register(PictureReader(channels))
    return loader
