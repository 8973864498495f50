"""Every file that annotation tools wrote, and what annotators drew by one of them, whichever tool it is from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from common.command import listed
from common.errors import InputError
from common.formats import coco, cvat, dicom_seg, label_studio, lidc, region_table, rtstruct, seg_nrrd
from common.formats.segments import Segments, without_unlabeled
from common.formats.volume_cases import ANNOTATORS
from common.io.formats import RESULTS_RECORD

__all__ = ["ANNOTATOR_BY", "list_exports", "read_export"]

PICTURES = {"coco": coco, "label_studio": label_studio, "cvat": cvat}
VOLUMES = {
    "seg_nrrd": seg_nrrd,
    "dicom_seg": dicom_seg,
    "rtstruct": rtstruct,
    "lidc": lidc,
    "regions": region_table,
}
SUFFIXES = {".json", ".xml", ".nrrd", ".nhdr", ".dcm", ""}  # of the files that are taken from a folder
ANNOTATOR_BY = (*ANNOTATORS, "copy", "image_folder", *cvat.WITHIN)  # what may name an annotator
BY_OF_PICTURES = {  # what may name one in files of pictures
    "coco": ("creator", "file", "folder", "copy", "image_folder"),
    "label_studio": ("creator", "file", "folder", "copy"),
    "cvat": ("creator", "file", "folder", "copy", "image_folder", *cvat.WITHIN),
}


def list_exports(exports: str | Sequence[str] | Mapping[str, str]) -> list[tuple[str, Path]]:
    """Every file that an annotator's tool wrote, with the annotator's name where it was given.

    Args:
        exports: files and folders, each as it is or as ``annotator=path``, or these by annotator. Of the folder of an
            inference the record of it does not count.

    Returns:
        (annotator or empty, file).

    Raises:
        InputError: one does not exist, or there is none.

    Example:
        >>> import tempfile
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
            files = (p for p in path.rglob("*") if p.is_file() and p.name != RESULTS_RECORD)
            inside = sorted(file for file in files if file.suffix.lower() in SUFFIXES)
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
        by: what names the annotator, one of ``ANNOTATOR_BY``, see ``--annotator_by`` of `common.convert.convert`.
        crowd: see `common.formats.coco.read`.
        polygons: see `common.formats.coco.read`.
        fractional: see `common.formats.dicom_seg.read`.

    Yields:
        The segments of a case and an annotator; one called ``not labeled``, whatever the tool, is what is ignored.

    Raises:
        InputError: no format fits, the file cannot be read, or its format does not have what ``attribute`` or ``by``
            names.

    Example:
        >>> import json, tempfile
        >>> from PIL import Image
        >>> square = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[0, 0, 2, 0, 2, 2, 0, 2]]}
        >>> picture = {"id": 1, "file_name": "a.png", "width": 4, "height": 3}
        >>> content = {"images": [picture], "categories": [{"id": 1, "name": "cyst"}], "annotations": [square]}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("L", (4, 3)).save(f"{folder}/a.png")
        ...     _ = Path(folder, "anna.json").write_text(json.dumps(content), encoding="utf-8")
        ...     found = list(read_export(Path(folder, "anna.json"), {"a": Path(folder, "a.png")}, []))
        >>> [(one.case, one.annotator) for one in found]
        [('a', 'anna')]
    """
    for name, tool in PICTURES.items():
        if tool.recognize(path):
            if by not in BY_OF_PICTURES[name] and not annotator:
                raise InputError(f"{path}: expected an annotator by {', '.join(BY_OF_PICTURES[name])}, got {by}.")
            says_who = tool is label_studio and by != "file"
            default = path.resolve().parent.name if by == "folder" else "" if says_who else path.stem
            options = {"crowd": crowd, "polygons": polygons} if tool is coco else {}
            for found in tool.read(path, images, problems.append, annotator or default, attribute, by, **options):
                yield without_unlabeled(found)
            return
    for reader in VOLUMES.values():
        if reader.recognize(path):
            if attribute is not None:
                raise InputError(
                    f"{path}: expected no --attribute, since only annotations of pictures have any, got {attribute}."
                )
            options = {"fractional": fractional} if reader is dicom_seg else {}
            for found in reader.read(path, images, by, **options):
                problems.extend(found.problems)  # which name the file
                if found.problems and not found.masks and not found.probabilities:
                    continue  # an empty label would say that there is nothing to draw
                several = reader in (lidc, region_table)  # of whom one file holds several
                who = f"{annotator}_{found.annotator}" if annotator and several else annotator or found.annotator
                yield without_unlabeled(replace(found, annotator=who, problems=()))
            return
    raise InputError(f"{path}: expected {', '.join((*PICTURES, *VOLUMES))}, got a file of none of these formats.")
