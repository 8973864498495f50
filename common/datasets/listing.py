"""What lies in a folder, by names only: files below it, what kind each is, and what could not be listed."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from common.errors import InputError, shown_names
from common.formats.dicom_files import DICOM_SUFFIXES
from common.io.formats import NIFTI_SUFFIXES, PICTURE_SUFFIXES

PICTURES = tuple(dict.fromkeys((*PICTURE_SUFFIXES, ".gif", ".bmp")))
VOLUMES = tuple(dict.fromkeys((*NIFTI_SUFFIXES, ".nrrd", ".nhdr", ".mha", ".mhd", ".mgz", ".mgh", ".hdr")))
IMAGE_SUFFIXES = tuple(suffix for suffix in (*PICTURES, *VOLUMES) if suffix not in (".img", ".img.gz"))
HEADERS = {  # files of voxels, and the suffixes of the headers that they belong to
    ".img": (".hdr",),
    ".img.gz": (".hdr", ".hdr.gz"),
    ".raw": (".mhd", ".nhdr"),
    ".zraw": (".mhd",),
    ".raw.gz": (".nhdr",),
}
DOCUMENTS = (
    *("", ".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".html", ".pdf", ".log", ".py"),
    *(".sh", ".ipynb", ".doc", ".docx", ".xls", ".xlsx", ".ini", ".cfg", ".toml", ".bib", ".md5", ".sha256"),
    *(".bval", ".bvec", ".sql", ".js", ".css", ".license", ".cff", ".m"),
)
OF_TRAININGS = (".pt", ".pth", ".ckpt", ".onnx", ".safetensors")  # weights, which hold no image
EVENTS = ".tfevents."  # in the names of TensorBoard's files
CHANNEL = re.compile(r"(.+)_(\d{4})")
COUNTED = re.compile(r"^(\d+ files): ")  # before the reason of a folder, see `find_unread`
GROUPED = 10  # files of one folder and one kind, from which one line stands for all


@dataclass(frozen=True)
class Listing:
    """The files below a folder.

    Attributes:
        root: the folder, absolute.
        files: paths below it with slashes, sorted; hidden files and what lies in hidden folders left out.
        problems: (path, reason) of folders and links that could not be followed.
        empty: absolute paths of folders that hold nothing.
    """

    root: Path
    files: tuple[str, ...]
    problems: tuple[tuple[str, str], ...] = ()
    empty: tuple[str, ...] = ()

    def below(self, folder: str) -> list[str]:
        """The files in one folder and below it, by their paths from ``root``; all for ``""``."""
        return [file for file in self.files if file.startswith(f"{folder}/")] if folder else list(self.files)

    def path(self, file: str) -> str:
        """The absolute path of a file."""
        return f"{self.root}/{file}"


def list_folder(root: str | os.PathLike[str], skip: Iterable[str | os.PathLike[str]] = ()) -> Listing:
    """Lists a folder with its subfolders, through symbolic links, without opening a file.

    Args:
        root: the folder.
        skip: folders below it that are not listed.

    Returns:
        Its files; folders that cannot be read, links that lead nowhere or back to a folder they lie in are `problems`.

    Raises:
        InputError: ``root`` is not a folder or cannot be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Path(folder, "a").mkdir()
        ...     Path(folder, "a", "x.png").touch()
        ...     list_folder(folder).files
        ('a/x.png',)
    """
    folder = Path(root).expanduser().absolute()
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder.")
    skipped = {os.path.realpath(path) for path in skip}
    files: list[list[str]] = []
    problems: list[tuple[str, str]] = []
    empty: list[str] = []
    waiting: list[tuple[str, list[str], tuple[str, ...]]] = [(str(folder), [], (os.path.realpath(folder),))]
    while waiting:
        path, parts, real = waiting.pop()
        try:
            with os.scandir(path) as entries:
                found = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            if not parts:
                raise InputError(f"{folder} cannot be read: {error.strerror}.") from error
            problems.append((path, f"the folder cannot be read ({error.strerror})"))
            continue
        if not found:
            empty.append(path)
        for entry in found:
            try:
                is_folder = entry.is_dir()
                is_file = not is_folder and entry.is_file()
            except OSError as error:
                problems.append((entry.path, f"the link cannot be followed ({error.strerror})"))
                continue
            if is_file:
                files.append([*parts, entry.name])
            elif is_folder:
                link = entry.is_symlink()
                target = os.path.realpath(entry.path) if link else f"{real[-1].rstrip('/')}/{entry.name}"
                if link and target in real:
                    problems.append((entry.path, f"the link leads back to {target}, in which it lies"))
                elif target not in skipped:
                    waiting.append((entry.path, [*parts, entry.name], (*real, target)))
            elif entry.is_symlink():
                problems.append((entry.path, "the link leads nowhere"))
            else:
                problems.append((entry.path, "it is neither a file nor a folder"))
    names = tuple("/".join(parts) for parts in sorted(files))
    return Listing(folder, names, tuple(sorted(problems)), tuple(sorted(empty)))


def files_below(root: Path, skip: Iterable[Path] = ()) -> dict[str, Path]:
    """The files of a folder and of its subfolders, for a tool that reads them one by one.

    Folders and links that cannot be followed are printed.

    Args:
        root: the folder.
        skip: folders below it that are not listed.

    Returns:
        Each file by its path below ``root``, with slashes, sorted; hidden files and what lies in hidden folders left
        out. Links that lead nowhere are among them, so that the tool reports them when it reads them.

    Raises:
        InputError: ``root`` is not a folder or cannot be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("a", ".b"):
        ...         Path(folder, name).mkdir()
        ...         Path(folder, name, "x.png").touch()
        ...     list(files_below(Path(folder)))
        ['a/x.png']
    """
    listing = list_folder(root, skip)
    names = list(listing.files)
    for path, reason in listing.problems:
        if os.path.islink(path) and not os.path.exists(path):
            names.append(os.path.relpath(path, listing.root))
        else:
            tqdm.write(f"{path} is left out: {reason}.")
    return {name: root / name for name in sorted(names, key=lambda name: name.split("/"))}


def split_suffix(name: str) -> tuple[str, str]:
    """A file's name without its suffix, and the suffix in lower case, ``.nii.gz`` as one.

    Args:
        name: of a file, with or without folders.

    Returns:
        The stem and the suffix; names that begin with a dot have no suffix.

    Example:
        >>> split_suffix("a/scan.v2.NII.GZ"), split_suffix("README")
        (('a/scan.v2', '.nii.gz'), ('README', ''))
    """
    stem, suffix = os.path.splitext(name)
    if suffix.lower() == ".gz":
        inner, more = os.path.splitext(stem)
        if more and len(more) <= 5 and not more[1:].isdigit():
            return inner, (more + suffix).lower()
    return stem, suffix.lower()


def is_image_name(name: str) -> bool:
    """Whether a file is an image or a label by its suffix."""
    return split_suffix(name)[1] in IMAGE_SUFFIXES


def files_by_stem(files: Iterable[str], folder: str = "") -> dict[str, str]:
    """The images among files, by their paths below a folder without suffix.

    Args:
        files: paths with slashes.
        folder: that they lie in; part of the paths, not of the stems.

    Returns:
        Path of each stem, in the order of ``files``. A letter with an accent is one character (NFC) in the stem, as
        some systems and archives write it, also where the file's name has two (NFD), as others do.

    Raises:
        InputError: two images have the same stem.

    Example:
        >>> files_by_stem(["images/b/1.png", "images/notes.txt"], "images")
        {'b/1': 'images/b/1.png'}
    """
    found: dict[str, str] = {}
    for file in files:
        stem, suffix = split_suffix(file)
        if suffix in IMAGE_SUFFIXES:
            case = unicodedata.normalize("NFC", stem[len(folder) + 1 :] if folder else stem)
            if case in found:
                raise InputError(f"There are two files of the case {case!r}, {found[case]} and {file}; keep one.")
            found[case] = file
    return found


def group_channels(files: Mapping[str, str]) -> dict[str, dict[int, str]]:
    """Files that nnU-Net's naming makes channels of one image, ``CASE_0000``, ``CASE_0001``, …

    Args:
        files: path of each stem.

    Returns:
        Path of each channel, by case; stems without such an ending do not occur.

    Example:
        >>> group_channels({"a_0001": "a_0001.png", "a_0000": "a_0000.png", "b": "b.png"})
        {'a': {0: 'a_0000.png', 1: 'a_0001.png'}}
    """
    groups: dict[str, dict[int, str]] = defaultdict(dict)
    for stem, file in sorted(files.items()):
        if match := CHANNEL.fullmatch(stem):
            groups[match[1]][int(match[2])] = file
    return dict(groups)


def describe_folder(root: Path) -> str:
    """What lies in a folder in a few words: the numbers of files by suffix, and the first subfolders.

    Args:
        root: the folder; only its own level and the one below are looked at.

    Returns:
        Such as ``"2 .png and the folders a, b (each 3 .jpg)"``.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Path(folder, "a.png").touch()
        ...     describe_folder(Path(folder))
        '1 .png'
    """
    listing = list_folder(root)
    own = Counter(split_suffix(file)[1] or "without suffix" for file in listing.files if "/" not in file)
    below = Counter(split_suffix(file)[1] or "without suffix" for file in listing.files if "/" in file)
    folders = sorted(
        entry.name for entry in os.scandir(listing.root) if not entry.name.startswith(".") and entry.is_dir()
    )
    parts = [", ".join(f"{count} {suffix}" for suffix, count in own.most_common(5))] if own else []
    if folders:
        inside = ", ".join(f"{count} {suffix}" for suffix, count in below.most_common(5)) or "no file"
        parts.append(f"the folder{'s' * (len(folders) > 1)} {shown_names(folders, 6)} (with {inside})")
    return " and ".join(parts) or "nothing"


def find_unread(listing: Listing, used: set[str], reasons: Mapping[str, str]) -> list[tuple[str, str]]:
    """What lies in a folder and was not read, with the reason.

    Args:
        listing: of the folder.
        used: files that were read, and folders all of whose files were.
        reasons: why a file or folder was not read, where that is known. Documents, weights and TensorBoard's files
            without a reason are not named.

    Returns:
        (path, reason), the folder's problems included. Ten or more files of one folder with one reason are one line.
    """
    folders = tuple(f"{name}/" for name in used if split_suffix(name)[1] not in IMAGE_SUFFIXES)
    names = set(listing.files)
    explained = {f"{name}/": reason for name, reason in reasons.items() if name not in names}
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for file in listing.files:
        if file in used or (folders and file.startswith(folders)):
            continue
        reason = reasons.get(file) or next((why for name, why in explained.items() if file.startswith(name)), "")
        if reason := reason or unread_reason(file, names):
            groups[file.rpartition("/")[0], reason].append(file)
    found = list(listing.problems)
    for (folder, reason), files in groups.items():
        if len(files) >= GROUPED:
            found.append((listing.path(folder) if folder else str(listing.root), f"{len(files)} files: {reason}"))
        else:
            found += [(listing.path(file), reason) for file in files]
    return sorted(found)


def left_out_by_reason(left_out: Iterable[tuple[str, str]], root: Path | None = None) -> dict[str, list[str]]:
    """What is not read, by the reason: files, and how many there are in a folder.

    Args:
        left_out: (path, reason), see `find_unread`.
        root: folder of the data set, from which paths are given; None for paths as they are.

    Example:
        >>> left_out_by_reason([("a/c", "12 files: no image"), ("a/b.png", "no image")])
        {'no image': ['12 files in a/c', 'a/b.png']}
    """
    found: dict[str, list[str]] = defaultdict(list)
    for path, reason in left_out:
        count, name = COUNTED.match(reason), path if root is None else os.path.relpath(path, root)
        found[COUNTED.sub("", reason)].append(f"{count[1]} in {name}" if count else name)
    return dict(found)


def left_out_sentences(left_out: Iterable[tuple[str, str]], root: Path) -> list[str]:
    """A sentence for each reason why something is not read, with the first file or folder.

    Args:
        left_out, root: see `left_out_by_reason`.

    Example:
        >>> left_out_sentences([("/data/a/b.png", "no image")], Path("/data"))
        ['Files or folders that are left out: 1; the first is a/b.png: no image.']
    """
    return [
        f"Files or folders that are left out: {len(names)}; the first is {names[0]}: {reason}."
        for reason, names in left_out_by_reason(left_out, root).items()
    ]


def unread_reason(file: str, names: set[str]) -> str:
    """Why a file is not read, by its name; empty for documents, what trainings write, and voxels that have a header.

    Args:
        file: path with slashes.
        names: of all files there are.

    Example:
        >>> unread_reason("a.dcm", set()), unread_reason("a.raw", {"a.mhd"})
        ('DICOM is not trained on: python -m common.convert makes NIfTI of series, PNG of radiographs', '')
    """
    stem, suffix = split_suffix(file)
    if suffix in HEADERS:
        if any(stem + header in names for header in HEADERS[suffix]):
            return ""
        return f"its header ({' or '.join(HEADERS[suffix])}) is missing"
    if suffix in DICOM_SUFFIXES or stem.rpartition("/")[2] == "DICOMDIR":
        return "DICOM is not trained on: python -m common.convert makes NIfTI of series, PNG of radiographs"
    if suffix in (*DOCUMENTS, *OF_TRAININGS) or EVENTS in file.rpartition("/")[2]:
        return ""
    if suffix in IMAGE_SUFFIXES:
        return "it has no place in the layout"
    return f"files of this kind ({suffix}) are not read"
