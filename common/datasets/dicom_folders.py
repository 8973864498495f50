"""Which folders hold a DICOM series, by the headers of their files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from common.datasets.listing import Listing, split_suffix
from common.errors import InputError
from common.formats.dicom_files import DICOM_SUFFIXES, is_dicom, is_dicom_picture
from common.formats.dicom_series import find_series

CONVERT_PICTURES = "radiographs or other pictures in DICOM: python -m common.convert --images makes PNG of them"

__all__ = ["CONVERT_PICTURES", "DicomFolders", "advise_to_convert", "find_dicom_folders"]


@dataclass(frozen=True)
class DicomFolders:
    """What is DICOM below a folder.

    Attributes:
        series: folders that hold one series, by their paths; empty for the folder itself.
        files: every DICOM file, by its path.
        failures: (path, reason) of folders whose files cannot be used.
        left_out: (path, reason) of folders without a slice.
    """

    series: list[str] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    failures: list[tuple[str, str]] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def find_dicom_folders(listing: Listing) -> DicomFolders:
    """The folders of DICOM series in a listing.

    Args:
        listing: of a folder. Files that end with ``.dcm``, ``.dicom``, ``.ima`` or a number, or that have no suffix,
            are opened.

    Returns:
        Of each folder with DICOM files: a series, or why it is none. Segmentations and structure sets beside the slices
        do not count.

    Example:
        >>> find_dicom_folders(Listing(Path("."), ("a.png",))).series
        []
    """
    found = DicomFolders()
    folders: dict[str, list[str]] = defaultdict(list)
    for file in _dicom_files(listing):
        folders[file.rpartition("/")[0]].append(file)
    for folder, files in folders.items():
        path = listing.path(folder).rstrip("/")
        found.files.update(files)
        if all(Path(file).name == "DICOMDIR" for file in files):
            continue
        try:
            series = find_series(path)
            pictures = any(is_dicom_picture(paths[0]) for paths in series.values())
        except InputError as error:
            found.failures.append((path, str(error)))
            continue
        count = len(series)
        if pictures:
            found.failures.append((path, f"it holds {CONVERT_PICTURES}"))
        elif count == 1:
            found.series.append(folder)
        elif count:
            found.failures.append((path, f"it holds {count} DICOM series, where one was expected"))
        else:
            found.left_out.append((path, "its DICOM files are no slices"))
    return found


def advise_to_convert(listing: Listing) -> str:
    """What to do with a data set whose images are DICOM series, which inference reads but no training.

    Args:
        listing: of its folder.

    Returns:
        A sentence that begins with a space; empty if there is no DICOM file.

    Example:
        >>> advise_to_convert(Listing(Path("."), ("a.png",)))
        ''
    """
    first = next(_dicom_files(listing), None)
    if first is None:
        return ""
    return (
        f" There are DICOM files, the first is {first}: python -m common.convert makes NIfTI of series, PNG of "
        "radiographs, and a data set of what annotators' tools drew on them (docs/formats.md)."
    )


def _dicom_files(listing: Listing) -> Iterator[str]:
    for file in listing.files:
        suffix = split_suffix(file)[1]
        if suffix in ("", *DICOM_SUFFIXES) or suffix[1:].isdigit():
            try:
                if is_dicom(listing.path(file)):
                    yield file
            except OSError:
                continue  # it is named with the files of other kinds
