"""Soft labels of a whole data set, written as files."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import nibabel as nib
from monai.transforms import Compose
from tqdm import tqdm

from common.datasets.layouts.oai import marked_bones
from common.datasets.layouts.recognize import read_dataset
from common.datasets.soft_label_stages import region_labels
from common.errors import InputError
from common.io.files import whole_file
from common.io.load_case import LoadCased
from common.workflow.overrides import as_bool

__all__ = ["prepare_soft_labels"]

logger = logging.getLogger(__name__)


def prepare_soft_labels(
    dataset_dir: str | os.PathLike[str],
    output_dir: str | os.PathLike[str] | None = None,
    restrict: bool | str = True,
    hyperintensity: float = 2.5,
    marked_only: bool | str = False,
    neighbour_slices: float = 0.3,
    overwrite: bool | str = False,
) -> str:
    """Writes the soft labels of every case that annotators rated, as ``<output_dir>/CASE.nii.gz``.

    A file is (H, W, S, K) float32 in [0, 1], in its fourth dimension the K structures femur, tibia, and patella if it
    was marked in any case, in the geometry of the image. Files appear whole or not at all and existing ones are kept,
    so a run that was stopped continues.

    Args:
        dataset_dir: folder of a data set in the layout ``oai``, see docs/data_sets.md.
        output_dir: None writes to ``soft_labels`` in ``dataset_dir``; a relative one is taken from there too.
        restrict: remove what lies outside the bones.
        hyperintensity: threshold in robust standard deviations above the bone's median, 0 leaves the step out.
        marked_only: raise only what at least one reader marked.
        neighbour_slices: weight of the previous and of the next slice in [0, 1], 0 leaves the step out.
        overwrite: write existing files anew, for instance with other parameters.

    Returns:
        The absolute path of the folder of soft labels.

    Raises:
        InputError: the data set is not in the layout; by case, a file that cannot be read or does not fit.

    Example:
        >>> import tempfile
        >>> from common.phantoms import write_knee_phantom
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     phantom = write_knee_phantom(f"{folder}/knee", num_cases=4, size=48, num_slices=3)
        ...     len(os.listdir(prepare_soft_labels(phantom)))
        4
    """
    root = Path(dataset_dir).expanduser().absolute()
    target = root / Path(output_dir or "soft_labels").expanduser()
    items = [item for item in read_dataset(root, "oai").items if item["regions"]]
    steps = region_labels(
        marked_bones(region for item in items for region in item["regions"]),
        restrict=as_bool("restrict", restrict),
        hyperintensity=hyperintensity,
        marked_only=as_bool("marked_only", marked_only),
        neighbour_slices=neighbour_slices,
    )
    compute = Compose([LoadCased("image", channels=1), *steps])
    overwrite = as_bool("overwrite", overwrite)
    wanted = [item for item in items if overwrite or not (target / f"{item['case']}.nii.gz").is_file()]
    if len(wanted) < len(items):
        logger.info("%s: %d soft labels are there and kept.", target, len(items) - len(wanted))
    for item in tqdm(wanted, desc="soft labels", disable=None):
        try:
            label = compute(item)["soft_label"]
        except Exception as error:  # decoders of damaged files raise whatever they meet
            raise InputError(f"Case {item['case']}: {error.__cause__ or error}") from error
        with whole_file(target / f"{item['case']}.nii.gz") as partial:
            nib.save(nib.Nifti1Image(label.movedim(0, -1).numpy(), label.affine.numpy()), partial)
    return str(target)
