"""The stages of a configuration that follow from a plan: lists of MONAI's transforms, the same in every bundle.

transforms: $@reading + @targets + @intensity + @geometry + @patch + @label_errors + @to_tensor
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

from monai.transforms import (
    CenterSpatialCropd,
    EnsureTyped,
    NormalizeIntensityd,
    Orientationd,
    ResizeWithPadOrCropd,
    ScaleIntensityRanged,
    SpatialPadd,
    Transform,
)

from common.datasets.plan import Plan
from common.errors import InputError, shown_names
from common.io.checks import NOT_LABELED
from common.io.load_case import LoadCased
from common.transforms.bias_field import N4BiasFieldd
from common.transforms.consensus_label import ConsensusLabeld
from common.transforms.crop_around_label import CropAroundLabeld
from common.transforms.keep_affine import KeepAffined
from common.transforms.percentiles import ScalePercentilesd
from common.transforms.resample_slices import AxisSpacingd, ResizeAread
from common.transforms.resize_labels import AxisSpacingLabelsd, ResizeLabelsd
from common.transforms.slices import NormalizeSlicesd

__all__ = ["consensus", "geometry", "intensity", "new_images", "patch", "reading", "to_tensor"]

BY_ANNOTATORS = ("annotators", "consensus", "shares")  # drawn by several, and what is made of it
LABELS = ("label", "annotators")  # class maps, whoever drew them

logger = logging.getLogger(__name__)


def reading(plan: Plan, labels: bool = True) -> list[Transform]:
    """Files → image and class maps.

    Args:
        plan: says how many channels an image has, and what the values in label files mean.
        labels: whether labels are read, too; without them, of new images, the image alone.

    Returns:
        ``image`` becomes ``(channels, *spatial)``; ``label`` ``(1, *spatial)`` and ``annotators`` ``(R, *spatial)``, of
        the items that have them, become class maps, −1 where it was not labeled.

    Example:
        >>> from common.datasets.plan import example_plan
        >>> [type(step).__name__ for step in reading(example_plan())]
        ['LoadCased']
    """
    if not labels:
        return [LoadCased("image", channels=plan.channels)]
    keys = ["image", *LABELS] if plan.annotators else ["image", "label"]
    meaning = dict(plan.labels)
    return [LoadCased(keys, meaning, plan.channels, plan.annotators, allow_missing_keys=True)]


def consensus(plan: Plan, method: str = "majority", replace: bool = True) -> list[Transform]:
    """One label from those of several annotators, for methods that learn from one.

    Args:
        plan: with ``annotators``; without any nothing is done.
        method: ``majority``, ``staple`` or ``spatial_staple``.
        replace: see `ConsensusLabeld`.

    Returns:
        At most one transform: ``annotators`` ``(R, *spatial)`` give ``label`` ``(1, *spatial)``.

    Example:
        >>> from common.datasets.plan import example_plan
        >>> consensus(example_plan())  # one label each
        []
    """
    if replace and len(plan.annotators) > 1:
        names = shown_names(plan.annotators)
        logger.info("The %s of %s is learned; of equally probable classes the smaller one.", method, names)
    return [ConsensusLabeld(plan.num_classes, method, replace)] if plan.annotators else []


def geometry(plan: Plan, keys: Sequence[str] = ("image", *LABELS), soft: Sequence[str] = ()) -> list[Transform]:
    """Images and labels onto the grid of the plan.

    Pictures are resized as a whole, an image by the mean over areas, a class map to the class with the largest share of
    the area. Volumes are turned and resampled along straight lines between voxels, a class map to the class with the
    largest share. For a network that was trained on pictures a volume is a stack of them.

    Args:
        plan: with orientation and spacing, or the size of pictures.
        keys: which of image and labels the items have, or may have.
        soft: which items may have of shares of classes ``(L, *spatial)``; they are resampled as an image is.

    Returns:
        Transforms; an item may lack any key but the image.

    Example:
        >>> from common.datasets.plan import example_plan
        >>> [type(step).__name__ for step in geometry(example_plan())]
        ['ResizeAread', 'ResizeLabelsd']
    """
    labels = [key for key in keys if key != "image"]
    if plan.image_dims == 2:
        size = [*(plan.image_size or plan.patch_size)]
        found: list[Transform] = [ResizeAread("image", size)]
        found += [ResizeAread(soft, size, allow_missing_keys=True)] if soft else []
        return found + ([ResizeLabelsd(labels, size, allow_missing_keys=True)] if labels else [])
    spacing = plan.spacing or (-1.0, -1.0, -1.0)
    found = [
        Orientationd([*keys, *soft], axcodes=plan.orientation, labels=None, allow_missing_keys=True),
        AxisSpacingd("image", spacing),
    ]
    if soft:
        found.append(AxisSpacingd(soft, spacing, allow_missing_keys=True))
    if labels:
        found.append(AxisSpacingLabelsd(labels, spacing, allow_missing_keys=True))
    return found


def intensity(plan: Plan, slice_axis: int | None = None) -> list[Transform]:
    """Intensities as the plan normalizes them, see `Plan.normalization`.

    Args:
        plan: with ``normalization``.
        slice_axis: along which pictures are stacked that have a mean and standard deviation of their own each.

    Returns:
        Transforms of ``image``.

    Raises:
        InputError: numbers are missing, or N4 is asked for and SimpleITK (extra ``itk``) is not installed.

    Example:
        >>> from common.datasets.plan import example_plan
        >>> [type(step).__name__ for step in intensity(example_plan())]
        ['NormalizeSlicesd']
    """
    correction: list[Transform] = [N4BiasFieldd("image")] if plan.normalization.get("bias_field") == "n4" else []
    return correction + _scaling(plan.normalization, slice_axis)


def patch(plan: Plan, keys: Sequence[str] = ("image", *LABELS), whole: bool = False) -> list[Transform]:
    """Images of at least the plan's patch: extended, and cropped where the plan crops each case once.

    A ``random`` patch is drawn later, for each sample anew (`common.datasets.Samples`).

    Args:
        plan: with ``patch_size`` and ``crop``.
        keys: which of image and labels the items have, or may have.
        whole: of validation, whose inferer extends what is smaller than its windows and takes off what it added, as
            that of new images does: nothing is extended here, where what is predicted in it would count as wrong. A
            crop around a label stays as in training.

    Returns:
        Transforms; beyond the border an image has its last value with ``label``, else 0, and a label background;
        annotators, and what is made of their labels, have −1 there, not labeled.

    Raises:
        InputError: slices of volumes are to be cropped around their label.

    Example:
        >>> from common.datasets.plan import example_plan
        >>> [type(step).__name__ for step in patch(example_plan())], patch(example_plan(), whole=True)
        (['SpatialPadd', 'SpatialPadd'], [])
    """
    size = [*plan.patch_size, *([-1] if plan.slices else [])]
    if plan.crop == "label":
        if plan.slices:
            raise InputError("crop: expected random or center for slices of volumes, got label.")
        modes = ["edge" if key == "image" else "constant" for key in keys]
        beyond = [NOT_LABELED if key in BY_ANNOTATORS else 0 for key in keys]
        return [CropAroundLabeld(keys, "label", plan.patch_size, modes, allow_missing_keys=True, value=beyond)]
    if whole:
        return [CenterSpatialCropd(keys, size, allow_missing_keys=True)] if plan.crop == "center" else []
    fit = ResizeWithPadOrCropd if plan.crop == "center" else SpatialPadd
    filled = [key for key in keys if key not in BY_ANNOTATORS]
    unlabeled = [key for key in keys if key in BY_ANNOTATORS]  # an annotator who is absent is absent there, too
    found: list[Transform] = [fit(filled, size, allow_missing_keys=True)]
    return found + ([fit(unlabeled, size, allow_missing_keys=True, value=NOT_LABELED)] if unlabeled else [])


def new_images(plan: Plan) -> list[Transform]:
    """What is done to a new image as a whole before it is segmented slab by slab (`common.workflow.new_image_inferer`).

    Args:
        plan: of the network.

    Returns:
        Transforms of ``image``: read, and of volumes normalized; pictures are normalized with their slab.

    Example:
        >>> from common.datasets.plan import example_plan
        >>> [type(step).__name__ for step in new_images(example_plan())]
        ['LoadCased']
    """
    return [*reading(plan, labels=False), *(intensity(plan) if plan.image_dims == 3 else [])]


def to_tensor(keys: Sequence[str], with_affine: Sequence[str] = ()) -> list[Transform]:
    """Float32 tensors without metadata, which a loader puts into batches.

    Args:
        keys: that items have, or may have.
        with_affine: those of them that keep their affine, for measures in mm.

    Returns:
        Transforms, in this order.

    Example:
        >>> to_tensor(["image"])[0]({"image": [[1]]})["image"].dtype
        torch.float32
    """
    plain = [key for key in keys if key not in with_affine]
    kept: list[Transform] = [KeepAffined(with_affine, "image", allow_missing_keys=True)] if with_affine else []
    return [*kept, EnsureTyped(plain, dtype="float32", track_meta=False, allow_missing_keys=True)]


def _scaling(numbers: Mapping[str, Any], slice_axis: int | None) -> list[Transform]:
    kind = numbers["kind"]
    try:
        if kind == "zscore" and numbers.get("nonzero"):
            if slice_axis is not None:
                raise InputError("normalization: nonzero is for volumes whose background is 0, got pictures.")
            return [NormalizeIntensityd("image", nonzero=True, channel_wise=True)]
        if kind == "zscore":
            return [NormalizeSlicesd("image", axis=slice_axis)]
        if kind == "percentiles":
            lower, upper = _range(numbers, 0, 100)
            clip = bool(numbers.get("clip", True))
            return [ScalePercentilesd("image", lower, upper, clip)]
        if kind == "window":
            return [ScaleIntensityRanged("image", *_range(numbers), -1.0, 1.0, clip=True)]
        if kind == "ct":
            (lower,), (upper,), (mean,), (std,) = (numbers[name] for name in ("lower", "upper", "mean", "std"))
            std = std or 1.0
            low, high = (lower - mean) / std, (upper - mean) / std
            return [ScaleIntensityRanged("image", lower, upper, low, high, clip=True)]
    except KeyError as error:
        raise InputError(f"normalization: {kind} needs {error.args[0]}.") from error
    return []


def _range(numbers: Mapping[str, Any], least: float = -math.inf, most: float = math.inf) -> tuple[float, float]:
    """The two ends of a normalization; upside down they would turn the image's intensities upside down."""
    ends = lower, upper = numbers["lower"], numbers["upper"]
    right = all(isinstance(end, int | float) and math.isfinite(end) for end in ends)
    if not right or not least <= lower < upper <= most:
        within = f" from {least:g} to {most:g}" if math.isfinite(most) else ""
        raise InputError(
            f"normalization: expected numbers{within}, lower below upper, for {numbers['kind']}, got {lower!r} and "
            f"{upper!r}."
        )
    return lower, upper
