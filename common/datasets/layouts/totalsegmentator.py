"""CT volumes with one mask per organ in the layout of TotalSegmentator (Wasserthal et al. 2023), versions 1 and 2."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import nibabel as nib

from common.datasets.dataset import Dataset
from common.datasets.given import whole_number
from common.datasets.layouts.assemble import assemble, folder_names
from common.datasets.listing import list_folder
from common.errors import InputError, shown_names

EXPECTS = "sNNNN/ct.nii.gz and sNNNN/segmentations/<organ>.nii.gz"
SLAB = 16  # slices of a mask that are read at a time
LOOKED_AT = 20


def recognize(root: Path) -> bool:
    """Whether one of the first folders holds ``ct.nii.gz`` and ``segmentations``."""
    folders = sorted(folder_names(root))[:LOOKED_AT]
    return any((root / name / "ct.nii.gz").is_file() and (root / name / "segmentations").is_dir() for name in folders)


def read(
    root: Path, organ: str = "kidney_right", leave_out_empty: bool = True, max_cases: int | None = None
) -> Dataset:
    """The CT of every case and the mask of one organ.

    Args:
        root: folder that holds the cases' folders.
        organ: name of the mask's file without ``.nii.gz``.
        leave_out_empty: leave out cases without the organ. Each mask is read for it until the organ appears; otherwise
            no file is opened.
        max_cases: the first cases that have the organ, by name, at least 2; None takes all.

    Returns:
        The data set; subjects are cases.

    Raises:
        InputError: there is no such organ (the nearest name is given), only empty ones, or a mask cannot be read.
    """
    if max_cases is not None:
        max_cases = whole_number("max_cases", max_cases, least=2)
    listing = list_folder(root)
    existing = set(listing.files)
    cases = sorted(file.removesuffix("/ct.nii.gz") for file in listing.files if file.endswith("/ct.nii.gz"))
    cases = [case for case in cases if "/" not in case]
    masks = [file.split("/") for file in listing.files if file.count("/") == 2 and "/segmentations/" in file]
    known = {name.removesuffix(".nii.gz") for _, _, name in masks}
    without_image = sorted({case for case, _, _ in masks} - set(cases))
    if cases and organ not in known:
        raise InputError(f"organ: {unknown_organ(str(organ), sorted(known), listing.root)}")
    items: list[dict[str, str]] = []
    reasons: dict[str, str] = {}
    empty = 0
    for case in cases:
        image, label = f"{case}/ct.nii.gz", f"{case}/segmentations/{organ}.nii.gz"
        if max_cases is not None and len(items) == max_cases:
            reasons[image] = f"max_cases is {max_cases}"
        elif label not in existing:
            reasons[image] = f"there is no mask of {organ}"
        elif leave_out_empty and is_empty(listing.root / label):
            reasons[image], empty = f"the mask of {organ} is empty", empty + 1
        else:
            items.append({"case": case, "image": image, "label": label})
    if cases and not items:
        raise InputError(f"{listing.root}: {organ} is empty in every case.")
    notes = [f"The structure is {organ}; organ names another of the {len(known)}."] if len(known) > 1 else []
    if empty:
        notes.append(f"{empty} of {empty + len(items)} cases have no {organ} and are left out.")
    return assemble(
        "totalsegmentator",
        EXPECTS,
        listing,
        items,
        used=[f"{case}/segmentations" for case in [*cases, *without_image]],
        left_out=[(case, "it has no ct.nii.gz") for case in without_image],
        reasons=reasons,
        notes=notes,
        channel_names=("CT",),
        class_names={0: "background", 1: organ},
    )


def require_organ(dataset: Dataset, class_names: Sequence[str]) -> None:
    """Refuses to compare what a network segments with the masks of another organ.

    Args:
        dataset: of any layout; of others than this one nothing is said.
        class_names: of the network.

    Raises:
        InputError: the network segments an organ of which there are masks, and those of another one were read.
    """
    if dataset.layout != "totalsegmentator" or dataset.class_names is None:
        return
    read_organ, organ = dataset.class_names[1], class_names[-1]
    masks = (Path(item["image"]).with_name("segmentations") / f"{organ}.nii.gz" for item in dataset.items)
    if organ != read_organ and any(mask.is_file() for mask in masks):
        raise InputError(f"organ: the network segments {organ}, got the masks of {read_organ}; give --organ {organ}.")


def unknown_organ(organ: str, known: list[str], root: Path) -> str:
    """The sentence on an organ of which there is no mask."""
    if not known:
        return f"{root} has no masks of organs (CASE/segmentations/ORGAN.nii.gz)."
    near = get_close_matches(organ, known, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return (
        f"expected one of the {len(known)} of which {root} has masks ({shown_names(known, 8)}), "
        f"got {organ!r}{hint}; name it by --organ, or --data#organ where the bundle has no such option."
    )


def is_empty(mask: Path) -> bool:
    """Whether a mask is zero everywhere.

    Raises:
        InputError: it cannot be read.
    """
    try:
        image = nib.Nifti1Image.from_filename(mask, keep_file_open=True)  # slabs follow each other in one gzip stream
        return not any(image.dataobj[..., k : k + SLAB].any() for k in range(0, image.shape[-1], SLAB))
    except Exception as error:  # nibabel, gzip and zlib raise their own kinds
        raise InputError(f"{mask} cannot be read as NIfTI ({type(error).__name__}).") from error
