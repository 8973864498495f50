"""Which image an entry of a web tool's export belongs to, and polygons on its pixels."""

from __future__ import annotations

import math
import os
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

import numpy as np

from common.errors import InputError
from common.formats.contours import fill_contours
from common.formats.dicom_files import DICOM_SUFFIXES
from common.io.formats import suffix_of
from common.io.pictures import picture_header

__all__ = ["Images", "Report", "case_finder", "ellipse_mask", "picture_size", "place_entries", "polygon_mask", "turned"]

Images = Mapping[str, str | os.PathLike[str]]
Report = Callable[[str], None]
UPLOAD = re.compile(r"^[0-9a-f]{8}-")  # what Label Studio puts in front of the name of an uploaded file


def case_finder(images: Images) -> Callable[[str], str]:
    """What finds the case that an export means by the name of a file.

    A name is first taken as it stands, so ``#``, ``?`` and ``%`` may occur in it; only then as a URL.

    Args:
        images: case → its picture.

    Returns:
        A function of a file name, a path or a URL, with or without an ending. It returns the case whose picture has
        this name; else the one whose name is the same without the ending, or without the eight characters that Label
        Studio puts in front. Of pictures of one name in several folders it is the case of the whole name, else the one
        of which most folders, from the last on, are in the name too. It raises an `InputError` if there is none, or it
        is not known which.

    Example:
        >>> find = case_finder({"a": "images/a.png", "b": "images/b.jpg"})
        >>> [find(name) for name in ("train/a.png", "b", "/data/upload/1/0a1b2c3d-b.jpg", "?d=set/a.png", "a.jpg")]
        ['a', 'b', 'b', 'a', 'a']
        >>> case_finder({"p1/a": "images/p1/a.png", "p2/a": "images/p2/a.png"})("train/p2/a.png")
        'p2/a'
    """
    whole: dict[str, list[str]] = defaultdict(list)
    stems: dict[str, list[str]] = defaultdict(list)
    for case, picture in images.items():
        whole[Path(picture).name].append(case)
        stems[Path(case).name].append(case)

    def find(name: str) -> str:
        texts = _addresses(name)
        names = _file_names(texts)
        short = [last[: len(last) - len(suffix_of(last))] for last in names]
        short += [PurePosixPath(last).stem for last in names if last.lower().endswith(DICOM_SUFFIXES)]
        for known, last in (*((whole, last) for last in names), *((stems, last) for last in (*names, *short))):
            found = known.get(last, [])
            if len(found) > 1:
                shared = [_shared_folders(case, Path(images[case]).parent, texts) for case in found]
                found = [case for case, count in zip(found, shared, strict=True) if count == max(shared)]
            if len(found) > 1:
                raise InputError(f"{name}: expected one image of this name, got {found[0]} and {found[1]}.")
            if found:
                return found[0]
        raise InputError(f"{name}: expected an image of this name, got none among {len(images)} images.")

    return find


def place_entries(
    path: str | os.PathLike[str],
    files: Mapping[Any, str],
    images: Images,
    report: Report,
    annotator: str,
    by: str = "file",
) -> dict[Any, tuple[str, str]]:
    """Case and annotator of each picture that an export lists.

    Args:
        path: of the export, for the report.
        files: name of the picture by its entry.
        images: case → picture.
        report: is told which entries have no picture, and which pictures are listed several times by one annotator:
            none of those is read, because it is not known which one counts.
        annotator: who drew all of the file.
        by: ``image_folder``: the annotator is the last folder in the name of the picture; ``copy``: the first entry of
            a picture is the annotator ``<annotator>_1``'s, the second ``<annotator>_2``'s, …; ``attribute``: entries of
            one picture are told apart later; anything else: ``annotator``.

    Returns:
        (case, annotator) by entry, in the order of ``files``.

    Example:
        >>> files = {0: "anna/a.png", 1: "ben/a.png"}
        >>> place_entries("b.json", files, {"a": "a.png"}, print, "b", "image_folder")
        {0: ('a', 'anna'), 1: ('a', 'ben')}
        >>> place_entries("b.json", files, {"a": "a.png"}, print, "b")
        b.json: a is listed 2 times, anna/a.png and ben/a.png; say whose each is by --annotator_by copy or image_folder.
        {}
    """
    find = case_finder(images)
    entries: dict[tuple[str, str], list[Any]] = defaultdict(list)
    times: dict[str, int] = defaultdict(int)
    for entry, name in files.items():
        try:
            case = find(name)
        except InputError as error:
            report(f"{path}: {error}")
            continue
        times[case] += 1
        folder = PurePosixPath(unquote(name).replace("\\", "/")).parent.name
        who = {"image_folder": folder, "copy": f"{annotator}_{times[case]}"}.get(by, annotator)
        if not who and by == "image_folder":
            report(f"{path}: expected a folder that names the annotator, got {name}.")
        else:
            entries[case, who].append(entry)
    placed: dict[Any, tuple[str, str]] = {}
    for (case, who), found in entries.items():
        if len(found) > 1 and by != "attribute":
            shown = " and ".join(files[entry] for entry in found[:2])
            report(
                f"{path}: {case} is listed {len(found)} times, {shown}; say whose each is by --annotator_by copy or "
                "image_folder."
            )
        else:
            placed |= dict.fromkeys(found, (case, who))
    return {entry: placed[entry] for entry in files if entry in placed}


def _addresses(name: str) -> list[str]:
    """The name as it stands, then as a URL of the web or of Label Studio's own files, with slashes."""
    address = urlparse(name)
    own = not address.scheme or address.path.rstrip("/").endswith("/local-files")
    local = parse_qs(address.query).get("d", [""])[0] if own else ""
    url = local or (address.path if address.scheme in ("http", "https") else name)
    return [text.replace("\\", "/") for text in (name, url, unquote(url))]


def _file_names(addresses: Sequence[str]) -> list[str]:
    """What the file may be called."""
    found: list[str] = []
    for text in addresses:
        last = PurePosixPath(text).name
        found += [last, UPLOAD.sub("", last)]
    return [last for last in dict.fromkeys(found) if last]


def _shared_folders(case: str, folder: Path, addresses: Sequence[str]) -> float:
    """How many folders, from the last on, a picture and an address have in common; all if it is the case's name."""
    if any(case in (text, text[: len(text) - len(suffix_of(text))]) for text in addresses):
        return math.inf
    own = folder.parts[::-1]
    others = [PurePosixPath(text).parent.parts[::-1] for text in addresses]
    return max(sum(1 for _ in takewhile(bool, map(str.__eq__, own, other))) for other in others)


def picture_size(picture: str | os.PathLike[str], said: tuple[float, float] | None = None) -> tuple[int, int]:
    """Height and width of a picture, as it is shown.

    Args:
        picture: the file.
        said: height and width by the export; None if it does not say.

    Returns:
        ``(H, W)``.

    Raises:
        InputError: the picture cannot be read, or the export says another size.
    """
    try:
        (width, height), _ = picture_header(picture)
    except OSError as error:
        raise InputError(f"{picture} cannot be read as a picture: {error}.") from error
    if said is not None and tuple(said) != (height, width):
        raise InputError(f"{picture}: expected {width} × {height} pixels, got an annotation of {said[1]} × {said[0]}.")
    return height, width


def polygon_mask(polygons: Sequence[Sequence[tuple[float, float]] | np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """The pixels whose centers are inside polygons, or on their border.

    Args:
        polygons: each of its corners (x, y), in pixels from the upper left corner of the picture, where the center of
            the first pixel is (0.5, 0.5). A point that is inside two of them is in the mask.
        size: ``(H, W)``.

    Returns:
        bool ``(H, W)``. pycocotools 2.0.11 differs where a center is nearer than 0.25 to the border.

    Raises:
        InputError: a polygon has no corner, or one that is not finite.

    Example:
        >>> polygon_mask([[(1, 0), (3, 0), (3, 2), (1, 2)]], (3, 4)).astype(int).tolist()
        [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    """
    mask = np.zeros(size, bool)
    for polygon in polygons:
        corners = np.asarray(polygon, float).reshape(-1, 2)[:, ::-1] - 0.5
        if not len(corners) or not np.isfinite(corners).all():
            shown = np.round(corners[:3, ::-1] + 0.5, 2).tolist()
            raise InputError(f"expected a polygon of finite corners, got {shown}.")
        mask |= fill_contours([corners], size)
    return mask


def turned(corners: np.ndarray, center: np.ndarray, degrees: float) -> np.ndarray:
    """Points turned about a center, clockwise as the picture is shown (y points down).

    Args:
        corners: (N, 2) of x and y.
        center: (2,).
        degrees: any.

    Example:
        >>> turned(np.array([[3.0, 1.0]]), np.array([1.0, 1.0]), 90).round().tolist()
        [[1.0, 3.0]]
    """
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return (corners - center) @ np.array([[cos, sin], [-sin, cos]]) + center


def ellipse_mask(center: np.ndarray, radii: np.ndarray, size: tuple[int, int], rotation: float = 0.0) -> np.ndarray:
    """The pixels whose centers are inside an ellipse, or on its border.

    Args:
        center: (x, y), in the coordinates of `polygon_mask`.
        radii: along x and y before it is turned, in pixels.
        size: ``(H, W)``.
        rotation: of the ellipse about its center, in degrees, clockwise as the picture is shown.

    Returns:
        bool ``(H, W)``.

    Raises:
        InputError: a number is not finite, or a radius not above 0.

    Example:
        >>> ellipse_mask(np.array([2.0, 1.5]), np.array([1.5, 1.0]), (3, 4)).astype(int).tolist()
        [[0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]]
        >>> ellipse_mask(np.array([2.0, 1.5]), np.array([1.5, 1.0]), (3, 4), rotation=90).astype(int).tolist()
        [[0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 1, 0]]
    """
    numbers = [*center, *radii, rotation]
    if not np.isfinite(numbers).all() or min(radii) <= 0:
        raise InputError(f"expected an ellipse of finite center and radii above 0, got {numbers}.")
    centers = np.stack(np.meshgrid(*(np.arange(side) + 0.5 for side in size[::-1])), axis=-1)
    return (((turned(centers, center, -rotation) - center) / radii) ** 2).sum(-1) <= 1
