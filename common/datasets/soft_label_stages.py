"""The stages of a configuration whose targets are soft labels: lists of MONAI's transforms, as `stages` has them.

Classes are K = L − 1 channels without the background, shares from 0 to 1, −1 where nobody labeled.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.transforms import MapTransform, Orientationd, Transform

from common.datasets.plan import Plan
from common.datasets.stages import geometry
from common.errors import InputError
from common.io.formats import read_image
from common.io.label_meaning import LabelMeaning, read_label
from common.io.regions import LoadRegionsd
from common.phantoms.knee import BONES, PATELLA
from common.transforms.neighbour_slices import NeighbourSlicesd
from common.transforms.shares import ClassShares
from common.transforms.soft_label import SoftLabelFromRatersd
from common.transforms.unlabeled import ResizeSoftLabeld, SpacingSoftLabeld

__all__ = [
    "input_channels",
    "neighboring",
    "neighbors_of",
    "region_labels",
    "soft_geometry",
    "soft_reference",
    "soft_targets",
]

BONE_VALUES = LabelMeaning({value: value for value in (0, *BONES.values(), *PATELLA.values())})


def region_labels(bones: Mapping[str, int] = BONES, **options: Any) -> list[Transform]:
    """Annotators' regions, the bones and the image → a soft label; items without regions stay as they are.

    The item needs ``image`` ``(1, H, W, S)`` as it was read, ``bones`` (a path; 1 femur, 2 tibia, 3 patella) and
    ``regions``, as the layout ``oai`` has them; it gets ``soft_label`` ``(K, H, W, S)``.

    Args:
        bones: names of the K bones that the regions name, and their values in the mask.
        **options: of `common.transforms.SoftLabelFromRatersd`, such as ``hyperintensity``.

    Returns:
        Transforms of whole volumes, which are not random.

    Raises:
        InputError: an option out of range; by case, a file that cannot be read or does not fit, or, with
            ``restrict``, regions in a bone that the mask does not have: they would all be removed.

    Example:
        >>> len(region_labels(neighbour_slices=0.5))
        3
    """
    soften = SoftLabelFromRatersd(
        "regions", "soft_label", anatomy_labels=list(bones.values()), allow_missing_keys=True, **options
    )
    load = LoadBonesd(bones if options.get("restrict", True) else {})
    return [load, LoadRegionsd("regions", list(bones), allow_missing_keys=True), soften]


def soft_targets(plan: Plan, fusion: str = "mean", soft_labels: str | None = None, **options: Any) -> list[Transform]:
    """What is learned, by what an item has: regions, the labels of several annotators, or one label.

    Args:
        plan: with ``class_names``.
        fusion: of several annotators, see `common.transforms.class_shares`.
        soft_labels: folder of the soft labels that `common.methods.prepare_soft_labels` wrote, which the layout ``oai``
            has found; None makes those of regions in memory.
        **options: of `region_labels`.

    Returns:
        Transforms that make ``label`` ``(K, *spatial)``, to be put directly behind reading.

    Raises:
        InputError: as `region_labels` and `ClassShares`.

    Example:
        >>> from common.datasets.plan import example_plan
        >>> [type(transform).__name__ for transform in soft_targets(example_plan(), soft_labels="soft")]
        ['LoadSoftLabeld', 'ClassShares']
    """
    bones = {name: value for name, value in PATELLA.items() if value < plan.num_classes}
    found = [LoadSoftLabeld()] if soft_labels else region_labels(BONES | bones, **options)
    return [*found, ClassShares(plan.num_classes, fusion)]


def soft_reference(plan: Plan, annotator: str | None = None) -> list[Transform]:
    """What validation and test compare with: the ground truth if there is one, else the majority of the annotators.

    Args:
        plan: with ``class_names`` and ``annotators``.
        annotator: name of one whose label takes the place of both.

    Returns:
        Transforms that make ``label`` ``(K, *spatial)`` of 0 and 1, −1 where nobody labeled.

    Raises:
        InputError: there is no such annotator; by case, there is neither.

    Example:
        >>> from common.datasets.plan import example_plan
        >>> (reference,) = soft_reference(example_plan())
        >>> reference({"image": torch.zeros(1, 3), "label": torch.tensor([[0, 1, -1]])})["label"].tolist()
        [[0.0, 1.0, -1.0]]
    """
    if annotator is None:
        return [ClassShares(plan.num_classes, "majority", ("label", "annotators"))]
    if annotator not in plan.annotators:
        raise InputError(
            f"compare_with: expected one of {', '.join(plan.annotators) or 'several annotators'}, got {annotator}."
        )
    return [ClassShares(plan.num_classes, "majority", ("annotators",), plan.annotators.index(annotator))]


def soft_geometry(plan: Plan) -> list[Transform]:
    """`geometry` of an image and its soft label: shares are averaged or interpolated, −1 is not mixed with them.

    Args:
        plan: with orientation and spacing, or the size of pictures.

    Returns:
        Transforms of ``image`` and ``label``.

    Example:
        >>> from common.datasets.plan import example_plan
        >>> [type(transform).__name__ for transform in soft_geometry(example_plan())]
        ['ResizeAread', 'ResizeSoftLabeld']
    """
    image = geometry(plan, keys=["image"])
    if plan.image_dims == 2:
        return [*image, ResizeSoftLabeld("label", plan.image_size or plan.patch_size)]
    return [
        *image,
        Orientationd("label", axcodes=plan.orientation, labels=None),
        SpacingSoftLabeld("label", plan.spacing or (-1, -1, -1)),
    ]


def neighbors_of(plan: Plan, neighbors: int) -> int:
    """Slices on either side that a network sees: of volumes slice by slice as many as wanted, else none.

    Args:
        plan: of the network.
        neighbors: wanted, at least 0.

    Returns:
        A number of slices, 0 or more.

    Raises:
        InputError: a negative number.

    Example:
        >>> from common.datasets.plan import example_plan
        >>> neighbors_of(example_plan(), 1)
        0
    """
    if neighbors < 0:
        raise InputError(f"neighbors: expected 0 or more slices on either side, got {neighbors}.")
    return neighbors if plan.slices else 0


def input_channels(plan: Plan, neighbors: int) -> int:
    """Channels of the network's input: those of the image, of each slice that it sees.

    Args:
        plan: of the network.
        neighbors: see `neighbors_of`.

    Returns:
        C · (2 · neighbors + 1).

    Example:
        >>> from common.datasets.plan import example_plan
        >>> input_channels(example_plan(), 1)
        1
    """
    return plan.channels * (2 * neighbors_of(plan, neighbors) + 1)


def neighboring(plan: Plan, neighbors: int) -> list[Transform]:
    """The slices on either side as channels of each slice (`common.transforms.neighbour_slices`).

    Args:
        plan: of the network.
        neighbors: see `neighbors_of`.

    Returns:
        One transform of ``image``, or none.

    Example:
        >>> from common.datasets.plan import example_plan
        >>> neighboring(example_plan(), 1)
        []
    """
    count = neighbors_of(plan, neighbors)
    return [NeighbourSlicesd("image", count)] if count else []


class LoadBonesd(MapTransform):
    """Reads ``bones``, the mask of femur (1), tibia (2) and patella (3), on the grid of ``image``, where an item has
    regions; ``required`` are bones, with their values, that the mask must have if a region names them."""

    def __init__(self, required: Mapping[str, int]) -> None:
        super().__init__("bones", allow_missing_keys=True)
        self.required = dict(required)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            try:
                item[key] = read_label(item[key], BONE_VALUES, item["image"])
            except InputError as error:
                raise InputError(f"Case {item.get('case', 'without a name')}: {error}") from error
            marked = {region.structure: region for region in item.get("regions", ())}
            for name, value in self.required.items():
                if name in marked and not (item[key] == value).any():
                    raise InputError(
                        f"{marked[name].source}: expected a bone mask of {marked[name].case} that has the {name} "
                        f"(value {value}), got one without it."
                    )
        return item


class LoadSoftLabeld(MapTransform):
    """Reads ``soft_label``, a file of the K shares along its fourth axis."""

    def __init__(self) -> None:
        super().__init__("soft_label", allow_missing_keys=True)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        if "soft_label" not in item:
            raise InputError(
                f"Case {item.get('case', 'without a name')}: expected a soft label, got none; write them first "
                "(monai.bundle run preparing)."
            )
        item["soft_label"] = read_image(item["soft_label"])
        found, wanted = item["soft_label"].shape[1:], item["image"].shape[1:]
        if found != wanted or not torch.isfinite(item["soft_label"]).all():
            raise InputError(
                f"Case {item.get('case', 'without a name')}: expected a soft label of the image's shape "
                f"{tuple(wanted)} without nan, got {tuple(found)}."
            )
        return item
