"""Annotators' exports to one data set: what their tools wrote, as label images that every bundle trains on.

Read are COCO and Label Studio JSON and CVAT's XML of pictures, and of volumes 3D Slicer's .seg.nrrd, DICOM SEG and
RTSTRUCT, and LIDC-IDRI's XML; a folder stands for the files in it. Written are ``images/`` and a folder for each
annotator, with ``classes.json``; or the images alone. Converting happens once and can be looked at; no training guesses
what a tool meant.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from common.command import listed, run_command
from common.datasets import read_dataset
from common.datasets.images_by_case import images_by_case
from common.datasets.listing import HEADERS, split_suffix
from common.errors import InputError
from common.formats import (
    Segments,
    coco,
    cvat,
    dicom_seg,
    label_studio,
    lidc,
    read_series,
    rtstruct,
    seg_nrrd,
    write_nifti,
)
from common.formats.class_maps import class_map, probability_map
from common.formats.held_segments import HeldSegments
from common.formats.segments import MARK, without_marks
from common.formats.volume_cases import ANNOTATORS
from common.io.files import whole_file, write_csv
from common.io.formats import is_picture, read_header
from common.io.writers import save_like

NOT_LABELED = 255  # what stands for −1 in the files
PICTURES = {"coco": coco, "label_studio": label_studio, "cvat": cvat}
VOLUMES = {"seg_nrrd": seg_nrrd, "dicom_seg": dicom_seg, "rtstruct": rtstruct, "lidc": lidc}
EXPORTS = {".json", ".xml", ".nrrd", ".nhdr", ".dcm", ""}
BY = (*ANNOTATORS, "copy", "image_folder", *cvat.WITHIN)
CLASSES_FILE = "classes.json"
FINDINGS_FILE = "findings.csv"
NOBODY_DREW = {"background": 0}  # the classes of images alone
IMAGES, MAPS = "images", "probabilities"  # folders that are no annotator's
MOST_NAMED = 12  # classes in a sentence


def list_exports(exports: str | Sequence[str] | Mapping[str, str]) -> list[tuple[str, Path]]:
    """Every file that an annotator's tool wrote, with the annotator's name where it was given.

    Args:
        exports: files and folders, each as it is or as ``annotator=path``, or these by annotator.

    Returns:
        (annotator or empty, file).

    Raises:
        InputError: one does not exist, or there is none.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Path(folder, "first.json").touch()
        ...     [(who, path.name) for who, path in list_exports(f"AR={folder}")]
        [('AR', 'first.json')]
    """
    named = exports.items() if isinstance(exports, Mapping) else [("", exports)]
    found: list[tuple[str, Path]] = []
    for annotator, value in named:
        for text in listed(value):
            who, given, name = text.partition("=")
            if Path(text).expanduser().exists() or not given:
                who, name = str(annotator), text
            path = Path(name).expanduser()
            if not path.exists():
                raise InputError(f"{path}: expected an annotator's file or a folder of them, found nothing.")
            inside = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in EXPORTS)
            found += [(who, file) for file in (inside if path.is_dir() else [path])]
    if not found:
        raise InputError("--exports: expected at least one file that an annotation tool wrote, found none.")
    return found


def read_export(
    path: Path,
    images: Mapping[str, Path],
    problems: list[str],
    annotator: str = "",
    attribute: str | None = None,
    by: str = "creator",
    crowd: str = "mask",
    polygons: str = "corners",
    fractional: str = "labels",
) -> Iterator[Segments]:
    """What annotators drew, by one file of any tool.

    Args:
        path: of the file.
        images: case → image.
        problems: gets a sentence for everything that is left out.
        annotator: who drew it; empty: what the file says, or its name.
        attribute: of its entries that names the annotator, see `common.formats.coco.read`.
        by: what names the annotator, see `convert`.
        crowd: see `common.formats.coco.read`.
        polygons: see `common.formats.coco.read`.
        fractional: see `common.formats.dicom_seg.read`.

    Yields:
        The segments of a case and an annotator.

    Raises:
        InputError: no format fits, or the file cannot be read.

    Example:
        >>> square = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[0, 0, 2, 0, 2, 2, 0, 2]]}
        >>> picture = {"id": 1, "file_name": "a.png", "width": 4, "height": 3}
        >>> content = {"images": [picture], "categories": [{"id": 1, "name": "cyst"}], "annotations": [square]}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("L", (4, 3)).save(f"{folder}/a.png")
        ...     _ = Path(folder, "anna.json").write_text(json.dumps(content), encoding="utf-8")
        ...     found = list(read_export(Path(folder, "anna.json"), images_by_case(Path(folder)), []))
        >>> [(one.case, one.annotator) for one in found]
        [('a', 'anna')]
    """
    for name, tool in PICTURES.items():
        if tool.recognize(path):
            default = path.resolve().parent.name if by == "folder" else "" if name == "label_studio" else path.stem
            options = {"crowd": crowd, "polygons": polygons} if name == "coco" else {}
            yield from tool.read(path, images, problems.append, annotator or default, attribute, by, **options)
            return
    for reader in VOLUMES.values():
        if reader.recognize(path):
            options = {"fractional": fractional} if reader is dicom_seg else {}
            for found in reader.read(path, images, by, **options):
                problems.extend(f"{path}: {problem}" for problem in found.problems)
                who = f"{annotator}_{found.annotator}" if annotator and reader is lidc else annotator or found.annotator
                yield replace(found, annotator=who, problems=())
            return
    raise InputError(f"{path}: expected {', '.join((*PICTURES, *VOLUMES))}, got a file of none of these formats.")


def convert(
    images: str,
    exports: str | Sequence[str] | Mapping[str, str] | None = None,
    output: str = "",
    classes: str | Sequence[str] | None = None,
    attribute: str | None = None,
    annotator_by: str = "creator",
    crowd: str = "mask",
    polygons: str = "corners",
    fractional: str = "labels",
    overwrite: bool = False,
) -> None:
    """Turns the exports of annotation tools into a data set with a folder of label images for each annotator.

    It reads JSON of COCO and Label Studio and XML of CVAT for pictures, and ``.seg.nrrd`` of 3D Slicer, DICOM SEG,
    DICOM RTSTRUCT and LIDC-IDRI's XML for volumes. What cannot be read is reported, the rest is written, and the exit
    code is 1. The command prints the options with which a training reads the data set. Without ``--exports`` the images
    alone are written, DICOM series as NIfTI.

    Args:
        images: folder of the images that were annotated: pictures, volumes, or folders of DICOM series.
        exports: files, or folders of files, each given as ``PATH`` or as ``ANNOTATOR=PATH``; by default there are no
            labels yet.
        output: folder of the data set, which must be new or empty; it must be given.
        classes: names of the classes without the background; where two classes overlap, the one later in this list is
            taken. Labels of other classes are left out and reported. By default all classes that occur, sorted by name.
        attribute: name of the attribute of the annotations that says who drew them; by default, no attribute is used.
        annotator_by: where the annotator's name comes from if ``--exports`` does not give it: creator (as the file
            says, otherwise the name of the file), file or folder; for volumes also description; for CVAT also task,
            assignee or job; for COCO and CVAT also copy or image_folder, if one file lists a picture once for each
            annotator.
        crowd: for COCO, how crowd regions are read: as mask, or as ignored (not labeled).
        polygons: for COCO, what whole numbers as coordinates mean: corners of pixels, as annotation tools write them,
            or centers of pixels, as in contours that OpenCV made from masks.
        fractional: what a DICOM SEG of fractions becomes: labels (cut at one half), or probabilities, a map of all
            classes, ``probabilities/ANNOTATOR/CASE_probabilities``, which ``common.audit`` reads.
        overwrite: replace the output folder, if this command wrote it.

    Raises:
        InputError: nothing could be read, or the output folder exists. What is left out is printed, the rest is
            written; then the exit code is 1.

    Example:
        A file of each annotator, and a folder with a folder for each:

            python -m common.convert --images scans/ --exports anna=a.xml,ben=b.json --output data
            python -m common.convert --images scans/ --exports tools/ --annotator_by folder --output data

        DICOM series as NIfTI, and a network's probabilities for an audit:

            python -m common.convert --images scans/ --output data
            python -m common.convert --images scans --exports seg --fractional probabilities --output maps
    """
    if not str(output):
        raise InputError("--output: expected the folder to write, got none.")
    if annotator_by not in BY:
        raise InputError(f"--annotator_by: expected one of {', '.join(BY)}, got {annotator_by}.")
    for option, value, choices in (
        ("crowd", crowd, coco.CROWDS),
        ("polygons", polygons, coco.POLYGONS),
        ("fractional", fractional, dicom_seg.FRACTIONAL),
    ):
        if value not in choices:
            raise InputError(f"--{option}: expected {' or '.join(choices)}, got {value}.")
    source, target = Path(str(images)).expanduser(), Path(str(output)).expanduser()
    files = list_exports(exports) if exports is not None else []
    _check_target(target, [source, *(path for _, path in files)], overwrite)
    cases = images_by_case(source)
    if exports is None:
        _convert_images(cases, target)
        return
    problems: list[str] = []
    rows: list[dict[str, Any]] = []
    marked, fractions = 0, Counter[str]()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=target.parent) as partial:
        (Path(partial) / "held").mkdir()
        held = HeldSegments(Path(partial) / "held")
        for annotator, path in tqdm(files, desc="reading", unit="file", disable=None):
            try:
                options = (attribute, annotator_by, crowd, polygons, fractional)
                for found in read_export(path, cases, problems, annotator, *options):
                    if (found.annotator, found.case) in held:
                        who = found.annotator
                        problems.append(f"{path}, {found.case}: {who} drew it in another file too; left out.")
                    else:
                        held.add(drawn := without_marks(found))
                        marked += len(found.masks) - len(drawn.masks)
                        fractions.update([found.fractional] if found.fractional else [])
                        rows += [{**row, "annotator": found.annotator} for row in found.rows]
            except InputError as error:
                problems.append(str(error))
        if not len(held):
            raise InputError(_listed("nothing could be read", problems))
        names = ["background", *(listed(classes) if classes else sorted(held.class_names))]
        if len(names) > NOT_LABELED:
            raise InputError(
                f"expected {NOT_LABELED - 1} classes at most, got {len(names) - 1}; name some by --classes."
            )
        values = {name: index for index, name in enumerate(names)}
        if len(values) < len(names):
            raise InputError(
                f"--classes: expected different names, none of them background, got {', '.join(names[1:])}."
            )
        work = Path(partial) / "data"
        counts, maps, overlaps = _write(work, cases, held, names, problems)
        if not counts and not maps:
            raise InputError(_listed("nothing could be written", problems))
        _write_classes(work, values)
        if rows:
            write_csv(work / FINDINGS_FILE, rows)
        if counts:
            _check_readable(work)
        _put(work, target)
    for what, found_counts in (("", counts), (", probabilities", maps)):
        for annotator, count in sorted(found_counts.items()):
            print(f"{annotator}: {count} of {len(cases)} images{what}")
    if fractions:
        print(_about_fractions(fractions, fractional))
    if marked:
        print(f"Segments that an audit added ({MARK}…) are not classes; left out: {marked}.")
    if overlaps:
        order = ", ".join(names[1:]) if len(names) <= MOST_NAMED else f"the {len(names) - 1} classes of {CLASSES_FILE}"
        print(f"Classes overlap at {overlaps} places; there the later class in this order was taken: {order}.")
    if rows:
        kinds = ", ".join(f"{count} × {kind}" for kind, count in Counter(row["kind"] for row in rows).items())
        print(f"{FINDINGS_FILE}: {kinds}; findings without voxels are points in the file and are not labeled.")
    print(f"{sum(counts.values())} labels of {len(counts)} annotators; {len(problems)} left out.")
    option = f'"{values}"' if not set("".join(names)) & set("'\"$`\\!") else shlex.quote(str(values))
    meaning = f"--class_values {option} --ignore_value {NOT_LABELED}"
    if counts:
        print(f"Train with: --dataset_dir {shlex.quote(str(target))} {meaning}")
    for annotator in sorted(maps):
        folders = [target / folder_name(who) for who in sorted(counts)] or [Path("LABELS")]
        labels = " ".join(shlex.quote(str(folder)) for folder in folders)
        place = shlex.quote(str(target / MAPS / folder_name(annotator)))
        print(f"Audit with: python -m common.audit --labels {labels} --probabilities {place} {meaning} --output AUDIT")
    if problems:
        raise InputError(_listed("the rest was written, but not this", problems))


def _convert_images(cases: Mapping[str, Path], target: Path) -> None:
    """Writes the images alone, as a data set in which nobody drew anything yet."""
    problems: list[str] = []
    series = 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=target.parent) as partial:
        work = Path(partial) / "data"
        for case, source in tqdm(cases.items(), desc="writing", unit="image", disable=None):
            try:
                _copy(source, work / IMAGES, case)
                series += source.is_dir()
            except InputError as error:
                problems.append(str(error))
        if len(problems) == len(cases):
            raise InputError(_listed("nothing could be written", problems))
        _write_classes(work, NOBODY_DREW)
        _put(work, target)
    print(f"{len(cases) - len(problems)} of {len(cases)} images, {series} of them DICOM series; nobody drew labels.")
    print(f"Segment them with: --dataset_dir {shlex.quote(str(target / IMAGES))}")
    if problems:
        raise InputError(_listed("the rest was written, but not this", problems))


def _write_classes(folder: Path, values: Mapping[str, int]) -> None:
    with whole_file(folder / CLASSES_FILE) as file:
        file.write_text(_json(values), encoding="utf-8")


def _json(values: Mapping[str, int]) -> str:
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


def _put(work: Path, target: Path) -> None:
    """Moves what was written beside the target, in a temporary folder, to its place."""
    if target.exists():
        os.replace(target, work.with_name("replaced"))
    os.replace(work, target)


def _about_fractions(fractions: Counter[str], became: str) -> str:
    kinds = ", ".join(f"{count} × {kind}" for kind, count in sorted(fractions.items()))
    if became == "labels":
        return f"Fractions ({kinds}) were cut: from one half on is the class. --fractional probabilities keeps them."
    occupancy = "; OCCUPANCY is the share of a voxel that a class covers, and does not say how sure it is"
    return f"Fractions ({kinds}) are maps of probabilities{occupancy if 'OCCUPANCY' in fractions else ''}."


def _listed(what: str, problems: Sequence[str]) -> str:
    return "\n".join([f"{what}:", *(f"  {problem}" for problem in problems)])


def _check_target(target: Path, sources: Sequence[Path], overwrite: bool) -> None:
    """Refuses a folder that holds something, unless it may be replaced and this command wrote it."""
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


def _check_readable(folder: Path) -> None:
    """Makes sure that a training reads what was written: every label as that of its case and of its annotator."""
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


def _write(
    folder: Path, cases: Mapping[str, Path], held: HeldSegments, names: Sequence[str], problems: list[str]
) -> tuple[dict[str, int], dict[str, int], int]:
    """Writes images, labels and probabilities.

    Returns the number of labels and of probability maps by annotator, and of places where classes overlapped.
    """
    counts: dict[str, int] = {}
    maps: dict[str, int] = {}
    overlaps = 0
    sources: dict[str, Path] = {}
    owners: dict[str, str] = {IMAGES: "", MAPS: ""}  # annotator by folder, as a file system that ignores case has it
    for found in tqdm(held, total=len(held), desc="writing", unit="label", disable=None):
        label, case = found.annotator or "annotator", found.case
        place = folder_name(label)
        try:
            if owners.setdefault(place.lower(), label) != label:
                other = owners[place.lower()] or f"the {place.lower()}"
                raise InputError(f"{case}, annotator {label}: the folder {place} is that of {other} already.")
            if case not in sources:
                sources[case] = _copy(cases[case], folder / IMAGES, case)
            shape = tuple(read_header(sources[case]).shape)
            picture = is_picture(sources[case])
            if found.probabilities:
                values = probability_map(found, names, shape)
                save_like(sources[case], values, folder / MAPS / place / f"{case}_probabilities")
                maps[label] = maps.get(label, 0) + 1
                continue
            indices, overlap = class_map(found, names, shape[::-1] if picture else shape)
            _save(indices, sources[case], folder / place / case, picture)
        except InputError as error:
            problems.append(str(error))
            continue
        counts[label] = counts.get(label, 0) + 1
        overlaps += overlap
    return counts, maps, overlaps


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
    return Path(shutil.copy2(source, folder / source.name))


def _save(indices: np.ndarray, source: Path, path: Path, picture: bool) -> None:
    """Indices of classes in 8 bits, `NOT_LABELED` for −1."""
    stored = np.where(indices < 0, NOT_LABELED, indices).astype(np.uint8)
    if not picture:
        save_like(source, stored, path)
        return
    with whole_file(f"{path}.png") as partial:
        Image.fromarray(stored).save(partial)


if __name__ == "__main__":
    run_command(convert)
