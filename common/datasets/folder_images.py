"""The images to segment in a folder: labels and results told from images, channels joined, the rest named."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from common.datasets.dicom_folders import find_dicom_folders
from common.datasets.label_names import (
    ANNOTATOR,
    IMAGE_FOLDERS,
    LABEL_FOLDERS,
    MANUAL_FOLDER,
    is_label_ending,
    labels_among,
)
from common.datasets.listing import (
    IMAGE_SUFFIXES,
    VOLUMES,
    Listing,
    find_unread,
    group_channels,
    is_image_name,
    list_folder,
    split_suffix,
)
from common.errors import InputError
from common.formats.dicom_files import DICOM_SUFFIXES
from common.io.formats import RESULTS_RECORD

FORMATS = ", ".join(IMAGE_SUFFIXES)
MOST_CHANNELS = 16  # more files in a row are the frames of a film
NO_SUFFIX = "its name has no suffix that says what it is"
NO_PREAMBLE = "it has no preamble of a DICOM file"
NO_SUFFIX_DOCUMENTS = ("README", "LICENSE", "LICENCE", "CHANGES", "CITATION", "COPYING", "AUTHORS", "Makefile")

Named = list[tuple[str, list[Path]]]
Reasons = list[tuple[str, str]]


def find_images(
    folder: Path, channel_files: Sequence[str] = (), output_dir: str | os.PathLike[str] | None = None
) -> tuple[Named, Reasons, Reasons]:
    """The images below a folder.

    Args:
        folder: searched with its subfolders.
        channel_files: what ends the names of an image's files, one for each channel; other files are ignored. Empty:
            ``CASE_0000``, ``CASE_0001``, … up to 16 in a row are the channels of one image, all else is an image.
        output_dir: where results are written; not searched where it lies below the folder.

    Returns:
        Name and files of each image, of a DICOM series its folder, sorted; (path, reason) of what cannot
        be segmented; the same of what is taken for a label or for the results.

    Raises:
        InputError: there is no image.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for name in ("a.png", "a_mask.png"):
        ...         Path(root, name).touch()
        ...     images, _, left_out = find_images(Path(root))
        ...     [name for name, _ in images], [reason for _, reason in left_out]
        (['a'], ['it is taken for a label, by its name'])
    """
    results = Path(output_dir).expanduser().absolute() if output_dir is not None else None
    skip = [results] if results is not None and os.path.realpath(results) != os.path.realpath(folder) else []
    listing = list_folder(folder, skip)
    earlier = _results_below(listing)
    if earlier:
        listing = list_folder(folder, [*skip, *earlier])
    found = [file for file in listing.files if is_image_name(file)]
    left_out: Reasons = []
    if channel_files:
        images = _join(found, channel_files)
        formats = ", ".join(f"*{end}.nii.gz" for end in channel_files)
        reasons: dict[str, str] = {}
        failures = [(path, reason) for path, reason in listing.problems]
    else:
        dicom = find_dicom_folders(listing)
        reasons = label_reasons(found)
        images, formats = _numbered([file for file in found if file not in reasons]), FORMATS
        images |= {name if name not in images else f"./{name}": [name] for name in dicom.series}
        others = [file for file in listing.files if file not in dicom.files]
        damaged = {file: NO_PREAMBLE for file in others if split_suffix(file)[1] in DICOM_SUFFIXES}
        failures = find_unread(listing, {*found, *dicom.files}, damaged) + dicom.failures
        failures += [(listing.path(file), NO_SUFFIX) for file in others if _lacks_suffix(file)]
        left_out += dicom.left_out
    left_out += [(listing.path(file), reason) for file, reason in reasons.items()]
    if skip and results is not None and os.path.isdir(results) and _is_below(results, folder):
        left_out.append((str(results), "results are written there"))
    left_out += [(path, "results of an inference lie there") for path in earlier]
    if not images and not failures:
        labels = f"; {len(reasons)} files are taken for labels, by their names" if reasons else ""
        raise InputError(f"The folder {folder} holds no image to segment ({formats}){labels}.")
    named = [(name or folder.name, [folder / file for file in files]) for name, files in images.items()]
    return named, sorted(failures), sorted(left_out)


def _results_below(listing: Listing) -> list[str]:
    """Folders into which an inference has written."""
    records = [file.rpartition("/")[0] for file in listing.files if file.endswith(f"/{RESULTS_RECORD}")]
    return [listing.path(folder) for folder in records if any(map(is_image_name, listing.below(folder)))]


def label_reasons(files: Sequence[str]) -> dict[str, str]:
    """Why files are taken for labels: the folder they lie in, their ending, or the ending of an annotator.

    Beside a folder ``images``, whatever has the name of a file in it is somebody's label, as in the layout ``plain``.

    Args:
        files: images by their suffix, as paths with slashes.

    Returns:
        The reason for each label; images do not occur.
    """
    reasons: dict[str, str] = {}
    folders: dict[str, list[str]] = defaultdict(list)
    siblings: dict[str, set[str]] = defaultdict(set)  # folder -> lower-case names of the folders in it
    for file in files:
        parts = file.split("/")[:-1]
        for depth, part in enumerate(parts):
            siblings["/".join(parts[:depth])].add(part.lower())
        folders["/".join(parts)].append(file)
    for folder, inside in folders.items():
        parts = folder.split("/") if folder else []
        label = next((part for part in parts if part.lower() in LABEL_FOLDERS or MANUAL_FOLDER.fullmatch(part)), None)
        annotators = [
            part
            for depth, part in enumerate(parts)
            if part.lower() not in IMAGE_FOLDERS
            and siblings["/".join(parts[:depth])] & set(IMAGE_FOLDERS)
            and ANNOTATOR.fullmatch(part)
        ]
        if label or annotators:
            reasons |= dict.fromkeys(inside, f"it is taken for a label, by its folder {label or annotators[0]}")
            continue
        stems = {split_suffix(file)[0]: file for file in inside}
        beside = labels_among(stems, recurring=False)
        for stem, file in stems.items():
            name = stem.rpartition("/")[2]
            if stem in beside or any(is_label_ending(name[i + 1 :]) for i, sign in enumerate(name) if sign in "_-. "):
                reasons[file] = "it is taken for a label, by its name"
    named = {stem for file in files for stem in _below_image_folder(file)}
    for file in files:
        parts = split_suffix(file)[0].split("/")
        ways = range(len(parts) - 1) if file not in reasons and not _below_image_folder(file) else ()
        beside_images = [parts[depth] for depth in ways if (*parts[:depth], "", *parts[depth + 1 :]) in named]
        if beside_images:
            reasons[file] = f"it is taken for a label, since an image beside its folder {beside_images[0]} has its name"
    return reasons


def _below_image_folder(file: str) -> list[tuple[str, ...]]:
    """The parts of a path without its suffix, nothing in the place of each folder of images."""
    parts = split_suffix(file)[0].split("/")
    return [
        (*parts[:depth], "", *parts[depth + 1 :])
        for depth, part in enumerate(parts[:-1])
        if part.lower() in IMAGE_FOLDERS
    ]


def _numbered(files: Sequence[str]) -> dict[str, list[str]]:
    """Files of each image; those that nnU-Net's naming makes channels belong to one."""
    by_folder = {file: split_suffix(file)[0] for file in files}
    first = {stem: file for file, stem in reversed(by_folder.items())}
    joined: dict[str, str] = {}
    groups = {}
    for case, channels in group_channels(first).items():
        if 2 <= len(channels) <= MOST_CHANNELS and sorted(channels) == list(range(len(channels))) and case not in first:
            groups[case] = [channels[index] for index in sorted(channels)]
            joined |= dict.fromkeys(groups[case], case)
    images: dict[str, list[str]] = {}
    for file, stem in by_folder.items():
        if file in joined:
            images[joined[file]] = groups[joined[file]]
        else:
            images[stem if stem not in images else f"./{stem}"] = [file]  # the second of one name is refused by it
    return images


def _join(files: Sequence[str], channel_files: Sequence[str]) -> dict[str, list[str]]:
    """What the paths of an image's files share, and the files in the order of the channels, missing ones too."""
    images: dict[str, dict[str, str]] = defaultdict(dict)
    for file in files:
        name, suffix = split_suffix(file)
        end = max((end for end in channel_files if name.endswith(end)), key=len, default=None)
        if end is not None and suffix in VOLUMES:
            images[name.removesuffix(end).rstrip("/")][end] = file
    return {name: [found.get(end, _missing(end, found)) for end in channel_files] for name, found in images.items()}


def _missing(end: str, found: Mapping[str, str]) -> str:
    other_end, other = next(iter(found.items()))
    stem, suffix = other[: -len(split_suffix(other)[1])], split_suffix(other)[1]
    return f"{stem.removesuffix(other_end)}{end}{suffix}"


def _lacks_suffix(path: str) -> bool:
    """Whether a file's name does not say what it is; documents do not need to."""
    name = os.path.basename(path)
    return not split_suffix(name)[1] and not name.startswith(NO_SUFFIX_DOCUMENTS) and name != "DICOMDIR"


def _is_below(path: Path, folder: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
