"""Handwritten digits segmented by simulated annotators (Zhang et al. 2020)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from common.datasets.dataset import Dataset
from common.datasets.layouts import plain
from common.datasets.layouts.assemble import folder_names
from common.errors import InputError

EXPECTS = "train/, validate/ and test/, each with image/, truth/, over/, under/ and wrong/"

KINDS = ("over", "under", "wrong", "blank")


def recognize(root: Path) -> bool:
    """Whether ``train`` or ``test`` holds ``image``, ``truth`` and ``over``."""
    return any({"image", "truth", "over"} <= folder_names(root / section) for section in ("train", "test"))


def read(root: Path, annotators: Sequence[str] | None = None) -> Dataset:
    """Digits with their truth and their annotators' labels; the annotator ``"good"`` draws the truth.

    Args:
        root: folder that holds the sections.
        annotators: names, of ``"good"`` and the folders there are; None: all of good, over, under, wrong and blank.

    Returns:
        The data set, with its own sections.

    Raises:
        InputError: there is no digit, or the files of MNIST were not unpacked.
    """
    archives = sorted(Path(root).expanduser().glob("*-images-idx3-ubyte*"))
    if archives and not (Path(root).expanduser() / "train").is_dir():
        raise InputError(f"{archives[0]} is packed: unpack it once by common.datasets.write_mnist_annotators.")
    if annotators is None:
        present = set().union(*(folder_names(Path(root).expanduser() / section) for section in folder_names(root)))
        annotators = ["good", *(name for name in KINDS if name in present)]
    folders = [name for name in annotators if name != "good"]
    found = plain.read(root, images="image", annotators=folders or None, truth="truth")
    items = []
    for item in found.items:
        by = {"good": item["label"], **item.get("annotators", {})} if "label" in item else item.get("annotators", {})
        items.append(item | {"annotators": {name: by[name] for name in annotators if name in by}})
    return dataclasses.replace(found, layout="mnist", items=tuple(items), annotators=tuple(annotators))
