"""CVAT's own XML for images, version 1.1: masks, polygons and boxes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from common.errors import InputError
from common.formats.coco import decode_runs
from common.formats.picture_cases import Images, Report, find_case, picture_size, polygon_mask
from common.formats.segments import Segments

__all__ = ["read", "recognize"]

SHAPES = ("mask", "polygon", "box")


def recognize(path: str | os.PathLike[str]) -> bool:
    """Whether a file is XML whose root is ``annotations``."""
    if Path(path).suffix.lower() != ".xml":
        return False
    with Path(path).open("rb") as file:
        return b"<annotations" in file.read(4096)


def read(
    path: str | os.PathLike[str], images: Images, report: Report, annotator: str = "", attribute: str | None = None
) -> Iterator[Segments]:
    """What an annotator drew, by the export "CVAT for images 1.1" of a task or job.

    All shapes of a label in an image are one mask; an image that is listed without a shape is empty. Polygons by
    `polygon_mask`; boxes are the rectangles that they are. Points, lines and tracks are left out, which is said.

    Args:
        path: of ``annotations.xml``.
        images: case → picture.
        report: is told in a sentence what is left out; the rest is read.
        annotator: who drew all of the file.
        attribute: of a shape, that names the annotator instead.

    Yields:
        The segments of a case and an annotator, with a mask for every label of the task.

    Raises:
        InputError: the file cannot be read, is not of this format, or declares entities of its own.
    """
    try:
        text = Path(path).read_bytes()
        if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
            raise InputError(f"{path}: expected XML without a document type, which CVAT does not write.")
        root = ElementTree.fromstring(text)
    except (OSError, ElementTree.ParseError) as error:
        raise InputError(f"{path} cannot be read as XML: {error}.") from error
    if root.tag != "annotations" or root.find("track") is not None:
        raise InputError(f"{path}: expected CVAT's annotations of images, got {root.tag}, or tracks.")
    labels = [name.text or "" for name in root.findall("./meta//labels/label/name")]
    for image in root.iter("image"):
        try:
            case = find_case(image.get("name", ""), images)
            size = picture_size(images[case], (int(image.get("height", 0)), int(image.get("width", 0))))
            found: dict[str, dict[str, np.ndarray]] = {}
            if attribute is None:
                found[annotator] = {name: np.zeros(size, bool) for name in labels}
            for shape in image:
                if shape.tag not in SHAPES:
                    report(f"{path}, {case}: a shape of the kind {shape.tag} is left out.")
                    continue
                who = annotator if attribute is None else _who(shape, attribute)
                if not who and attribute is not None:
                    report(f"{path}, {case}: a shape without {attribute} is left out.")
                    continue
                masks = found.setdefault(who, {name: np.zeros(size, bool) for name in labels})
                label = shape.get("label", "")
                masks[label] = masks.get(label, np.zeros(size, bool)) | _mask(case, shape, size)
        except (InputError, ValueError) as error:
            report(f"{path}: {error if isinstance(error, InputError) else f'an image cannot be understood ({error}).'}")
            continue
        yield from (Segments(case, who, masks) for who, masks in found.items())


def _who(shape: ElementTree.Element, attribute: str) -> str:
    return next((entry.text or "" for entry in shape.findall("attribute") if entry.get("name") == attribute), "")


def _mask(case: str, shape: ElementTree.Element, size: tuple[int, int]) -> np.ndarray:
    if shape.tag == "polygon":
        return polygon_mask([_points(shape.get("points", ""))], size)
    if shape.tag == "box":
        if float(shape.get("rotation", 0)):
            raise InputError(f"{case}: expected a box along the axes, got one that is rotated.")
        left, top, right, bottom = (float(shape.get(key, "nan")) for key in ("xtl", "ytl", "xbr", "ybr"))
        return polygon_mask([[(left, top), (right, top), (right, bottom), (left, bottom)]], size)
    left, top, width, height = (int(float(shape.get(key, "nan"))) for key in ("left", "top", "width", "height"))
    if left < 0 or top < 0 or left + width > size[1] or top + height > size[0]:
        raise InputError(f"{case}: expected a mask within {size[1]} × {size[0]} pixels, got one beyond them.")
    counts = np.array([int(text) for text in shape.get("rle", "").split(",")])
    mask = np.zeros(size, bool)
    mask[top : top + height, left : left + width] = decode_runs(counts, (height, width), case)
    return mask


def _points(text: str) -> list[tuple[float, float]]:
    pairs = [pair.split(",") for pair in text.split(";")]
    return [(float(x), float(y)) for x, y in pairs]
