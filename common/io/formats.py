"""The one way to read an image: which formats there are, and their headers and voxels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from monai.data import MetaTensor
from monai.utils.enums import MetaKeys, SpaceKeys

from common.errors import InputError
from common.io.checks import MICROMETERS, OTHER_AFFINE, TAKEN_FORM, TURNED, geometry_finding
from common.io.orientation import reoriented
from common.io.pictures import Picture, picture_header, read_picture
from common.io.simple_itk import itk_voxels, read_itk, read_itk_header, stored_bytes
from common.io.volumes import (
    MOST_GZIP,
    OtherForm,
    channels_of,
    in_micrometers,
    open_volume,
    read_voxels,
    spatial_shape,
)

__all__ = [
    "IMAGE_SUFFIXES",
    "ITK_SUFFIXES",
    "NIBABEL_SUFFIXES",
    "NIFTI_SUFFIXES",
    "PICTURE_SUFFIXES",
    "RESULTS_RECORD",
    "Header",
    "StoredImage",
    "is_nifti",
    "is_picture",
    "join_channels",
    "read_header",
    "read_image",
    "read_stored",
    "suffix_of",
    "to_tensor",
]

Paths = str | os.PathLike[str]

RESULTS_RECORD = "inference.json"  # that an inference leaves beside what it writes
NIFTI_SUFFIXES = (".nii", ".nii.gz")
NIBABEL_SUFFIXES = (*NIFTI_SUFFIXES, ".hdr", ".img", ".mgz", ".mgh")
ITK_SUFFIXES = (".nrrd", ".nhdr", ".mha", ".mhd")
FORMATS = {
    **dict.fromkeys(NIFTI_SUFFIXES, "NIfTI"),
    **dict.fromkeys((".hdr", ".img"), "Analyze or NIfTI"),
    **dict.fromkeys((".mgz", ".mgh"), "MGH"),
    **dict.fromkeys((".nrrd", ".nhdr"), "NRRD"),
    **dict.fromkeys((".mha", ".mhd"), "MetaImage"),
    **dict.fromkeys((".jpg", ".jpeg"), "JPEG"),
    **dict.fromkeys((".tif", ".tiff"), "TIFF"),
    ".png": "PNG",
    ".gif": "GIF",
    ".bmp": "BMP",
}
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".bmp")
IMAGE_SUFFIXES = (*PICTURE_SUFFIXES, *NIBABEL_SUFFIXES, *ITK_SUFFIXES)
LUMINANCE = (19595, 38470, 7471)  # of red, green and blue in 65536ths (ITU-R BT.601), as Pillow's


def suffix_of(path: Paths) -> str:
    """The suffix of an image file.

    Args:
        path: of a file, which need not exist.

    Returns:
        One of `IMAGE_SUFFIXES`, lower case, ``.nii.gz`` as one; empty if it is of none of the formats.

    Example:
        >>> suffix_of("a.b/CASE_01.NII.GZ"), suffix_of("notes.txt")
        ('.nii.gz', '')
    """
    name = Path(os.fspath(path)).name.lower()
    return max((suffix for suffix in IMAGE_SUFFIXES if name.endswith(suffix)), key=len, default="")


def is_picture(path: Paths) -> bool:
    """Whether a file is a picture by its name.

    Args:
        path: of a file, which need not exist.

    Returns:
        True for PNG, JPEG, TIFF, GIF and BMP.

    Example:
        >>> is_picture("a.PNG"), is_picture("a.nii.gz")
        (True, False)
    """
    return suffix_of(path) in PICTURE_SUFFIXES


def is_nifti(path: Paths) -> bool:
    """Whether a file is NIfTI by its name.

    Args:
        path: of a file, which need not exist.

    Returns:
        True for the suffixes in `NIFTI_SUFFIXES`.

    Example:
        >>> is_nifti("a.nii.gz"), is_nifti("a.nrrd")
        (True, False)
    """
    return suffix_of(path) in NIFTI_SUFFIXES


@dataclass(frozen=True)
class Header:
    """What is known of an image without its voxels.

    Attributes:
        shape: of space: (W, H) of a picture, else (X, Y) or (X, Y, Z).
        channels: number of them; 3 of a palette.
        spacing: mm along each axis; 1 for a picture.
        affine: (4, 4) from indices to mm in RAS; the identity for a picture.
        other_form: of a NIfTI file whose sform and qform lie apart, the one that is not taken; of one without both,
            ITK's place.
    """

    shape: tuple[int, ...]
    channels: int
    spacing: tuple[float, ...]
    affine: np.ndarray
    other_form: OtherForm | None = None


@dataclass(frozen=True)
class StoredImage:
    """An image in the type in which it is stored.

    Attributes:
        array: (C, X, Y) or (C, X, Y, Z), the first axis of space to the right or as the affine has it.
        affine: (4, 4) to mm in RAS; the identity for a picture.
        picture: as it was decoded; None of another format.
        other_form: see `Header`.
        micrometers: the file says that its voxel size is in them.
    """

    array: np.ndarray
    affine: np.ndarray
    picture: Picture | None = None
    other_form: OtherForm | None = None
    micrometers: bool = False


def read_header(path: Paths) -> Header:
    """Shape, channels, spacing and affine of an image file; its voxels are not read.

    Args:
        path: of a file in one of `IMAGE_SUFFIXES`.

    Returns:
        The header.

    Raises:
        InputError: the file is of another format, damaged, or its header promises what the file cannot hold.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (3, 2)).save(f"{folder}/a.png")
        ...     header = read_header(f"{folder}/a.png")
        >>> header.shape, header.channels
        ((3, 2), 3)
    """
    other = None
    try:
        if is_picture(path):
            shape: tuple[int, ...]
            shape, channels = picture_header(path)
            affine = np.eye(4)
        elif _is_itk(path):
            size, components, promised, affine = read_itk_header(path)
            _check_itk_size(path, promised)
            full = (*size, components) if components > 1 else tuple(size)
            shape, channels = _itk_shape(path, full, components)
        else:
            image, affine, other = open_volume(path)
            shape, channels = spatial_shape(image.shape), channels_of(path, image.shape) or 1
    except Exception as error:  # decoders of damaged files raise whatever they meet
        raise _unreadable(path, error) from error
    spacing = np.linalg.norm(affine[:3, : len(shape)], axis=0)
    return Header(tuple(shape), channels, tuple(float(side) for side in spacing), affine, other)


def read_stored(path: Paths) -> StoredImage:
    """All values of an image file in the type in which they are stored.

    Args:
        path: of a file in one of `IMAGE_SUFFIXES`.

    Returns:
        The image; of a palette its colors.

    Raises:
        InputError: the file is of another format, or damaged; the message names it.
    """
    try:
        if is_picture(path):
            picture = read_picture(path)
            colors = picture.colors
            return StoredImage(colors.T[None] if colors.ndim == 2 else colors.transpose(2, 1, 0), np.eye(4), picture)
        if _is_itk(path):
            if not Path(path).is_dir():
                read_header(path)
            volume = read_itk(path)
            array, affine = itk_voxels(volume)
            shape, _ = _itk_shape(path, array.shape, volume.GetNumberOfComponentsPerPixel())
            return StoredImage(_channels_first(array, shape), affine)
        image, affine, other = open_volume(path)
        channels_of(path, image.shape)
        array = read_voxels(image)
        values = _channels_first(array, spatial_shape(array.shape))
        return StoredImage(values, affine, None, other, in_micrometers(image))
    except Exception as error:  # decoders of damaged files raise whatever they meet
        raise _unreadable(path, error) from error


def read_image(path: Paths | Sequence[Paths], channels: int | None = None) -> MetaTensor:
    """An image as a tensor.

    A picture of width W and height H becomes (C, W, H), as every viewer shows it (EXIF orientation applied), any other
    file (C, X, Y) or (C, X, Y, Z) with its affine in millimeters to RAS; the fourth axis of a file holds channels.
    Values are as stored, with no rescaling of 16 bits.

    Args:
        path: of the file, or of several on one grid (`geometry_finding`), whose channels follow each other.
        channels: None keeps what the file has. Of one picture, 3 repeats gray values, and 1 turns colors into their
            luminance. Otherwise the image must have as many.

    Returns:
        `MetaTensor` (C, *spatial) float32; affine and name are those of the first file. What of a picture is not read
        as it was stored, ``meta["reduced"]`` says: colors as gray, transparency that varies, CMYK.

    Raises:
        InputError: a file that cannot be read or is of another format, files on different grids, another number of
            channels; the message names the file.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (3, 2), (9, 8, 7)).save(f"{folder}/a.png")
        ...     read_image(f"{folder}/a.png").shape, read_image(f"{folder}/a.png", channels=1).shape
        (torch.Size([3, 3, 2]), torch.Size([1, 3, 2]))
    """
    paths: list[Paths] = [path] if isinstance(path, str | os.PathLike) else list(path)
    if not paths:
        raise InputError("expected the path of an image, got an empty list.")
    wanted = channels if len(paths) == 1 else None
    images = [to_tensor(read_stored(one), one, wanted) for one in paths]
    joined = join_channels(paths, images)
    if channels is not None and len(joined) != channels:
        got = "a picture, which has 1 (gray) or 3 (color)" if is_picture(paths[0]) else len(joined)
        names = ", ".join(os.fspath(one) for one in paths)
        raise InputError(f"{names}: expected {channels} channel{'s' * (channels > 1)}, got {got}.")
    return joined


def join_channels(paths: Sequence[Paths], images: Sequence[MetaTensor]) -> MetaTensor:
    """Images on one grid as one, whose channels follow each other.

    Args:
        paths: of their files, for the message.
        images: (C_i, *spatial) each, at least one.

    Returns:
        `MetaTensor` (ΣC_i, *spatial) with affine and metadata of the first.

    Raises:
        InputError: an image is not on the grid of the first (`geometry_finding`), nor would it be with other axes
            (`reoriented`).
    """
    images = [reoriented(image, images[0]) for image in images]
    for path, image in zip(paths, images, strict=True):
        finding = geometry_finding(images[0], image)
        if finding and finding.unusable:
            raise InputError(f"{path}: {finding.message}.")
    return images[0] if len(images) == 1 else cast(MetaTensor, torch.cat(list(images)))


def to_tensor(stored: StoredImage, path: Paths, channels: int | None = None) -> MetaTensor:
    """A stored image as float32 tensor with MONAI's metadata.

    Args:
        stored: of `read_stored`.
        path: of its file.
        channels: of a picture, 1 or 3, see `read_image`; ignored for other files.

    Returns:
        `MetaTensor` (C, *spatial).
    """
    array, reduced = stored.array, False
    if stored.picture is not None and channels == 1 and len(array) == 3:
        reduced = bool((array != array[:1]).any())
        array = _gray(array) if reduced else array[:1]
    elif stored.picture is not None and channels == 3 and len(array) == 1:
        array = np.repeat(array, 3, axis=0)
    values = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
    meta: dict[str, Any] = {
        MetaKeys.ORIGINAL_AFFINE: stored.affine.copy(),
        MetaKeys.SPACE: SpaceKeys.RAS,
        MetaKeys.SPATIAL_SHAPE: np.asarray(array.shape[1:]),
        MetaKeys.ORIGINAL_CHANNEL_DIM: float("nan") if len(array) == 1 else -1,
        "filename_or_obj": os.fspath(path),
    }
    said = [stored.picture.altered] if stored.picture is not None and stored.picture.altered else []
    said += ["its colors are read as gray (luminance)"] if reduced else []
    said += ["its values are alike in all digits that float32 holds, in which they are read"] if _blurred(array) else []
    if said:
        meta["reduced"] = "; ".join(said)
    if stored.picture is not None and stored.picture.orientation != 1:
        meta[TURNED] = stored.picture.orientation
    if stored.micrometers:
        meta[MICROMETERS] = True
    if stored.other_form is not None:
        meta |= {OTHER_AFFINE: stored.other_form.affine, TAKEN_FORM: stored.other_form.taken}
    return MetaTensor(values, affine=torch.from_numpy(stored.affine.copy()), meta=meta)


def _blurred(array: np.ndarray) -> bool:
    """Whether float32 has fewer than 256 numbers between the smallest and the largest value."""
    if not array.size or np.can_cast(array.dtype, np.float32):
        return False
    low, high = float(array.min()), float(array.max())
    with np.errstate(all="ignore"):  # of values that are not finite
        return low < high < low + 256 * float(np.spacing(np.float32(max(-low, high))))


def _gray(array: np.ndarray) -> np.ndarray:
    """Luminance, rounded as Pillow's; the mean of floating-point colors, which are measurements."""
    if array.dtype.kind == "f":
        return array.mean(0, dtype=np.float64)[None]
    weighted = sum(weight * channel.astype(np.int64) for weight, channel in zip(LUMINANCE, array, strict=True))
    return (weighted + 2**15 >> 16)[None]


def _is_itk(path: Paths) -> bool:
    if suffix_of(path) in ITK_SUFFIXES or Path(path).is_dir():
        return True
    if not suffix_of(path):
        raise InputError(f"{path}: expected a file that ends with one of {', '.join(IMAGE_SUFFIXES)}.")
    return False


def _itk_shape(path: Paths, full: tuple[int, ...], components: int) -> tuple[tuple[int, ...], int]:
    """Shape of space and number of channels of ``full``, in which the components are the last axis."""
    axes = len(full) - (components > 1)
    if axes not in (2, 3) and not (axes == 4 and components == 1):
        raise InputError(f"{path}: expected two or three dimensions, or a fourth of channels, got the shape {full}.")
    shape = full[: min(axes, 3)]
    return shape, full[-1] if len(full) > len(shape) else 1


def _channels_first(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    array = array.reshape(*shape, -1) if array.ndim > len(shape) else array[..., None]
    return np.moveaxis(array, -1, 0)


def _check_itk_size(path: Paths, promised: int) -> None:
    held = stored_bytes(path)
    if held is not None and promised > held * MOST_GZIP:
        raise InputError(f"{path}: its header promises {promised} bytes, but the file cannot hold more than {held}.")


def _unreadable(path: Paths, error: Exception) -> InputError:
    if isinstance(error, InputError):
        return error
    kind = FORMATS.get(suffix_of(path), "an image")
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path} cannot be read as {kind}: there is no such file.")
    said = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return InputError(f"{path} cannot be read as {kind}: {said}.")
