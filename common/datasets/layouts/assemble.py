"""From what a layout found to a `Dataset`: names checked, subjects set, and everything said that was left out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from common.datasets.case_names import case_fault, normalize_case
from common.datasets.dataset import Dataset
from common.datasets.dicom_folders import advise_to_convert
from common.datasets.listing import Listing, find_unread, left_out_sentences
from common.errors import InputError, counted


def assemble(
    layout: str,
    expects: str,
    listing: Listing,
    items: Iterable[dict[str, Any]],
    *,
    reasons: Mapping[str, str] | None = None,
    used: Iterable[str] = (),
    subject_pattern: str | None = None,
    notes: Sequence[str] = (),
    left_out: Sequence[tuple[str, str]] = (),
    **known: Any,
) -> Dataset:
    """The data set of a layout's items.

    Args:
        layout: its name.
        expects: what it expects, for the message where there is no case.
        listing: of the data set's folder; what no item uses is left out and named.
        items: with ``case`` and files below the folder as relative paths with slashes, or absolute ones; without
            ``subject`` it is the case, and of several cases of one image the first, so that no image is in two
            sections.
        reasons: why files below the folder are left out, by relative path.
        used: further files and folders that were read.
        subject_pattern: regular expression with one group, found in the case name, that is the subject.
        notes: decisions, a sentence each.
        left_out: (path, reason) beside what the listing shows.
        **known: further fields of `Dataset`.

    Returns:
        The data set, with absolute paths.

    Raises:
        InputError: there is no case, two cases have one name, or ``subject_pattern`` cannot be used.
    """
    pattern = compile_subject(subject_pattern)
    files = set(used)
    cases: dict[str, dict[str, Any]] = {}
    subjects: dict[str, str] = {}  # of each image
    refused: list[tuple[str, str]] = list(left_out)

    def absolute(file: str) -> str:
        files.add(file)
        return file if file.startswith("/") else listing.path(file)

    for item in items:
        image = item["image"]
        item = item | {"image": [absolute(file) for file in image] if isinstance(image, list) else absolute(image)}
        if "label" in item:
            item["label"] = absolute(item["label"])
        if "annotators" in item:
            item["annotators"] = {name: absolute(file) for name, file in item["annotators"].items()}
        first = item["image"][0] if isinstance(item["image"], list) else item["image"]
        if fault := case_fault(item["case"]):
            refused.append((first, fault))
            continue
        case = normalize_case(item["case"])
        if case in cases:
            raise InputError(f"{listing.root}: two cases have the name {case!r}, one of them {first}; rename one.")
        subject = item.get("subject") or (subject_of(case, pattern) if pattern else subjects.setdefault(first, case))
        cases[case] = item | {"case": case, "subject": subject}
    if not cases:
        advice = advise_to_convert(listing)
        first = f"; {counted(len(refused), 'case')} left out, the first by {': '.join(refused[0])}" if refused else ""
        if reasons and not refused:
            first = f"; {counted(len(reasons), 'file')} left out, the first {': '.join(min(reasons.items()))}"
        raise InputError(
            f"{listing.root} holds no labeled case in the layout {layout}, which expects {expects}{first}.{advice}"
        )
    refused += find_unread(listing, files, reasons or {})
    refused += [(folder, "the folder holds no file") for folder in listing.empty]  # such as that of an annotator
    said = [*notes, *left_out_sentences(refused, listing.root)]
    ordered = tuple(cases[case] for case in sorted(cases))
    return Dataset(layout, listing.root, ordered, notes=tuple(said), left_out=tuple(refused), **known)


def compile_subject(pattern: str | None) -> re.Pattern[str] | None:
    """The regular expression of ``subject_pattern``; None for none.

    Raises:
        InputError: it is not a regular expression with one group.
    """
    if pattern is None:
        return None
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(f"subject_pattern: {pattern!r} is not a regular expression ({error}).") from error
    if compiled.groups != 1:
        raise InputError(f"subject_pattern: expected a regular expression with one group, got {pattern!r}.")
    return compiled


def subject_of(case: str, pattern: re.Pattern[str] | None) -> str:
    """The subject of a case: what the pattern's group matches, or the case itself.

    Raises:
        InputError: the pattern does not occur in the name.
    """
    if pattern is None:
        return case
    match = pattern.search(case)
    if not match or not match[1]:
        raise InputError(f"subject_pattern: {pattern.pattern!r} does not occur in the case name {case!r}.")
    return match[1]


def pair(
    images: Mapping[str, Any], labels: Mapping[str, str], no_label: str = "there is no label of its name"
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Items of the cases that have an image and a label, and why the other files are left out.

    Args:
        images: file, or list of files, of each case.
        labels: file of each case.
        no_label: the reason for an image without a label.

    Returns:
        Items, and the reason of each file that is left out.
    """
    reasons = {labels[case]: "there is no image of its name" for case in labels.keys() - images.keys()}
    for case in images.keys() - labels.keys():
        files = images[case] if isinstance(images[case], list) else [images[case]]
        reasons |= dict.fromkeys(files, no_label)
    return [{"case": case, "image": images[case], "label": labels[case]} for case in images if case in labels], reasons


def folder_names(root: Path) -> set[str]:
    """Names of the folders in a folder, hidden ones left out; empty where it is not a folder or cannot be read."""
    try:
        with os.scandir(root) as entries:
            return {entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()}
    except OSError:
        return set()


def file_names(root: Path, most: int = 1000) -> list[str]:
    """Names of some files in a folder, hidden ones left out; none where it is not a folder or cannot be read.

    Args:
        root: the folder.
        most: how many entries are looked at.
    """
    found: list[str] = []
    try:
        with os.scandir(root) as entries:
            for number, entry in enumerate(entries):
                if number >= most:
                    break
                if not entry.name.startswith(".") and not entry.is_dir():
                    found.append(entry.name)
    except OSError:
        return []
    return sorted(found)
