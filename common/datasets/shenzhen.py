"""Shenzhen chest X-rays with lung masks (Jaeger et al. 2014; masks by Stirenko et al. 2018)."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from common.datasets.layouts.shenzhen import stratum_of
from common.datasets.pairs import files_by_case, match_pairs, shown_names
from common.datasets.splits import stratified_split
from common.errors import InputError
from common.io.formats import PICTURE_SUFFIXES

TRAINING_SHARE = 0.7

logger = logging.getLogger(__name__)


def shenzhen_datalist(
    dataset_dir: str | os.PathLike[str], section: str, seed: int = 0, leave_out_unlabeled: bool = False
) -> list[dict[str, str]]:
    """Images and lung masks of one part of the Shenzhen set, or of any data in its layout.

    Layout: ``images/CHNCXR_0001_0.png`` and ``masks/`` with the same names, or with the archive's own
    ``CHNCXR_0001_0_mask.png``. The name's ending, ``_0`` normal or ``_1`` tuberculosis, is the stratum; names without
    it form a stratum of their own. 70 % are for training, and of each stratum that share within one (the paper's 296 +
    170 is not its 566; see `stratified_split`).

    Args:
        dataset_dir: folder that holds ``images`` and ``masks``.
        section: ``"training"``, or ``"validation"`` for the other 30 %, the clean test set.
        seed: of the split.
        leave_out_unlabeled: log the images that have no mask and go on without them: the archive has 662 images and
            masks of 566. By default they are an error.

    Returns:
        Items ``{"image": path, "label": path, "case": name}``, sorted by case.

    Raises:
        InputError: the folder is missing or empty, or images and masks do not match; files are named.

    Example:
        >>> import tempfile
        >>> from common.phantoms.chest import write_chest_phantom
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_chest_phantom(f"{folder}/chest", num_cases=10, size=16).endswith("chest")
        ...     len(shenzhen_datalist(f"{folder}/chest", "training"))
        True
        7

    Source: Gonzalez-Jimenez et al., Robust T-Loss for medical image segmentation, MICCAI 2023, section 3.
    """
    if section not in ("training", "validation"):
        raise InputError(f"section must be 'training' or 'validation', got {section!r}.")
    root = Path(dataset_dir).expanduser()
    folders = root / "images", root / "masks"
    for folder in folders:
        if not folder.is_dir():
            raise InputError(
                f"{folder} is no folder: the data set {root} must hold images/NAME_0.png and masks/NAME_0.png "
                "(the same names, or NAME_0_mask.png)."
            )
    images = files_by_case(folders[0], PICTURE_SUFFIXES)
    masks = files_by_case(folders[1], PICTURE_SUFFIXES, "_mask")
    if leave_out_unlabeled and (unlabeled := sorted(images.keys() - masks.keys())):
        logger.warning("%s: %d images have no mask and are left out: %s.", root, len(unlabeled), shown_names(unlabeled))
        images = {case: path for case, path in images.items() if case in masks}
    items = match_pairs(images, masks, root)
    strata = {item["case"]: stratum_of(item["case"]) for item in items}
    training, validation = stratified_split(strata, TRAINING_SHARE, seed)
    if not training or not validation:
        raise InputError(
            f"{folders[0]} must hold at least two PNG or JPEG images, one for each section, but it holds {len(items)}."
        )
    wanted = set(training if section == "training" else validation)
    return [item for item in items if item["case"] in wanted]
