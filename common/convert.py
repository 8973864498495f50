"""Annotators' exports to one data set: what their tools wrote, as label images that every bundle trains on.

    python -m common.convert --images scans --exports anna.json,ben.json --output data
    python -m common.convert --images scans --exports "{'anna': 'job_1.xml', 'ben': 'job_2.xml'}" --output data

Read are COCO and Label Studio JSON and CVAT's XML of pictures, and of volumes 3D Slicer's .seg.nrrd, DICOM SEG and
RTSTRUCT; a folder stands for the files in it. Written are ``images/`` and a folder for each annotator, with
``classes.json``. Converting happens once and can be looked at; no training guesses what a tool meant.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import fire
import numpy as np
from PIL import Image
from tqdm import tqdm

from common.datasets.listing import split_suffix
from common.errors import InputError, show_input_errors
from common.formats import Segments, coco, cvat, dicom_seg, label_studio, read_series, rtstruct, seg_nrrd, write_nifti
from common.formats.class_maps import class_map
from common.io.files import whole_file
from common.io.formats import is_picture, read_header
from common.io.writers import save_like

NOT_LABELED = 255  # what stands for −1 in the files
PICTURES = {"coco": coco, "label_studio": label_studio, "cvat": cvat}
VOLUMES = {"seg_nrrd": seg_nrrd, "dicom_seg": dicom_seg, "rtstruct": rtstruct}
EXPORTS = {".json", ".xml", ".nrrd", ".nhdr", ".dcm", ""}


def find_images(folder: Path) -> dict[str, Path]:
    """The images that were annotated, by case: pictures and volumes in a folder, and folders of DICOM series.

    Args:
        folder: with the files, not in sub-folders, except that a sub-folder with DICOM files is one image.

    Returns:
        Case, the name without its ending → path.

    Raises:
        InputError: there is none, or two of one name.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith(".") or (path.is_file() and not split_suffix(path.name)[1]):
            continue
        if path.is_dir() and not any(path.iterdir()):
            continue
        case = path.name if path.is_dir() else split_suffix(path.name)[0]
        if case in found:
            raise InputError(f"{folder}: expected a name for each image, got {found[case].name} and {path.name}.")
        found[case] = path
    if not found:
        raise InputError(f"{folder}: expected pictures, volumes or folders of DICOM series, found none.")
    return found


def list_exports(exports: str | Sequence[str] | Mapping[str, str]) -> list[tuple[str, Path]]:
    """Every file that an annotator's tool wrote, with the annotator's name where it was given.

    Args:
        exports: files and folders, or these by annotator.

    Returns:
        (annotator or empty, file).

    Raises:
        InputError: one does not exist, or there is none.
    """
    named = exports.items() if isinstance(exports, Mapping) else [("", exports)]
    found: list[tuple[str, Path]] = []
    for annotator, value in named:
        for text in value.split(",") if isinstance(value, str) else value:
            path = Path(str(text)).expanduser()
            if not path.exists():
                raise InputError(f"{path}: expected an annotator's file or a folder of them, found nothing.")
            inside = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in EXPORTS)
            found += [(str(annotator), file) for file in (inside if path.is_dir() else [path])]
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
) -> Iterator[Segments]:
    """What annotators drew, by one file of any tool.

    Args:
        path: of the file.
        images: case → image.
        problems: gets a sentence for everything that is left out.
        annotator: who drew it; empty: what the file says, or its name.
        attribute: of its entries that names the annotator, see `common.formats.coco.read`.
        by: what names the annotator of a volume's file, see `common.formats.volume_cases.annotator_of`.

    Yields:
        The segments of a case and an annotator.

    Raises:
        InputError: no format fits, or the file cannot be read.
    """
    for name, tool in PICTURES.items():
        if tool.recognize(path):
            default = "" if name == "label_studio" else path.stem
            yield from tool.read(path, images, problems.append, annotator or default, attribute)
            return
    for reader in VOLUMES.values():
        if reader.recognize(path):
            for found in reader.read(path, images, by):
                problems.extend(f"{path}: {problem}" for problem in found.problems)
                yield Segments(found.case, annotator or found.annotator, found.masks, (), found.ignored)
            return
    raise InputError(f"{path}: expected {', '.join((*PICTURES, *VOLUMES))}, got a file of none of these formats.")


def convert(
    images: str,
    exports: Any,
    output: str,
    classes: Sequence[str] | None = None,
    attribute: str | None = None,
    annotator_by: str = "creator",
    overwrite: bool = False,
) -> None:
    """Writes annotators' exports as one data set, a folder per annotator.

    Args:
        images: folder of the images that were annotated.
        exports: files or folders, separated by commas, or these by annotator.
        output: folder of the data set, which must be new.
        classes: without the background, in the order in which a later one covers an earlier; by default those that
            occur, by name.
        attribute: name of the attribute, of the tool's annotations, that says who drew them.
        annotator_by: of volumes: creator, description, file or folder.
        overwrite: replace the output folder.

    Raises:
        InputError: nothing could be read, or the output folder exists. What is left out is printed, the rest is
            written; then the exit code is 1.
    """
    target = Path(output).expanduser()
    if target.exists() and any(target.iterdir()) and not overwrite:
        raise InputError(f"{target} exists; name another --output, or replace it with --overwrite.")
    cases = find_images(Path(images).expanduser())
    problems: list[str] = []
    drawn: dict[tuple[str, str], Segments] = {}
    for annotator, path in tqdm(list_exports(exports), desc="reading", unit="file"):
        try:
            for found in read_export(path, cases, problems, annotator, attribute, annotator_by):
                key = (found.annotator, found.case)
                if key in drawn:
                    problems.append(f"{path}, {found.case}: {found.annotator} drew it in another file too; left out.")
                else:
                    drawn[key] = found
        except InputError as error:
            problems.append(str(error))
    occurring = sorted({name for found in drawn.values() for name in found.masks})
    names = ["background", *([str(name) for name in classes] if classes else occurring)]
    if not drawn:
        raise InputError(_listed("nothing could be read", problems))
    work = target.with_name(f".partial-{target.name}")
    shutil.rmtree(work, ignore_errors=True)
    counts, overlaps = _write(work, cases, drawn, names, problems)
    if not counts:
        shutil.rmtree(work, ignore_errors=True)
        raise InputError(_listed("nothing could be written", problems))
    with whole_file(work / "classes.json") as partial:
        values = {name: index for index, name in enumerate(names)}
        partial.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    os.replace(work, target)
    for annotator, count in sorted(counts.items()):
        print(f"{annotator}: {count} of {len(cases)} images")
    if overlaps:
        print(f"In {overlaps} places classes overlapped; the later of {', '.join(names[1:])} was taken.")
    option = json.dumps(values, ensure_ascii=False).replace('"', "'")
    print(f'Train with: --dataset_dir {target} --class_values "{option}" --ignore_value {NOT_LABELED}')
    if problems:
        raise InputError(_listed("the rest was written, but not this", problems))


def _listed(what: str, problems: Sequence[str]) -> str:
    return "\n".join([f"{what}:", *(f"  {problem}" for problem in problems)])


def _write(
    folder: Path,
    cases: Mapping[str, Path],
    drawn: Mapping[tuple[str, str], Segments],
    names: Sequence[str],
    problems: list[str],
) -> tuple[dict[str, int], int]:
    """Writes images and labels; returns the number of cases by annotator, and of places where classes overlapped."""
    counts: dict[str, int] = {}
    overlaps = 0
    sources: dict[str, Path] = {}
    for (annotator, case), found in tqdm(drawn.items(), desc="writing", unit="label"):
        label = annotator or "annotator"
        try:
            if case not in sources:
                sources[case] = _copy(cases[case], folder / "images", case)
            shape = tuple(read_header(sources[case]).shape)
            picture = is_picture(sources[case])
            indices, overlap = class_map(found, names, shape[::-1] if picture else shape)
            _save(indices, sources[case], folder / _folder_name(label) / case, picture)
        except InputError as error:
            problems.append(str(error))
            continue
        counts[label] = counts.get(label, 0) + 1
        overlaps += overlap
    return counts, overlaps


def _folder_name(annotator: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in annotator).strip(".") or "_"


def _copy(source: Path, folder: Path, case: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        return write_nifti(folder / f"{case}.nii.gz", read_series(source))
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
    show_input_errors()
    fire.Fire(convert)
