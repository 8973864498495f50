"""Data sets of the atlas, as tensors in memory: read, split and prepared as every bundle does it, by a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from monai.transforms import Compose

from common.datasets import (
    Dataset,
    Plan,
    Split,
    geometry,
    intensity,
    make_plan,
    patch,
    read_dataset,
    reading,
    split_dataset,
    take_fingerprint,
    to_tensor,
)
from common.errors import InputError

PERCENTILES = {"kind": "percentiles", "lower": 2, "upper": 98}  # to 0 … 1, which random views expect


@dataclass(frozen=True)
class DataSet:
    """How a data set takes part: the task, and how long every method is trained.

    Attributes:
        counts: subjects for training, validation and test; None where the data set has sections of its own.
        plan: entries that are not found out, see `common.datasets.Plan`.
        features: of the U-Net's resolutions.
        batch_size: images in a step.
        warm_up: steps of cross-entropy with which all trainings on the same labels begin.
        steps: of each training after it.
        errors: names in `benchmarks.atlas.label_errors`; real annotators have none but their own.

    Example:
        >>> DATA_SETS["acdc"].plan["spatial_dims"]
        2
    """

    counts: tuple[int, int, int] | None
    plan: Mapping[str, Any]
    features: tuple[int, ...]
    batch_size: int
    warm_up: int
    steps: int
    errors: tuple[str, ...]


BINARY = ("none", "morphology_0.3", "morphology_0.7", "gaussian_field", "missing", "too_large", "three_annotators")
SEVERAL = (*BINARY, "exchanged")
DATA_SETS = {
    "shenzhen": DataSet((80, 20, 60), {"image_size": (48, 48)}, (8, 16, 32), 4, 150, 250, BINARY),
    "acdc": DataSet(
        (20, 5, 25),
        {"spatial_dims": 2, "spacing": (4.0, 4.0, -1.0), "patch_size": (44, 44), "crop": "center"},
        (8, 16, 32, 64),
        4,
        200,
        300,
        SEVERAL,
    ),
    "hippocampus": DataSet(
        (60, 20, 40),
        {"spacing": (2.5, 2.5, 2.5), "patch_size": (16, 20, 16), "crop": "center"},
        (8, 16),
        2,
        800,
        300,
        SEVERAL,
    ),
    "oocytes": DataSet(None, {"image_size": (64, 48)}, (8, 16, 32), 4, 150, 250, ("real_annotators",)),
}


@dataclass(frozen=True)
class Case:
    """One case on the grid of the plan; a volume that a 2-D network takes is a stack of its slices.

    Attributes:
        name: of the case.
        images: ``(S, C, *spatial)`` float32.
        label: the ground truth ``(S, *spatial)`` int64; None where there is none.
        annotators: ``(R, S, *spatial)`` int64; None of a case with one label.
        subject: whose case it is.
        sides: voxel size of the whole case along each axis in mm, 1 where an image has no spacing: of the pixels, then
            the distance between slices.
    """

    name: str
    images: torch.Tensor
    label: torch.Tensor | None
    annotators: torch.Tensor | None = None
    subject: str = ""
    sides: tuple[float, ...] = ()


@dataclass(frozen=True)
class Task:
    """A data set, split by a seed.

    Attributes:
        plan: of its training cases.
        sections: cases by ``training``, ``validation`` and ``test``.
    """

    plan: Plan
    sections: Mapping[str, list[Case]] = field(repr=False)


def load_task(settings: DataSet, dataset_dir: str | Path, seed: int) -> Task:
    """Reads a data set.

    Args:
        settings: of the data set.
        dataset_dir: its folder, in any layout.
        seed: of the split; with counts the test cases are those of every seed.

    Returns:
        Training, validation and test cases, all of one size.

    Raises:
        InputError: as `read_dataset`, `split_dataset` and `make_plan`; training cases that cannot be used.
    """
    dataset = read_dataset(str(dataset_dir))
    return prepare_task(settings, dataset, split_dataset(dataset, seed=seed, counts=settings.counts))


def prepare_task(settings: DataSet, dataset: Dataset, split: Split) -> Task:
    """Plans by the training cases, and prepares all cases of a split.

    Args:
        settings: of the data set.
        dataset: as `read_dataset` returns it.
        split: of its cases.

    Returns:
        Training, validation and test cases, all of one size.

    Raises:
        InputError: as `make_plan`; training cases that cannot be used.
    """
    faults: list[str] = []
    given = {"normalization": PERCENTILES, "features": settings.features, **settings.plan}
    fingerprint = take_fingerprint(split.training, faults=faults)
    plan = make_plan(dataset, fingerprint, given, faults=faults, batch_size=settings.batch_size)
    if plan.faults:
        raise InputError(plan.faults[0])
    prepare = Compose([*reading(plan), *intensity(plan), *geometry(plan), *patch(plan)])
    sections = {"training": split.training, "validation": split.validation, "test": split.test}
    return Task(plan, {name: [_case(prepare(item), plan) for item in items] for name, items in sections.items()})


def stacked(cases: Sequence[Case]) -> torch.Tensor:
    """The images of all cases.

    Args:
        cases: at least one.

    Returns:
        ``(N, C, *spatial)``.
    """
    return torch.cat([case.images for case in cases])


def whole(values: torch.Tensor, plan: Plan) -> torch.Tensor:
    """What belongs to the images of one case, as one image: slices become the last axis again.

    Args:
        values: ``(S, K, *spatial)``.
        plan: says whether a case is a stack of slices.

    Returns:
        ``(1, K, *spatial)`` or ``(1, K, *spatial, S)``.

    Example:
        >>> from common.datasets.plan import example_plan
        >>> whole(torch.zeros(1, 3, 8, 8), example_plan()).shape
        torch.Size([1, 3, 8, 8])
    """
    return values.movedim(0, -1)[None] if plan.slices else values


def _case(item: dict[str, Any], plan: Plan) -> Case:
    sides = (1.0,) * plan.image_dims if plan.spacing is None else tuple(item["image"].pixdim.tolist())
    item = dict(Compose(to_tensor(["image", "label", "annotators"]))(item))

    def each(key: str) -> torch.Tensor | None:
        """(S, channels, *spatial)"""
        if item.get(key) is None:
            return None
        values = item[key].as_subclass(torch.Tensor)
        return values.movedim(-1, 0) if plan.slices else values[None]

    label, annotators = each("label"), each("annotators")
    return Case(
        str(item["case"]),
        each("image"),  # type: ignore[arg-type]
        None if label is None else label[:, 0].long(),
        None if annotators is None else annotators.movedim(1, 0).long(),
        str(item.get("subject", item["case"])),
        sides,
    )
