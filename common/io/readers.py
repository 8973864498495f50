"""Loading of PNG, JPEG, TIFF and NIfTI files as MONAI tensors with a known number of channels."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.data.image_reader import NibabelReader, PILReader
from monai.transforms import EnsureChannelFirst
from monai.transforms.io.dictionary import LoadImaged
from monai.utils import ensure_tuple
from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from common.errors import InputError
from common.io.checks import LabelValues, geometry_finding, image_findings, value_counts, value_findings

TIFF_SUFFIXES = (".tif", ".tiff")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", *TIFF_SUFFIXES)
NIFTI_SUFFIXES = (".nii", ".nii.gz")
DEEP_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")


def is_picture(path: str | os.PathLike[str]) -> bool:
    """Whether a file is PNG, JPEG or TIFF by its name."""
    return os.fspath(path).lower().endswith(PICTURE_SUFFIXES)


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


def float_colour_image(path: str | os.PathLike[str]) -> Image.Image:
    """The mean over the channels of a TIFF whose colours are 32-bit floating-point numbers, which Pillow cannot open.

    Args:
        path: of an uncompressed TIFF with its channels side by side, such as ``tifffile`` and ImageJ write.

    Returns:
        An image of mode ``F``.

    Raises:
        ValueError: it is another kind of file.
    """
    with open(path, "rb") as file:
        header = file.read(8)
        directory = ImageFileDirectory_v2(header)
        file.seek(directory.next)
        directory.load(file)
        width, height, channels = (directory.get(tag, 1) for tag in (256, 257, 277))
        compression, arrangement, formats = directory.get(259, 1), directory.get(284, 1), directory.get(339, ())
        if (compression, arrangement, set(formats), set(directory[258])) != (1, 1, {3}, {32}):
            raise ValueError("of TIFF, grey, 8-bit colours and uncompressed 32-bit floating-point colours are read")
        data = b""
        for start, length in zip(directory[273], directory[279], strict=True):
            file.seek(start)
            data += file.read(length)
    values = np.frombuffer(data, "<f4" if header[:2] == b"II" else ">f4").reshape(height, width, channels)
    return Image.fromarray(values.mean(2, dtype=np.float64).astype(np.float32))


class PictureReader(PILReader):
    """MONAI's reader for PNG, JPEG and TIFF with a fixed number of channels, indexed (x, y) like a NIfTI slice.

    Args:
        channels: 1 for grey (`grey_image`) or 3 for colour (`rgb_image`).

    Raises:
        InputError: another number of channels; on reading, a file that is no picture or a damaged one.
    """

    def __init__(self, channels: int = 1) -> None:
        if channels not in (1, 3):
            raise InputError(f"channels must be 1 (grey) or 3 (colour), got {channels!r}.")
        self.in_channels = grey_image if channels == 1 else rgb_image
        super().__init__(converter=self.in_channels)

    def verify_suffix(self, filename: Sequence[str | os.PathLike[str]] | str | os.PathLike[str]) -> bool:
        return all(is_picture(name) for name in ensure_tuple(filename))

    def read(self, data: Any, **kwargs: Any) -> Any:
        files = ensure_tuple(data)
        try:
            try:
                return super().read(data, **kwargs)
            except UnidentifiedImageError:
                if not all(os.fspath(file).lower().endswith(TIFF_SUFFIXES) for file in files):
                    raise
                images = [self.in_channels(float_colour_image(file)) for file in files]
                return images if len(images) > 1 else images[0]
        except Exception as error:  # decoders of damaged files raise whatever they meet
            names = ", ".join(map(str, files))
            raise InputError(f"{names} cannot be read as a PNG, JPEG or TIFF image: {error}.") from error

    def _get_meta_dict(self, img: Image.Image) -> dict:
        return {"width": img.width, "height": img.height}


class VolumeReader(NibabelReader):
    """MONAI's reader for NIfTI files.

    Raises:
        InputError: on reading, a damaged file, one without voxels, one of colours or of complex numbers.
    """

    def read(self, data: Any, **kwargs: Any) -> Any:
        try:
            return super().read(data, **kwargs)
        except Exception as error:  # nibabel, gzip and zlib raise their own kinds
            raise _unreadable(data, error) from error

    def _get_array_data(self, img: Any, filename: Any) -> Any:
        kind = img.header.get_data_dtype()
        if kind.kind not in "buif":
            raise InputError(f"{filename}: expected one real number per voxel, got {kind}.")
        try:
            data = super()._get_array_data(img, filename)
        except Exception as error:
            raise _unreadable(filename, error) from error
        if not data.size:
            raise InputError(f"{filename} has no voxel, its shape is {img.shape}.")
        return data


def _unreadable(files: Any, error: Exception) -> InputError:
    names = ", ".join(map(str, ensure_tuple(files)))
    return InputError(f"{names} cannot be read as NIfTI: {' '.join(str(error).split()).rstrip('.')}.")


class ImageLoader(LoadImaged):
    """MONAI's `LoadImaged` for PNG, JPEG, TIFF and NIfTI, which checks what it has loaded; see `load_images`."""

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
        self.register(VolumeReader())
        self.register(PictureReader(3 if channels == 3 else 1))
        self.channels, self.check, self.classes = channels, check, dict(classes or {})

    def __call__(self, data: Mapping[Hashable, Any], reader: Any = None) -> dict[Hashable, Any]:
        item, case = dict(data), data.get("case", "without a name")
        for key in self.key_iterator(data):
            in_memory = isinstance(data[key], MetaTensor)
            item[key] = EnsureChannelFirst()(data[key]).float() if in_memory else self._join(case, data[key], reader)
        if self.check:
            for key in self.key_iterator(item):
                in_memory = isinstance(data[key], MetaTensor)
                source = "an image in memory" if in_memory else ", ".join(map(str, ensure_tuple(data[key])))
                fault = self._fault(key, item, is_picture(source))
                if fault:
                    raise InputError(f"Case {case}: {source}: {fault}.")
        return item

    def _join(self, case: Any, source: Any, reader: Any) -> torch.Tensor:
        """The channels of one file, or of several one after the other."""
        files = ensure_tuple(source)
        images = [self._load(file, reader) for file in files]
        for file, image in zip(files, images, strict=True):
            finding = geometry_finding(images[0], image)
            if finding and finding.unusable:
                raise InputError(f"Case {case}: {file}: {finding.message}.")
        return images[0] if len(images) == 1 else torch.cat(images)

    def _load(self, file: Any, reader: Any) -> torch.Tensor:
        """One file; MONAI Label sets ``image_only = False`` on the loader, which then gives the metadata once more."""
        image = self._loader(file, reader)
        return image[0] if isinstance(image, tuple) else image

    def _fault(self, key: Hashable, item: Mapping[Hashable, Any], picture: bool) -> str:
        image = item[key]
        if image.ndim not in (3, 4):
            return f"expected two or three dimensions, got the shape {tuple(image.shape[1:])}"
        if self.channels is not None and len(image) != self.channels:
            got = "a picture, which has 1 (grey) or 3 (colour)" if picture else len(image)
            return f"expected {self.channels} channel{'s' * (self.channels > 1)}, got {got}"
        if not bool(torch.linalg.matrix_rank(torch.as_tensor(image.affine)) == len(image.affine)):
            return "its affine cannot be inverted"
        first = next(value for value in item.values() if isinstance(value, MetaTensor))
        findings = [*image_findings(image), geometry_finding(first, image)]
        if key in self.classes:
            findings += value_findings(value_counts(image), LabelValues(classes=tuple(range(self.classes[str(key)]))))
        return next((finding.message for finding in findings if finding and finding.unusable), "")


def load_images(
    keys: str | Sequence[str], channels: int | None = 1, check: bool = True, classes: Mapping[str, int] | None = None
) -> ImageLoader:
    """MONAI's `LoadImaged` for PNG, JPEG, TIFF and NIfTI, by suffix, as float32 with the channel first.

    A picture of width W and height H becomes (channels, W, H), a NIfTI file (C, X, Y) or (C, X, Y, Z) with its affine.
    Of a list of NIfTI files, such as modalities, the channels follow each other in its order; affine and name are those
    of the first. `SaveImaged` writes both back in their own geometry. An image in memory (a `MetaTensor` in the place
    of the name) gets its channel first.

    Args:
        keys: of the items that hold file names, or lists of them.
        channels: of the image, at least 1; NIfTI files must have as many, pictures become grey (1) or coloured (3).
            None: grey pictures, and NIfTI files of any number.
        check: refuse what cannot be trained on: another number of channels, values that are not finite, an affine that
            cannot be inverted, a file whose shape or position is not that of the item's image (`geometry_finding`).
        classes: of label files by key, how many classes they hold, background included; other values are refused.

    Raises:
        InputError: fewer than 1 channel; on loading, files of a list that differ in shape or position, and what
            ``check`` finds, a picture where other than 1 or 3 channels are expected among it, by case and file.

    Example:
        >>> load_images(["image", "label"]).keys
        ('image', 'label')
    """
    return ImageLoader(keys, channels, check, classes)
