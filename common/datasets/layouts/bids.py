"""BIDS with segmentations as derivatives: ``sub-…/[ses-…/]anat/…_dseg.nii.gz`` (Gorgolewski et al. 2016)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.datasets.dataset import Dataset
from common.datasets.layouts.assemble import assemble, folder_names
from common.datasets.listing import Listing, list_folder, split_suffix
from common.errors import InputError

EXPECTS = (
    "sub-NN/[ses-NN/]anat/sub-NN_T1w.nii.gz with derivatives/NAME/sub-NN/[ses-NN/]anat/sub-NN_dseg.nii.gz or _mask, "
    "several annotators by desc-"
)
LABELS = ("dseg", "mask")
OF_LABELS = ("desc", "label", "space", "res", "den", "atlas", "seg")  # entities that a label has beside its image's


def recognize(root: Path) -> bool:
    """Whether a folder holds participants ``sub-…``, and they or derivatives may hold segmentations."""
    names = folder_names(root)
    if not any(name.startswith("sub-") for name in names):
        return False
    return "derivatives" in names or (root / "dataset_description.json").is_file()


def read(
    root: Path,
    modalities: Sequence[str] | None = None,
    annotators: Sequence[str] | None = None,
    truth: str | None = None,
    structure: str | None = None,
) -> Dataset:
    """The images of which a derivative holds a segmentation.

    ``_dseg`` files are the labels, ``_mask`` files where there is no ``_dseg``. Annotators are told apart by ``desc-``,
    or by the name of the derivative. Masks that differ in ``label-`` are of different structures, of which one is read.
    Class names are those of each ``dseg.tsv`` and ``…_dseg.tsv`` (columns ``index`` and ``name``) that by BIDS' rule of
    inheritance describes a ``_dseg`` file that is read: it lies in a folder above it, and has no entity that the file
    lacks.

    Args:
        root: folder that holds ``sub-…`` and ``derivatives``.
        modalities: suffixes of the image's files, such as ``["T1w"]``; several are channels, which must share a grid.
            None takes the one that there is.
        annotators: those that are read; None for all.
        truth: the annotator whose label is the ground truth.
        structure: that masks show, by their ``label-``; None takes the one that there is.

    Returns:
        The data set; subjects are participants, cases ``sub-01_ses-1`` with what else tells images apart.

    Raises:
        InputError: there is no segmentation; there are images of several kinds, or masks of several structures, and
            ``modalities`` or ``structure`` does not choose; tables name one value differently.
    """
    listing = list_folder(root)
    images: dict[str, dict[str, str]] = defaultdict(dict)  # case -> modality -> file
    derived: dict[str, dict[str, str]] = defaultdict(dict)
    labels: list[str] = []
    for file in listing.files:
        name, suffix = split_suffix(file.rpartition("/")[2])
        if suffix not in (".nii", ".nii.gz") or not name.startswith("sub-"):
            continue
        entities, kind = _parse(name)
        derivative = file.startswith("derivatives/")
        if kind in LABELS:
            labels.append(file)
        elif "/anat/" in file or not derivative:
            (derived if derivative else images)[_case(entities, derivative)].setdefault(kind, file)
    images = images or derived
    kinds = [file for file in labels if split_suffix(file)[0].endswith("_dseg")] or labels
    kinds = _of_structure(listing, kinds, structure)
    notes: list[str] = []
    reasons: dict[str, str] = {}
    items, channels = _match(listing, images, kinds, modalities, reasons)
    names = sorted({name for item in items for name in item["by"]})
    several = len(names) > 1  # also if each drew images of their own
    if len(kinds) < len(labels):
        reason = "labels are read from the _dseg files" if structure is None else f"labels are those of {structure}"
        reasons |= dict.fromkeys((file for file in labels if file not in kinds), reason)
    wanted = [name for name in annotators or names if name != truth]
    for item in items:
        by = item.pop("by")
        if not several and annotators is None:
            item["label"] = next(iter(by.values()))
            continue
        if truth in by:
            item["label"] = by[truth]
        reasons |= {by[name]: f"{name} is not among the annotators" for name in by if name not in (*wanted, truth)}
        if chosen := {name: by[name] for name in wanted if name in by}:
            item["annotators"] = chosen
    if several:
        notes.append(f"There are {len(names)} annotators: {', '.join(names)}.")
    items = [item for item in items if "label" in item or "annotators" in item]
    files = [file for item in items for file in (item.get("label"), *item.get("annotators", {}).values()) if file]
    return assemble(
        "bids",
        EXPECTS,
        listing,
        items,
        reasons=reasons,
        notes=notes,
        annotators=tuple(wanted) if several or annotators else (),
        channel_names=channels,
        class_names=_class_names(listing, files),
    )


def _parse(name: str) -> tuple[dict[str, str], str]:
    """Entities and suffix of a file's name, ``sub-01_ses-1_desc-AR_dseg``."""
    parts = name.split("_")
    entities = dict(part.split("-", 1) for part in parts[:-1] if "-" in part)
    return entities, parts[-1]


def _case(entities: dict[str, str], derivative: bool = False) -> str:
    return "_".join(f"{key}-{value}" for key, value in entities.items() if not derivative or key not in OF_LABELS)


def _of_structure(listing: Listing, labels: list[str], structure: str | None) -> list[str]:
    """The labels of one structure; ``_dseg`` files, which hold all of them, have none."""
    by_structure: dict[str, list[str]] = defaultdict(list)
    for file in labels:
        by_structure[_entities(file).get("label", "")].append(file)
    known = ", ".join(f"label-{name}" if name else "no label-" for name in sorted(by_structure))
    if structure is None and len(by_structure) > 1:
        raise InputError(
            f"{listing.root} holds masks of several structures ({known}), of which one is read: name it, such as "
            f"structure={max(by_structure)}."
        )
    if structure is not None and structure not in by_structure:
        raise InputError(f"{listing.root}: structure: expected one that masks show ({known}), got {structure}.")
    return labels if structure is None else by_structure[structure]


def _entities(file: str) -> dict[str, str]:
    return _parse(split_suffix(file.rpartition("/")[2])[0])[0]


def _kind(file: str) -> str:
    return _parse(split_suffix(file.rpartition("/")[2])[0])[1]


def _match(
    listing: Listing,
    images: dict[str, dict[str, str]],
    labels: list[str],
    modalities: Sequence[str] | None,
    reasons: dict[str, str],
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Items with their labels by annotator under ``by``, and the names of the channels; why files are left out."""
    found: dict[str, list[tuple[str, str, str]]] = defaultdict(list)  # case -> (derivative, desc, file)
    for file in labels:
        entities = _entities(file)
        case = _case(entities, True)
        if case not in images:  # the label may lack entities such as acq-, where that leaves one image
            own = {f"{key}-{value}" for key, value in entities.items() if key not in OF_LABELS}
            near = [name for name in images if own <= set(name.split("_"))] if len(images) < 5000 else []
            case = near[0] if len(near) == 1 else case
        if case in images:
            pipeline = file.split("/")[1] if file.startswith("derivatives/") else ""
            found[case].append((pipeline, entities.get("desc", ""), file))
        else:
            reasons[file] = "there is no image of its name"
    kinds = sorted({kind for case in found for kind in images[case]})
    if modalities is None and len(kinds) > 1:
        raise InputError(
            f"{listing.root} holds images of several kinds ({', '.join(kinds)}): name those that are the channels, "
            f"such as --modalities {kinds[0]} of a command, or --data#modalities \"['{kinds[0]}']\" of a training."
        )
    if kinds and (absent := [name for name in modalities or () if name not in kinds]):
        raise InputError(f"{listing.root}: modalities: expected some of {', '.join(kinds)}, got {', '.join(absent)}.")
    channels = tuple(modalities or kinds)
    pipelines = {pipeline for entries in found.values() for pipeline, _, _ in entries}
    descriptions = {description for entries in found.values() for _, description, _ in entries}
    items = []
    for case, entries in found.items():
        if lacking := [kind for kind in channels if kind not in images[case]]:
            reasons |= {file: f"{case} has no {', '.join(lacking)}" for _, _, file in entries}
            continue
        reasons |= {
            file: f"{kind} is not among the modalities" for kind, file in images[case].items() if kind not in channels
        }
        by: dict[str, str] = {}
        for pipeline, description, file in entries:
            name = "_".join(
                ([pipeline] if len(pipelines) > 1 else []) + ([description] if len(descriptions) > 1 else [])
            ) or (description or pipeline or "label")
            if name in by:
                raise InputError(f"{listing.root}: {by[name]} and {file} are both labels of {case}; keep one.")
            by[name] = file
        files = [images[case][kind] for kind in channels]
        subject = case.partition("_")[0]
        items.append({"case": case, "subject": subject, "image": files if len(files) > 1 else files[0], "by": by})
    return items, channels


def _class_names(listing: Listing, labels: Sequence[str]) -> dict[int, str] | None:
    """Names of the labels' values, from the tables that describe them."""
    described = [(label.rpartition("/")[0], _entities(label)) for label in labels if _kind(label) == "dseg"]
    names: dict[int, str] = {}
    for file in listing.files:
        folder, _, name = file.rpartition("/")
        if not name.endswith("dseg.tsv") or _kind(file) not in ("dseg", "desc-dseg"):
            continue
        entities = _entities(file).items()
        above = f"{folder}/" if folder else ""
        if not any(f"{place}/".startswith(above) and entities <= own.items() for place, own in described):
            continue
        for value, found in _table(listing.root / file).items():
            if names.setdefault(value, found) != found:
                raise InputError(
                    f"{listing.root / file}: expected {names[value]} for {value}, as in another table, got {found}."
                )
    return dict(sorted(({0: "background"} | names).items())) if names else None


def _table(path: Path) -> dict[int, str]:
    try:
        header, *rows = [line.split("\t") for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
        index, name = header.index("index"), header.index("name")
        return {int(row[index]): row[name] for row in rows}
    except (OSError, ValueError, IndexError) as error:
        raise InputError(f"{path} must be a table with the columns index and name ({error}).") from error
