"""MONAI's datalist: a JSON file with the lists ``training``, ``validation`` and ``testing``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.datasets.case_names import case_fault
from common.datasets.dataset import Dataset
from common.datasets.layouts.assemble import assemble
from common.datasets.layouts.msd import class_names, numbered_names
from common.datasets.listing import Listing, list_folder, split_suffix
from common.errors import InputError

EXPECTS = (
    'a JSON file (or a folder with one) such as {"training": [{"image": path, "label": path, "fold": 0}, …], '
    '"testing": […]}, paths relative to the file'
)
SECTIONS = {
    **dict.fromkeys(("training", "train"), "training"),
    **dict.fromkeys(("validation", "val", "valid"), "validation"),
    **dict.fromkeys(("testing", "test"), "test"),
}
LARGEST_GLANCE = 1 << 20  # bytes in which the names of the lists are looked for


def recognize(root: Path) -> bool:
    """Whether a path is a datalist, or a folder with exactly one JSON file, which begins as a datalist."""
    files = _candidates(root)
    if len(files) != 1:
        return False
    try:
        with files[0].open(encoding="utf-8", errors="replace") as file:
            text = file.read(LARGEST_GLANCE)
    except OSError:
        return False
    return '"image"' in text and any(f'"{name}"' in text for name in SECTIONS)


def read(
    root: Path,
    data_dir: str | os.PathLike[str] | None = None,
    file: str | None = None,
    annotators: Sequence[str] | None = None,
    truth: str | None = None,
    subject_pattern: str | None = None,
) -> Dataset:
    """The labeled cases of a datalist.

    An item is ``{"image": path or list of paths, "label": path}``, or has ``"annotators": {name: path}``; ``"case"``,
    ``"subject"``, ``"fold"`` (a whole number) and ``"stratum"`` are optional. Lists are sections, also as ``train``,
    ``val``, ``valid`` and ``test``; with ``training`` alone the cases are still to be split. A list of items stands for
    ``training``. A note names lists of other names, whose cases are left out.

    Args:
        root: the file, or its folder.
        data_dir: folder that the paths are relative to; None for the file's folder.
        file: name of the JSON file, where the folder holds several.
        annotators: those that are read; None for all.
        truth: the annotator whose label is the ground truth, in the place of ``"label"``.
        subject_pattern: regular expression with one group, found in the case name, that is the subject.

    Returns:
        The data set; cases without ``"case"`` have the name of the image's file, or its path where names recur.

    Raises:
        InputError: the file cannot be understood, names no labeled case, or gives one name twice.
    """
    path = _file(Path(root).expanduser().absolute(), file)
    content = _read_json(path)
    folder = Path(data_dir).expanduser().absolute() if data_dir is not None else path.parent
    lists = (
        {"training": content}
        if isinstance(content, list)
        else {key: content[key] for key in SECTIONS if key in content}
    )
    sections = {SECTIONS[key] for key in lists}
    entries: list[dict[str, Any]] = []
    left_out: list[tuple[str, str]] = []
    unlabeled = 0
    for key, values in lists.items():
        if not isinstance(values, list):
            raise InputError(f"{path}: expected a list under {key}, got {type(values).__name__}.")
        for number, value in enumerate(values):
            item, fault = _item(value, folder, f"{path}: entry {number} of {key}")
            if item is None:
                unlabeled += fault == UNLABELED
                left_out.append((f"{path}: entry {number} of {key}", fault))
                continue
            if not (item := _of_annotators(item, annotators, truth)):
                left_out.append((f"{path}: entry {number} of {key}", "none of the annotators that are read labeled it"))
                continue
            entries.append(item | ({"section": SECTIONS[key]} if sections != {"training"} else {}))
    _name_cases(entries)
    named = sorted({name for item in entries for name in item.get("annotators", ())})
    present = [name for name in annotators or named if name in named]
    notes = [f"{unlabeled} entries have no label and are left out."] if unlabeled else []
    if others := _other_lists(content):
        notes.append(f"{path}: lists of other names than {', '.join(SECTIONS)} are left out: {', '.join(others)}.")
    known: dict[str, Any] = {}
    if isinstance(content, dict):
        if isinstance(content.get("labels"), Mapping):
            known["class_names"], known["ignore_value"] = class_names(content["labels"])
        if channels := content.get("channel_names", content.get("modality")):
            known["channel_names"] = (channels,) if isinstance(channels, str) else numbered_names(channels, "modality")
    return assemble(
        "datalist",
        EXPECTS,
        list_folder(folder) if path.parent == folder else Listing(folder, ()),
        entries,
        left_out=left_out,
        notes=notes,
        subject_pattern=subject_pattern,
        annotators=tuple(present),
        **known,
    )


UNLABELED = "it has no label"


def _candidates(root: Path) -> list[Path]:
    if root.is_file():
        return [root] if root.suffix.lower() == ".json" else []
    try:
        return sorted(
            path for path in root.iterdir() if path.suffix.lower() == ".json" and not path.name.startswith(".")
        )
    except OSError:
        return []


def _file(root: Path, name: str | None) -> Path:
    if name is not None:
        return root / name
    files = _candidates(root)
    if len(files) != 1:
        found = ", ".join(path.name for path in files) or "none"
        raise InputError(f"{root}: expected one JSON file with the lists of cases, found {found}.")
    return files[0]


def _read_json(path: Path) -> Any:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as a JSON datalist: {error}.") from error
    if not isinstance(content, list) and not (isinstance(content, dict) and content.keys() & SECTIONS.keys()):
        raise InputError(f"{path} must hold a list of cases, or an object with such a list under training.")
    return content


def _other_lists(content: Any) -> list[str]:
    """Names of what looks like a list of cases and is no section."""
    return [
        str(key)
        for key, values in (content.items() if isinstance(content, dict) else ())
        if key not in SECTIONS
        and isinstance(values, list)
        and any(isinstance(value, Mapping) and "image" in value for value in values)
    ]


def _item(value: Any, folder: Path, where: str) -> tuple[dict[str, Any] | None, str]:
    """The item of an entry, or None and why it is left out."""
    if not isinstance(value, Mapping):
        return None, UNLABELED if isinstance(value, str) else f'it is not {{"image": path, "label": path}}: {value!r}'
    image, label, annotators = value.get("image"), value.get("label"), value.get("annotators")
    files = list(image) if isinstance(image, list | tuple) else [image]
    if isinstance(label, list | tuple) and len(label) == 1:
        label = label[0]
    if not label and not annotators:
        return None, UNLABELED
    if annotators is not None and not isinstance(annotators, Mapping):
        return None, f"annotators must be {{name: path}}, but they are {annotators!r}"
    by_name = {str(name): path for name, path in (annotators or {}).items() if path is not None}
    every = [*files, *([label] if label else []), *by_name.values()]
    if not files or not all(isinstance(file, str) for file in every):
        return None, f'it is not {{"image": path, "label": path}}: {value!r}'
    case = value.get("case")
    case = str(case) if isinstance(case, int) and not isinstance(case, bool) else case  # as those of subjects
    if case is not None and (fault := case_fault(case)):
        return None, fault
    paths = {file: os.path.normpath(os.path.join(folder, os.path.expanduser(file))) for file in every}
    for path in paths.values():
        if "\0" in path or not os.path.isfile(path):
            return None, f"there is no file {ascii(path)[1:-1]}"
    item: dict[str, Any] = {"image": [paths[file] for file in files] if len(files) > 1 else paths[files[0]]}
    if label:
        item["label"] = paths[label]
    if by_name:
        item["annotators"] = {name: paths[file] for name, file in by_name.items()}
    if (fold := value.get("fold")) is not None:
        if not isinstance(fold, int) or isinstance(fold, bool) or fold < 0:
            raise InputError(f"{where}: expected a fold of 0 or more, got {fold!r}.")
        item["fold"] = fold
    for key in ("case", "subject", "stratum"):
        if value.get(key) is not None:
            item[key] = str(value[key])
    base = f"{folder}/"
    return {
        key: _relative(file, base) if key in ("image", "label", "annotators") else file for key, file in item.items()
    }, ""


def _of_annotators(item: dict[str, Any], annotators: Sequence[str] | None, truth: str | None) -> dict[str, Any]:
    """The item with the labels that are read; empty if it has none of them."""
    by = dict(item.get("annotators", {}))
    item = {key: value for key, value in item.items() if key != "annotators"}
    if truth in by:
        item["label"] = by.pop(truth)
    if chosen := {name: file for name, file in by.items() if annotators is None or name in annotators}:
        item["annotators"] = chosen
    return item if "label" in item or chosen else {}


def _relative(files: Any, base: str) -> Any:
    if isinstance(files, str):
        return files.removeprefix(base)
    if isinstance(files, list):
        return [file.removeprefix(base) for file in files]
    return {name: file.removeprefix(base) for name, file in files.items()}


def _name_cases(items: Sequence[dict[str, Any]]) -> None:
    """Gives each item without a name that of its image's file, or its whole path where two files have one name."""
    unnamed = [item for item in items if "case" not in item]
    stems = [split_suffix(item["image"] if isinstance(item["image"], str) else item["image"][0])[0] for item in unnamed]
    short = [stem.rpartition("/")[2] for stem in stems]
    if len(set(short)) < len(short):
        root = os.path.commonpath([os.path.dirname(stem) or "." for stem in stems]) if _comparable(stems) else ""
        short = [stem[len(root) + 1 :] if root and stem.startswith(f"{root}/") else stem.lstrip("/") for stem in stems]
    for item, name in zip(unnamed, short, strict=True):
        item["case"] = name


def _comparable(stems: Sequence[str]) -> bool:
    return len({stem.startswith("/") for stem in stems}) == 1
