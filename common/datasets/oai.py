"""Knee MRI of the Osteoarthritis Initiative, bone masks and readers' regions (Felfeliyan et al. 2022, section IV.A)."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

from monai.transforms import Compose

from common.datasets.pairs import files_by_case, some
from common.datasets.splits import stratified_split
from common.errors import InputError
from common.io.formats import read_header
from common.io.readers import load_images
from common.io.regions import LoadRegionsd, Region, read_regions
from common.phantoms.knee import BONES
from common.transforms.soft_label import SoftLabelFromRatersd

logger = logging.getLogger(__name__)

SECTIONS = ("training", "validation", "test")


def oai_datalist(
    dataset_dir: str | os.PathLike[str],
    section: str | None,
    soft_labels: str | os.PathLike[str] | None = None,
    validation_fraction: float = 0.15,
    test_fraction: float = 0.25,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Images, bone masks, readers' regions and true lesions of one section.

    ==================================  ================================================================================
    ``images/SUBJECT_SCAN.nii.gz``      sagittal IWFS volumes; slices along the file's third axis
    ``bones/SUBJECT_SCAN.nii.gz``       of the image's shape: 1 femur, 2 tibia
    ``regions.csv``                     readers' rectangles, see `common.io.read_regions`
    ``truth/SUBJECT_SCAN.nii.gz``       lesions, exact to the voxel, for the cases that are validated and tested:
                                        1 in the femur, 2 in the tibia
    ==================================  ================================================================================

    All scans of a subject, the part of the case name before the first underscore, are in one section. Validation and
    test take their shares of all subjects from those whose scans all have a truth; all others train.

    Args:
        dataset_dir: folder in this layout.
        section: ``"training"``, ``"validation"`` or ``"test"``; None takes every case.
        soft_labels: folder with ``SUBJECT_SCAN.nii.gz`` of each case, as `common.methods.prepare_soft_labels` writes
            it; a relative one is taken from ``dataset_dir``. Its files take the place of the regions.
        validation_fraction: share of the subjects, in [0, 1] (paper: 2 of 65).
        test_fraction: share of the subjects (paper: 9 of 65); both shares are of at least one subject where they
            are not 0, and their sum is below 1.
        seed: of the split.

    Returns:
        Items ``{"image": path, "bones": path, "regions": (Region, …), "case": name}``, with ``"truth"`` where there is
        one, sorted by case; with ``soft_labels`` the path ``"label"`` in place of the regions. Cases that nobody rated
        do not train: they are left out and counted.

    Raises:
        InputError: there is no such section; files are missing or do not match, by name; ``regions.csv`` is wrong, by
            line; too few subjects have a truth.

    Example:
        >>> import tempfile
        >>> from common.phantoms import write_knee_phantom
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     phantom = write_knee_phantom(f"{folder}/knee", num_cases=4, size=48, num_slices=3)
        ...     [item["case"] for item in oai_datalist(phantom, "training")]
        ['9000001_V00', '9000004_V00']
    """
    if section is not None and section not in SECTIONS:
        raise InputError(f"section must be one of {', '.join(SECTIONS)}, got {section!r}.")
    root = Path(dataset_dir).expanduser()
    images, bones = (_cases(root / name, root) for name in ("images", "bones"))
    truths = _cases(root / "truth", root) if (root / "truth").is_dir() else {}
    _check_match(root, images, bones, truths)
    regions: dict[str, list[Region]] = defaultdict(list)
    for region in read_regions(root / "regions.csv", structures=BONES, cases=images.keys()):
        regions[region.case].append(region)

    labels = {}
    if soft_labels is not None:
        folder = root / Path(soft_labels).expanduser()
        if not folder.is_dir():
            raise InputError(f"{folder} is no folder: write the soft labels first (monai.bundle run preparing).")
        labels = _cases(folder, root)
    wanted = images if section is None else _split(images, truths, validation_fraction, test_fraction, seed)[section]
    cases = [case for case in sorted(wanted) if section != "training" or case in regions]
    if len(cases) < len(wanted):
        logger.info("%s: %d cases were rated by nobody and are left out.", root, len(wanted) - len(cases))
    if not cases:
        raise InputError(f"{root}: no case is left for {section}; {root / 'regions.csv'} rates none of them.")
    unlabelled = [case for case in cases if case in regions and case not in labels]
    if soft_labels is not None and unlabelled:
        raise InputError(
            f"{root / soft_labels} has no soft label of {len(unlabelled)} cases: {some(unlabelled)}; "
            "write them first (monai.bundle run preparing)."
        )
    items = []
    for case in cases:
        item: dict[str, Any] = {"image": str(images[case]), "bones": str(bones[case]), "case": case}
        if case in truths:
            item["truth"] = str(truths[case])
        if soft_labels is None:
            item["regions"] = tuple(regions.get(case, ()))
        elif case in labels:
            item["label"] = str(labels[case])
        items.append(item)
    return items


def load_soft_labels(**options: Any) -> Compose:
    """Reads the items of `oai_datalist` and makes their soft labels: the chain before cropping and augmentation.

    ``image`` (1, H, W, S) and ``bones`` (1, H, W, S) are read, ``regions`` become masks (R, K, H, W, S), and ``label``
    (K, H, W, S) is their soft label; the K structures are femur and tibia.

    Args:
        **options: of `common.transforms.SoftLabelFromRatersd`, such as ``hyperintensity``.

    Returns:
        A chain of dictionary transforms.

    Raises:
        InputError: an option out of range; by case, a file that cannot be read or does not fit.

    Example:
        >>> len(load_soft_labels(neighbour_slices=0.5).transforms)
        3
    """
    return Compose(
        [
            load_images(["image", "bones"]),
            LoadRegionsd("regions", list(BONES)),
            SoftLabelFromRatersd("regions", anatomy_labels=list(BONES.values()), **options),
        ]
    )


def _cases(folder: Path, root: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: the data set {root} must hold images/, bones/ and regions.csv.")
    return files_by_case(folder, (".nii", ".gz"), remove=".nii")


def _check_match(root: Path, images: dict[str, Path], bones: dict[str, Path], truths: dict[str, Path]) -> None:
    """Names and shapes, by the files' headers."""
    problems = [
        ("images without a mask of the bones", sorted(images.keys() - bones.keys())),
        ("masks of bones without an image", sorted(bones.keys() - images.keys())),
        ("truths without an image", sorted(truths.keys() - images.keys())),
    ]
    different = []
    for case in sorted(images.keys() & bones.keys()):
        shapes = {
            path: _stored_shape(path) for path in (images[case], bones[case], truths.get(case)) if path is not None
        }
        if len(shapes[images[case]]) != 3:
            different.append(f"{case} is no volume, its shape is {shapes[images[case]]}")
        different += [
            f"{path.parent.name}/{path.name} is {'×'.join(map(str, shape))}, its image "
            f"{'×'.join(map(str, shapes[images[case]]))}"
            for path, shape in shapes.items()
            if shape != shapes[images[case]]
        ]
    problems.append(("files of another shape than their image", different))
    report = "; ".join(f"{what}: {len(names)} ({some(names)})" for what, names in problems if names)
    if report or not images:
        raise InputError(
            f"{root}: every image in images/ needs a mask of its name and shape in bones/, and every truth an image; "
            f"{report or 'there is no image'}."
        )


def _stored_shape(path: Path) -> tuple[int, ...]:
    header = read_header(path)
    return header.shape if header.channels == 1 else (*header.shape, header.channels)


def _split(
    images: dict[str, Path], truths: dict[str, Path], validation_fraction: float, test_fraction: float, seed: int
) -> dict[str, list[str]]:
    """Cases of each section, no subject in two of them."""
    if min(validation_fraction, test_fraction) < 0 or validation_fraction + test_fraction >= 1:
        raise InputError(
            "validation_fraction and test_fraction must be 0 or more and sum to less than 1, "
            f"got {validation_fraction} and {test_fraction}."
        )
    subjects = defaultdict(list)
    for case in images:
        subjects[case.split("_")[0]].append(case)
    known = [subject for subject, cases in subjects.items() if all(case in truths for case in cases)]
    count = {
        name: max(round(fraction * len(subjects)), 1) if fraction else 0
        for name, fraction in (("validation", validation_fraction), ("test", test_fraction))
    }
    needed = sum(count.values())
    if needed > len(known) or needed >= len(subjects):
        raise InputError(
            f"validation and test need {needed} subjects with a truth and one more to train, but of {len(subjects)} "
            f"subjects {len(known)} have one: lower validation_fraction and test_fraction or add to truth/."
        )
    tested, rest = stratified_split(dict.fromkeys(known, ""), count["test"] / max(len(known), 1), seed)
    validated, _ = stratified_split(dict.fromkeys(rest, ""), count["validation"] / max(len(rest), 1), seed)
    members = {"validation": validated, "test": tested}
    members["training"] = sorted(subjects.keys() - {*validated, *tested})
    return {name: [case for subject in chosen for case in subjects[subject]] for name, chosen in members.items()}
