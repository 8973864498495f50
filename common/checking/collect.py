"""The files of every case of a data set's sections, and their content as it was stored."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from monai.data import MetaTensor
from monai.utils import ensure_tuple

from common.datasets.plan import Plan
from common.errors import InputError, find_input_error
from common.io.checks import Finding
from common.io.formats import ITK_SUFFIXES, is_picture, read_image, suffix_of
from common.io.label_meaning import LabelMeaning, class_indices, read_label
from common.io.label_values import read_label_values
from common.io.load_series import LoadSeriesd
from common.io.orientation import reoriented
from common.io.regions import Region, regions_to_masks

__all__ = ["CaseFiles", "LoadedCase", "collect_cases", "read_case"]

ANNOTATORS, REGIONS = "annotators", "regions"
LABEL_KEYS = ("label", "truth", "bones")  # of items, for files that hold labels


@dataclass
class CaseFiles:
    """One image with everything that was drawn on it.

    Attributes:
        section: training, validation or test.
        name: of the case; of the volume where the items are its slices.
        images: files of the image, several for modalities.
        labels: file of each label by its key in the item, such as ``label``.
        annotators: file of each annotator's label by name.
        regions: rectangles of readers.
        items: of the section's datalist that use these files.
    """

    section: str
    name: str
    images: tuple[str, ...]
    labels: dict[str, str] = field(default_factory=dict)
    annotators: dict[str, str] = field(default_factory=dict)
    regions: tuple[Region, ...] = ()
    items: list[Mapping[str, Any]] = field(default_factory=list)


@dataclass
class LoadedCase:
    """What could be read of a case.

    Attributes:
        images: (C, *spatial) of each file that could be read, in the order of the files.
        labels: class maps (1, *spatial) by key, −1 for what was not labeled.
        annotators: the same by name, of readers' regions too.
        findings: files that could not be read.
    """

    images: dict[str, torch.Tensor] = field(default_factory=dict)
    labels: dict[str, torch.Tensor] = field(default_factory=dict)
    annotators: dict[str, torch.Tensor] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def collect_cases(sections: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[CaseFiles]:
    """One case for each image of each section: items that are slices of one volume are one case.

    Args:
        sections: datalist of each section. Items hold files as ``image`` (a path, or a list of modalities), ``label``,
            ``truth``, ``bones`` (paths), ``annotators`` (paths by name) and ``regions``; other keys are ignored.

    Example:
        >>> slices = [{"image": "a.nii", "case": f"a_{k}", "volume": "a", "slice": k} for k in range(3)]
        >>> [(case.name, len(case.items)) for case in collect_cases({"training": slices})]
        [('a', 3)]
    """
    found: dict[tuple[str, ...], CaseFiles] = {}
    for section, items in sections.items():
        for item in items:
            images = tuple(os.fspath(path) for path in ensure_tuple(item["image"]))
            name = str(item.get("volume", item.get("case", Path(images[0]).name)))
            case = found.setdefault((section, name, *images), CaseFiles(section, name, images))
            case.labels |= {key: os.fspath(item[key]) for key in LABEL_KEYS if item.get(key) is not None}
            files = item.get(ANNOTATORS)
            if isinstance(files, Mapping):
                case.annotators |= {who: os.fspath(path) for who, path in files.items() if path is not None}
            case.regions = tuple(item.get(REGIONS) or ())
            case.items.append(item)
    return list(found.values())


def read_case(case: CaseFiles, plan: Plan) -> LoadedCase:
    """Reads each file of a case once, in the image's geometry; a file that cannot be read does not stop the others.

    Args:
        case: with its files.
        plan: says by its channels whether pictures are gray or colored, and what label values mean. Where regions of
            two classes overlap, the later class counts.

    Returns:
        What could be read, and a finding for every file that could not.
    """
    loaded = LoadedCase()
    if Path(case.images[0]).is_dir() or (suffix_of(case.images[0]) in ITK_SUFFIXES and not case.annotators):
        _read_series(case, loaded, LabelMeaning.from_json(plan.labels.get("", {})))
        return loaded
    content: dict[str, torch.Tensor] = {}  # the truth may be an annotator's file
    colors = 3 if plan.channels == 3 and len(case.images) == 1 else 1  # of pictures; volumes have their own number
    who_drew = dict.fromkeys(case.labels.values(), "") | {path: who for who, path in case.annotators.items()}
    for path in dict.fromkeys([*case.images, *case.labels.values(), *case.annotators.values()]):
        try:
            if path in case.images:
                content[path] = read_image(path, colors if is_picture(path) else None)
            else:
                meaning = plan.labels.get(who_drew[path]) or plan.labels.get("", {})
                content[path] = read_label(path, LabelMeaning.from_json(meaning))
        except Exception as error:  # decoders of damaged files raise whatever they meet
            misunderstood = path not in case.images and _is_readable(path)
            kind = "label values" if misunderstood else "unreadable"
            loaded.findings.append(Finding(kind, reason(error, path), True, path))
    first = next(iter(content.values()), None)
    content = {path: value if first is None else reoriented(value, first) for path, value in content.items()}
    loaded.images = {path: content[path] for path in case.images if path in content}
    loaded.labels = {key: content[path] for key, path in case.labels.items() if path in content}
    loaded.annotators = {who: content[path] for who, path in case.annotators.items() if path in content}
    image = next(iter(loaded.images.values()), None)
    if case.regions and image is not None:
        try:
            masks, readers = regions_to_masks(case.regions, image.shape[1:], plan.class_names[1:])
        except (InputError, ValueError) as error:
            loaded.findings.append(Finding("regions", str(error), True))
        else:
            indices = torch.arange(1, plan.num_classes).view(-1, *[1] * (masks.ndim - 2))
            classes = (masks * indices).amax(1, keepdim=True).float()
            affine = image.affine if isinstance(image, MetaTensor) else None
            for reader, drawn in zip(readers, classes, strict=True):
                loaded.annotators[reader] = MetaTensor(drawn, affine=affine)
    return loaded


def _is_readable(label: str) -> bool:
    try:
        read_label_values(label)
    except Exception:  # decoders of damaged files raise whatever they meet
        return False
    return True


def _read_series(case: CaseFiles, loaded: LoadedCase, meaning: LabelMeaning) -> None:
    """A DICOM series or another file of SimpleITK's, with its label laid on the image's grid."""
    image = case.images[0]
    files: dict[Hashable, Any] = {"image": image}
    files.update(case.labels)
    try:
        read = LoadSeriesd(list(files))(files)
    except Exception as error:
        message = reason(error, image)
        named = next((path for path in case.labels.values() if path in message), image)
        loaded.findings.append(Finding("unreadable", message, True, named))
        return
    loaded.images[image] = read["image"]
    for key, path in case.labels.items():
        try:
            classes = class_indices(read[key].numpy(), meaning, path)
        except InputError as error:
            loaded.findings.append(Finding("label values", reason(error, path), True, path))
        else:
            loaded.labels[key] = MetaTensor(torch.from_numpy(classes)[None], meta=read[key].meta)


def reason(error: BaseException, file: str = "") -> str:
    """Why, in one sentence without the file's name in front of it."""
    cause = find_input_error(error)
    if cause is None:
        while error.__cause__ is not None:
            error = error.__cause__
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return lines[0].rstrip(".")
    return " ".join(str(cause).split()).removeprefix(file).lstrip(": ").rstrip(".")
