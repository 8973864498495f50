"""NIfTI-1 and -2, Analyze pairs and FreeSurfer's .mgz files by nibabel, whole and undamaged, in millimeters."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from isal import igzip
from nibabel.fileholders import FileHolder

from common.errors import InputError
from common.io.gzip_files import GZIP_SUFFIXES

MOST_GZIP = 1032  # times its size that deflate unpacks to, at most
MICROMETERS = 3  # of NIfTI's units
MILLIMETERS = {1: 1000.0, 2: 1.0, MICROMETERS: 0.001}  # of NIfTI's units; unknown ones are taken for millimeters
SAME_PLACE = 0.01  # of a voxel


@dataclass(frozen=True)
class OtherForm:
    """The affine of a NIfTI file that is not taken, and the name of the one that is.

    Attributes:
        affine: (4, 4) in mm to RAS.
        taken: ``sform`` or ``qform``; ``neither`` where no form has a code, so that the file says no place, and nibabel
            and ITK each have their own.
    """

    affine: np.ndarray
    taken: str


def open_volume(path: str | os.PathLike[str]) -> tuple[Any, np.ndarray, OtherForm | None]:
    """The nibabel image of a file, whose voxels are not read yet, and where it lies.

    NIfTI's affine is the sform where it has a code, else the qform; but where the scale of the sform contradicts the
    voxel size of the header and that of the qform does not, it is the qform, as MONAI has it. Where neither has a code
    it is that of Analyze, as nibabel has it: x to the left, the center at 0 mm.

    Args:
        path: of a file that nibabel reads.

    Returns:
        The image; its affine (4, 4) in mm to RAS; and of a NIfTI file whose other form lies elsewhere, by more than a
        hundredth of a voxel at a corner, the form that is not taken, or where neither has a code ITK's place; else
        None.

    Raises:
        InputError: voxels that are no real numbers, a voxel size or affine that is of no use, more than five axes, no
            voxel, or a header that promises more bytes than the file can hold.
        Exception: whatever nibabel raises on damaged files.
    """
    image: Any = nib.load(path)
    kind = image.get_data_dtype()
    if kind.kind not in "buif":
        raise InputError(f"{path}: expected one real number per voxel, got {kind}.")
    shape = image.shape
    if not all(shape) or not shape:
        raise InputError(f"{path} has no voxel, its shape is {shape}.")
    _check_size(path, image, kind.itemsize)
    affine, other = _placement(path, image)
    if not np.isfinite(affine).all() or np.linalg.matrix_rank(affine) < 4:
        raise InputError(f"{path}: its affine cannot be inverted.")
    return image, affine, other


def read_voxels(image: Any) -> np.ndarray:
    """All voxels of an image, scaled as the header says; of a gzip file to its end, so that its checksum is compared.

    Args:
        image: of `open_volume`.

    Returns:
        (X, Y, …) in the type that is stored, or floating-point numbers where they are scaled.

    Raises:
        Exception: whatever nibabel, gzip and ISA-L raise on damaged files.
    """
    with _unpacked(image) as opened:
        proxy = opened.dataobj
        small = proxy.dtype.kind in "iu" and proxy.dtype.itemsize <= 2 and proxy.slope not in (None, 1.0)
        if not small:
            return np.array(proxy)
        return proxy.get_unscaled() * np.float32(proxy.slope) + np.float32(proxy.inter)  # half of float64's memory


@contextmanager
def _unpacked(image: Any) -> Iterator[Any]:
    files = {key: holder for key, holder in image.file_map.items() if holder.filename is not None}
    packed = {key: file for key, file in files.items() if str(file.filename).lower().endswith(GZIP_SUFFIXES)}
    if not packed:
        yield image
        return
    with ExitStack() as stack:
        streams = {key: stack.enter_context(igzip.open(file.filename, "rb")) for key, file in packed.items()}
        fresh = {key: FileHolder(fileobj=streams[key]) if key in streams else file for key, file in files.items()}
        yield type(image).from_file_map(fresh)
        for stream in streams.values():
            while stream.read(1 << 20):
                pass


def in_micrometers(image: Any) -> bool:
    """Whether a file says that its voxel size is in micrometers, as those of microscopes do.

    Args:
        image: of `open_volume`; files other than NIfTI have no unit.
    """
    return isinstance(image, nib.Nifti1Pair) and int(image.header["xyzt_units"]) % 8 == MICROMETERS


def spatial_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of space of a file's shape: the first three, or fewer.

    Example:
        >>> spatial_shape((4, 5, 6, 3)), spatial_shape((4, 5))
        ((4, 5, 6), (4, 5))
    """
    return tuple(int(side) for side in shape[:3])


def channels_of(path: str | os.PathLike[str], shape: tuple[int, ...]) -> int | None:
    """The number of channels of a file's shape, which are its fourth axis, or of vectors its fifth; None without one.

    Args:
        path: for the message.
        shape: of the file.

    Raises:
        InputError: one axis, more than five, or time points of vectors.
    """
    if len(shape) == 1 or len(shape) > 5 or (len(shape) == 5 and shape[3] > 1):
        raise InputError(
            f"{path}: expected two or three dimensions, and channels as the fourth, got the shape {tuple(shape)}."
        )
    return int(shape[-1]) if len(shape) > 3 else None


def _check_size(path: str | os.PathLike[str], image: Any, itemsize: int) -> None:
    holder = image.file_map["image"]
    name = Path(holder.filename)
    promised = int(np.prod(image.shape, dtype=object)) * itemsize
    held = name.stat().st_size
    if name.name.lower().endswith(GZIP_SUFFIXES):
        held *= MOST_GZIP
    else:
        held -= int(getattr(image.dataobj, "offset", 0))
    if promised > held:
        shape = " × ".join(map(str, image.shape))
        raise InputError(
            f"{path}: its header promises {promised} bytes for {shape} voxels, but the file cannot hold more than "
            f"{max(held, 0)}."
        )


def _placement(path: str | os.PathLike[str], image: Any) -> tuple[np.ndarray, OtherForm | None]:
    affine = np.asarray(image.affine, dtype=np.float64)
    if not isinstance(image, nib.Nifti1Pair):  # NIfTI-2 is a subclass
        return affine, None
    header, axes = image.header, min(3, len(image.shape))
    sizes = np.asarray(_stored_voxel_size(image), dtype=np.float64)[:axes]
    sform, has_sform = header.get_sform(coded=True)
    if not np.isfinite(sizes).all() or (not has_sform and not sizes.all()):
        raise InputError(f"{path}: the voxel size in its header is {' × '.join(f'{size:g}' for size in sizes)}.")
    if has_sform and (not np.isfinite(sform).all() or np.linalg.matrix_rank(sform) < 4):
        raise InputError(f"{path}: its affine cannot be inverted.")
    unit = MILLIMETERS.get(int(header["xyzt_units"]) % 8, 1.0)

    def in_mm(form: np.ndarray) -> np.ndarray:  # 0.001 m is 1.0000000475 mm in the header's single precision
        scaled = np.diag([unit, unit, unit, 1.0]) @ form
        return scaled if unit == 1 else scaled.astype(np.float32).astype(np.float64)

    qform, has_qform = header.get_qform(coded=True)
    if not has_sform and not has_qform:
        left, posterior, superior = np.linalg.norm(affine[:3, :3], axis=0)
        itk = np.diag([-left, -posterior, superior, 1.0])  # the first voxel at 0 mm, axes to the left and to the back
        return in_mm(affine), OtherForm(in_mm(itk), "neither") if _apart(affine, itk, image.shape[:3]) else None
    if not has_sform or not has_qform or qform is None:
        return in_mm(affine), None
    fits = [np.allclose(np.linalg.norm(form[:3, :axes], axis=0), sizes, rtol=1e-4) for form in (sform, qform)]
    taken, affine, other = ("qform", qform, sform) if fits == [False, True] else ("sform", sform, qform)
    apart = _apart(affine, other, image.shape[:3])
    return in_mm(affine), OtherForm(in_mm(other), taken) if apart else None


def _stored_voxel_size(image: Any) -> Any:
    """Of the header as it stands in the file; nibabel writes 1 in the place of 0."""
    holder = image.file_map.get("header") or image.file_map["image"]
    opener = igzip.open if str(holder.filename).lower().endswith(GZIP_SUFFIXES) else open
    with opener(holder.filename, "rb") as file:
        block = file.read(type(image).header_class.template_dtype.itemsize)
    return np.abs(type(image).header_class(block, check=False)["pixdim"][1:4])


def _apart(first: np.ndarray, second: np.ndarray, shape: tuple[int, ...]) -> bool:
    size = np.asarray([*(side - 1 for side in shape), *[0] * (3 - len(shape))])
    corners = np.array([[*(size * at), 1] for at in np.ndindex(2, 2, 2)])
    voxel = np.linalg.norm(first[:3, : len(shape)], axis=0).min()
    return bool(np.linalg.norm(corners @ (first - second).T, axis=1).max() > SAME_PLACE * voxel)
