"""The raw layout of nnU-Net v2 (Isensee et al. 2021)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from common.datasets.dataset import Dataset
from common.datasets.layouts.assemble import assemble, folder_names
from common.datasets.layouts.msd import class_names, numbered_names, read_dataset_json, unlabeled_test
from common.datasets.listing import Listing, list_folder
from common.errors import InputError

EXPECTS = (
    "dataset.json with channel_names, labels and file_ending, imagesTr/CASE_0000.EXT (a file per channel) and "
    "labelsTr/CASE.EXT"
)


def recognize(root: Path) -> bool:
    """Whether a folder holds ``imagesTr`` and a ``dataset.json`` of nnU-Net v2."""
    if "imagesTr" not in folder_names(root) or not (root / "dataset.json").is_file():
        return False
    try:
        return {"channel_names", "file_ending"} <= read_dataset_json(root).keys()
    except InputError:
        return False


def read(root: Path, subject_pattern: str | None = None) -> Dataset:
    """The cases of a raw data set of nnU-Net v2.

    ``imagesTs`` with ``labelsTs`` is the section test, the training cases then being the section training. The folds
    of a ``splits_final.json`` that lies in the folder are the data set's own.

    Args:
        root: folder such as ``Dataset001_Name``.
        subject_pattern: regular expression with one group, found in the case name, that is the subject.

    Returns:
        The data set; ``image`` is a list where there are several channels, unless each image is one file
        ``CASE_0000`` that holds all of them, as color pictures do.

    Raises:
        InputError: there is no labeled image, or ``dataset.json`` cannot be understood.
    """
    listing = list_folder(root)
    content = read_dataset_json(listing.root)
    for key in ("channel_names", "labels", "file_ending"):
        if key not in content:
            raise InputError(f"{listing.root / 'dataset.json'}: expected the key {key}, got {', '.join(content)}.")
    labels = content["labels"]
    labels, notes = classes_of_regions(labels) if isinstance(labels, dict) else (labels, [])
    names, ignore = class_names(labels)
    channels = numbered_names(content["channel_names"], "channel_names")
    unlabeled, reasons = unlabeled_test(listing)
    training, left_out = _cases(listing, "Tr", content["file_ending"], len(channels), reasons)
    test, more = _cases(listing, "Ts", content["file_ending"], len(channels), reasons)
    if isinstance(content.get("dataset"), Mapping):
        training, left_out = _listed(content["dataset"], listing)
    if test:
        training = [item | {"section": "training"} for item in training]
    return assemble(
        "nnunet",
        EXPECTS,
        listing,
        [*training, *(item | {"section": "test"} for item in test)],
        reasons=reasons,
        left_out=[*left_out, *more],
        notes=[*notes, *unlabeled],
        subject_pattern=subject_pattern,
        channel_names=channels,
        class_names=names,
        ignore_value=ignore,
        folds=_folds(listing),
    )


def classes_of_regions(labels: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Classes that exclude each other in the place of regions, which overlap: one for each value of the label files.

    Args:
        labels: value, or list of the values of a region, by name.

    Returns:
        Value by name: a value has the name of the smallest region that holds it, and if that holds others too, its
        number behind it. And a note, if there are regions.

    Example:
        >>> classes_of_regions({"background": 0, "liver": [1, 2], "tumor": 2})[0]
        {'background': 0, 'liver 1': 1, 'tumor': 2}
    """
    regions = {name: value if isinstance(value, list) else [value] for name, value in labels.items()}
    classes = {name: values[0] for name, values in regions.items() if len(values) == 1}  # one value is no region
    several = sorted(regions.keys() - classes.keys(), key=lambda name: len(regions[name]))
    if not all(isinstance(value, int) for values in regions.values() for value in values or [None]):
        return dict(labels), []
    if not several:
        return classes, []
    for value in sorted({value for name in several for value in regions[name]} - set(classes.values())):
        smallest = next(name for name in several if value in regions[name])
        classes[f"{smallest} {value}"] = value
    classes = dict(sorted(classes.items(), key=lambda entry: entry[1]))
    listed = ", ".join(f"{value} is {name}" for name, value in classes.items())
    return classes, [
        f"The labels {', '.join(name for name in regions if name in several)} of dataset.json are regions, which "
        f"overlap; the classes are the values of the label files, which exclude each other: {listed}."
    ]


def _cases(
    listing: Listing, ending: str, suffix: Any, channels: int, reasons: dict[str, str]
) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """Items of ``imagesTr`` or ``imagesTs``, and images whose files are not all there."""
    if not isinstance(suffix, str):
        raise InputError(f"{listing.root / 'dataset.json'}: expected file_ending as a text, got {suffix!r}.")
    images, labels = f"images{ending}", f"labels{ending}"
    existing = set(listing.files)
    if channels > 1 and not any(_channel(file, suffix) for file in listing.below(images)):
        channels = 1  # a file holds all channels, as color pictures do
    known = [file[len(labels) + 1 : -len(suffix)] for file in listing.below(labels) if file.endswith(suffix)]
    items, left_out = [], []
    for case in known:
        files = [f"{images}/{case}_{channel:04d}{suffix}" for channel in range(channels)]
        missing = [file for file in files if file not in existing]
        if missing:
            left_out.append((listing.path(missing[0]), f"there is no such file, a channel of the case {case}"))
            reason = f"the case {case} has {channels - len(missing)} of {channels} channels"
            reasons |= dict.fromkeys((*files, f"{labels}/{case}{suffix}"), reason)
            continue
        items.append({"case": case, "image": files if channels > 1 else files[0], "label": f"{labels}/{case}{suffix}"})
    cases = set(known)
    reasons |= {
        file: "there is no label of its name"
        for file in (listing.below(images) if known else [])
        if file.endswith(suffix) and file[len(images) + 1 : -len(suffix) - 5] not in cases
    }
    return items, left_out


def _channel(file: str, suffix: str) -> int:
    """The number in ``CASE_0001.png``; 0 where there is none."""
    number = file.removesuffix(suffix)[-5:]
    return int(number[1:]) if file.endswith(suffix) and number[:1] == "_" and number[1:].isdigit() else 0


def _listed(entries: Mapping[str, Any], listing: Listing) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """Items of the list of files that ``dataset.json`` may hold, with paths relative to it."""
    items, left_out = [], []
    for case, entry in entries.items():
        try:
            files = [os.path.normpath(listing.root / file) for file in entry["images"]]
            label = os.path.normpath(listing.root / entry["label"])
        except (TypeError, KeyError) as error:
            raise InputError(
                f'{listing.root / "dataset.json"}: the case {case} must be {{"images": [path, …], "label": path}}.'
            ) from error
        missing = [file for file in (*files, label) if not os.path.isfile(file)]
        if missing:
            left_out.append((missing[0], f"there is no such file, of the case {case}"))
            continue
        base = f"{listing.root}/"
        files, label = [file.removeprefix(base) for file in files], label.removeprefix(base)
        items.append({"case": case, "image": files if len(files) > 1 else files[0], "label": label})
    return items, left_out


def _folds(listing: Listing) -> tuple[dict[str, list[str]], ...]:
    path = listing.root / "splits_final.json"
    if not path.is_file():
        return ()
    try:
        folds = [[fold[name] for name in ("train", "val")] for fold in json.loads(path.read_text(encoding="utf-8"))]
        if not all(isinstance(names, list) for names in chain.from_iterable(folds)):
            raise TypeError("a fold without lists")
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f'{path} must hold a list of {{"train": [case, …], "val": [case, …]}} ({error}).') from error
    return tuple({"train": list(map(str, train)), "val": list(map(str, val))} for train, val in folds)
