"""Slices of volumes as items of their own: which there are, and which annotators are simulated for each."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from common.errors import InputError
from common.io.formats import read_header
from common.io.label_values import read_label_values
from common.noise.seed import case_generator
from common.noise.simulated_annotators import choose_annotators

Paths = str | os.PathLike[str]


def slice_items(
    item: Mapping[str, Any], labels: Sequence[Paths], slices: str = "foreground", slice_axis: int = 2
) -> list[dict[str, Any]]:
    """An item for every slice of a volume, for `LoadSliced`.

    Args:
        item: of the volume; each of its slices has the same files.
        labels: NIfTI files of one shape, which say what is foreground.
        slices: ``"foreground"`` for those where a label has any, ``"all"`` (then headers only are read).
        slice_axis: along which the slices are stacked: 0, 1 or 2.

    Returns:
        Items with ``"slice"``, the index; ``"case"``, followed by it; and ``"volume"``, the volume's case. None of a
        volume without foreground.

    Raises:
        InputError: an argument out of range; a file cannot be read or is no volume, or shapes differ.

    Example:
        >>> import tempfile
        >>> import nibabel as nib
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     nib.save(nib.Nifti1Image(np.eye(3, dtype=np.uint8)[:, None, :2], np.eye(4)), f"{folder}/a.nii")
        ...     [found["case"] for found in slice_items({"case": "a"}, [f"{folder}/a.nii"])]
        ['a_000', 'a_001']
    """
    if slices not in ("foreground", "all") or slice_axis not in (0, 1, 2):
        raise InputError(
            f"slices must be 'foreground' or 'all' and slice_axis 0, 1 or 2, got {slices!r} and {slice_axis!r}."
        )
    wanted: Any = False
    shapes = {}
    for path in labels:
        found, shapes[path] = _foreground(path, slices, slice_axis)
        if len(shapes[path]) != 3 or len(set(shapes.values())) > 1:
            raise InputError(f"{path}: expected volumes of one shape, got {', '.join(map(str, shapes.values()))}.")
        wanted = wanted | found
    return [
        {**item, "case": f"{item['case']}_{index:03d}", "volume": item["case"], "slice": index}
        for index in np.flatnonzero(wanted).tolist()
    ]


def _foreground(path: Paths, slices: str, slice_axis: int) -> tuple[Any, tuple[int, ...]]:
    """Which slices are wanted, and the shape of the volume."""
    shape = read_header(path).shape
    if len(shape) != 3:
        return False, shape
    if slices == "all":
        return np.ones(shape[slice_axis], dtype=bool), shape
    others = tuple(axis for axis in range(3) if axis != slice_axis)
    return (read_label_values(path).amax(0).numpy() > 0).any(others), shape


def draw_items(items: Sequence[dict[str, Any]], count: int | None, seed: int, section: str) -> list[dict[str, Any]]:
    """So many of the items, in their order, drawn from ``seed`` and section.

    Args:
        items: any.
        count: how many, at least 0; all if there are no more, or for None.
        seed: of the draw.
        section: its name; each has a draw of its own.

    Returns:
        Different items, in the order of ``items``.

    Raises:
        InputError: ``count`` is negative.

    Example:
        >>> len(draw_items([{"case": "a"}, {"case": "b"}, {"case": "c"}], 2, seed=0, section="training"))
        2
    """
    if count is None or count >= len(items):
        return list(items)
    if count < 0:
        raise InputError(f"num_slices: expected at least 0 for {section}, got {count}.")
    order = torch.randperm(len(items), generator=case_generator(seed, "slices", section))
    return [items[index] for index in sorted(order[:count].tolist())]


def simulated_slices(
    volumes: Sequence[Mapping[str, Any]],
    section: str,
    annotators: Sequence[str],
    labels_per_image: int | None,
    seed: int,
    num_slices: int | None,
    slices: str,
    slice_axis: int,
) -> list[dict[str, Any]]:
    """Slices of volumes whose ``"label"`` is the truth, each with the names of the annotators to simulate.

    Of training slices ``labels_per_image`` names are drawn per slice from ``seed``, of the others all are kept; for
    `SimulateAnnotatorsd`, which finds them under ``"annotators"``.

    Args:
        volumes: items with the path of a ``"label"`` and a ``"case"``.
        section: ``"training"``, ``"validation"`` or ``"test"``.
        annotators: names, at least one.
        labels_per_image: names that are drawn for each training slice; None for all.
        seed: of both draws.
        num_slices: that are kept of all volumes, see `draw_items`.
        slices, slice_axis: see `slice_items`.

    Returns:
        Items of slices, see `slice_items`, with ``"annotators"``, a list of names.

    Raises:
        InputError: no annotators; as `slice_items`, `draw_items` and `choose_annotators`.
    """
    if isinstance(annotators, str) or not annotators:
        raise InputError(f"annotators: expected a list of names, got {annotators!r}.")
    items = [item for volume in volumes for item in slice_items(volume, [volume["label"]], slices, slice_axis)]
    items = draw_items(items, num_slices, seed, section)
    for item in items:
        count = labels_per_image if labels_per_image is not None and section == "training" else len(annotators)
        item["annotators"] = choose_annotators(annotators, count, case_generator(seed, item["case"]))
    return items
