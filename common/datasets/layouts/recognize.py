"""Which layout a folder has, and its cases."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import os
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from common.datasets.dataset import Dataset
from common.datasets.dicom_folders import advise_to_convert
from common.datasets.given import names_of
from common.datasets.layouts.assemble import folder_names
from common.datasets.listing import describe_folder, list_folder
from common.errors import InputError

LAYOUTS = (  # the most specific first
    *("acdc", "totalsegmentator", "brats", "ms_lesion", "nci", "oai", "isic", "mnist", "lidc", "hippocampus"),
    *("nnunet", "msd", "shenzhen", "bids", "datalist", "plain"),
)
LOOKED_AT = 20  # folders in one that fits no layout
SHOWN = 3


def read_dataset(dataset_dir: str | os.PathLike[str], layout: str | None = None, **options: Any) -> Dataset:
    """The cases of a data set, in a layout that is named or recognized by the names of files and folders.

    Args:
        dataset_dir: folder of the data set, or a datalist ``.json``.
        layout: one of `LAYOUTS`; None for the most specific one that fits.
        **options: of the layout's ``read``, such as ``annotators`` or ``subject_pattern``; those that are None are left
            at their defaults.

    Returns:
        The data set. `Dataset.notes` says which layout was taken where several fit.

    Raises:
        InputError: no layout fits, with what was found and what each layout expects; there is no such layout or
            option; annotators or modalities are no list of different names; an annotator or a ground truth that is
            named has no file; what the layout's ``read`` refuses.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for file in ("images/a.png", "masks/a.png"):
        ...         Path(folder, file).parent.mkdir()
        ...         Path(folder, file).touch()
        ...     read_dataset(folder).layout
        'plain'
    """
    if not isinstance(dataset_dir, str | os.PathLike) or not str(dataset_dir).strip():
        raise InputError(f"dataset_dir: expected the folder of a data set or a datalist .json, got {dataset_dir!r}.")
    root = Path(dataset_dir).expanduser().absolute()
    notes: list[str] = []
    if layout is not None and (not isinstance(layout, str) or layout not in LAYOUTS):
        raise InputError(f"layout: expected one of {', '.join(LAYOUTS)}, got {layout!r}.")
    if not root.exists():
        raise InputError(f"{root} does not exist: name the folder of a data set or a datalist .json.")
    if layout is None:
        fitting = find_layouts(root) or (["datalist"] if root.suffix.lower() == ".json" and root.is_file() else [])
        if not fitting:
            if not root.is_dir():
                raise InputError(f"{root} is a file: expected the folder of a data set or a datalist .json.")
            found = f"{root} holds {describe_folder(root)}, which fits no layout.{advise_to_convert(list_folder(root))}"
            if nearby := _fitting_nearby(root):
                raise InputError(f"{found} {nearby}: give it, or arrange the files as docs/data_sets.md says.")
            expected = "; ".join(f"{name}: {_module(name).EXPECTS}" for name in reversed(LAYOUTS))
            raise InputError(
                f"{found} List the cases in a datalist (docs/data_sets.md), or arrange the files in one of these "
                f"layouts, {expected}."
            )
        layout = fitting[0]
        others = f"; {', '.join(fitting[1:])} would fit too" if fitting[1:] else ""
        notes.append(f"The layout is {layout}, by the names of the files{others}.")
    elif not root.is_dir() and layout != "datalist":
        raise InputError(f"{root} is not a folder.")
    read = _module(layout).read
    given = {name: value for name, value in options.items() if value is not None}
    known = options_of(layout)
    if unknown := sorted(given.keys() - set(known)):
        raise InputError(
            f"The layout {layout} has no option {', '.join(unknown)}; it has {', '.join(known) or 'none'}."
        )
    for option in ("annotators", "modalities"):
        if option in given:
            given[option] = names = names_of(option, given[option])
            if len(set(names)) < len(names):
                raise InputError(f"{option}: expected different names, got {', '.join(names)}.")
    if "truth" in given:
        given["truth"] = str(given["truth"])
    dataset: Dataset = read(root, **given)
    _require_named(dataset, given)
    return dataclasses.replace(dataset, notes=(*notes, *dataset.notes))


def _fitting_nearby(root: Path) -> str:
    """Which folders in a folder, or else the one above it, fit a layout; empty if none does."""
    below = [root / name for name in sorted(folder_names(root))[:LOOKED_AT]]
    for intro, folders in (("in it", below), ("above it", [root.parent])):
        fitting = [(folder, layouts[0]) for folder in folders if (layouts := find_layouts(folder))]
        if fitting:
            named = ", ".join(f"{folder} ({layout})" for folder, layout in fitting[:SHOWN])
            return f"Of the folders {intro}, {named}{', …' if len(fitting) > SHOWN else ''} would fit one"
    return ""


def _require_named(dataset: Dataset, given: Mapping[str, Any]) -> None:
    """Refuses names of annotators, or of the ground truth, that the data set does not have beside others."""
    present = dict.fromkeys(name for item in dataset.items for name in item.get("annotators") or ())
    if absent := [name for name in given.get("annotators", ()) if present and name not in present]:
        raise InputError(
            f"{dataset.root}: annotators: expected names of those who labeled a case, but there is no "
            f"{', '.join(absent)}; of those that are named, {', '.join(present)} did."
        )
    if "truth" in given and present and not any("label" in item for item in dataset.items):
        raise InputError(f"{dataset.root}: truth: expected the name of a ground truth, got {given['truth']}, of none.")


def options_of(layout: str) -> list[str]:
    """What the reading of a layout can be told.

    Args:
        layout: one of `LAYOUTS`; another, as of items that a program gave, has no options.

    Returns:
        Names.

    Example:
        >>> options_of("isic"), options_of("plain")[-1]
        ([], 'subject_pattern')
    """
    return list(inspect.signature(_module(layout).read).parameters)[1:] if layout in LAYOUTS else []


def find_layouts(root: Path) -> list[str]:
    """The layouts that fit a folder by its names, the most specific first.

    Args:
        root: folder, or a datalist.
    """
    names = LAYOUTS if root.is_dir() else ("datalist",)
    return [name for name in names if _module(name).recognize(root)]


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"common.datasets.layouts.{name}")
