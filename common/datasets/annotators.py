"""Images that several annotators have segmented, each a part of them, in one folder per annotator."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.datasets.pairs import files_by_case, shown_names
from common.datasets.sections import section_folder, section_of
from common.errors import InputError
from common.io.formats import NIFTI_SUFFIXES, PICTURE_SUFFIXES
from common.noise.seed import case_generator
from common.noise.simulated_annotators import choose_annotators

__all__ = ["annotator_datalist"]

SUFFIXES = (*PICTURE_SUFFIXES, *(Path(suffix).suffix or suffix for suffix in NIFTI_SUFFIXES))


def annotator_datalist(
    dataset_dir: str | os.PathLike[str],
    annotators: Sequence[str],
    section: str | None = None,
    images: str = "images",
    truth: str | None = None,
    labels_per_image: int | None = None,
    seed: int = 0,
    fractions: Sequence[float] = (0.7, 0.15, 0.15),
) -> list[dict[str, Any]]:
    """Images and the label files of their annotators, for `LoadAnnotatorsd`.

    Layout: ``images/NAME.png`` (or JPEG, TIFF, NIfTI), and in a folder per annotator the labels under the same names;
    an annotator need not have labeled every image. These folders may lie in ``train/``, ``validate/`` and ``test/``;
    where there are no such three, the images are split by name.

    Args:
        dataset_dir: that holds the folders of images and of annotators, or those of the sections with them.
        annotators: names of the annotators' folders.
        section: ``"training"``, ``"validation"`` or ``"test"``; None for all images that lie in ``dataset_dir`` itself.
        images: name of the images' folder.
        truth: name of the folder with a true label of every image, for evaluation, if there is one.
        labels_per_image: keep the labels of so many annotators, drawn per case from ``seed`` and case name; None for
            all. Validation and test keep all in any case.
        seed: of the choice of annotators, and of the split.
        fractions: shares of training, validation and test where the images are split.

    Returns:
        Items ``{"image": path, "annotators": {name: path, …}, "case": name}``, with ``"label"`` if there is a
        truth, sorted by case.

    Raises:
        InputError: a folder is missing or there is no image; an annotator labeled none to train on; an image has no
            label (or no truth), or a label no image; there is no such section.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for file in ("images/a.png", "images/b.png", "AR/a.png", "HS/a.png", "HS/b.png"):
        ...         Path(folder, file).parent.mkdir(exist_ok=True)
        ...         Path(folder, file).touch()
        ...     [sorted(item["annotators"]) for item in annotator_datalist(folder, ["AR", "HS"])]
        [['AR', 'HS'], ['HS']]
    """
    if isinstance(annotators, str) or not annotators:
        raise InputError(f"annotators: expected a list of folder names, got {annotators!r}.")
    dataset = Path(dataset_dir).expanduser()
    own_folder = section_folder(dataset, section) if section else None
    root = own_folder or dataset
    names = [images, *annotators] + ([truth] if truth else [])
    missing = [name for name in names if not (root / name).is_dir()]
    if missing:
        raise InputError(f"{root} must hold the folders {', '.join(names)}, but there is no {', '.join(missing)}.")
    files = {name: files_by_case(root / name, SUFFIXES, remove=".nii") for name in names}
    cases = files[images].keys()
    silent = [name for name in annotators if cases and not files[name] and section in (None, "training")]
    if silent:  # nothing could be learned of them
        raise InputError(f"{root}: {', '.join(silent)} labeled no image; leave them out of annotators.")
    labeled = set().union(*(files[name] for name in annotators))
    problems = {
        "images that nobody labeled": cases - labeled,
        "labels without an image": labeled - cases,
        "images without a truth": cases - files[truth].keys() if truth else set(),
    }
    report = "; ".join(
        f"{what}: {len(found)} ({shown_names(sorted(found))})" for what, found in problems.items() if found
    )
    if report or not cases:
        raise InputError(
            f"{root / images} must hold images (PNG, JPEG, TIFF or NIfTI), each with a label of its name by at least "
            f"one of {', '.join(annotators)}; {report or 'it holds none'}."
        )
    wanted = section_of(cases, section, fractions, seed) if section and not own_folder else sorted(cases)
    items: list[dict[str, Any]] = []
    for case in wanted:
        present = [name for name in annotators if case in files[name]]
        if labels_per_image is not None and section in (None, "training"):
            present = choose_annotators(present, labels_per_image, case_generator(seed, case))
        item: dict[str, Any] = {
            "image": str(files[images][case]),
            "annotators": {name: str(files[name][case]) for name in present},
            "case": case,
        }
        items.append(item | {"label": str(files[truth][case])} if truth else item)
    return items
