"""Whatever a user wants segmented, as a list of images that have all been read once."""

from __future__ import annotations

import json
import logging
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.data import MetaTensor
from monai.utils import ensure_tuple
from PIL import Image

from common.datasets.case_names import case_fault, normalize_case
from common.datasets.dicom_folders import CONVERT_PICTURES
from common.datasets.folder_images import FORMATS, find_images
from common.datasets.given import whole_number
from common.datasets.layouts.recognize import read_dataset
from common.datasets.listing import IMAGE_SUFFIXES, VOLUMES, split_suffix
from common.errors import InputError, counted
from common.formats.dicom_files import is_dicom, is_dicom_picture
from common.formats.dicom_series import read_series
from common.formats.save_result import output_fault
from common.io.checks import geometry_finding, image_findings
from common.io.formats import NIFTI_SUFFIXES, is_picture, read_image
from common.io.orientation import reoriented

logger = logging.getLogger(__name__)

MOST_NAMED = 3  # files with the same reason in one sentence


class InferenceInputs:
    """The images that one run of inference segments.

    Every file is checked before anything is segmented. Images that cannot be used are logged as warnings at once and
    left out; `raise_failures` names them when the others are done. In a folder, labels are not segmented: what lies in
    a folder such as ``labels/`` or ``masks/``, has an ending such as ``_mask``, ``_seg`` or ``_gt``, or beside its
    image the ending of an annotator. ``CASE_0000``, ``CASE_0001``, … are channels of one image.

    Args:
        source: an image; a folder, searched with its subfolders, also those that are symbolic links (hidden ones
            are left out), in which a folder with the files of a DICOM series is one image;
            a datalist ``.json``, which holds a list or a dictionary with the list under ``"testing"``;
            or a list. The entries of a list are paths or ``{"image": path, "case": name}``, the name being optional;
            paths in a file are relative to its folder. Of an image that has a file for each channel ``"image"`` is the
            list.
        channels: that the network expects, at least 1. Pictures are converted to 1 or 3, volumes must have as many.
        dimensions: that images may have: 2, 3 or either.
        channel_files: what ends the names of an image's files, one for each channel, before ``.nii`` or ``.nii.gz``,
            such as ``["_flair", "_t1"]``: in a folder, files that share what is before it are one image, and others are
            ignored. None: every file is an image, unless names are numbered as nnU-Net does.
        output_dir: where results are written; a folder below the one that is searched is not searched. Nor are those of
            other inferences, which hold an ``inference.json``.
        layout: of the data set whose labeled images are segmented, see `read_dataset`; None to search a folder.
        output_format: in which masks are written, see `output_fault`; images that do not fit it are left out.
        check_values: read every file in full, and refuse values that are not finite. False reads headers only: what a
            header does not show is met when the image is loaded.

    Attributes:
        items: ``{"image": path, "case": name}`` for each usable image, with a list of paths where there are several. A
            name that is not given is the path below the folder (of a list: below the folder that all its files share)
            of the first file without suffix, or of what an image's files share; names are unique in the run.
        failures: (path, reason) for each other image; the path is that of the file at fault, or of all
            where their number of channels is. Of a folder also files of kinds that are not read (documents, weights
            and TensorBoard's files are passed over), and subfolders and links that could not be followed.
        left_out: (path, reason) of what is not taken for an image, such as labels.

    Raises:
        InputError: an argument cannot be understood; the source names no image or only some that cannot be used.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("L", (8, 8)).save(f"{folder}/scan.png")
        ...     [item["case"] for item in InferenceInputs(folder).items]
        ['scan']
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | Sequence[str | os.PathLike[str] | dict[str, Any]],
        channels: int = 1,
        dimensions: Sequence[int] = (2, 3),
        channel_files: Sequence[str] | None = None,
        output_dir: str | os.PathLike[str] | None = None,
        layout: str | None = None,
        check_values: bool = True,
        output_format: str | None = None,
    ) -> None:
        self.items: list[dict[str, Any]] = []
        self.failures: list[tuple[str, str]] = []
        whole_number("channels", channels, least=1)
        first: dict[str, Path] = {}
        found, failures, self.left_out = _find(source, channel_files, output_dir, layout)
        if self.left_out:
            logger.warning(
                "%d files or folders are left out, since they are not images; the first is %s: %s.",
                len(self.left_out),
                *self.left_out[0],
            )
        for fault in failures:
            self._fail(fault)
        reduced: dict[str, str] = {}
        for name, files in found:
            case, reason = normalize_case(name), case_fault(name)
            if not reason and case in first:
                reason = f"its result would have the same name as that of {first[case]}"
            reason = reason or output_fault(files[0], output_format)
            found_fault: tuple[str, str] | None = (str(files[0]), reason)
            if not reason:
                found_fault = _find_fault(files, check_values, channels, dimensions, reduced)
            if found_fault:
                self._fail(found_fault)
            else:
                first[case] = files[0]
                paths = [str(file) for file in files]
                self.items.append({"image": paths if len(paths) > 1 else paths[0], "case": case})
        if reduced:
            logger.warning(
                "%d files are not read as they are stored; the first is %s: %s.",
                len(reduced),
                *next(iter(reduced.items())),
            )
        if not self.items:
            self.raise_failures()

    def _fail(self, fault: tuple[str, str]) -> None:
        fault = _printable(fault[0]), _printable(fault[1])
        self.failures.append(fault)
        logger.warning("%s is left out: %s.", *fault)

    def __len__(self) -> int:
        return len(self.items)

    def raise_failures(self, unwritten: Sequence[tuple[str, str]] = ()) -> None:
        """Does nothing if every image was usable.

        Args:
            unwritten: (path, reason) of the images whose masks are not in the format that was asked for.

        Raises:
            InputError: names every image that was left out, with the reason; of more than three with one reason the
                first, since warnings have named all of them. Then those whose masks are not in their format.
        """
        said = []
        if self.failures:
            total = len(self.items) + len(self.failures)
            said += [f"{len(self.failures)} of {total} inputs were left out: {_reasons(self.failures)}."]
        if unwritten:
            what = f"{len(unwritten)} of {counted(len(self.items), 'mask')} are not in the format of --output_format"
            said += [f"{what}: {_reasons(unwritten)}."]
        if said:
            raise InputError(" ".join(said))


def _reasons(faults: Sequence[tuple[str, str]]) -> str:
    """The files of each reason; of many the first and how many others there are."""
    alike: dict[str, list[str]] = defaultdict(list)
    for path, reason in faults:
        alike[reason].append(path)
    return "; ".join(
        f"{file}: {reason}" if len(paths) <= MOST_NAMED else f"{paths[0]} and {len(paths) - 1} others: {reason}"
        for reason, paths in alike.items()
        for file in paths[: len(paths) if len(paths) <= MOST_NAMED else 1]
    )


def _find(
    source: Any, channel_files: Sequence[str] | None, output_dir: Any, layout: str | None
) -> tuple[list[tuple[str, list[Path]]], list[tuple[str, str]], list[tuple[str, str]]]:
    """Name and files, absolute, of each image that ``source`` names; what cannot be segmented; what is left out."""
    if isinstance(channel_files, str):
        raise InputError(
            f"channel_files: expected a list of endings of file names, such as ['_t1', '_t2'], got {channel_files!r}."
        )
    failures: list[tuple[str, str]] = []
    if isinstance(source, str | os.PathLike):
        path = Path(source).expanduser().absolute()
        if layout is not None:
            dataset = read_dataset(path, layout)
            named = [(item["case"], [Path(file) for file in ensure_tuple(item["image"])]) for item in dataset.items]
            return named, [], list(dataset.left_out)
        if path.is_dir():
            return find_images(path, channel_files or [], output_dir)
        if not path.is_file():
            raise InputError(
                f"{path} does not exist: name an image ({FORMATS}), a folder of images or a datalist .json."
            )
        if path.suffix.lower() != ".json":
            return [(split_suffix(path.name)[0], [path])], [], []
        entries, failures = _entries(_read_json(path), str(path), path.parent)
    elif isinstance(source, Sequence):
        entries, failures = _entries(source, "source", Path.cwd())
    else:
        raise InputError(f"source must be a path or a list of paths, got {type(source).__name__}.")
    if not entries and not failures:
        raise InputError(f"The datalist {source} names no image.")
    folders = [file.parent for _, files in entries for file in files]
    root = os.path.commonpath(folders) if folders else ""
    named = [(case or split_suffix(files[0].relative_to(root).as_posix())[0], files) for case, files in entries]
    return named, failures, []


def _read_json(path: Path) -> Any:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a JSON datalist: {error}.") from error
    return content.get("testing") if isinstance(content, dict) else content


def _entries(
    datalist: Any, name: str, folder: Path
) -> tuple[list[tuple[str | None, list[Path]]], list[tuple[str, str]]]:
    """The name that an entry gives, if it does, and its files; and entries whose names no file system takes."""
    if not isinstance(datalist, Sequence) or isinstance(datalist, str):
        raise InputError(f'{name} must hold a list of images, or a dictionary with that list under "testing".')
    entries: list[tuple[str | None, list[Path]]] = []
    failures: list[tuple[str, str]] = []
    for number, entry in enumerate(datalist):
        item = entry if isinstance(entry, dict) else {"image": entry}
        image, case = item.get("image"), item.get("case")
        files: Sequence[Any] = image if isinstance(image, list | tuple) else [image]
        if not files or not all(isinstance(file, str | os.PathLike) for file in files):
            raise InputError(f'Entry {number} of {name} must be a path or {{"image": path}}, got {entry!r}.')
        if case is not None and not (isinstance(case, str) and _is_below_a_folder(case)):
            raise InputError(
                f"Entry {number} of {name}: expected a file name without suffix as its case, got {case!r}."
            )
        if any("\0" in os.fspath(file) for file in files):
            failures.append((f"Entry {number} of {name}", "the name of its file contains a NUL character"))
            continue
        entries.append((case, [Path(os.path.normpath(folder / os.path.expanduser(file))) for file in files]))
    return entries, failures


def _is_below_a_folder(name: str) -> bool:
    parts = Path(name).parts
    return bool(parts) and ".." not in parts and not Path(name).is_absolute()


def _find_fault(
    files: Sequence[Path], check: bool, channels: int, expected: Sequence[int], reduced: dict[str, str]
) -> tuple[str, str] | None:
    """The file because of which an image cannot be segmented, and why; None if it can.

    What of a file is not read as it is stored, such as colors as gray, is put into ``reduced``.
    """
    images: list[MetaTensor] = []
    pictures = all(map(is_picture, files))
    suffixes = IMAGE_SUFFIXES if pictures else tuple(VOLUMES)
    wanted = (3 if channels == 3 else 1) if len(files) == 1 and pictures else None  # of several files each as it is
    for file in files:
        try:
            images.append(_read(file, IMAGE_SUFFIXES if len(files) == 1 else suffixes, check, wanted, expected))
        except InputError as error:
            return str(file), str(error)
        if said := images[-1].meta.get("reduced"):
            reduced[str(file)] = said
        images[-1] = reoriented(images[-1], images[0])
        finding = geometry_finding(images[0], images[-1])
        if finding and finding.unusable:
            return str(file), finding.message
    found = sum(len(image) for image in images)
    if not check and len(files) == 1 and pictures and channels in (1, 3):
        found = channels  # gray or color, as the network expects
    if found == channels:
        return None
    got = f"{'it has' if len(files) == 1 else 'together they have'} {found} channels or time points"
    if is_picture(files[0]) and len(files) == 1:
        got = "a picture has 1 channel or 3"
    return ", ".join(map(str, files)), f"{got}, where the network expects {channels}"


def _read(
    path: Path, suffixes: tuple[str, ...], check: bool, channels: int | None, expected: Sequence[int]
) -> MetaTensor:
    """The image of a file; an `InputError` says why it cannot be segmented."""
    if is_dicom_picture(path):
        raise InputError(f"it holds {CONVERT_PICTURES}")
    if is_dicom(path):
        raise InputError("it is one file of DICOM, where the folder of a series was expected")
    if not path.is_dir() and not path.name.lower().endswith(suffixes):
        raise InputError(f"one of {', '.join(suffixes)} was expected")
    if not path.exists():
        raise InputError("there is no such file")
    try:
        if path.is_dir():
            series = read_series(path, voxels=False)  # which says what is missing in a series
            if series.frames:
                raise InputError("frames in one file, enhanced DICOM: python -m common.convert --images makes NIfTI")
        image = read_image(path, channels) if check else read_header(path)
    except Exception as error:  # decoders of damaged files raise whatever they meet
        cause = str(error.__cause__ or error) or type(error).__name__
        raise InputError(f"it cannot be read ({' '.join(cause.split())})") from error
    dimensions = image.ndim - 1
    if dimensions not in expected:
        raise InputError(f"it has {dimensions} dimensions, where {' or '.join(map(str, expected))} were expected")
    if check and any(finding.kind == "not finite" for finding in image_findings(image)):
        raise InputError("it has values that are not finite")
    if torch.linalg.matrix_rank(image.affine) < 4:
        raise InputError("its affine cannot be inverted")
    return image


def read_header(path: Path) -> MetaTensor:
    """An image of the shape and position that a file's header promises, without memory for its voxels.

    Args:
        path: of a picture, a NIfTI file or the folder of a DICOM series; other files have to be read in full.

    Returns:
        A `MetaTensor` (C, *spatial), all of whose voxels are the same one.

    Raises:
        InputError: the header says that the file cannot be used.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     nib.save(nib.Nifti1Image(np.zeros((4, 5, 3)), np.eye(4)), f"{folder}/a.nii")
        ...     tuple(read_header(Path(folder, "a.nii")).shape)
        (1, 4, 5, 3)
    """
    if is_picture(path):
        with Image.open(path) as picture:
            gray = picture.mode in ("1", "L", "LA", "F") or picture.mode.startswith("I")
            return MetaTensor(torch.zeros(1).expand(1 if gray else 3, *picture.size))
    if path.is_dir():
        series = read_series(path, voxels=False)
        return MetaTensor(torch.zeros(1).expand(1, *series.shape), affine=torch.as_tensor(series.affine))
    if not path.name.lower().endswith(NIFTI_SUFFIXES):
        return read_image(path)
    header: Any = nib.load(path)
    shape = header.shape
    if 0 in shape or not shape:
        raise InputError(f"{path} has no voxel, its shape is {shape}.")
    if header.header.get_data_dtype().kind not in "buif":
        kind = header.header.get_data_dtype()
        raise InputError(f"{path}: expected one real number per voxel, got {kind}.")
    channels, spatial = (int(np.prod(shape[3:])), shape[:3]) if len(shape) > 3 else (1, shape)
    return MetaTensor(torch.zeros(1).expand(channels, *spatial), affine=torch.as_tensor(np.array(header.affine)))


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
