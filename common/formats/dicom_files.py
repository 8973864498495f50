"""DICOM files of a folder, by pydicom where it is installed, and a sentence where it is not."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common.errors import InputError
from common.io.optional_library import optional_library
from common.io.simple_itk import NO_IMAGES

__all__ = [
    "DICOM_SUFFIXES",
    "dicom_paths",
    "frames_of",
    "functional_group",
    "is_dicom",
    "is_dicom_picture",
    "read_dataset",
    "sound_elements",
    "text_of",
]

MAGIC = b"DICM"
DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")  # many files have none
OF_PICTURES = ("Rows", "Modality", "ImagePositionPatient", "NumberOfFrames", "PerFrameFunctionalGroupsSequence")
OF_VOLUMES = ("CT", "MR", "PT", "NM")  # modalities whose slices have a place, or lack it by mistake


def is_dicom(path: str | os.PathLike[str]) -> bool:
    """Whether a file has DICOM's preamble.

    Args:
        path: of the file; a folder is no DICOM file.

    Returns:
        True if the bytes 128 to 131 are ``DICM``.
    """
    if not Path(path).is_file():
        return False
    with Path(path).open("rb") as file:
        return file.read(132)[128:] == MAGIC


def dicom_paths(path: str | os.PathLike[str]) -> list[Path]:
    """The DICOM files of a folder, without its subfolders, or the one file that ``path`` is.

    Args:
        path: of the folder or file.

    Returns:
        Sorted by name; a ``DICOMDIR``, which holds no image, is left out.
    """
    path = Path(path)
    files = [path] if path.is_file() else sorted(path.iterdir()) if path.is_dir() else []
    return [file for file in files if file.name.upper() != "DICOMDIR" and is_dicom(file)]


def read_dataset(path: str | os.PathLike[str], pixels: bool = True, tags: Sequence[str] | None = None) -> Any:
    """The data set of one DICOM file.

    Args:
        path: of the file.
        pixels: whether its pixels are needed.
        tags: keywords of the elements that are needed; None for all.

    Returns:
        The ``pydicom.Dataset``.

    Raises:
        InputError: pydicom is not installed, or the file is no DICOM file or damaged.
    """
    pydicom = optional_library("pydicom", "formats", f"Reading {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of values that break the standard in ways that do not matter here
            return pydicom.dcmread(path, stop_before_pixels=not pixels, specific_tags=list(tags) if tags else None)
    except Exception as error:  # decoders of damaged files raise whatever they meet
        said = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise InputError(f"{path} cannot be read as DICOM: {said}.") from error


def is_dicom_picture(path: str | os.PathLike[str]) -> bool:
    """Whether a file is DICOM with the pixels of one picture, and not a slice of a volume.

    Args:
        path: of any file or folder.

    Returns:
        True for one frame without ImagePositionPatient, of another modality than CT, MR, PT and NM.

    Raises:
        InputError: pydicom is not installed, or the file is damaged.

    Example:
        >>> import pydicom
        >>> [is_dicom_picture(pydicom.examples.get_path(name)) for name in ("rgb_color", "ct")]
        [True, False]
    """
    if not is_dicom(path):
        return False
    header = read_dataset(path, False, OF_PICTURES)
    modality = text_of(header, "Modality")
    placed = header.get("ImagePositionPatient") or header.get("PerFrameFunctionalGroupsSequence")
    return "Rows" in header and modality not in (*OF_VOLUMES, *NO_IMAGES) and not placed and frames_of(header) == 1


def frames_of(dataset: Any) -> int:
    """The number of frames of a file, which need not say that it has one.

    Example:
        >>> frames_of({}), frames_of({"NumberOfFrames": 3})
        (1, 3)
    """
    return int(dataset.get("NumberOfFrames") or 1)


@contextmanager
def sound_elements(path: Any) -> Iterator[None]:
    """Makes one sentence of elements that a file lacks or that are of another kind than DICOM has them.

    Args:
        path: of the file, for the message.

    Raises:
        InputError: names the file.

    Example:
        >>> with sound_elements("a.dcm"):
        ...     raise AttributeError("'Dataset' object has no attribute 'Rows'")
        Traceback (most recent call last):
        common.errors.InputError: a.dcm cannot be read as DICOM: 'Dataset' object has no attribute 'Rows'.
    """
    try:
        yield
    except InputError:
        raise
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
        said = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise InputError(f"{path} cannot be read as DICOM: {said}.") from error


def functional_group(dataset: Any, index: int, keyword: str) -> Any:
    """The first item of a functional group of a frame: its own, else the one that all frames share.

    Args:
        dataset: of several frames.
        index: of the frame, from 0.
        keyword: of the group, such as ``PlanePositionSequence``.

    Returns:
        The item; an empty dict if there is none.

    Example:
        >>> functional_group({"SharedFunctionalGroupsSequence": [{"PixelMeasuresSequence": [{"A": 1}]}]}, 0,
        ...                  "PixelMeasuresSequence")
        {'A': 1}
    """
    own: Any = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    shared: Any = dataset.get("SharedFunctionalGroupsSequence") or ()
    for holder in (own[index] if index < len(own) else {}, shared[0] if len(shared) else {}):
        if items := holder.get(keyword):
            return items[0]
    return {}


def text_of(dataset: Any, *keywords: str) -> str:
    """The first of these elements that is there and not empty, as text.

    Args:
        dataset: of `read_dataset`, or an item of a sequence.
        *keywords: of the elements.

    Returns:
        Stripped; empty if there is none.

    Example:
        >>> from types import SimpleNamespace
        >>> text_of(SimpleNamespace(SeriesDescription=" Expert 2 "), "ContentCreatorName", "SeriesDescription")
        'Expert 2'
    """
    found: Iterator[str] = (str(getattr(dataset, keyword, None) or "").strip() for keyword in keywords)
    return next((text for text in found if text), "")
