"""CT volumes with one mask per organ in the layout of TotalSegmentator (Wasserthal et al. 2023), versions 1 and 2."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from common.datasets.layouts.totalsegmentator import is_empty, unknown_organ
from common.datasets.pairs import shown_names
from common.datasets.splits import fold_of
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
    names of some organs. Every call reads the masks, each until the organ appears, to leave out the cases in which it
    is empty; their number is logged. Nothing is kept between calls.

    Args:
        dataset_dir: folder that holds the cases' folders.
        section: ``"training"``, or ``"validation"`` for the fold that is tested.
        organ: name of the mask's file without ``.nii.gz``.
        fold: 0 … num_folds − 1.
        num_folds: at least 2 (paper: 5).
        seed: of the folds.
        max_cases: the first cases that have the organ, by name, at least 2; None takes all (paper: 400).

    Returns:
        Items ``{"image": path, "label": path, "case": name}``, sorted by case.

    Raises:
        InputError: no case, no such organ (the nearest name is given) or only empty ones, a missing or unreadable file,
            by name; there is no such section or fold.

    Example:
        >>> import tempfile
        >>> from common.phantoms import write_ct_phantom
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     phantom = write_ct_phantom(f"{folder}/ct", num_cases=5, size=32)
        ...     [item["case"] for item in totalsegmentator_datalist(phantom, "validation", "aorta")]
        ['s0002']
    """
    if max_cases is not None and max_cases < 2:
        raise InputError(f"max_cases must be at least 2, or None for all, got {max_cases}.")
    root = Path(dataset_dir).expanduser()
    cases = [path for path in sorted(root.iterdir()) if _is_case(path)] if root.is_dir() else []
    if not cases:
        raise InputError(f"{root} holds no case: expected sNNNN/ct.nii.gz and sNNNN/segmentations/{organ}.nii.gz.")
    if not any((case / "segmentations" / f"{organ}.nii.gz").is_file() for case in cases):
        masks = (path for case in cases for path in (case / "segmentations").glob("*.nii.gz"))
        known = sorted({path.name.removesuffix(".nii.gz") for path in masks})
        raise InputError(f"organ: {unknown_organ(str(organ), known, root)}")
    found: dict[str, dict[str, str]] = {}
    missing, empty = [], 0
    for case in cases:
        if max_cases is not None and len(found) == max_cases:
            break
        image, label = case / "ct.nii.gz", case / "segmentations" / f"{organ}.nii.gz"
        missing += [f"{case.name}/{path.relative_to(case)}" for path in (image, label) if not path.is_file()]
        if image.is_file() and label.is_file():
            if is_empty(label):
                empty += 1
            else:
                found[case.name] = {"image": str(image), "label": str(label), "case": case.name}
    if missing:
        raise InputError(f"{root}: {len(missing)} files are missing: {shown_names(missing)}.")
    if empty:
        logger.info("%s: %d of %d cases have no %s and are left out.", root, empty, empty + len(found), organ)
    if not found:
        raise InputError(f"{root}: {organ} is empty in every case.")
    return [found[name] for name in fold_of(found, section, fold, num_folds, seed)]


def _is_case(path: Path) -> bool:
    return (path / "ct.nii.gz").is_file() or (path / "segmentations").is_dir()
