"""The cases that a program hands over in the place of a data set's own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from monai.utils import ensure_tuple

from common.datasets.case_names import normalize_case
from common.datasets.dataset import Dataset
from common.datasets.listing import split_suffix
from common.datasets.split import Split

__all__ = ["GIVEN", "dataset_of_items", "with_training_items"]

GIVEN = "given"  # the layout of such a data set


def dataset_of_items(training: Sequence[Mapping[str, Any]], validation: Sequence[Mapping[str, Any]] = ()) -> Dataset:
    """A data set of two sections.

    Args:
        training: items with ``image`` and ``label`` or ``annotators``. An item without ``case`` is named as its image,
            of several channels the first, without folder and suffix; with the folder, where two would be the same.
        validation: further ones.

    Returns:
        The data set, of the layout ``given``; without items an empty one.

    Example:
        >>> data = dataset_of_items([{"image": "/a/x.png", "label": "/a/y.png"}], [{"image": "/a/z.nii.gz"}])
        >>> data.cases, [item["section"] for item in data.items], str(data.root)
        (('x', 'z'), ['training', 'validation'], '/a')
    """
    items = [dict(item, section="training") for item in training]
    items += [dict(item, section="validation") for item in validation]
    files = [Path(os.path.abspath(ensure_tuple(item["image"])[0])) for item in items]
    root = Path(os.path.commonpath([file.parent for file in files])) if files else Path.cwd()
    short = [normalize_case(split_suffix(file.name)[0]) for file in files]
    for item, file, name in zip(items, files, short, strict=True):
        if short.count(name) > 1:
            name = normalize_case(split_suffix(file.relative_to(root).as_posix())[0])
        item.setdefault("case", name)
        item.setdefault("subject", item["case"])
    return Dataset(GIVEN, root, tuple(sorted(items, key=lambda item: str(item["case"]))))


def with_training_items(split: Split, training: Sequence[Mapping[str, Any]]) -> Split:
    """A split whose training cases are a program's, while its validation and test cases stay.

    Args:
        split: of the bundle's own data set.
        training: items, named as by `dataset_of_items`.

    Returns:
        The split, without weights of cases.

    Example:
        >>> split = with_training_items(Split([{"case": "a"}], [{"case": "b"}]), [{"image": "/data/c.png"}])
        >>> [item["case"] for item in split.training + split.validation]
        ['c', 'b']
    """
    items = list(dataset_of_items(training).items)
    origin = f"The training cases are given. {split.origin}".strip()
    return replace(split, training=items, weights={}, origin=origin)
