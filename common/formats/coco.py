"""COCO JSON: polygons and run lengths of instances, categories as classes, annotators by file or by an attribute."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import InputError
from common.formats.picture_cases import Images, Report, find_case, picture_size, polygon_mask
from common.formats.segments import Segments

__all__ = ["read", "recognize"]


def recognize(path: str | os.PathLike[str]) -> bool:
    """Whether a file is JSON with ``images``, ``annotations`` and ``categories``."""
    content = read_json(path) if Path(path).suffix.lower() == ".json" else None
    return isinstance(content, dict) and {"images", "annotations", "categories"} <= content.keys()


def read_json(path: str | os.PathLike[str]) -> Any:
    """The content of a JSON file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}.") from error


def read(
    path: str | os.PathLike[str], images: Images, report: Report, annotator: str = "", attribute: str | None = None
) -> Iterator[Segments]:
    """What annotators drew, by a file of COCO's format.

    All instances of a category in an image are one mask, those with ``iscrowd`` too (CVAT gives that to whatever was
    brushed). Polygons by `polygon_mask`, which differs from pycocotools at the border by a pixel at most. An image that
    the file lists and that has no annotation was looked at and is empty; with ``attribute`` it is nobody's.

    Args:
        path: of the file.
        images: case → picture.
        report: is told in a sentence what is left out; the rest is read.
        annotator: who drew all of the file.
        attribute: of an annotation, or of its ``attributes``, that names the annotator instead.

    Yields:
        The segments of a case and an annotator, with a mask for every category.

    Raises:
        InputError: the file is not of this format, or pycocotools (extra ``formats``) is needed and not installed.
    """
    content = read_json(path)
    try:
        names = {category["id"]: str(category["name"]) for category in content["categories"]}
        by_image: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for annotation in content["annotations"]:
            by_image[annotation["image_id"]].append(annotation)
        listed = {image["id"]: image for image in content["images"]}
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: expected COCO's images, annotations and categories, lacking is {error}.") from error
    for lost in sorted(map(str, by_image.keys() - listed.keys())):
        report(f"{path}: annotations of image {lost}, which the file does not list, are left out.")
    for identity, image in listed.items():
        drawn: dict[str, list[dict[str, Any]]] = defaultdict(list)
        if attribute is None:
            drawn[annotator] = by_image[identity]
        else:
            for annotation in by_image[identity]:
                drawn[_who(annotation, attribute)].append(annotation)
        try:
            case = find_case(str(image.get("file_name", "")), images)
            size = picture_size(images[case], (image["height"], image["width"]))
            if nobody := drawn.pop("", []) if attribute is not None else []:
                report(f"{path}, {case}: {len(nobody)} annotations without {attribute} are left out.")
            found = [Segments(case, who, _masks(case, entries, names, size)) for who, entries in drawn.items()]
        except (InputError, KeyError, TypeError, ValueError) as error:
            report(f"{path}: {_sentence(error)}")
            continue
        yield from found


def _who(annotation: dict[str, Any], attribute: str) -> str:
    return str(annotation.get(attribute, annotation.get("attributes", {}).get(attribute, "")))


def _sentence(error: Exception) -> str:
    return str(error) if isinstance(error, InputError) else f"an entry cannot be understood ({error!r})."


def _masks(
    case: str, annotations: list[dict[str, Any]], names: dict[Any, str], size: tuple[int, int]
) -> dict[str, np.ndarray]:
    masks = {name: np.zeros(size, bool) for name in names.values()}
    for annotation in annotations:
        if annotation["category_id"] not in names:
            raise InputError(f"{case}: expected a category of the file, got {annotation['category_id']}.")
        masks[names[annotation["category_id"]]] |= _mask(case, annotation.get("segmentation"), size)
    return masks


def _mask(case: str, segmentation: Any, size: tuple[int, int]) -> np.ndarray:
    """The mask of an instance: polygons, or run lengths down the columns, as numbers or as COCO's text."""
    if isinstance(segmentation, list) and segmentation:
        return polygon_mask([np.asarray(polygon, float).reshape(-1, 2) for polygon in segmentation], size)
    if not isinstance(segmentation, dict):
        raise InputError(f"{case}: expected a segmentation, got an annotation without one (a box alone is no mask).")
    if tuple(segmentation["size"]) != size:
        raise InputError(f"{case}: expected run lengths of {size}, got {tuple(segmentation['size'])}.")
    counts = segmentation["counts"]
    if isinstance(counts, list):
        return decode_runs(np.asarray(counts), size[::-1], case).T
    try:
        from pycocotools import mask as coco
    except ImportError as error:
        raise InputError("COCO's compressed masks need pycocotools: pip install -e '.[formats]'.") from error
    return coco.decode({"size": list(size), "counts": counts.encode() if isinstance(counts, str) else counts}) > 0


def decode_runs(counts: np.ndarray, shape: tuple[int, int], case: str) -> np.ndarray:
    """A mask from the lengths of runs that are outside, inside, outside, … along its last axis.

    Args:
        counts: lengths, the first of them outside.
        shape: of the mask.
        case: for the message.

    Returns:
        bool of this shape.

    Raises:
        InputError: the lengths do not fill the mask.

    Example:
        >>> decode_runs(np.array([1, 2, 3]), (2, 3), "a").astype(int).tolist()
        [[0, 1, 1], [0, 0, 0]]
    """
    if counts.sum() != np.prod(shape) or (counts < 0).any():
        raise InputError(f"{case}: expected run lengths for {np.prod(shape)} pixels, got {counts.sum()}.")
    return np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(shape)
