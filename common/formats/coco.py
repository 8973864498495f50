"""COCO JSON: polygons and run lengths of instances, categories as classes, annotators by file, attribute or copy."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import InputError
from common.formats.picture_cases import Images, Report, picture_size, place_entries, polygon_mask
from common.formats.segments import Segments

__all__ = ["read", "recognize"]

CROWDS = ("mask", "ignored")
POLYGONS = ("corners", "centers")
UNREADABLE = (InputError, KeyError, TypeError, ValueError, AttributeError, OverflowError)  # entries of a wrong kind


def recognize(path: str | os.PathLike[str]) -> bool:
    """Whether a file is JSON with ``images``, ``annotations`` and ``categories``."""
    content = read_json(path) if Path(path).suffix.lower() == ".json" else None
    return isinstance(content, dict) and {"images", "annotations", "categories"} <= content.keys()


def read_json(path: str | os.PathLike[str]) -> Any:
    """The content of a JSON file; that of the last file is kept, so nobody may change it.

    Raises:
        InputError: it cannot be read.
    """
    try:
        state = os.stat(path)
        return _parsed(os.fspath(path), state.st_mtime_ns, state.st_size)
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}.") from error


@lru_cache(maxsize=1)
def _parsed(path: str, *_state: int) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8-sig"))


def read(
    path: str | os.PathLike[str],
    images: Images,
    report: Report,
    annotator: str = "",
    attribute: str | None = None,
    by: str = "file",
    crowd: str = "mask",
    polygons: str = "corners",
) -> Iterator[Segments]:
    """What annotators drew, by a file of COCO's format.

    All instances of a category in an image are one mask. Those with ``iscrowd`` are masks too (CVAT gives that to
    whatever was brushed), or what was not labeled, as COCO's evaluation has it. Polygons by `polygon_mask`, which
    differs from pycocotools at the border alone. An image that the file lists and that has no annotation was looked at
    and is empty; by an attribute of annotations it is nobody's.

    Args:
        path: of the file.
        images: case → picture.
        report: is told in a sentence what is left out; the rest is read.
        annotator: who drew all of the file.
        attribute: of an annotation, of its ``attributes`` or of its image, that names the annotator instead.
        by: ``copy`` or ``image_folder`` where the file lists a picture once for each annotator, see `place_entries`.
        crowd: ``mask``, or ``ignored``: places of crowd regions where nothing else was drawn are not labeled.
        polygons: what the whole numbers among the coordinates of polygons are: ``corners`` of pixels, as COCO has them,
            or ``centers``, as contours of masks by OpenCV have them; then these masks come back, their holes filled.

    Yields:
        The segments of a case and an annotator, with a mask for every category.

    Raises:
        InputError: the file is not of this format.
    """
    if crowd not in CROWDS:
        raise InputError(f"crowd: expected {' or '.join(CROWDS)}, got {crowd}.")
    if polygons not in POLYGONS:
        raise InputError(f"polygons: expected {' or '.join(POLYGONS)}, got {polygons}.")
    shift = 0.5 if polygons == "centers" else 0.0
    content = read_json(path)
    try:
        names = {category["id"]: str(category["name"]) for category in content["categories"]}
        by_image: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for annotation in content["annotations"]:
            by_image[annotation["image_id"]].append(annotation)
        listed = {image["id"]: image for image in content["images"]}
    except UNREADABLE as error:
        raise InputError(f"{path}: expected COCO's images, annotations and categories, lacking is {error}.") from error
    for what, many, count in (("image", "images", len(listed)), ("category", "categories", len(names))):
        if count < len(content[many]):
            raise InputError(f"{path}: expected an id for each {what}, got {count} for {len(content[many])}.")
    for lost in sorted(map(str, by_image.keys() - listed.keys())):
        report(f"{path}: annotations of image {lost}, which the file does not list, are left out.")
    files = {identity: str(image.get("file_name", "")) for identity, image in listed.items()}
    copies = by if attribute is None else "attribute"
    for identity, (case, who) in place_entries(path, files, images, report, annotator, copies).items():
        image, drawn = listed[identity], _by_annotator(listed[identity], by_image[identity], who, attribute)
        try:
            size = picture_size(images[case], (image["height"], image["width"]))
        except UNREADABLE as error:
            report(f"{path}: {sentence(error)}")
            continue
        if nobody := drawn.pop("", []) if attribute is not None else []:
            report(f"{path}, {case}: {len(nobody)} annotations without {attribute} are left out.")
        for person, entries in drawn.items():
            try:
                masks, ignored = _masks(case, entries, names, size, crowd, shift)
            except UNREADABLE as error:
                report(f"{path}{f', annotator {person}' if attribute else ''}: {sentence(error, case)}")
                continue
            yield Segments(case, person, masks, (), ignored)


def sentence(error: Exception, case: str = "") -> str:
    """What could not be used of an entry, for a report."""
    where = f"{case}: " if case and not str(error).startswith(f"{case}: ") else ""
    return f"{where}{error}" if isinstance(error, InputError) else f"{where}an entry cannot be understood ({error!r})."


def _by_annotator(
    image: Mapping[str, Any], annotations: list[dict[str, Any]], who: str, attribute: str | None
) -> dict[str, list[dict[str, Any]]]:
    if attribute is None:
        return {who: annotations}
    drawn: dict[str, list[dict[str, Any]]] = defaultdict(list)
    if whole := name_of(image.get(attribute)):
        drawn[whole] = []
    for annotation in annotations:
        own = annotation.get("attributes") or {}
        drawn[name_of(annotation.get(attribute)) or name_of(own.get(attribute)) or whole].append(annotation)
    return drawn


def name_of(value: Any) -> str:
    """The text of a name or number, of 0 too; empty of what says nobody: null, false, or nothing."""
    return "" if value is None or value is False else str(value)


def _masks(
    case: str,
    annotations: list[dict[str, Any]],
    names: dict[Any, str],
    size: tuple[int, int],
    crowd: str,
    shift: float,
) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    masks = {name: np.zeros(size, bool) for name in names.values()}
    crowds, somewhere = np.zeros(size, bool), np.zeros(size, bool)
    for annotation in annotations:
        if annotation["category_id"] not in names:
            raise InputError(f"{case}: expected a category of the file, got {annotation['category_id']}.")
        mask = _mask(case, annotation.get("segmentation"), size, shift)
        if crowd == "ignored" and annotation.get("iscrowd"):
            crowds |= mask
        else:
            masks[names[annotation["category_id"]]] |= mask
            somewhere |= mask
    return masks, crowds & ~somewhere if crowds.any() else None


def _mask(case: str, segmentation: Any, size: tuple[int, int], shift: float) -> np.ndarray:
    """The mask of an instance: polygons, or run lengths down the columns, as numbers or as COCO's text."""
    if isinstance(segmentation, list) and segmentation:
        return polygon_mask([np.asarray(polygon, float).reshape(-1, 2) + shift for polygon in segmentation], size)
    if not isinstance(segmentation, dict):
        raise InputError(f"{case}: expected a segmentation, got an annotation without one (a box alone is no mask).")
    if tuple(segmentation["size"]) != size:
        raise InputError(f"{case}: expected run lengths of {size}, got {tuple(segmentation['size'])}.")
    counts = segmentation["counts"]
    if isinstance(counts, list):
        return decode_runs(np.asarray(counts), size[::-1], case).T
    return decode_runs(unpack_runs(str(counts), case), size[::-1], case).T


def unpack_runs(text: str, case: str) -> np.ndarray:
    """The run lengths that COCO's text stands for.

    Read here and not by pycocotools 2.0.11, which does not refuse lengths that do not fill the picture. By its
    `maskApi.c <https://github.com/cocodataset/cocoapi/blob/master/common/maskApi.c>`_ (rleFrString): characters from 48
    hold 5 bits of a number each, the lowest first, and in the sixth bit whether another follows; the fifth bit of the
    last is the sign; from the fourth number on it is the difference to the number two before.

    Args:
        text: ``counts`` of a segmentation.
        case: named where it is damaged.

    Returns:
        ``(N,)`` int64, as `decode_runs` takes them.

    Raises:
        InputError: the text is no such list of numbers.

    Example:
        >>> unpack_runs("12", "a").tolist()
        [1, 2]
    """
    groups = np.frombuffer(text.encode("latin-1", "replace"), np.uint8).astype(np.int64) - 48
    if groups.size == 0 or (groups < 0).any() or (groups > 63).any() or groups[-1] & 32:
        raise InputError(f"{case}: expected run lengths as COCO's text, got {text[:20]!r}.")
    last = np.flatnonzero(groups & 32 == 0)
    first = np.concatenate(([0], last[:-1] + 1))
    place = np.arange(groups.size) - np.repeat(first, last - first + 1)
    if place.max() > 6:
        raise InputError(f"{case}: expected run lengths below 2^31, got a number of {place.max() + 1} characters.")
    numbers = np.add.reduceat((groups & 31) << (5 * place), first)
    numbers -= np.where(groups[last] & 16, np.int64(1) << (5 * (last - first + 1)), 0)
    for start in (1, 2):  # of each two runs, sums of differences; the first run stands for itself
        numbers[start::2] = np.cumsum(numbers[start::2])
    return numbers


def decode_runs(counts: np.ndarray, shape: tuple[int, int], case: str) -> np.ndarray:
    """A mask from the lengths of runs that are outside, inside, outside, … along its last axis.

    Args:
        counts: lengths, the first of them outside.
        shape: of the mask.
        case: for the message.

    Returns:
        bool of this shape.

    Raises:
        InputError: the lengths are not whole numbers from 0, or do not fill the mask.

    Example:
        >>> decode_runs(np.array([1, 2, 3]), (2, 3), "a").astype(int).tolist()
        [[0, 1, 1], [0, 0, 0]]
    """
    if counts.ndim != 1 or counts.dtype.kind not in "iu":
        raise InputError(f"{case}: expected run lengths, got an array of {counts.dtype} of the shape {counts.shape}.")
    if (counts < 0).any():
        raise InputError(f"{case}: expected run lengths from 0 up, got {counts.min()} among them.")
    if counts.sum() != np.prod(shape):
        raise InputError(f"{case}: expected run lengths for {np.prod(shape)} pixels, got {counts.sum()}.")
    return np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(shape)
