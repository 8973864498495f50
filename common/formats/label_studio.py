"""Label Studio's JSON: brushes, polygons, rectangles and ellipses; each completion of a task is an annotator's."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import InputError
from common.formats.brush import decode_brush, encode_brush
from common.formats.coco import UNREADABLE, name_of, read_json, sentence
from common.formats.picture_cases import (
    Images,
    Report,
    case_finder,
    ellipse_mask,
    picture_size,
    polygon_mask,
    turned,
)
from common.formats.segments import Segments
from common.io.files import whole_file

__all__ = ["read", "recognize", "write_label_studio"]

KINDS = {"annotations", "predictions"}
LABELS = ("brushlabels", "polygonlabels", "rectanglelabels", "ellipselabels")
GEOMETRY = {"rle", "points", "x", "radiusX", "vertices", "imageDataURL"}  # of a result that is a region of the image


def recognize(path: str | os.PathLike[str]) -> bool:
    """Whether a file is JSON with a list of tasks, each with ``data`` and ``annotations`` or ``predictions``."""
    content = read_json(path) if Path(path).suffix.lower() == ".json" else None
    return (
        isinstance(content, list)
        and len(content) > 0
        and all(isinstance(task, dict) and "data" in task and KINDS & task.keys() for task in content)
    )


def read(
    path: str | os.PathLike[str],
    images: Images,
    report: Report,
    annotator: str = "",
    attribute: str | None = None,
    by: str = "file",
) -> Iterator[Segments]:
    """What annotators drew, by the export "JSON" of a project.

    A completion that was canceled ("skipped") did not label the image; one that was submitted with nothing marked is an
    empty label. Polygons, rectangles and ellipses, also rotated ones, by the centers inside. A completion with a
    region that cannot be read is left out as a whole, which is said, and so is a task with regions of several images;
    results that are no regions, such as choices, do not count.

    Args:
        path: of the file.
        images: case → picture.
        report: is told in a sentence what is left out; the rest is read.
        annotator: who drew all of the file; empty: each completion's ``completed_by`` (its email, or number).
        attribute: of a completion, that names the annotator instead.
        by: ``copy`` where one annotator completed a picture several times and each counts: the annotators are
            ``<annotator>_1``, ``<annotator>_2``, …; otherwise the last completion counts, which is said.

    Yields:
        The segments of a case and an annotator, with a mask for every label that occurs in the file.

    Raises:
        InputError: the file cannot be read or is not of this format.
    """
    if not recognize(path):
        raise InputError(f"{path}: expected a list of Label Studio's tasks with data and annotations.")
    tasks, find = read_json(path), case_finder(images)
    if any("annotations" not in task for task in tasks):
        raise InputError(
            f"{path}: expected Label Studio's tasks with annotations, got predictions, such as an inference writes: "
            "import them there, and export what was made of them."
        )
    classes = sorted({name for task in tasks for region in _results(task) for name in _names(region)})
    for case, completions in _by_case(path, tasks, find, report).items():
        drawn: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for done in completions:
            who = name_of(done.get(attribute)) if attribute else annotator or _person(done.get("completed_by"))
            if who:
                drawn[who].append(done)
            else:
                report(f"{path}, {case}: a completion without {attribute or 'completed_by'} is left out.")
        for who, several in drawn.items():
            if len(several) > 1 and by != "copy":
                report(f"{path}, {case}: of {len(several)} completions of {who} the last is taken.")
                several = sorted(several, key=_changed)[-1:]
            for number, done in enumerate(several, 1):
                name = f"{who}_{number}" if by == "copy" else who
                try:
                    masks = _masks(case, done, classes, picture_size(images[case]))
                except UNREADABLE as error:
                    report(f"{path}, annotator {name}: {sentence(error, case)}")
                    continue
                yield Segments(case, name, masks)


def write_label_studio(
    path: str | os.PathLike[str],
    drawn: Sequence[Segments],
    images: Mapping[str, str],
    from_name: str = "tag",
    to_name: str = "image",
) -> None:
    """Writes masks as pre-annotations, which Label Studio imports with their pictures for correction.

    See `Label Studio's guide <https://labelstud.io/guide/predictions>`_. A region is a brush per class.

    Args:
        path: of the JSON file.
        drawn: masks (H, W) of pictures; ``annotator`` names the version of the model. Several of one case are several
            predictions of one task.
        images: case → address of its picture as Label Studio is to load it, such as
            ``/data/local-files/?d=scans/a.png``.
        from_name: name of the tag ``<BrushLabels>`` in the project's labeling interface.
        to_name: name of its tag ``<Image>``.

    Raises:
        InputError: a case has no address, or masks of a case are not of one size (H, W).

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     drawn = [Segments("a", "AR", {"disc": np.ones((2, 3), dtype=bool)})]
        ...     write_label_studio(f"{folder}/tasks.json", drawn, {"a": "/data/local-files/?d=a.png"})
        ...     json.loads(Path(folder, "tasks.json").read_text(encoding="utf-8"))[0]["data"]
        {'image': '/data/local-files/?d=a.png'}
    """
    tasks: dict[str, dict[str, Any]] = {}
    for one in drawn:
        if one.case not in images:
            raise InputError(f"{one.case}: expected the address of its picture, got those of {len(images)} others.")
        sizes = {mask.shape for mask in one.masks.values()}
        if len(sizes) > 1 or any(len(size) != 2 for size in sizes):
            raise InputError(f"{one.case}: expected masks of one size (H, W), got {sorted(sizes)}.")
        regions = [
            {
                "id": f"{one.annotator or 'model'}-{number}",
                "type": "brushlabels",
                "from_name": from_name,
                "to_name": to_name,
                "original_width": mask.shape[1],
                "original_height": mask.shape[0],
                "image_rotation": 0,
                "value": {"format": "rle", "rle": encode_brush(mask), "brushlabels": [name]},
            }
            for number, (name, mask) in enumerate(one.masks.items())
            if mask.any()
        ]
        task = tasks.setdefault(one.case, {"data": {to_name: images[one.case]}, "predictions": []})
        task["predictions"].append({"model_version": one.annotator, "result": regions})
    with whole_file(path) as partial:
        partial.write_text(json.dumps(list(tasks.values()), ensure_ascii=False) + "\n", encoding="utf-8")


def _by_case(
    path: str | os.PathLike[str], tasks: list[dict[str, Any]], find: Callable[[str], str], report: Report
) -> dict[str, list[Mapping[str, Any]]]:
    """The completions of each case that were not skipped; several tasks of one picture are one case."""
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for task in tasks:
        try:
            done = [done for done in task["annotations"] if not done.get("was_cancelled")]
            _check_one_image(done)
            found[_picture(task["data"], find)] += done
        except UNREADABLE as error:
            report(f"{path}, task {task.get('id', '?')}: {sentence(error)}")
    return found


def _results(task: Mapping[str, Any]) -> list[Any]:
    completions = _list(task["annotations"])
    return [one for done in completions if isinstance(done, dict) for one in _list(done.get("result"))]


def _check_one_image(completions: Sequence[Mapping[str, Any]]) -> None:
    """Refuses a task of several images, or pages of one: what was drawn on one would lie on another."""
    regions = [one for done in completions for one in _list(done.get("result")) if _names(one)]
    drawn_on = sorted({(str(one.get("to_name", "image")), int(one.get("item_index") or 0)) for one in regions})
    if len({name for name, _ in drawn_on}) > 1 or any(page for _, page in drawn_on):
        shown = ", ".join(f"{name}, page {page + 1}" if page else name for name, page in drawn_on)
        raise InputError(f"expected regions of one image, got some of {shown}.")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _names(region: Any) -> list[str]:
    """The labels of a region of a kind that can be read."""
    kind = region.get("type") if isinstance(region, dict) else None
    value = region.get("value") if kind in LABELS else None
    names = value.get(kind) if isinstance(value, dict) else None
    return [str(name) for name in names] if isinstance(names, list) else []


def _changed(completion: Mapping[str, Any]) -> str:
    """When a completion was changed last; the order of a file's completions is that of a database."""
    return name_of(completion.get("updated_at") or completion.get("created_at"))


def _person(entry: Any) -> str:
    """Email, or number, of who completed a task; empty if that is not said."""
    return name_of(entry.get("email") or entry.get("id") if isinstance(entry, dict) else entry)


def _picture(data: Mapping[str, Any], find: Callable[[str], str]) -> str:
    """The case of a task: of the address that is called ``image``, else of the first one that is that of a picture."""
    texts = [data["image"]] if "image" in data else [value for value in data.values() if isinstance(value, str)]
    for text in texts[:-1]:
        try:
            return find(text)
        except InputError:
            continue
    if not texts or not isinstance(texts[-1], str):
        raise InputError(f"expected the address of a picture, got {texts[-1] if texts else 'none'!r}.")
    return find(texts[-1])


def _masks(
    case: str, completion: Mapping[str, Any], classes: Sequence[str], size: tuple[int, int]
) -> dict[str, np.ndarray]:
    masks = {name: np.zeros(size, bool) for name in classes}
    for region in completion.get("result") or []:
        names, value = _names(region), region.get("value")
        if names:
            mask = _mask(case, region, size)
            for name in names:
                masks[name] |= mask
        elif isinstance(value, dict) and GEOMETRY & value.keys():
            raise InputError(
                f"{case}: expected regions with labels of the kinds {', '.join(LABELS)}, got one of the kind "
                f"{region.get('type')}."
            )
    return masks


def _mask(case: str, region: Mapping[str, Any], size: tuple[int, int]) -> np.ndarray:
    value = region["value"]
    said = float(region.get("original_height", size[0])), float(region.get("original_width", size[1]))
    if said != size:
        raise InputError(f"{case}: expected {size[1]} × {size[0]} pixels, got a region of {said[1]:g} × {said[0]:g}.")
    if region.get("image_rotation"):
        raise InputError(f"{case}: expected a region of the image as it is stored, got one of the image rotated.")
    rotation = float(value.get("rotation") or 0)  # degrees, of ellipses about their center, of rectangles about (x, y)
    if rotation and region["type"] not in ("rectanglelabels", "ellipselabels"):
        raise InputError(f"{case}: expected a rectangle or an ellipse to be rotated, got a region of {region['type']}.")
    if region["type"] == "brushlabels":
        pixels = size[0] * size[1]
        opacity = decode_brush(value["rle"], 4 * pixels)
        if opacity.size != 4 * pixels:
            raise InputError(f"{case}: expected a brush over {size[1]} × {size[0]} pixels, got {opacity.size // 4}.")
        return opacity.reshape(*size, 4)[..., 3] > 0
    scale = np.array((size[1], size[0])) / 100
    if region["type"] == "polygonlabels":
        points = np.asarray(value["points"], float).reshape(-1, 2)
        if len(points) < 3:
            raise InputError(f"{case}: expected polygons of three or more corners, got one of {len(points)}.")
        return polygon_mask([points * scale], size)
    corner = np.array((value["x"], value["y"]), float) * scale
    if region["type"] == "ellipselabels":
        return ellipse_mask(corner, np.array((value["radiusX"], value["radiusY"]), float) * scale, size, rotation)
    sides = np.array((value["width"], value["height"]), float) * scale
    corners = corner + sides * np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
    return polygon_mask([turned(corners, corner, rotation)], size)
