"""Masks, class maps and probabilities written in the format and geometry of the image they belong to."""

from __future__ import annotations

import colorsys
import os
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image

from common.errors import InputError
from common.io.checks import voxel_volume
from common.io.files import whole_file
from common.io.formats import ITK_SUFFIXES, is_picture, read_header, suffix_of
from common.io.gzip_files import save_volume
from common.io.simple_itk import write_itk

__all__ = ["result_suffix", "save_like", "voxel_mm3", "write_like"]

Paths = str | os.PathLike[str]
GOLDEN_RATIO = 0.618034
MOST_INDICES = 256  # of a palette


def voxel_mm3(path: Paths) -> float:
    """Volume of one voxel in mm³, also of a file in micrometers or meters; of a 2-D image the area of a pixel in mm².

    Args:
        path: of the image; the pixels of a picture count as 1.

    Returns:
        Above 0.

    Example:
        >>> import tempfile
        >>> import nibabel as nib
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     nib.save(nib.Nifti1Image(np.zeros((2, 2, 2)), np.diag([1.0, 2.0, 3.0, 1.0])), f"{folder}/a.nii")
        ...     voxel_mm3(f"{folder}/a.nii")
        6.0
    """
    header = read_header(path)
    return voxel_volume(header.affine, len(header.shape))


def result_suffix(source: Paths) -> str:
    """The suffix of what belongs to an image: that of its own format, as a single compressed file where it has one.

    Example:
        >>> [result_suffix(name) for name in ("a.jpg", "a.nii", "a.img", "a.mgz", "a.nhdr", "a.mhd")]
        ['.png', '.nii.gz', '.nii.gz', '.mgz', '.nrrd', '.mha']
    """
    if is_picture(source):
        return ".png"
    suffix = suffix_of(source)
    return {".mgz": ".mgz", ".mgh": ".mgz", ".nrrd": ".nrrd", ".nhdr": ".nrrd", ".mha": ".mha", ".mhd": ".mha"}.get(
        suffix, ".nii.gz"
    )


def save_like(source: Paths, array: np.ndarray, path_without_suffix: Paths, num_classes: int | None = None) -> Path:
    """Writes ``array`` as the kind of file that ``source`` is, with its size, affine and orientation.

    NIfTI-1 and -2 give ``.nii.gz`` with the source's header, MGH ``.mgz``, NRRD ``.nrrd``, MetaImage ``.mha``, and
    Analyze, which has no orientation, ``.nii.gz``. A picture gives a ``.png``: 8 bits in which 1 is written as 255; of
    class maps a palette of readable colors whose indices are the classes; of integers of 32 bits a 16-bit one with
    these numbers. The file appears whole or not at all.

    Args:
        source: the image that was segmented.
        array: (*spatial) as it was read (first axis is x), or with channels behind, which pictures do not have. Values
            in [0, 1]; integers stay labels in volumes, those of 32 bits everywhere.
        path_without_suffix: where to write.
        num_classes: of a class map; above 2 a picture gets a palette.

    Returns:
        The path written.

    Raises:
        InputError: another size than the source's, a number exceeds what the file holds, or SimpleITK, which NRRD and
            MetaImage need, is not installed.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("L", (3, 2)).save(f"{folder}/a.png")
        ...     save_like(f"{folder}/a.png", np.ones((3, 2), np.uint8), f"{folder}/a_mask").name
        'a_mask.png'
    """
    return write_like(source, array, f"{os.fspath(path_without_suffix)}{result_suffix(source)}", num_classes)


def write_like(source: Paths, array: np.ndarray, path: Paths, num_classes: int | None = None) -> Path:
    """`save_like` under a name that is given with its suffix.

    Args:
        source: the image in whose geometry ``array`` is.
        array: see `save_like`.
        path: to write.
        num_classes: see `save_like`.

    Returns:
        The path.

    Raises:
        InputError: as `save_like`.
    """
    path = Path(path)
    if is_picture(source):
        with whole_file(path) as partial:
            _picture(array, path, num_classes).save(partial)
        return path
    header = read_header(source)
    voxels = int(np.prod(header.shape))
    if array.size == voxels:
        array, channels = array.reshape(header.shape), False
    elif array.size and array.size % voxels == 0 and array.size // voxels == array.shape[-1]:
        array, channels = array.reshape(*header.shape, array.shape[-1]), True
    else:
        raise InputError(f"{path}: expected the size {header.shape} of {source}, got {array.shape}.")
    with whole_file(path) as partial:
        if suffix_of(source) in ITK_SUFFIXES:
            write_itk(partial, array, header.affine, channels)
        else:
            _save_nibabel(source, header.affine, array, channels, partial)
    return path


def _save_nibabel(source: Paths, affine: np.ndarray, array: np.ndarray, channels: bool, path: Path) -> None:
    reference = nib.load(source) if Path(source).is_file() else None  # of a DICOM series there is none
    if channels:  # the fourth axis
        array = array.reshape(*array.shape[:-1], *[1] * (4 - array.ndim), array.shape[-1])
    if isinstance(reference, nib.MGHImage):
        kind = array.dtype if array.dtype in (np.uint8, np.int16, np.int32, np.float32) else np.int32
        save_volume(nib.MGHImage(array.astype(kind), reference.affine), path)
        return
    if isinstance(reference, nib.Nifti1Pair):  # of which NIfTI-2 is a subclass
        maker = nib.Nifti2Image if isinstance(reference, nib.Nifti2Image | nib.Nifti2Pair) else nib.Nifti1Image
        image = maker(array, reference.affine, reference.header)
    else:
        image = nib.Nifti1Image(array, affine)
        image.header.set_xyzt_units("mm")
    image.header.extensions.clear()  # which tell of the image, and perhaps of the patient
    image.set_data_dtype(array.dtype)
    image.header.set_slope_inter(1, 0)
    image.header["cal_min"] = image.header["cal_max"] = 0  # else viewers show a mask in the window of its image
    save_volume(image, path)


def _picture(array: np.ndarray, path: Path, num_classes: int | None) -> Image.Image:
    plane = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array  # 2-D images may have a third axis
    if plane.ndim != 2:
        raise InputError(f"{path}: expected the values of a picture, (W, H), got the shape {array.shape}.")
    if plane.dtype == np.int32:
        if plane.max(initial=0) >= 2**16:
            raise InputError(f"{path}: a picture of 16 bits holds numbers up to 65535, got {plane.max()}.")
        return Image.fromarray(np.ascontiguousarray(plane.astype(np.uint16).T))
    if num_classes is None or num_classes <= 2:
        return Image.fromarray(np.ascontiguousarray(np.rint(plane * 255.0).astype(np.uint8).T))
    if num_classes > MOST_INDICES:
        raise InputError(f"{path}: a palette holds up to {MOST_INDICES} classes, got {num_classes}.")
    image = Image.fromarray(np.ascontiguousarray(plane.astype(np.uint8).T))
    image = image.convert("L")
    image.putpalette(_palette(num_classes))
    return image


def _palette(count: int) -> list[int]:
    """Black for the background, and a different hue of alternating lightness for each class."""
    colors = [(0.0, 0.0, 0.0)]
    for index in range(count - 1):
        colors.append(colorsys.hls_to_rgb(index * GOLDEN_RATIO % 1, 0.55 if index % 2 else 0.4, 0.85))
    return [round(255 * part) for color in colors for part in color]
