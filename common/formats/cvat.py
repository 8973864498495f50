"""CVAT's own XML for images, version 1.1: masks, polygons, boxes and ellipses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from common.errors import InputError
from common.formats.coco import UNREADABLE, decode_runs, sentence
from common.formats.picture_cases import (
    Images,
    Report,
    ellipse_mask,
    picture_size,
    place_entries,
    polygon_mask,
    turned,
)
from common.formats.segments import Segments
from common.formats.xml_file import read_xml

__all__ = ["read", "recognize"]

SHAPES = ("mask", "polygon", "box", "ellipse")
NO_SHAPES = ("tag", "attribute")
WITHIN = ("task", "assignee", "job")  # annotators by what the file says of the task that an image is in


def recognize(path: str | os.PathLike[str]) -> bool:
    """Whether a file is XML whose root is ``annotations``."""
    if Path(path).suffix.lower() != ".xml":
        return False
    with Path(path).open("rb") as file:
        return b"<annotations" in file.read(4096)


def read(
    path: str | os.PathLike[str],
    images: Images,
    report: Report,
    annotator: str = "",
    attribute: str | None = None,
    by: str = "file",
) -> Iterator[Segments]:
    """What annotators drew, by the export "CVAT for images 1.1" of a project, task or job.

    All shapes of a label in an image are one mask; an image that is listed without a shape is empty, by an attribute it
    is nobody's. Polygons by `polygon_mask`; boxes and ellipses, also rotated ones, likewise. Of an image with points,
    lines or other shapes without an area, or one that cannot be read, the annotator's label is left out as a whole,
    which is said.

    Args:
        path: of ``annotations.xml``.
        images: case → picture.
        report: is told in a sentence what is left out; the rest is read.
        annotator: who drew all of the file.
        attribute: of a shape, that names the annotator instead.
        by: the annotator is the name of the image's ``task``, its ``assignee``, or its ``job`` (``job_<id>``, by the
            frames that the file says a job has); or ``copy`` or ``image_folder``, see `place_entries`.

    Yields:
        The segments of a case and an annotator, with a mask for every label of the task.

    Raises:
        InputError: the file cannot be read, is not of this format, declares entities of its own, or does not say what
            ``by`` asks for.
    """
    root = _parse(path)
    labels = [name.text or "" for name in root.findall("./meta//labels/label/name")]
    listed: dict[str, dict[int, ElementTree.Element]] = {}  # by annotator
    for number, image in enumerate(root.iter("image")):
        who = _within(path, root, image, by) if by in WITHIN else annotator
        listed.setdefault(who, {})[number] = image
    for who, entries in listed.items():
        files = {number: image.get("name", "") for number, image in entries.items()}
        placed = place_entries(path, files, images, report, who, by if attribute is None else "attribute")
        for number, (case, person) in placed.items():
            image = entries[number]
            try:
                size = picture_size(images[case], (int(image.get("height", 0)), int(image.get("width", 0))))
            except UNREADABLE as error:
                report(f"{path}{f', annotator {person}' if by in WITHIN else ''}: {sentence(error, case)}")
                continue
            for drawn_by, shapes in _by_annotator(f"{path}, {case}", image, report, person, attribute).items():
                try:
                    masks = _masks(case, shapes, size, labels)
                except UNREADABLE as error:
                    named = by in WITHIN or attribute is not None
                    report(f"{path}{f', annotator {drawn_by}' if named else ''}: {sentence(error, case)}")
                    continue
                yield Segments(case, drawn_by, masks)


def _parse(path: str | os.PathLike[str]) -> ElementTree.Element:
    root = read_xml(path)
    if root.tag != "annotations" or root.find("track") is not None:
        raise InputError(f"{path}: expected CVAT's annotations of images, got {root.tag}, or tracks.")
    return root


def _within(path: str | os.PathLike[str], root: ElementTree.Element, image: ElementTree.Element, by: str) -> str:
    """Who drew an image, by what the file says of its task or job."""
    tasks = {task.findtext("id", ""): task for task in root.findall("./meta//task")}
    task = tasks.get(image.get("task_id", "")) if len(tasks) > 1 else next(iter(tasks.values()), None)
    name, frame = "", int(image.get("id", "-1")) if image.get("id", "").isdigit() else -1
    if by == "task" and task is not None:
        name = task.findtext("name", "")
    elif by == "assignee" and task is not None:
        name = task.findtext("./assignee/username", "")
    elif by == "job":
        jobs = root.findall("./meta/job") or (task.findall("./segments/segment") if task is not None else [])
        if len(jobs) > 1:
            jobs = [job for job in jobs if _number(job, "start") <= frame <= _number(job, "stop")]
        name = f"job_{jobs[0].findtext('id', '')}" if len(jobs) == 1 and jobs[0].findtext("id") else ""
    if not name:
        raise InputError(
            f"{path}: expected the {by} of {image.get('name')} in the file's <meta>, got none, or several; name each "
            "file's annotator instead."
        )
    return name


def _number(element: ElementTree.Element, name: str) -> int:
    text = element.findtext(name, "")
    return int(text) if text.isdigit() else -1


def _by_annotator(
    where: str, image: ElementTree.Element, report: Report, annotator: str, attribute: str | None
) -> dict[str, list[ElementTree.Element]]:
    """The shapes of an image by who drew them."""
    found: dict[str, list[ElementTree.Element]] = {} if attribute is not None else {annotator: []}
    for shape in image:
        if shape.tag in NO_SHAPES:
            continue
        who = annotator if attribute is None else _who(shape, attribute)
        if who or attribute is None:
            found.setdefault(who, []).append(shape)
        else:
            report(f"{where}: a shape without {attribute} is left out.")
    return found


def _masks(
    case: str, shapes: list[ElementTree.Element], size: tuple[int, int], labels: list[str]
) -> dict[str, np.ndarray]:
    masks = {name: np.zeros(size, bool) for name in labels}
    for shape in shapes:
        label = shape.get("label", "")
        if not label:
            raise InputError(f"{case}: expected shapes with a label, got a {shape.tag} without one.")
        masks[label] = masks.get(label, np.zeros(size, bool)) | _mask(case, shape, size)
    return masks


def _who(shape: ElementTree.Element, attribute: str) -> str:
    return next((entry.text or "" for entry in shape.findall("attribute") if entry.get("name") == attribute), "")


def _mask(case: str, shape: ElementTree.Element, size: tuple[int, int]) -> np.ndarray:
    if shape.tag not in SHAPES:
        raise InputError(
            f"{case}: expected shapes with an area ({', '.join(SHAPES)}), got one of the kind {shape.tag}."
        )
    rotation = float(shape.get("rotation", 0))  # degrees about the center
    if rotation and shape.tag not in ("box", "ellipse"):
        raise InputError(f"{case}: expected a box or an ellipse to be rotated, got a {shape.tag}.")
    if shape.tag == "polygon":
        points = _points(shape.get("points", ""))
        if len(points) < 3:
            raise InputError(f"{case}: expected polygons of three or more corners, got one of {len(points)}.")
        return polygon_mask([points], size)
    if shape.tag == "box":
        left, top, right, bottom = (float(shape.get(key, "nan")) for key in ("xtl", "ytl", "xbr", "ybr"))
        corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
        return polygon_mask([turned(corners, corners.mean(0), rotation)], size)
    if shape.tag == "ellipse":
        x, y, across, down = (float(shape.get(key, "nan")) for key in ("cx", "cy", "rx", "ry"))
        return ellipse_mask(np.array((x, y)), np.array((across, down)), size, rotation)
    left, top, width, height = (int(float(shape.get(key, "nan"))) for key in ("left", "top", "width", "height"))
    if min(left, top, width, height) < 0 or left + width > size[1] or top + height > size[0]:
        raise InputError(f"{case}: expected a mask within {size[1]} × {size[0]} pixels, got one beyond them.")
    counts = np.array([int(text) for text in shape.get("rle", "").split(",")])
    mask = np.zeros(size, bool)
    mask[top : top + height, left : left + width] = decode_runs(counts, (height, width), case)
    return mask


def _points(text: str) -> list[tuple[float, float]]:
    pairs = [pair.split(",") for pair in text.split(";")]
    return [(float(x), float(y)) for x, y in pairs]
