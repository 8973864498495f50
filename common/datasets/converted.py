"""The data set that ``common.convert`` writes: images, a folder of label images for each annotator, and classes."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from common.datasets.layouts.recognize import read_dataset
from common.datasets.listing import HEADERS, split_suffix
from common.errors import InputError
from common.formats import read_dicom_picture, read_series, write_dicom_picture, write_nifti
from common.formats.class_maps import merge_segments, probability_map
from common.formats.dicom_files import is_dicom
from common.formats.held_segments import HeldSegments
from common.io.files import whole_file
from common.io.formats import is_picture, read_header
from common.io.writers import save_like

__all__ = [
    "CLASSES_FILE",
    "FINDINGS_FILE",
    "IMAGES",
    "MAPS",
    "NOBODY_DREW",
    "NOT_LABELED",
    "Written",
    "check_readable",
    "check_target",
    "folder_name",
    "pictures_of_dicom",
    "write_classes",
    "write_images",
    "write_labels",
]

NOT_LABELED = 255  # what stands for −1 in the files
CLASSES_FILE, FINDINGS_FILE = "classes.json", "findings.csv"
NOBODY_DREW = {"background": 0}  # the classes of images alone
IMAGES, MAPS = "images", "probabilities"  # folders that are no annotator's


@dataclass
class Written:
    """What was written.

    Attributes:
        labels: number of label images by annotator.
        maps: number of probability maps by annotator.
        overlaps: number of pixels or voxels where classes overlapped.
    """

    labels: dict[str, int] = field(default_factory=dict)
    maps: dict[str, int] = field(default_factory=dict)
    overlaps: int = 0


def check_target(target: Path, sources: Sequence[Path], overwrite: bool) -> None:
    """Refuses to write where something is, unless it may be replaced and is a data set that was converted.

    Args:
        target: folder of the data set.
        sources: what is converted.
        overwrite: a folder of such a data set may be replaced.

    Raises:
        InputError: the folder holds one of the sources, or anything that may not be replaced.

    Example:
        >>> check_target(Path("data"), [Path("data/scans")], overwrite=True)
        Traceback (most recent call last):
        common.errors.InputError: --output: expected another folder than data, which contains data/scans.
    """
    for source in sources:
        if source.resolve().is_relative_to(target.resolve()):
            raise InputError(f"--output: expected another folder than {target}, which contains {source}.")
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not overwrite:
        raise InputError(f"{target} exists; name another --output, or replace it with --overwrite.")
    if not (target / CLASSES_FILE).is_file():
        raise InputError(
            f"{target}: --overwrite replaces only a folder that this command wrote, but there is no {CLASSES_FILE} in "
            "it."
        )
    others = sorted({path.name for path in target.iterdir()} - {IMAGES, CLASSES_FILE})
    if others and (target / CLASSES_FILE).read_text(encoding="utf-8") == _json(NOBODY_DREW):
        raise InputError(f"{target}: --overwrite replaces images without labels, and would take {others[0]} away too.")


def write_labels(
    folder: Path, images: Mapping[str, Path], held: HeldSegments, names: Sequence[str], problems: list[str]
) -> Written:
    """Writes what annotators drew, and the images of the cases that have any of it.

    Args:
        folder: of the data set.
        images: case → image.
        held: what was drawn.
        names: of the classes, in the order of their values.
        problems: gets a sentence for everything that cannot be written.

    Returns:
        What was written.
    """
    written = Written()
    copies: dict[str, Path] = {}
    # annotator by folder, as a file system that ignores case has it
    owners = dict.fromkeys((IMAGES, MAPS, CLASSES_FILE, FINDINGS_FILE), "")
    for found in tqdm(held, total=len(held), desc="writing", unit="label", disable=None):
        annotator, case = found.annotator or "annotator", found.case
        place = folder_name(annotator)
        try:
            if owners.setdefault(place.lower(), annotator) != annotator:
                other = owners[place.lower()] or "the data set itself"
                raise InputError(f"{case}, annotator {annotator}: the folder {place} is that of {other} already.")
            if case not in copies:
                copies[case] = _copy(images[case], folder / IMAGES, case)
            shape = tuple(read_header(copies[case]).shape)
            picture = is_picture(copies[case])
            shape = shape if picture or len(shape) > 2 else (*shape, 1)  # as masks of one slice are
            if found.probabilities:
                values = probability_map(found, names, shape)
                save_like(copies[case], values, folder / MAPS / place / f"{case}_probabilities")
                written.maps[annotator] = written.maps.get(annotator, 0) + 1
                continue
            indices, overlap = merge_segments(found, names, shape[::-1] if picture else shape)
            _save(indices, copies[case], folder / place / case, picture)
        except InputError as error:
            problems.append(str(error))
            continue
        written.labels[annotator] = written.labels.get(annotator, 0) + 1
        written.overlaps += overlap
    return written


def pictures_of_dicom(images: Mapping[str, Path], folder: Path, problems: list[str]) -> dict[str, Path]:
    """Writes the images that are DICOM pictures as PNG or TIFF, see `common.formats.read_dicom_picture`.

    Args:
        images: case → image.
        folder: for the files, ``CASE.png``.
        problems: gets a sentence for each that cannot be read.

    Returns:
        Case → image, the new files in the place of those of DICOM, without those that cannot be read.
    """
    found: dict[str, Path] = {}
    for case, source in images.items():
        try:
            found[case] = write_dicom_picture(folder / case, read_dicom_picture(source)) if is_dicom(source) else source
        except InputError as error:
            problems.append(str(error))
    return found


def write_images(folder: Path, images: Mapping[str, Path], problems: list[str]) -> int:
    """Writes images that nobody has labeled yet.

    Args:
        folder: of the data set.
        images: case → image.
        problems: gets a sentence for each image that cannot be written.

    Returns:
        The number of DICOM series among the images that were written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place:
        ...     Image.new("L", (4, 3)).save(f"{place}/a.png")
        ...     series = write_images(Path(place, "data"), {"a": Path(place, "a.png")}, [])
        ...     series, Path(place, "data/images/a.png").exists()
        (0, True)
    """
    series = 0
    for case, source in tqdm(images.items(), desc="writing", unit="image", disable=None):
        try:
            _copy(source, folder / IMAGES, case)
            series += source.is_dir()
        except InputError as error:
            problems.append(str(error))
    return series


def write_classes(folder: Path, values: Mapping[str, int]) -> None:
    """Writes the value of each class in the label images.

    Args:
        folder: of the data set.
        values: class name → value.
    """
    with whole_file(folder / CLASSES_FILE) as file:
        file.write_text(_json(values), encoding="utf-8")


def _json(values: Mapping[str, int]) -> str:
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


def check_readable(folder: Path) -> None:
    """Makes sure that a training reads what was written: every label as that of its case and of its annotator.

    Args:
        folder: of the data set.

    Raises:
        InputError: a name of an annotator or a case means something else in a data set.
    """
    written: dict[str, set[str]] = defaultdict(set)
    for place in folder.iterdir():
        if place.is_dir() and place.name not in (IMAGES, MAPS):
            for label in place.iterdir():
                written[split_suffix(label.name)[0]].add(place.name)
    found = {}
    for item in read_dataset(folder).items:
        several = item.get("annotators", {})
        single = [Path(item["label"]).parent.name] if "label" in item else []
        found[item["case"]] = {name for name, path in several.items() if Path(path).parent.name == name} | set(single)
        if several and single and single != ["truth"]:
            raise InputError(
                f"{single[0]}: in a data set, a folder of this name holds the ground truth; give the annotator another "
                "name by --exports NAME=PATH."
            )
    if wrong := sorted(case for case in written.keys() | found.keys() if written.get(case) != found.get(case)):
        case = wrong[0]
        raise InputError(
            f"{case}: expected names that a data set's folders can have, but labels of "
            f"{', '.join(sorted(written.get(case, ()))) or 'nobody'} would be read as those of "
            f"{', '.join(sorted(found.get(case, ()))) or 'nobody'}; give the annotators other names by --exports "
            "NAME=PATH."
        )


def folder_name(annotator: str) -> str:
    """The name of an annotator's folder: letters, digits and ``-_.`` of the annotator's, other signs as ``_``.

    Args:
        annotator: any text.

    Returns:
        A name that every file system takes.

    Example:
        >>> folder_name("Anna B./radiology"), folder_name("..")
        ('Anna_B._radiology', '_')
    """
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in annotator).strip(".") or "_"


def _copy(source: Path, folder: Path, case: str) -> Path:
    """Copies an image with the file of its voxels, where that is another; a DICOM series becomes NIfTI."""
    folder.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        return write_nifti(folder / f"{case}.nii.gz", read_series(source))
    for voxels, headers in HEADERS.items():
        if split_suffix(source.name)[1] in headers and (other := source.with_name(case + voxels)).is_file():
            shutil.copy2(other, folder / other.name)
    return Path(shutil.copy2(source, folder / f"{case}{split_suffix(source.name)[1]}"))


def _save(indices: np.ndarray, source: Path, path: Path, picture: bool) -> None:
    """Indices of classes in 8 bits, `NOT_LABELED` for −1."""
    stored = np.where(indices < 0, NOT_LABELED, indices).astype(np.uint8)
    if not picture:
        save_like(source, stored, path)
        return
    with whole_file(f"{path}.png") as partial:
        Image.fromarray(stored).save(partial)
