"""Images and their masks, matched by name and checked before training starts."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

from common.errors import InputError
from common.io.formats import read_header

SHOWN_NAMES = 5


def files_by_case(folder: Path, suffixes: Sequence[str], remove: str = "") -> dict[str, Path]:
    """The files of one folder (hidden ones left out) by case name.

    Args:
        folder: searched without its subfolders; it must exist.
        suffixes: of the files wanted, in lower case; ``.PNG`` matches ``.png``.
        remove: ending of the stem that is not part of the case name, such as ``"_segmentation"``.

    Returns:
        Path of each case, sorted by case name; empty if there is none.

    Raises:
        InputError: two files have the same case name.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in suffixes:
            continue
        case = unicodedata.normalize("NFC", path.stem).removesuffix(remove)
        if case in found:
            raise InputError(
                f"{folder} holds two files of the case {case!r}, {found[case].name} and {path.name}; keep one."
            )
        found[case] = path
    return found


def match_pairs(images: Mapping[str, Path], masks: Mapping[str, Path], dataset: str | Path) -> list[dict[str, str]]:
    """Datalist of images and masks that have the same case name and the same size.

    Sizes are read from the files' headers only.

    Args:
        images: image of each case.
        masks: mask of each case.
        dataset: what the message calls the data set, usually its folder.

    Returns:
        One item ``{"image": path, "label": path, "case": name}`` per case, sorted by case; empty if both are empty.

    Raises:
        InputError: an image has no mask, a mask has no image, a header cannot be read or two sizes differ; one sentence
            with the number of files of each kind and the names of the first five.
    """
    unreadable, different = [], []
    for case in sorted(images.keys() & masks.keys()):
        sizes = []
        for path in (images[case], masks[case]):
            try:
                sizes.append(read_header(path).shape)
            except InputError:
                unreadable.append(f"{path.parent.name}/{path.name}")
        if len(sizes) == 2 and sizes[0] != sizes[1]:
            size, mask_size = ("×".join(map(str, found)) for found in sizes)
            different.append(f"{images[case].name} {size} but its mask {mask_size}")
    problems = [
        ("images without a mask", [images[case].name for case in sorted(images.keys() - masks.keys())]),
        ("masks without an image", [masks[case].name for case in sorted(masks.keys() - images.keys())]),
        ("files that are no readable image", unreadable),
        ("images whose size is not their mask's", different),
    ]
    report = "; ".join(f"{what}: {len(names)} ({shown_names(names)})" for what, names in problems if names)
    if report:
        raise InputError(f"Every image in {dataset} needs one mask of its name and size; {report}.")
    return [{"image": str(images[case]), "label": str(masks[case]), "case": case} for case in sorted(images)]


def shown_names(names: Sequence[str]) -> str:
    """The first five names, and an ellipsis if there are more."""
    return ", ".join(names[:SHOWN_NAMES]) + (", …" if len(names) > SHOWN_NAMES else "")
