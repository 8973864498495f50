"""Annotators' exports to one data set: what their tools wrote, as label images that every bundle trains on.

Read are COCO and Label Studio JSON and CVAT's XML of pictures, and of volumes 3D Slicer's .seg.nrrd, DICOM SEG and
RTSTRUCT, LIDC-IDRI's XML and tables of rectangles; a folder stands for the files in it (but no tables). Masks of one
structure each are joined. Written are ``images/`` and a folder for each annotator, with ``classes.json``; or the images
alone. Converting happens once and can be looked at; no training guesses what a tool meant.
"""

from __future__ import annotations

import shlex
import tempfile
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from common.command import listed, run_command
from common.datasets.converted import (
    CLASSES_FILE,
    FINDINGS_FILE,
    IMAGES,
    MAPS,
    NOBODY_DREW,
    NOT_LABELED,
    Written,
    check_readable,
    check_target,
    folder_name,
    pictures_of_dicom,
    write_classes,
    write_images,
    write_labels,
)
from common.datasets.images_by_case import FIRST_CHANNEL, images_by_case
from common.errors import InputError, counted
from common.formats import coco, dicom_seg, list_exports, read_export
from common.formats.exports import ANNOTATOR_BY
from common.formats.held_segments import HeldSegments
from common.formats.mask_files import MaskFiles, find_images, find_masks, read_masks
from common.formats.segments import MARK, Segments, is_class, without_background, without_marks
from common.io.files import whole_folder, write_csv

MOST_NAMED = 12  # classes in a sentence
READING: dict[str, Any] = {"desc": "reading", "unit": "file", "disable": None}  # of the progress bar


@dataclass
class _Read:
    """What was read beside masks, which are held."""

    rows: list[dict[str, Any]] = field(default_factory=list)  # of FINDINGS_FILE
    marked: int = 0  # segments that an audit added
    background: int = 0  # segments that stand for the background
    fractions: Counter[str] = field(default_factory=Counter)  # labels by kind of fractions


def convert(
    images: str,
    output: str,
    exports: str | Sequence[str] | Mapping[str, str] | None = None,
    masks: str | Sequence[str] | None = None,
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
    DICOM RTSTRUCT, LIDC-IDRI's XML and tables of annotators' rectangles (CSV) for volumes; or masks of one structure or
    one object each. What cannot be read is reported, the rest is written, and the exit code is 1. The command prints
    the options with which a training reads the data set. Without ``--exports`` and ``--masks`` the images alone are
    written. DICOM series become NIfTI, and radiographs and other pictures in DICOM become PNG.

    Args:
        images: folder of the images that were annotated: pictures, volumes, or folders of DICOM series; pictures may be
            in DICOM, too, such as radiographs. Where all of them are named ``CASE_0000``, as nnU-Net names images of
            one channel, their cases are called ``CASE``. Or a pattern of their paths, in which ``{case}`` is the case's
            name and ``*`` anything.
        output: folder of the data set, which must be new or empty.
        exports: files, or folders of files, each given as ``PATH`` or as ``ANNOTATOR=PATH``; by default the
            images alone are written.
        masks: in place of exports, patterns of the paths of masks that hold one structure or object each, as
            ``STRUCTURE=PATTERN``, or with ``{structure}`` in the pattern. ``{case}``, ``{annotator}`` and ``*`` are as
            in ``--images``. The masks of one structure in one image are joined.
        classes: names of the classes without the background; where two classes overlap, the one later in this list is
            taken. Labels of other classes are left out and reported. By default all classes that occur, sorted by name.
        attribute: name of the attribute of the annotations that says who drew them; by default, no attribute is used.
        annotator_by: where the annotator's name comes from if ``--exports`` does not give it: creator (as the file
            says, otherwise the name of the file), file or folder; for volumes also description; for CVAT also task,
            assignee or job; for COCO and CVAT also copy or image_folder, if one file lists a picture once for each
            annotator; for Label Studio also copy, if each completion of an annotator counts.
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

        A mask for each organ, and several masks of lesions:

            python -m common.convert --images "{case}/ct.nii" --masks "{case}/{structure}.nii" --output d
            python -m common.convert --images "{case}.png" --masks "cyst={case}_mask*.png" --output d

        DICOM as NIfTI and PNG, and a network's probabilities for an audit:

            python -m common.convert --images scans/ --output data
            python -m common.convert --images scans --exports seg --fractional probabilities --output maps
    """
    if annotator_by not in ANNOTATOR_BY:
        raise InputError(f"--annotator_by: expected one of {', '.join(ANNOTATOR_BY)}, got {annotator_by}.")
    for option, value, choices in (
        ("crowd", crowd, coco.CROWDS),
        ("polygons", polygons, coco.POLYGONS),
        ("fractional", fractional, dicom_seg.FRACTIONAL),
    ):
        if value not in choices:
            raise InputError(f"--{option}: expected {' or '.join(choices)}, got {value}.")
    if exports is not None and masks is not None:
        raise InputError("--masks: expected none beside --exports; convert one after the other.")
    of_exports = {
        "attribute": (attribute, None),
        "annotator_by": (annotator_by, "creator"),
        "crowd": (crowd, "mask"),
        "polygons": (polygons, "corners"),
        "fractional": (fractional, "labels"),
    }
    for option, (given, default) in of_exports.items():
        if exports is None and given != default:
            raise InputError(f"--{option}: expected none without --exports, to which alone it applies.")
    target = Path(str(output)).expanduser()
    files = list_exports(exports) if exports is not None else []
    if "{" in str(images) and not Path(str(images)).expanduser().is_dir():
        cases = find_images(str(images), masks or ())
        sources = [*cases.values()]
    else:
        sources = [Path(str(images)).expanduser()]
        cases = images_by_case(sources[0], dicom_pictures=True)
        cases = cases if masks is not None else _without_channel(cases)  # patterns of masks say what is a case's name
    wanted = listed(classes) if classes else None
    mask_files = find_masks(masks, cases, wanted) if masks is not None else MaskFiles()
    check_target(target, [*sources, *(path for _, path in files), *mask_files.paths], overwrite)
    if exports is None and masks is None:
        _convert_images(cases, target)
        return
    problems = [f"{path} is of no image." for path in mask_files.strangers]
    with whole_folder(target) as work, tempfile.TemporaryDirectory(dir=work.parent) as waiting:
        cases = pictures_of_dicom(cases, Path(waiting, IMAGES), problems)
        held = HeldSegments(Path(waiting))
        options = (attribute, annotator_by, crowd, polygons, fractional)
        read = _read_exports(files, cases, options, held, problems)
        for found in tqdm(read_masks(mask_files, cases, problems), total=len(mask_files.files), **READING):
            _hold(found, held, read)
        if not len(held):
            raise InputError(_listed("nothing could be read", problems))
        names = _class_names(classes, {*held.class_names, *filter(is_class, mask_files.structures)})
        values = {name: index for index, name in enumerate(names)}
        written = write_labels(work, cases, held, names, problems)
        if not written.labels and not written.maps:
            raise InputError(_listed("nothing could be written", problems))
        write_classes(work, values)
        if read.rows:
            write_csv(work / FINDINGS_FILE, read.rows)
        if written.labels:
            check_readable(work)
    _print_written(written, read, values, len(cases), len(problems), fractional)
    for note in mask_files.notes():
        print(note)
    _print_next_commands(written, values, target)
    if problems:
        raise InputError(_listed("the rest was written, but look at this", problems))


def _without_channel(images: dict[str, Path]) -> dict[str, Path]:
    """The cases of images of one channel as nnU-Net names them, ``CASE_0000``; others as they are."""
    if not all(name.endswith(FIRST_CHANNEL) and name != FIRST_CHANNEL for name in images):
        return images
    cases = {name.removesuffix(FIRST_CHANNEL): path for name, path in images.items()}
    print(f"Images are named as nnU-Net names them: {next(iter(images))} is the case {next(iter(cases))}.")
    return cases


def _convert_images(cases: Mapping[str, Path], target: Path) -> None:
    """Writes the images alone, as a data set in which nobody drew anything yet."""
    problems: list[str] = []
    with whole_folder(target) as work, tempfile.TemporaryDirectory(dir=work.parent) as waiting:
        readable = pictures_of_dicom(cases, Path(waiting), problems)
        pictures = sum(path != cases[case] for case, path in readable.items())
        series = write_images(work, readable, problems)
        if len(problems) == len(cases):
            raise InputError(_listed("nothing could be written", problems))
        write_classes(work, NOBODY_DREW)
    written = f"{len(cases) - len(problems)} of {counted(len(cases), 'image')}"
    dicom = f"{series} of them DICOM series{f', {pictures} DICOM pictures' if pictures else ''}"
    print(f"{written}, {dicom}; nobody drew labels.")
    print(f"Segment them with: --dataset_dir {shlex.quote(str(target / IMAGES))}")
    if problems:
        raise InputError(_listed("the rest was written, but look at this", problems))


def _read_exports(
    files: Sequence[tuple[str, Path]],
    cases: Mapping[str, Path],
    options: tuple[str | None, str, str, str, str],
    held: HeldSegments,
    problems: list[str],
) -> _Read:
    """Puts what annotators drew into ``held``, and a sentence for what is left out into ``problems``."""
    read = _Read()
    for annotator, path in tqdm(files, **READING):
        try:
            for found in read_export(path, cases, problems, annotator, *options):
                if (found.annotator, found.case) in held:
                    problems.append(f"{path}, {found.case}: {found.annotator} drew it in another file too; left out.")
                    continue
                _hold(found, held, read)
        except InputError as error:
            problems.append(str(error))
    return read


def _hold(found: Segments, held: HeldSegments, read: _Read) -> None:
    """Puts the classes of what an annotator drew into ``held``, and counts what is none."""
    unmarked = without_marks(found)
    drawn = without_background(unmarked)
    held.add(drawn)
    read.marked += len(found.masks) - len(unmarked.masks)
    read.background += _count(unmarked) - _count(drawn)
    read.fractions.update([found.fractional] if found.fractional else [])
    read.rows += [{**row, "annotator": found.annotator} for row in found.rows]


def _count(drawn: Segments) -> int:
    return len(drawn.masks) + len(drawn.probabilities)


def _class_names(classes: str | Sequence[str] | None, found: Collection[str]) -> list[str]:
    """The background and the classes that were named, or else those that were found."""
    names = ["background", *(listed(classes) if classes else sorted(found))]
    if len(names) > NOT_LABELED:
        raise InputError(f"expected {NOT_LABELED - 1} classes at most, got {len(names) - 1}; name some by --classes.")
    if len(set(names)) < len(names):
        raise InputError(f"--classes: expected different names, none of them background, got {', '.join(names[1:])}.")
    return names


def _print_written(
    written: Written, read: _Read, values: Mapping[str, int], cases: int, problems: int, fractional: str
) -> None:
    for what, counts in (("", written.labels), (", probabilities", written.maps)):
        for annotator, count in sorted(counts.items()):
            place = folder_name(annotator)
            renamed = f" (in the folder {place})" if place != annotator else ""
            print(f"{annotator}{renamed}: {count} of {counted(cases, 'image')}{what}")
    if read.fractions:
        print(_about_fractions(read.fractions, fractional))
    if read.marked:
        print(f"Segments that an audit added ({MARK}…) are not classes; left out: {read.marked}.")
    if read.background:
        print(f"The background is what no class covers; segments of this name left out: {read.background}.")
    if written.overlaps:
        names = list(values)[1:]
        order = ", ".join(names) if len(names) <= MOST_NAMED else f"the {len(names)} classes of {CLASSES_FILE}"
        where = f"in {written.overlaps} pixels or voxels"
        print(f"Classes overlap {where}; there the later class in this order was taken: {order}.")
    if read.rows:
        kinds = ", ".join(f"{count} × {kind}" for kind, count in Counter(row["kind"] for row in read.rows).items())
        print(f"{FINDINGS_FILE}: {kinds}; findings without voxels are points in the file and are not labeled.")
    labels, annotators = sum(written.labels.values()), len(written.labels)
    below = f"; {counted(problems, 'problem')}, named below" if problems else ""
    print(f"{counted(labels, 'label')} of {counted(annotators, 'annotator')}{below}.")


def _print_next_commands(written: Written, values: Mapping[str, int], target: Path) -> None:
    """The options to train with, and the command that audits probability maps, ready to be pasted into a shell."""
    text = str(dict(values))
    quoted = f'"{text}"' if not set("".join(values)) & set("'\"$`\\!") else shlex.quote(text)
    meaning = f"--class_values {quoted} --ignore_value {NOT_LABELED}"
    if written.labels:
        print(f"Train with: --dataset_dir {shlex.quote(str(target))} {meaning}")
    for annotator in sorted(written.maps):
        folders = [target / folder_name(who) for who in sorted(written.labels)] or [Path("LABELS")]
        labels = " ".join(shlex.quote(str(folder)) for folder in folders)
        maps = shlex.quote(str(target / MAPS / folder_name(annotator)))
        print(f"Audit with: python -m common.audit --labels {labels} --probabilities {maps} {meaning} --output AUDIT")


def _about_fractions(fractions: Counter[str], became: str) -> str:
    kinds = ", ".join(f"{count} × {kind}" for kind, count in sorted(fractions.items()))
    if became == "labels":
        return f"Fractions ({kinds}) were cut: from one half on is the class. --fractional probabilities keeps them."
    occupancy = "; OCCUPANCY is the share of a voxel that a class covers, and does not say how sure it is"
    return f"Fractions ({kinds}) are maps of probabilities{occupancy if 'OCCUPANCY' in fractions else ''}."


def _listed(what: str, problems: Sequence[str]) -> str:
    return "\n".join([f"{what}:", *(f"  {problem}" for problem in problems)])


if __name__ == "__main__":
    run_command(convert)
