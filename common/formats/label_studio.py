"""Label Studio's JSON: brushes, polygons and rectangles; each completion of a task is an annotator's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import InputError
from common.formats.coco import read_json
from common.formats.picture_cases import Images, Report, find_case, picture_size, polygon_mask
from common.formats.segments import Segments

__all__ = ["decode_brush", "read", "recognize"]

LABELS = {"brushlabels": "brush", "polygonlabels": "polygon", "rectanglelabels": "rectangle"}


def recognize(path: str | os.PathLike[str]) -> bool:
    """Whether a file is JSON with a list of tasks, each with ``data`` and ``annotations``."""
    content = read_json(path) if Path(path).suffix.lower() == ".json" else None
    return isinstance(content, list) and all(
        isinstance(task, dict) and {"data", "annotations"} <= task.keys() for task in content
    )


def decode_brush(numbers: list[int]) -> np.ndarray:
    """The bytes that a brush's run lengths stand for.

    The format is that of `rle-pack <https://github.com/thi-ng/umbrella/tree/develop/packages/rle-pack>`_, with which
    Label Studio packs the red, green, blue and opacity of each pixel: 32 bits with the number of words, 5 with the
    bits of a word less 1, 4 times 4 with the bits of a length less 1; then chunks of a bit that is 1 for a run, 2 that
    choose among the four, the length less 1, and one word, or, not for a run, that many.

    Args:
        numbers: bytes of the packed stream.

    Returns:
        uint8, one for each word.

    Raises:
        InputError: the stream ends too early, or its words are not bytes.

    Example:
        >>> decode_brush([0, 0, 0, 4, 57, 27, 252, 127, 224]).tolist()  # a run of 4 times 255
        [255, 255, 255, 255]
    """
    bits = np.unpackbits(np.asarray(numbers, np.uint8))
    place = 0

    def take(count: int) -> int:
        nonlocal place
        if place + count > len(bits):
            raise InputError("the run lengths of a brush end too early.")
        value = int("".join(map(str, bits[place : place + count])), 2)
        place += count
        return value

    count, word = take(32), take(5) + 1
    sizes = [take(4) + 1 for _ in range(4)]
    if word != 8:
        raise InputError(f"a brush has words of {word} bits; expected 8.")
    parts: list[np.ndarray] = []
    done = 0
    while done < count:
        run = take(1)
        length = take(sizes[take(2)]) + 1
        if run:
            parts.append(np.full(length, take(8), np.uint8))
        else:
            if place + 8 * length > len(bits):
                raise InputError("the run lengths of a brush end too early.")
            parts.append(np.packbits(bits[place : place + 8 * length]))
            place += 8 * length
        done += length
    return np.concatenate(parts)[:count] if parts else np.zeros(0, np.uint8)


def read(
    path: str | os.PathLike[str], images: Images, report: Report, annotator: str = "", attribute: str | None = None
) -> Iterator[Segments]:
    """What annotators drew, by the export "JSON" of a project.

    A completion that was canceled ("skipped") did not label the image; one that was submitted with nothing marked is an
    empty label. Polygons and rectangles by `polygon_mask`. Other kinds of regions are left out, which is said.

    Args:
        path: of the file.
        images: case → picture.
        report: is told in a sentence what is left out; the rest is read.
        annotator: who drew all of the file; empty: each completion's ``completed_by`` (its email, or number).
        attribute: of a completion, that names the annotator instead.

    Yields:
        The segments of a case and an annotator, with a mask for every label that occurs in the file. Of several
        completions of one annotator the last counts.

    Raises:
        InputError: the file cannot be read or is not of this format.
    """
    if not recognize(path):
        raise InputError(f"{path}: expected a list of Label Studio's tasks with data and annotations.")
    tasks = read_json(path)
    regions = [r for task in tasks for done in task["annotations"] for r in done.get("result", [])]
    classes = sorted({name for region in regions for name in _names(region)})
    for task in tasks:
        try:
            case = find_case(_picture(task["data"]), images)
            size = picture_size(images[case])
        except InputError as error:
            report(f"{path}, task {task.get('id', '?')}: {error}")
            continue
        drawn: dict[str, Segments] = {}
        for done in task["annotations"]:
            if done.get("was_cancelled"):
                continue
            who = str(done.get(attribute, "")) if attribute else annotator or _person(done.get("completed_by", ""))
            try:
                masks = {name: np.zeros(size, bool) for name in classes}
                for region in done.get("result", []):
                    if not _names(region):
                        report(f"{path}, {case}: a region of the kind {region.get('type')} is left out.")
                    for name in _names(region):
                        masks[name] |= _mask(case, region, size)
            except (InputError, KeyError, TypeError, ValueError) as error:
                what = str(error) if isinstance(error, InputError) else f"a region cannot be understood ({error!r})."
                report(f"{path}, {case}, annotator {who}: {what}")
                continue
            drawn[who] = Segments(case, who, masks)
        yield from drawn.values()


def _names(region: dict[str, Any]) -> list[str]:
    kind = region.get("type", "")
    return list(region.get("value", {}).get(kind, [])) if kind in LABELS else []


def _person(entry: Any) -> str:
    return str(entry.get("email") or entry.get("id", "")) if isinstance(entry, dict) else str(entry)


def _picture(data: dict[str, Any]) -> str:
    texts = [value for value in data.values() if isinstance(value, str)]
    return str(data.get("image") or (texts[0] if texts else ""))


def _mask(case: str, region: dict[str, Any], size: tuple[int, int]) -> np.ndarray:
    value = region["value"]
    said = (region.get("original_height", size[0]), region.get("original_width", size[1]))
    if said != size:
        raise InputError(f"{case}: expected {size[1]} × {size[0]} pixels, got a region of {said[1]} × {said[0]}.")
    if region.get("image_rotation") or value.get("rotation"):
        raise InputError(f"{case}: expected a region along the axes of the image, got one that is rotated.")
    if LABELS[region["type"]] == "brush":
        opacity = decode_brush(value["rle"])
        if opacity.size != 4 * size[0] * size[1]:
            raise InputError(f"{case}: expected a brush over {size[1]} × {size[0]} pixels, got {opacity.size // 4}.")
        return opacity.reshape(*size, 4)[..., 3] > 0
    scale = np.array((size[1], size[0])) / 100
    if LABELS[region["type"]] == "polygon":
        return polygon_mask([np.asarray(value["points"], float) * scale], size)
    left, top = np.array((value["x"], value["y"])) * scale
    right, bottom = np.array((value["x"] + value["width"], value["y"] + value["height"])) * scale
    return polygon_mask([[(left, top), (right, top), (right, bottom), (left, bottom)]], size)
