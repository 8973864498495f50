"""CT volumes with one mask per organ in the layout of TotalSegmentator (Wasserthal et al. 2023), versions 1 and 2."""

from __future__ import annotations

import logging
import os
from difflib import get_close_matches
from pathlib import Path

import nibabel as nib
import numpy as np

from common.data.pairs import some
from common.data.splits import fold_of
from common.errors import InputError

logger = logging.getLogger(__name__)


def totalsegmentator_datalist(
    dataset_dir: str | os.PathLike[str],
    section: str,
    organ: str = "kidney_right",
    fold: int = 0,
    num_folds: int = 5,
    seed: int = 0,
    max_cases: int | None = None,
) -> list[dict[str, str]]:
    """Images and one organ's masks of one section of one fold.

    Layout: ``sNNNN/ct.nii.gz`` and ``sNNNN/segmentations/<organ>.nii.gz``, the same in versions 1 and 2 but for the
    names of some organs. Every mask is read once to leave out the cases in which the organ is empty; their number is
    logged.

    Args:
        dataset_dir: folder that holds the cases' folders.
        section: ``"training"``, or ``"validation"`` for the fold that is tested.
        organ: name of the mask's file without ``.nii.gz``.
        fold: 0 … num_folds − 1.
        num_folds: at least 2 (paper: 5).
        seed: of the folds.
        max_cases: the first cases that have the organ, by name; None takes all (paper: 400).

    Returns:
        Items ``{"image": path, "label": path, "case": name}``, sorted by case.

    Raises:
        InputError: no case, no such organ (the nearest name is given), a missing or unreadable file, by name.
    """
    root = Path(dataset_dir).expanduser()
    cases = sorted(path for path in root.iterdir() if (path / "segmentations").is_dir()) if root.is_dir() else []
    if not cases:
        raise InputError(f"{root} holds no case: expected sNNNN/ct.nii.gz and sNNNN/segmentations/{organ}.nii.gz.")
    known = {path.name.removesuffix(".nii.gz") for path in (cases[0] / "segmentations").glob("*.nii.gz")}
    if organ not in known:
        near = get_close_matches(str(organ), sorted(known), n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise InputError(f"organ: {cases[0] / 'segmentations'} has {len(known)} masks, but none of {organ!r}{hint}.")
    found: dict[str, dict[str, str]] = {}
    missing, empty = [], 0
    for case in cases:
        if max_cases is not None and len(found) == max_cases:
            break
        image, label = case / "ct.nii.gz", case / "segmentations" / f"{organ}.nii.gz"
        missing += [f"{case.name}/{path.relative_to(case)}" for path in (image, label) if not path.is_file()]
        if image.is_file() and label.is_file():
            if _is_empty(label):
                empty += 1
            else:
                found[case.name] = {"image": str(image), "label": str(label), "case": case.name}
    if missing:
        raise InputError(f"{root}: {len(missing)} files are missing: {some(missing)}.")
    if empty:
        logger.info("%s: %d of %d cases have no %s and are left out.", root, empty, empty + len(found), organ)
    return [found[name] for name in fold_of(found, section, fold, num_folds, seed)]


def _is_empty(mask: Path) -> bool:
    try:
        return not np.asarray(nib.Nifti1Image.from_filename(mask).dataobj).any()
    except Exception as error:  # nibabel, gzip and zlib raise their own kinds
        raise InputError(f"{mask} cannot be read as NIfTI ({type(error).__name__}).") from error
