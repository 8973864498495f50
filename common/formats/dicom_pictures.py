"""DICOM files that are pictures: radiographs, mammograms, photographs, stills of ultrasound and endoscopy.

Such a file has pixels and no place in the patient. Values are those of the modality (`DICOM PS3.3 C.11.1
<https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_C.11.html>`_), dark where they are low
(`C.7.6.3.1.2 <https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_C.7.6.3.html>`_); no window is
applied.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from common.errors import InputError
from common.formats.dicom_files import frames_of, read_dataset, sound_elements, text_of
from common.io.files import whole_file
from common.io.optional_library import optional_library

__all__ = ["read_dicom_picture", "write_dicom_picture"]

DARK = "MONOCHROME1"  # the highest value is shown black


def read_dicom_picture(path: str | os.PathLike[str]) -> np.ndarray:
    """The pixels of a picture, row by row as it is shown.

    Slope and intercept are applied. Where the highest value is shown black (MONOCHROME1), values v are exchanged with
    lowest + highest − v of those that the file can store, so that bone is bright as in all other radiographs. Colors
    are RGB, also of palettes and YBR.

    Args:
        path: of the file, see `common.formats.is_dicom_picture`.

    Returns:
        ``(H, W)`` gray or ``(H, W, 3)`` colors: uint8 where the file stores up to 8 bits, uint16 where it stores more
        and all values are whole numbers from 0 to 65,535, else float32.

    Raises:
        InputError: pydicom, or what decodes the file's compression, is not installed; the file is damaged, has several
            frames, colors of more than 8 bits, or a lookup table in the place of slope and intercept.

    Example:
        >>> import pydicom
        >>> read_dicom_picture(pydicom.examples.get_path("rgb_color")).shape
        (240, 320, 3)
    """
    dataset = read_dataset(path)
    with sound_elements(path):
        if frames_of(dataset) != 1:
            raise InputError(f"{path}: expected one picture, got {frames_of(dataset)} frames that have no place.")
        if "ModalityLUTSequence" in dataset:
            raise InputError(f"{path}: expected slope and intercept, got a lookup table of values (Modality LUT).")
        kind = text_of(dataset, "PhotometricInterpretation")
        pixels = _decoded(path, dataset)
        if kind == "PALETTE COLOR":
            pixels = optional_library("pydicom.pixels", "formats", f"Reading {path}").apply_color_lut(pixels, dataset)
            pixels = (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels
        if pixels.ndim == 3:
            if pixels.dtype != np.uint8:
                raise InputError(f"{path}: expected colors of 8 bits, got {pixels.dtype}.")
            return pixels[..., :3]
        return _gray_values(pixels, dataset, kind == DARK)


def write_dicom_picture(path: str | os.PathLike[str], picture: np.ndarray) -> Path:
    """Writes a picture as PNG, values that are not whole numbers from 0 to 65,535 as TIFF.

    Args:
        path: to write, without ending.
        picture: of `read_dicom_picture`.

    Returns:
        The path with its ending.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     kinds = (np.uint16, np.float32)
        ...     [write_dicom_picture(f"{folder}/a", np.ones((2, 3), kind)).name for kind in kinds]
        ['a.png', 'a.tif']
    """
    target = Path(f"{path}.tif" if picture.dtype == np.float32 else f"{path}.png")
    with whole_file(target) as partial:
        if picture.dtype == np.float32:
            tifffile.imwrite(partial, picture)
        else:
            Image.fromarray(picture).save(partial)
    return target


def _decoded(path: Any, dataset: Any) -> np.ndarray:
    """The pixels that the file stores; YBR as RGB."""
    pixels = optional_library("pydicom.pixels", "formats", f"Reading {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(pixels.pixel_array(dataset))
    except Exception as error:  # decoders of damaged files raise whatever they meet
        said = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise InputError(f"{path}: its pixels cannot be decoded: {said}.") from error


def _gray_values(stored: np.ndarray, dataset: Any, dark: bool) -> np.ndarray:
    bits, signed = int(dataset.BitsStored), int(dataset.get("PixelRepresentation") or 0)
    slope, intercept = (float(dataset.get(key, usual)) for key, usual in (("RescaleSlope", 1), ("RescaleIntercept", 0)))
    lowest = -(1 << (bits - 1)) if signed else 0
    values = slope * stored.astype(np.float64) + intercept
    if dark:  # the file's lowest and highest value change places
        values = slope * (2 * lowest + (1 << bits) - 1) + 2 * intercept - values
    whole = (values == np.rint(values)).all() and values.min() >= 0
    if whole and bits <= 8 and values.max() <= 255:
        return values.astype(np.uint8)
    return values.astype(np.uint16 if whole and values.max() <= 65535 else np.float32)
