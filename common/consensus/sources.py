"""The cases whose annotators are to be fused: of a data set in any layout, or of a folder for each annotator."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from common.datasets.by_annotators import truth_alone
from common.datasets.images_by_case import images_of
from common.datasets.layouts.recognize import read_dataset
from common.datasets.listing import files_by_stem, left_out_sentences, list_folder
from common.errors import InputError, counted

__all__ = ["FusionCase", "Sources", "dataset_cases", "folder_cases", "with_images"]

KNOWN = ("section", "subject", "fold", "stratum")


@dataclass(frozen=True)
class FusionCase:
    """A case with its annotators' files.

    Attributes:
        name: of the case.
        labels: file by annotator; who did not label it is left out.
        image: file or files of its channels; empty if there is none.
        tool_image: file, or folder of a DICOM series, that an annotator's tool shows; empty for ``image``.
        known: what the data set says of it besides: ``section``, ``subject``, ``fold``, ``stratum``.

    Example:
        >>> FusionCase("1", {"AR": "AR/1.png", "HS": "HS/1.png"}).image
        ()
    """

    name: str
    labels: dict[str, str]
    image: tuple[str, ...] = ()
    tool_image: str = ""
    known: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sources:
    """Where the labels come from.

    Attributes:
        cases: sorted by name.
        annotators: names of all, in a fixed order.
        notes: what was decided, a sentence each.
        roots: folders in which nothing may be written.
        class_names: name of each value where the data set says so.
        ignore_value: of what was not labeled, where the data set says so.
        channel_names: of the images, where the data set says so.

    Example:
        >>> case = FusionCase("1", {"AR": "AR/1.png", "HS": "HS/1.png"})
        >>> Sources((case,), ("AR", "HS"), (), (Path("AR"), Path("HS"))).annotators
        ('AR', 'HS')
    """

    cases: tuple[FusionCase, ...]
    annotators: tuple[str, ...]
    notes: tuple[str, ...]
    roots: tuple[Path, ...]
    class_names: dict[int, str] | None = None
    ignore_value: int | None = None
    channel_names: tuple[str, ...] = ()


def dataset_cases(dataset_dir: str | os.PathLike[str], layout: str | None = None, **options: Any) -> Sources:
    """The cases of a data set that some annotator has labeled.

    Args:
        dataset_dir: folder or datalist, see `common.datasets.read_dataset`.
        layout: its name; None: recognized.
        **options: of the layout, such as ``annotators``.

    Returns:
        `Sources`. Cases without an annotator are left out, which a note says, as are ground truths.

    Raises:
        InputError: as `read_dataset`; the data set has no annotators, or only one.
    """
    dataset = read_dataset(dataset_dir, layout, **options)
    if len(dataset.annotators) < 2:
        raise InputError(
            f"{dataset.root}: expected the labels of at least two annotators, got the layout {dataset.layout} with "
            f"{dataset.annotators[0] if dataset.annotators else 'one label for each case'}."
        )
    notes = list(dataset.notes)
    cases, lacking, known_truth = [], [], truth_alone(dataset.items)
    for item in dataset.items:
        labels = {str(name): str(path) for name, path in (item.get("annotators") or {}).items() if path}
        image = item.get("image") or ()
        files = (image,) if isinstance(image, str | os.PathLike) else tuple(image)
        if labels:
            known = {key: item[key] for key in KNOWN if item.get(key) is not None}
            cases.append(FusionCase(str(item["case"]), labels, tuple(map(str, files)), known=known))
        elif str(item["case"]) not in known_truth:
            lacking.append(str(item["case"]))
    if lacking:
        notes.append(
            f"Left out because nobody labeled them: {counted(len(lacking), 'case')}, the first is {lacking[0]}."
        )
    if known_truth:
        notes.append(
            f"Left out: {counted(len(known_truth), 'case')} with a ground truth and no annotator's label to fuse, the "
            f"first is {known_truth[0]}."
        )
    notes += left_out_sentences(dataset.left_out, dataset.root)
    if not cases:
        raise InputError(f"{dataset.root}: expected cases with annotators' labels, got none.")
    root = dataset.root if dataset.root.is_dir() else dataset.root.parent
    names = None if dataset.class_names is None else {int(v): str(name) for v, name in dataset.class_names.items()}
    said = names, dataset.ignore_value, tuple(dataset.channel_names)
    return Sources(tuple(cases), tuple(dataset.annotators), tuple(notes), (root,), *said)


def folder_cases(folders: Sequence[str | os.PathLike[str]]) -> Sources:
    """The cases of annotators who have a folder each, with files of the same names.

    Args:
        folders: at least two; the last parts of their paths are the annotators' names.

    Returns:
        `Sources`; who lacks a file did not label that case.

    Raises:
        InputError: fewer than two folders or two of one name, or one that is no folder or holds no label.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for file in ("A/1.png", "A/2.png", "B/2.png"):
        ...         Path(root, file).parent.mkdir(exist_ok=True)
        ...         Path(root, file).touch()
        ...     found = folder_cases([f"{root}/A", f"{root}/B"])
        >>> [(case.name, list(case.labels)) for case in found.cases]
        [('1', ['A']), ('2', ['A', 'B'])]
    """
    roots = [Path(folder).expanduser().absolute() for folder in folders]
    names = [root.name for root in roots]
    if len(roots) < 2 or len(set(names)) < len(names):
        raise InputError(f"labels: expected at least two folders of different names, got {', '.join(map(str, roots))}.")
    files: dict[str, dict[str, str]] = {}
    for root in roots:
        listing = list_folder(root)
        try:
            files[root.name] = {stem: listing.path(file) for stem, file in files_by_stem(listing.files).items()}
        except InputError as error:
            raise InputError(f"{root}: {error}") from error
        if not files[root.name]:
            raise InputError(f"{root}: expected label files, got none.")
    cases = [
        FusionCase(case, {name: found[case] for name, found in files.items() if case in found})
        for case in sorted(set().union(*files.values()))
    ]
    alone = [case.name for case in cases if len(case.labels) == 1]
    one = "One annotator alone, whose label is taken, labeled "
    notes = [f"{one}{counted(len(alone), 'case')}, the first is {alone[0]}."] if alone else []
    return Sources(tuple(cases), tuple(names), tuple(notes), tuple(roots))


def with_images(sources: Sources, folder: str | os.PathLike[str]) -> Sources:
    """The cases with the images of a folder, which annotators' tools show.

    Args:
        sources: the cases.
        folder: of files ``CASE`` or ``CASE_0000``, or folders ``CASE`` of DICOM series, see `images_of`.

    Returns:
        `Sources`; a case that has no image of its own has that of the folder, if it is a file.

    Raises:
        InputError: there is no such folder, it holds no image, or none of these cases.

    Example:
        >>> import tempfile
        >>> case = FusionCase("1", {"AR": "AR/1.png", "HS": "HS/1.png"})
        >>> with tempfile.TemporaryDirectory() as root:
        ...     Path(root, "1.png").touch()
        ...     found = with_images(Sources((case,), ("AR", "HS"), (), ()), root)
        >>> [Path(case.tool_image).name for case in found.cases]
        ['1.png']
    """
    root = Path(folder).expanduser().absolute()
    found = images_of(root, [case.name for case in sources.cases])
    if not found:
        first = sources.cases[0].name
        raise InputError(f"{root}: expected images of the names of the cases, such as {first}, got none.")
    cases = []
    for case in sources.cases:
        if image := found.get(case.name):
            own = case.image or ((str(image),) if image.is_file() else ())
            case = replace(case, image=own, tool_image=str(image))
        cases.append(case)
    return replace(sources, cases=tuple(cases), roots=(*sources.roots, root))
