"""The Medical Segmentation Decathlon's layout (Antonelli et al. 2022), with or without its ``dataset.json``."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from common.datasets.dataset import Dataset
from common.datasets.layouts.assemble import assemble, folder_names, pair
from common.datasets.listing import Listing, files_by_stem, group_channels, list_folder, split_suffix
from common.errors import InputError

EXPECTS = "imagesTr/NAME.nii.gz with labelsTr/NAME.nii.gz, and dataset.json with the lists and names where there is one"


def recognize(root: Path) -> bool:
    """Whether a folder holds ``imagesTr`` and ``labelsTr``."""
    return {"imagesTr", "labelsTr"} <= folder_names(root)


def read(root: Path, subject_pattern: str | None = None) -> Dataset:
    """The training cases of a task.

    Channels, class names and the list of cases are those of ``dataset.json`` where it exists; without it every image in
    ``imagesTr`` with a label of its name in ``labelsTr`` is a case, ``NAME_0000``, ``NAME_0001`` being its channels.
    ``imagesTs`` has no labels and is left out, which is said. Images that nnU-Net v1 lists without the numbers of their
    channels are found by these numbers.

    Args:
        root: folder of the task.
        subject_pattern: regular expression with one group, found in the case name, that is the subject.

    Returns:
        The data set; a 4-D file holds all channels of its image.

    Raises:
        InputError: there is no labeled image, or ``dataset.json`` cannot be understood.
    """
    listing = list_folder(root)
    content = read_dataset_json(listing.root) if "dataset.json" in listing.files else {}
    notes, reasons = unlabeled_test(listing)
    left_out: list[tuple[str, str]] = []
    if "training" in content:
        items, left_out = _listed(content["training"], listing)
        reasons |= dict.fromkeys(("imagesTr", "labelsTr"), "it is not in the list of dataset.json")
        if isinstance(number := content.get("numTraining"), int) and number != len(content["training"]):
            notes.append(f"dataset.json says numTraining {number}, but lists {len(content['training'])} cases.")
    else:
        labels = files_by_stem(listing.below("labelsTr"), "labelsTr")
        images: dict[str, Any] = dict(files_by_stem(listing.below("imagesTr"), "imagesTr"))
        groups = group_channels(images)
        if groups and not labels.keys() & images.keys() and labels.keys() & groups.keys():
            most = max(map(len, groups.values()))
            whole = {case: files for case, files in groups.items() if sorted(files) == list(range(most))}
            for case, files in groups.items():
                if case not in whole:
                    reason = f"{case} has {len(files)} of {most} channels"
                    reasons |= dict.fromkeys((*files.values(), *([labels[case]] if case in labels else [])), reason)
            labels = {case: file for case, file in labels.items() if case not in groups or case in whole}
            images = {case: [files[index] for index in sorted(files)] for case, files in whole.items()}
            images = {case: files[0] if len(files) == 1 else files for case, files in images.items()}
        items, more = pair(images, labels)
        reasons |= more
    names, ignore = class_names(content["labels"]) if "labels" in content else (None, None)
    return assemble(
        "msd",
        EXPECTS,
        listing,
        items,
        reasons=reasons,
        left_out=left_out,
        notes=notes,
        subject_pattern=subject_pattern,
        channel_names=numbered_names(content.get("modality", content.get("channel_names", {})), "modality"),
        class_names=names,
        ignore_value=ignore,
    )


def read_dataset_json(root: Path) -> dict[str, Any]:
    """The content of ``dataset.json``.

    Raises:
        InputError: it cannot be read, or does not hold a JSON object.
    """
    path = root / "dataset.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} must hold a JSON object, but it holds {type(content).__name__}.")
    return content


def numbered_names(names: Any, key: str) -> tuple[str, ...]:
    """The names of channels ``{"0": "T1", "1": "T2"}`` in their order.

    Raises:
        InputError: they are not numbered from 0.
    """
    if isinstance(names, list | tuple):
        return tuple(map(str, names))
    try:
        numbered = {int(number): str(name) for number, name in names.items()}
    except (AttributeError, TypeError, ValueError):
        numbered = {-1: ""}
    if sorted(numbered) != list(range(len(numbered))):
        raise InputError(f'dataset.json: expected {key} as {{"0": name, "1": name, …}}, got {names!r}.')
    return tuple(numbered[number] for number in range(len(numbered)))


def class_names(labels: Any) -> tuple[dict[int, str], int | None]:
    """Name of each value, from ``{"0": "background"}`` as the Decathlon writes it or ``{"background": 0}`` as nnU-Net.

    A name may be a number, ``{"11": 1}`` as of a tooth: a value is a number in JSON, a name a text.

    Returns:
        Names by value, and apart from them the value that is called ignore, as in nnU-Net.

    Raises:
        InputError: a value is not a whole number.
    """
    names: dict[int, str] = {}
    try:
        for key, value in labels.items():
            of_name = isinstance(value, int) or not str(key).lstrip("-").isdigit()
            number, name = (int(value), str(key)) if of_name else (int(key), str(value))
            if number in names:
                raise InputError(f"dataset.json: labels give the value {number} twice, {names[number]} and {name}.")
            names[number] = name
    except (AttributeError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"dataset.json: expected labels as a whole number for each name, got {labels!r}.") from error
    ignore = next((value for value, name in names.items() if name == "ignore"), None)
    return {value: name for value, name in sorted(names.items()) if value != ignore}, ignore


def unlabeled_test(listing: Listing) -> tuple[list[str], dict[str, str]]:
    """A note on images in ``imagesTs`` where there is no ``labelsTs``, and the reason for leaving them out."""
    count = len(files_by_stem(listing.below("imagesTs"), "imagesTs"))
    if not count or any(file.startswith("labelsTs/") for file in listing.files):
        return [], {}
    return [f"imagesTs holds {count} images without labels, which are neither trained on nor evaluated."], {
        "imagesTs": "there are no labels of it (no labelsTs)"
    }


def _listed(entries: Any, listing: Listing) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    if not isinstance(entries, list):
        raise InputError(f"{listing.root / 'dataset.json'}: expected a list under training, got {entries!r}.")
    existing = set(listing.files)
    items, left_out = [], []
    for number, entry in enumerate(entries):
        if not isinstance(entry, Mapping) or not all(isinstance(entry.get(key), str) for key in ("image", "label")):
            raise InputError(
                f"{listing.root / 'dataset.json'}: entry {number} of training must be "
                f'{{"image": path, "label": path}}, got {entry!r}.'
            )
        label, image = os.path.normpath(entry["label"]), os.path.normpath(entry["image"])
        images = [image] if image in existing else _of_channels(image, existing) or [image]
        missing = [file for file in (*images, label) if file not in existing]
        if missing:
            left_out.append((listing.path(missing[0]), "dataset.json lists it, but there is no such file"))
            continue
        case = split_suffix(label)[0].rpartition("/")[2]
        items.append({"case": case, "image": images if len(images) > 1 else images[0], "label": label})
    return items, left_out


def _of_channels(image: str, existing: Collection[str]) -> list[str]:
    """Files of the image that nnU-Net v1 lists as ``a.nii.gz`` and stores as ``a_0000.nii.gz``, ``a_0001.nii.gz``."""
    stem, suffix = image[: -len(split_suffix(image)[1])], split_suffix(image)[1]
    names = (f"{stem}_{channel:04d}{suffix}" for channel in itertools.count())
    return list(itertools.takewhile(existing.__contains__, names)) if suffix else []
