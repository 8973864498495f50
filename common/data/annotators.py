"""Images that several annotators have segmented, each a part of them, in one folder per annotator."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.data.pairs import files_by_case, some
from common.data.readers import NIFTI_SUFFIXES, PICTURE_SUFFIXES
from common.errors import InputError
from common.noise.seed import case_generator
from common.noise.simulated_annotators import choose_annotators

__all__ = ["annotator_datalist"]

SUFFIXES = (*PICTURE_SUFFIXES, *(Path(suffix).suffix or suffix for suffix in NIFTI_SUFFIXES))


def annotator_datalist(
    folder: str | os.PathLike[str],
    annotators: Sequence[str],
    images: str = "images",
    truth: str | None = None,
    labels_per_image: int | None = None,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Images and the label files of their annotators, for `LoadAnnotatorsd`.

    Layout: ``images/NAME.png`` (or JPEG, NIfTI), and in a folder per annotator the labels under the same names; an
    annotator need not have labelled every image.

    Args:
        folder: that holds the folders of images and of annotators.
        annotators: names of the annotators' folders.
        images: name of the images' folder.
        truth: name of the folder with a true label of every image, for evaluation, if there is one.
        labels_per_image: keep the labels of so many annotators, drawn per case from ``seed`` and case name; None for
            all.
        seed: of the choice of annotators.

    Returns:
        Items ``{"image": path, "annotators": {name: path, …}, "case": name}``, with ``"label"`` if there is a
        truth, sorted by case.

    Raises:
        InputError: a folder is missing or there is no image; an image has no label (or no truth), or a label no image.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for file in ("images/a.png", "images/b.png", "AR/a.png", "HS/a.png", "HS/b.png"):
        ...         Path(folder, file).parent.mkdir(exist_ok=True)
        ...         Path(folder, file).touch()
        ...     [sorted(item["annotators"]) for item in annotator_datalist(folder, ["AR", "HS"])]
        [['AR', 'HS'], ['HS']]
    """
    root = Path(folder).expanduser()
    if isinstance(annotators, str) or not annotators:
        raise InputError(f"annotators: expected a list of folder names, got {annotators!r}.")
    names = [images, *annotators] + ([truth] if truth else [])
    missing = [name for name in names if not (root / name).is_dir()]
    if missing:
        raise InputError(f"{root} must hold the folders {', '.join(names)}, but there is no {', '.join(missing)}.")
    files = {name: files_by_case(root / name, SUFFIXES, remove=".nii") for name in names}
    cases = files[images].keys()
    labelled = set().union(*(files[name] for name in annotators))
    problems = {
        "images that nobody labelled": cases - labelled,
        "labels without an image": labelled - cases,
        "images without a truth": cases - files[truth].keys() if truth else set(),
    }
    report = "; ".join(f"{what}: {len(found)} ({some(sorted(found))})" for what, found in problems.items() if found)
    if report or not cases:
        raise InputError(
            f"{root / images} must hold images (PNG, JPEG or NIfTI), each with a label of its name by at least one of "
            f"{', '.join(annotators)}; {report or 'it holds none'}."
        )
    items: list[dict[str, Any]] = []
    for case in sorted(cases):
        present = [name for name in annotators if case in files[name]]
        if labels_per_image is not None:
            present = choose_annotators(present, labels_per_image, case_generator(seed, case))
        item: dict[str, Any] = {
            "image": str(files[images][case]),
            "annotators": {name: str(files[name][case]) for name in present},
            "case": case,
        }
        items.append(item | {"label": str(files[truth][case])} if truth else item)
    return items
