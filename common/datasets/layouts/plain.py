"""Images and labels in plain folders, or side by side, matched by name; one annotator or several."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.datasets.dataset import Dataset
from common.datasets.label_names import (
    IMAGE_ENDINGS,
    IMAGE_FOLDERS,
    LABEL_FOLDERS,
    MANUAL_FOLDER,
    SECTION_FOLDERS,
    TRUTH_FOLDERS,
    annotator_of,
    is_numbered,
    labels_among,
    split_ending,
)
from common.datasets.layouts.assemble import assemble, file_names, folder_names
from common.datasets.listing import files_by_stem, group_channels, is_image_name, list_folder, split_suffix
from common.errors import InputError, counted

EXPECTS = (
    "images/ with labels/ or masks/ (the same names, or NAME_mask), or with a folder or an ending per annotator, "
    "or one folder of NAME.jpg with NAME_mask.png; all of it in train/, val/ and test/ or together"
)


def recognize(root: Path) -> bool:
    """Whether a folder holds images and labels in folders, or images and labels side by side."""
    folders = folder_names(root)
    parts = [root, *(root / name for name in folders if name.lower() in SECTION_FOLDERS)]
    for part in parts:
        names = folder_names(part)
        if any(name.lower() in IMAGE_FOLDERS for name in names) and len(names) > 1:
            return True
    stems = [split_suffix(name)[0] for part in parts for name in file_names(part, 4000) if is_image_name(name)]
    return bool(labels_among(stems))


def read(
    root: Path,
    images: str | None = None,
    labels: str | None = None,
    annotators: Sequence[str] | None = None,
    truth: str | None = None,
    subject_pattern: str | None = None,
) -> Dataset:
    """The cases of plain folders.

    ==============================  ====================================================================================
    ``images/`` and ``labels/``     also ``image``, ``imgs``, ``img``; ``masks``, ``mask``, ``label``, ``annotations``,
                                    ``segmentations``, ``truth``, ``gt``. Labels have the name of their image, or it
                                    with an ending, ``NAME_mask.png``; several endings are several annotators
    ``images/`` and ``AR/``, …      a folder per annotator, any subset of the images in each, and ``truth/`` where there
                                    is a ground truth; ``1st_manual/`` as in DRIVE
    ``NAME.jpg``, ``NAME_AR.png``   images and labels side by side: ``_mask``, ``_seg`` and the like, or annotators
    ==============================  ====================================================================================

    These may lie in ``train/``, ``val/`` and ``test/``, which are the sections. Subfolders are part of the case's name.
    Images ``NAME_0000.png``, ``NAME_0001.png`` of a label ``NAME.png`` are channels of one image.

    Args:
        root: folder of the data set.
        images: name of the images' folder, where it is another.
        labels: name of the labels' folder, where it is another.
        annotators: names of the annotators' folders or endings; others are left out.
        truth: name of the folder or the ending that is the ground truth beside annotators; None for a folder ``truth``,
            ``gt`` and the like, where there is one.
        subject_pattern: regular expression with one group, found in the case name, that is the subject.

    Returns:
        The data set; items have ``label``, ``annotators`` or both.

    Raises:
        InputError: there is no labeled image, two files have one name, or a folder that was named does not exist.
    """
    if isinstance(annotators, str) or (annotators is not None and not annotators):
        raise InputError(f"annotators: expected a list of names, got {annotators!r}.")
    annotators = None if annotators is None else [str(name) for name in annotators]
    truth = None if truth is None else str(truth)
    listing = list_folder(root)
    top = {file.partition("/")[0] for file in listing.files if "/" in file}
    sections = (
        {}
        if _find(top, images, IMAGE_FOLDERS)
        else {name: SECTION_FOLDERS[name.lower()] for name in sorted(top) if name.lower() in SECTION_FOLDERS}
    )
    items: list[dict[str, Any]] = []
    reader = _Part(images, labels, annotators, truth)
    for prefix in sections or [""]:
        files = [file[len(prefix) + 1 :] if prefix else file for file in listing.below(prefix)]
        found = reader.read(files, prefix, listing.root)
        items += [item | ({"section": sections[prefix]} if prefix else {}) for item in found]
    if truth is not None and not reader.found_truth:
        raise InputError(
            f"{root}: truth: expected the name of a ground truth, got {truth}, of which there is neither a folder of "
            f"labels nor a label NAME_{truth}."
        )
    if annotators and not items and reader.others:
        raise InputError(
            f"{root}: annotators: expected names of those who labeled a case, got {', '.join(annotators)}; labels are "
            f"by {', '.join(sorted(reader.others))}."
        )
    names = [item["case"] for item in items]
    if sections and len(set(names)) < len(names):
        reader.notes.append("Some names occur in several sections: cases are named with their section's folder.")
        for item in items:
            item["case"] = f"{item.pop('prefix')}/{item['case']}"
    for item in items:
        item.pop("prefix", None)
    firsts = {item["case"].partition("/")[0] for item in items}
    if not sections and len(firsts) > 1 and all(first.lower() in SECTION_FOLDERS for first in firsts):
        items = [item | {"section": SECTION_FOLDERS[item["case"].partition("/")[0].lower()]} for item in items]
    present = dict.fromkeys(name for item in items for name in item.get("annotators", ()))
    ordered = tuple(name for name in annotators or sorted(present) if name in present)
    return assemble(
        "plain",
        EXPECTS,
        listing,
        items,
        reasons=reader.reasons,
        subject_pattern=subject_pattern,
        annotators=ordered,
        notes=reader.notes,
    )


def _find(folders: set[str], name: str | None, known: Sequence[str]) -> str | None:
    """The folder of a name that was given, else the first of those that are known."""
    if name is not None:
        return name if name in folders else None
    lower = {folder.lower(): folder for folder in sorted(folders, reverse=True)}
    return next((lower[folder] for folder in known if folder in lower), None)


class _Part:
    """Reads one section after the other, and keeps what was decided."""

    def __init__(
        self, images: str | None, labels: str | None, annotators: Sequence[str] | None, truth: str | None
    ) -> None:
        self.images, self.labels, self.annotators, self.truth = images, labels, annotators, truth
        self.reasons: dict[str, str] = {}
        self.notes: list[str] = []
        self.others: set[str] = set()  # annotators that are not read
        self.found_truth = False

    def read(self, files: list[str], prefix: str, root: Path) -> list[dict[str, Any]]:
        self.prefix, self.root = f"{prefix}/" if prefix else "", root
        folders: dict[str, list[str]] = defaultdict(list)
        for file in files:
            if "/" in file:
                folders[file.partition("/")[0]].append(file)
        image_folder = _find(set(folders), self.images, IMAGE_FOLDERS)
        if image_folder is None:
            if self.images is not None:
                raise InputError(f"{root}/{self.prefix}: there is no folder {self.images} of images.")
            return self._read_side_by_side(files)
        images = self._stems(folders.pop(image_folder), image_folder)
        self.found_truth = self.found_truth or self.truth in folders
        chosen = self._label_folders(folders, images)
        if self.annotators:
            absent = [name for name in self.annotators if name not in folders]
            if absent and len(absent) == len(self.annotators):
                self.others |= {name for name in chosen.values() if name}
                chosen = {folder: name for folder, name in chosen.items() if not name}
        if not chosen:  # labels may lie beside the images
            return self._read_side_by_side([file for file in files if file.startswith(f"{image_folder}/")])
        labels: dict[str, dict[str, str]] = defaultdict(dict)  # stem of the label -> by annotator
        single = {}
        for folder, annotator in chosen.items():
            stems = self._stems(folders[folder], folder)
            if annotator:
                labels[annotator] = stems
            else:
                single = stems
        cases = self._cases(images, [single, *labels.values()])
        found: dict[str, dict[str, str]] = defaultdict(dict)  # case -> annotator (or "") -> file
        keys = self._keys(cases)
        for annotator, stems in labels.items():
            for stem, file in stems.items():
                self._put(found, split_ending(stem, keys), keys, file, annotator)
        self._match_endings(found, single, keys, bool(labels))
        return self._items(cases, found)

    def _stems(self, files: list[str], folder: str) -> dict[str, str]:
        try:
            return files_by_stem(files, folder)
        except InputError as error:
            raise InputError(f"{self.root}/{self.prefix.rstrip('/')}: {error}") from error

    def _label_folders(self, folders: Mapping[str, list[str]], images: Mapping[str, str]) -> dict[str, str]:
        """Annotator of each folder that is read, empty for that of the one label."""
        if self.labels is not None and self.labels not in folders and not self.annotators:
            raise InputError(f"{self.root}/{self.prefix}: there is no folder {self.labels} of labels.")
        if self.annotators and any(name in folders for name in self.annotators):
            chosen = {name: name for name in self.annotators if name in folders}
            others = set(folders) - set(self.annotators)
            truth = self.truth if self.truth in folders else None
            if self.truth is None:
                truth = _find(others, None, sorted(TRUTH_FOLDERS))
            return chosen | ({truth: ""} if truth else {})
        manual = [name for name in sorted(folders) if MANUAL_FOLDER.fullmatch(name)]
        if manual and self.labels is None:
            masks = [name for name in folders if name.lower() in ("mask", "masks")]
            for name in masks:
                self.reasons[self.prefix + name] = "it is taken for the field of view, not for a label"
            named = {name: name for name in manual if name != self.truth}
            return named | ({self.truth: ""} if self.truth and self.truth in folders else {})
        truth = self.truth if self.truth in folders else None
        label_folder = _find(set(folders), self.labels or truth, LABEL_FOLDERS)
        more = {name for name in folders if name.lower() in (*IMAGE_FOLDERS, "imagests")}
        self.reasons |= {self.prefix + name: "another folder holds the images that are read" for name in sorted(more)}
        siblings = [
            name for name in sorted(folders) if name != label_folder and self._fits(folders[name], name, images)
        ]
        siblings = [name for name in siblings if name not in more]
        if label_folder is None:
            return {name: name for name in siblings}
        if label_folder.lower() in TRUTH_FOLDERS or label_folder == self.truth:
            return {label_folder: ""} | {name: name for name in siblings}
        for name in siblings:
            self.reasons[self.prefix + name] = f"{label_folder} holds the labels; name annotators to read it"
        return {label_folder: ""}

    def _fits(self, files: list[str], folder: str, images: Mapping[str, str]) -> bool:
        stems = self._stems(files, folder)
        keys = self._keys(dict.fromkeys(images, ""))
        return bool(stems) and sum(split_ending(stem, keys) is not None for stem in stems) * 2 >= len(stems)

    def _cases(self, images: Mapping[str, str], labels: Sequence[Mapping[str, str]]) -> dict[str, str | list[str]]:
        """File or files of each image: channels are joined where labels have the name without the channel."""
        stems = set().union(*labels) if labels else set()
        groups = {case: channels for case, channels in group_channels(images).items() if case not in images}
        if not groups or stems & images.keys() or not any(split_ending(stem, groups) for stem in stems):
            return dict(images)
        most = max(len(channels) for channels in groups.values())
        self.notes.append(f"Images have {most} files each, one per channel (_0000, …).")
        cases: dict[str, str | list[str]] = {}
        for case, channels in groups.items():
            files = [channels[index] for index in sorted(channels)]
            if sorted(channels) == list(range(most)):
                cases[case] = files
            else:
                reason = f"{case} has {len(channels)} of {most} channels"
                self.reasons |= {self.prefix + file: reason for file in files}
        return cases

    def _keys(self, cases: Mapping[str, Any]) -> dict[str, str]:
        """Case of each name that a label may have: its own, and without the endings that images have."""
        keys: dict[str, list[str]] = defaultdict(list)
        for case in cases:
            stem, _, ending = case.rpartition("_")
            if stem and ending.lower() in IMAGE_ENDINGS:
                keys[stem].append(case)
        short = {key: found[0] for key, found in keys.items() if len(found) == 1}
        return short | {case: case for case in cases}

    def _put(
        self,
        found: dict[str, dict[str, str]],
        match: tuple[str, str] | None,
        keys: Mapping[str, str],
        file: str,
        annotator: str,
    ) -> None:
        if match is None:
            self.reasons[self.prefix + file] = "there is no image of its name"
            return
        case = keys[match[0]]
        if annotator in found[case]:
            raise InputError(
                f"{self.root}: {self.prefix}{found[case][annotator]} and {self.prefix}{file} are both labels of the "
                f"case {case!r}{f' by {annotator}' if annotator else ''}; keep one."
            )
        found[case][annotator] = file

    def _match_endings(
        self, found: dict[str, dict[str, str]], labels: Mapping[str, str], keys: Mapping[str, str], several: bool
    ) -> None:
        """Labels of one folder: endings that say no more than *label* are the label, others are annotators."""
        matches: dict[str, tuple[str, str] | None] = {}
        endings_of: dict[str, str] = {}  # of files, not of subfolders
        for stem, file in labels.items():
            folder, _, rest = stem.partition("/")
            match = split_ending(stem, keys)
            endings_of |= {file: match[1]} if match else {}
            if match is None and rest and (inner := split_ending(rest, keys)):
                match = inner[0], folder  # a subfolder per annotator
            matches[stem] = match
        endings = {match[1] for match in matches.values() if match}
        names = {ending: annotator_of(ending) for ending in endings}
        if len(endings) == 1 and not self.annotators and any(names.values()):
            self.notes.append(f"The names of labels end in _{next(iter(endings))}, which is taken for no annotator.")
            names = dict.fromkeys(endings, "")
        for stem, file in labels.items():
            match = matches[stem]
            annotator = names[match[1]] if match else ""
            if self.truth and match and self.truth in (match[1], annotator):
                annotator, self.found_truth = "", True
            if annotator and ((self.annotators and annotator not in self.annotators) or several):
                self.others.add(annotator)
                self.reasons[self.prefix + file] = f"{annotator} is not among the annotators that are read"
                continue
            self._put(found, match, keys, file, annotator)
        self._refuse_further(found, endings_of)

    def _refuse_further(self, found: Mapping[str, Mapping[str, str]], endings: Mapping[str, str]) -> None:
        """Refuses a further label of a few images that has a number for a name, as BUSI has masks of further lesions.

        Where many images have them, numbers are the names of annotators; where one label is the ground truth, too.
        """
        if self.truth or self.annotators:
            return
        pairs = []
        for by in found.values():
            first = by.get("", "")
            if first in endings and endings[first].lower() not in TRUTH_FOLDERS:
                pairs += [(first, file) for file in by.values() if is_numbered(endings.get(file, ""))]
        if pairs and 2 * len({first for first, _ in pairs}) < sum("" in by for by in found.values()):
            first, second = pairs[0]
            raise InputError(
                f"{self.root}: {self.prefix}{second} is of no image of its own name, and beside {self.prefix}{first} "
                f"its name does not say whose label it is; there are {counted(len(pairs), 'such file')}. Expected one "
                "file for all that one annotator drew in an image, as common.convert --masks makes of several; if the "
                "numbers are annotators, name them, such as --annotators 1,2."
            )

    def _read_side_by_side(self, files: list[str]) -> list[dict[str, Any]]:
        images = self._stems([file for file in files if is_image_name(file)], "")
        labels = labels_among(images, [*(self.annotators or ()), *([self.truth] if self.truth else [])])
        cases = {stem: file for stem, file in images.items() if stem not in labels}
        found: dict[str, dict[str, str]] = defaultdict(dict)
        self._match_endings(found, {stem: images[stem] for stem in labels}, self._keys(cases), False)
        return self._items(self._without_folder(cases), {self._short(case): found[case] for case in cases})

    def _short(self, case: str) -> str:
        first, _, rest = case.partition("/")
        return rest if rest and first.lower() in IMAGE_FOLDERS else case

    def _without_folder(self, cases: Mapping[str, str]) -> dict[str, str | list[str]]:
        return {self._short(case): file for case, file in cases.items()}

    def _items(
        self, cases: Mapping[str, str | list[str]], found: Mapping[str, Mapping[str, str]]
    ) -> list[dict[str, Any]]:
        items = []
        for case, image in cases.items():
            files = [self.prefix + file for file in (image if isinstance(image, list) else [image])]
            labels = {name: self.prefix + file for name, file in found.get(case, {}).items()}
            if not labels:
                self.reasons |= {file: "there is no label of its name" for file in files if file not in self.reasons}
                continue
            item: dict[str, Any] = {"case": case, "image": files if isinstance(image, list) else files[0]}
            if "" in labels:
                item["label"] = labels.pop("")
            if labels:
                item["annotators"] = labels
            items.append(item | {"prefix": self.prefix.rstrip("/")})
        return items
