"""Which image an entry of a web tool's export belongs to, and polygons on its pixels."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, unquote, urlparse

import numpy as np

from common.errors import InputError
from common.formats.contours import fill_contours
from common.io.pictures import picture_header

__all__ = ["Report", "find_case", "picture_size", "polygon_mask"]

Images = Mapping[str, str | os.PathLike[str]]
Report = Callable[[str], None]
UPLOAD = re.compile(r"^[0-9a-f]{8}-")  # what Label Studio puts in front of the name of an uploaded file


def find_case(name: str, images: Images) -> str:
    """The case that an export means by the name of a file.

    Args:
        name: a file name, a path or a URL, with or without an ending.
        images: case → its picture.

    Returns:
        The case whose picture has this name; else the one whose name is the same without the ending, or without the
        eight characters that Label Studio puts in front.

    Raises:
        InputError: there is none, or two pictures have the name.

    Example:
        >>> images = {"a": "images/a.png", "b": "images/b.jpg"}
        >>> [find_case(name, images) for name in ("train/a.png", "b", "/data/upload/1/0a1b2c3d-b.jpg", "?d=set/a.png")]
        ['a', 'b', 'b', 'a']
    """
    address = urlparse(name)
    path = parse_qs(address.query).get("d", [address.path])[0]
    wanted = PurePosixPath(unquote(path).replace("\\", "/")).name
    for candidate in (wanted, UPLOAD.sub("", wanted)):
        same = [case for case, picture in images.items() if Path(picture).name == candidate]
        same = same or [case for case in images if Path(case).name in (candidate, PurePosixPath(candidate).stem)]
        if len(same) > 1:
            raise InputError(f"{name}: expected one image of this name, got {same[0]} and {same[1]}.")
        if same:
            return same[0]
    raise InputError(f"{name}: expected an image of this name, got none among {len(images)} images.")


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
        bool ``(H, W)``.

    Example:
        >>> polygon_mask([[(1, 0), (3, 0), (3, 2), (1, 2)]], (3, 4)).astype(int).tolist()
        [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    """
    mask = np.zeros(size, bool)
    for polygon in polygons:
        corners = np.asarray(polygon, float).reshape(-1, 2)[:, ::-1] - 0.5
        mask |= fill_contours([corners], size)
    return mask
