"""The rules that make a plan from the fingerprint of the training cases."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from monai.utils import ensure_tuple

from common.datasets.dataset import Dataset
from common.datasets.fingerprint import Fingerprint
from common.datasets.given import OPTION_KINDS, checked_given
from common.datasets.plan import Plan
from common.datasets.plan_classes import classes_of_labels
from common.errors import InputError, counted
from common.io.formats import is_picture

__all__ = ["NOT_OF", "make_plan"]

CROPS = ("random", "center", "label")
CROP_NOTES = {
    "center": "Of images larger than {size} only the center is trained on and measured; inference segments all.",
    "label": "Images are cropped to {size} around their label in training and evaluation; inference segments all.",
}
STRETCHED = 1.25  # change of a picture's proportions above which it is said
NOT_OF = {2: ("orientation", "spacing"), 3: ("image_size",)}  # what images of so many dimensions do not have
KINDS = {2: "pictures", 3: "volumes"}
NORMALIZATIONS = ("zscore", "ct", "percentiles", "window", "none")
ISOTROPIC = 3.0  # a coarser axis than this times the finest is that of slices (nnU-Net's threshold)
FEWEST_SLICES = 16  # of volumes for a 3-D network
SMALLEST_SIDE = 4  # of the coarsest feature map, of four resolutions at most
SMALLEST_SIDE_OF_MORE = 8
MOST_LEVELS = {2: 7, 3: 6}
MOST_FEATURES = {2: 512, 3: 320}
KEPT = {2: 24, 3: 16}  # tensors, see kept_tensors
KEPT_OF_MATRICES = 5  # for each entry of a matrix in every voxel
OVER_BUDGET = 1.1  # what the estimate of a patch may be above the memory, so that few images are cut for a bit


def make_plan(
    dataset: Dataset,
    fingerprint: Fingerprint,
    given: Mapping[str, Any] | None = None,
    *,
    memory_gb: float = 4.0,
    batch_size: int = 2,
    base_features: int = 16,
    most_levels: int | None = None,
    least_levels: int = 1,
    kept_tensors: int | None = None,
    confusion_maps: bool = False,
    default_normalization: Mapping[str, Any] | None = None,
    default_method: Mapping[str, Any] | None = None,
    class_values: Mapping[str, Any] | None = None,
    class_colors: Mapping[str, str] | None = None,
    ignore_value: Any = None,
    label_threshold: float | None = None,
    faults: list[str] | None = None,
) -> Plan:
    """A plan from what the data set says of itself, from the fingerprint, and from what is given.

    As nnU-Net does: volumes are resampled to the median spacing (along a coarse axis to the tenth percentile); a 3-D
    network where axes are alike, else a 2-D one for slices along the coarsest axis; the patch is the median image, cut
    along its longest sides until a training step fits into ``memory_gb``; resolutions are halved until the coarsest has
    4 voxels along its shortest side (from the fifth resolution on 8), features doubled; CT (by the channel's name) is
    clipped and normalized by numbers of the data set, everything else image by image. Pictures have no spacing: they
    are resized as a whole to the median size.

    Args:
        dataset: of `read_dataset`.
        fingerprint: of its training cases.
        given: by name of a `Plan`'s attribute, what shall not be found out; None is not given.
        memory_gb: of a training step, above 0, in GB.
        batch_size: images of a training step.
        base_features: of the finest resolution.
        most_levels: of resolutions; None: 7 in 2-D, 6 in 3-D.
        least_levels: of resolutions that the network has, however narrow the images.
        kept_tensors: of the finest level that a training step keeps for each of its features; None: 24 in 2-D, 16 in
            3-D.
        confusion_maps: the network gives a confusion matrix of every annotator in every voxel, which takes memory, too.
        default_normalization: of a method whose transforms expect certain intensities, where none is given; None: as
            above.
        default_method: options of the method, where none are given.
        class_values: name → value in the label files, where the data set does not say; of an annotator whose values
            differ, annotator → such a mapping.
        class_colors: name → ``"#rrggbb"`` in colored label files; of annotators as ``class_values``.
        ignore_value: in label files, of what was not labeled.
        label_threshold: above which a gray mask of two classes is foreground.
        faults: sentences on cases that cannot be used, see `take_fingerprint`; those on labels that are not understood
            are added to it. None: the first is raised.

    Returns:
        The plan, with a note for each decision that alters data.

    Raises:
        InputError: something given cannot be, or labels cannot be understood.

    Source: Isensee et al., *nnU-Net: a self-configuring method for deep learning-based biomedical image segmentation*,
    Nature Methods 2021, https://doi.org/10.1038/s41592-020-01008-z.
    """
    defaults = {"normalization": default_normalization, "method": default_method}
    asked = checked_given(defaults | _without_none(given or {}))
    said = {
        "class_values": class_values,
        "class_colors": class_colors,
        "ignore_value": ignore_value,
        "label_threshold": label_threshold,
    }
    resources = {"memory_gb": memory_gb, "batch_size": batch_size, "base_features": base_features}
    checked_given(said | resources | {"most_levels": most_levels, "least_levels": least_levels}, OPTION_KINDS)
    notes = list(dataset.notes)
    for (label_axes, image_axes), count in sorted(fingerprint.reoriented.items()):
        notes.append(
            f"The axes of labels are stored as {label_axes} and those of their images as {image_axes} in {count} of "
            f"{counted(fingerprint.cases, 'case')} that were read; they are turned, voxel by voxel."
        )
    annotators = tuple(asked.get("annotators", dataset.annotators))
    if strangers := [name for name in annotators if name not in dataset.annotators]:
        raise InputError(
            f"{dataset.root}: annotators: expected some of {', '.join(dataset.annotators) or 'none (there are none)'},"
            f" but there is no {', '.join(strangers)}."
        )
    if strange := [name for name in NOT_OF[fingerprint.image_dims] if name in asked]:
        others = next(kind for dims, kind in KINDS.items() if dims != fingerprint.image_dims)
        raise InputError(
            f"{strange[0]}: expected images that are {others}, which alone have one, got "
            f"{KINDS[fingerprint.image_dims]}; leave it out."
        )
    labels, class_names = classes_of_labels(dataset, fingerprint.labels, annotators, asked, said, notes, faults)
    if fingerprint.apart:
        notes.append(
            f"The annotators {', '.join(fingerprint.apart)} never label a common voxel. If they are structures, make "
            "one label map of their files with common.convert --masks: a majority of them is background."
        )
    channels = asked.get("channels", fingerprint.channels)
    one_file = [files[0] for item in dataset.items if len(files := ensure_tuple(item["image"])) == 1]
    pictures = len(one_file) == len(dataset.items) and all(map(is_picture, one_file))  # files are channels, and stay so
    if "channels" not in asked and fingerprint.image_dims == 2 and fingerprint.channels > 1 and pictures:
        channels = 3 if fingerprint.color else 1
        if not fingerprint.color:
            notes.append("Pictures are stored in color but are gray: one channel is used.")
    named = _channel_names(dataset, fingerprint, channels, asked)
    dims = asked.get("spatial_dims", _network_dims(fingerprint))
    if dims not in (2, 3) or dims > fingerprint.image_dims:
        raise InputError(
            f"spatial_dims: expected {' or '.join(map(str, range(2, fingerprint.image_dims + 1)))} for images of "
            f"{fingerprint.image_dims} dimensions, got {dims}."
        )
    orientation, spacing, size = _grid(fingerprint, dims, asked, notes)
    kept = base_features * (kept_tensors or KEPT[dims])
    kept += KEPT_OF_MATRICES * len(annotators) * len(class_names) ** 2 if confusion_maps else 0
    budget = memory_gb * 1e9 / (4 * batch_size * kept)  # voxels of a patch whose training step fits into the memory
    image_size, fitted = None, False
    if fingerprint.image_dims == 2:
        fixed = asked.get("image_size", asked.get("patch_size"))
        image_size, fitted = fixed or _fitted(size, budget), not fixed
        if len(image_size) != 2:
            raise InputError(f"image_size: expected two sides in pixels, got {list(image_size)}.")
        sizes = fingerprint.smallest_shape, fingerprint.largest_shape
        if {image_size} != set(sizes):
            ranges = [f"{one}" if one == other else f"{one} to {other}" for one, other in zip(*sizes, strict=True)]
            notes.append(
                f"Pictures are resized to {_sides(image_size)} pixels (width × height); their sides are "
                f"{' and '.join(ranges)}."
            )
            most = max(image_size[0] / image_size[1] / part for part in fingerprint.proportions)
            least = min(image_size[0] / image_size[1] / part for part in fingerprint.proportions)
            changes = [f"{most:.2g} times as wide"] * (most > STRETCHED)
            changes += [f"{1 / least:.2g} times as high"] * (1 / least > STRETCHED)
            if changes:
                notes.append(f"This stretches pictures: what they show becomes up to {' or '.join(changes)}.")
        size = image_size
    patch = asked.get("patch_size") or _patch(size, math.inf if fitted else budget)
    if len(patch) != dims:
        raise InputError(f"patch_size: expected {dims} sides in voxels, got {list(patch)}.")
    crop = str(asked.get("crop", "random"))
    if crop in CROP_NOTES:
        notes.append(CROP_NOTES[crop].format(size=_sides(patch)))
    levels = max(least_levels, _levels(patch, most_levels or MOST_LEVELS[dims]))
    most = max(base_features, MOST_FEATURES[dims])
    features = asked.get("features") or tuple(min(base_features * 2**level, most) for level in range(levels))
    plan = Plan(
        spatial_dims=dims,
        image_dims=fingerprint.image_dims,
        channels=channels,
        channel_names=named,
        class_names=class_names,
        labels=labels,
        annotators=annotators,
        orientation=orientation,
        spacing=spacing,
        image_size=image_size,
        patch_size=patch,
        crop=crop,
        normalization=_normalization(fingerprint, channels, named or dataset.channel_names, asked, notes),
        features=features,
        method=asked.get("method", {}),
        fingerprint=fingerprint.summary() | {"memory_gb": memory_gb, "base_features": base_features},
    )
    _check(plan)
    return replace(plan, notes=tuple(notes), faults=tuple(faults or ()))


def _channel_names(
    dataset: Dataset, fingerprint: Fingerprint, channels: int, asked: Mapping[str, Any]
) -> tuple[str, ...]:
    """The names of the image's channels; none where it is read with other channels than it has."""
    names = tuple(asked.get("channel_names", dataset.channel_names))
    if names and len(names) not in (channels, fingerprint.channels):
        images = [ensure_tuple(item["image"])[0] for item in dataset.items]
        raise InputError(
            f"{images[0] if images else dataset.root} and the other images: expected {counted(len(names), 'channel')} "
            f"({', '.join(names)}), which the data set names, got {fingerprint.channels}."
        )
    return names if len(names) == channels else ()


def _network_dims(fingerprint: Fingerprint) -> int:
    if fingerprint.image_dims == 2 or fingerprint.median_spacing is None:
        return fingerprint.image_dims
    sides = fingerprint.median_spacing
    return 3 if max(sides) < ISOTROPIC * min(sides) and min(fingerprint.median_shape) >= FEWEST_SLICES else 2


def _grid(
    fingerprint: Fingerprint, dims: int, asked: Mapping[str, Any], notes: list[str]
) -> tuple[str | None, tuple[float, ...] | None, tuple[int, ...]]:
    """Orientation and spacing of volumes, and the median size on that grid in the network's dimensions."""
    if fingerprint.image_dims == 2:
        return None, None, fingerprint.median_shape
    sides = fingerprint.median_spacing or (1.0, 1.0, 1.0)
    orientation = str(asked.get("orientation") or _orientation(sides, fingerprint.median_shape, dims))
    axes = _axes(orientation)
    target = asked.get("spacing")
    if target is None:
        coarse = fingerprint.coarse_spacing or sides
        finest = min(sides)
        wide = [max(coarse[a], *(sides[b] for b in range(3) if b != a)) for a in range(3)]  # not finer than the others
        target = [wide[a] if sides[a] >= ISOTROPIC * finest and dims == 3 else sides[a] for a in axes]
        if dims == 2:
            target[2] = -1.0
    elif isinstance(target, int | float):
        target = [float(target)] * 3 if dims == 3 else [float(target)] * 2 + [-1.0]
    elif len(target) == 2 and dims == 2:
        target = [*target, -1.0]
    spacing = tuple(float(side) for side in target)
    if len(spacing) != 3 or any(not (side > 0 or side == -1) or not math.isfinite(side) for side in spacing):
        raise InputError(f"spacing: expected sides of a voxel in mm (−1: as they are), got {list(target)}.")
    given = [sides[a] for a in axes]
    size = [
        math.ceil(fingerprint.median_shape[a] * (given[k] / spacing[k] if spacing[k] > 0 else 1) - 1e-3)
        for k, a in enumerate(axes)
    ]
    axis_names = {"R": "left to right", "A": "back to front", "S": "bottom to top"}
    if dims == 2:
        notes.append(
            f"Volumes are segmented slice by slice; slices are stacked from {_stacked(orientation[2], axis_names)}."
        )
        if others := sum(fingerprint.thick) - fingerprint.thick[axes[2]]:
            notes.append(
                f"{others} of {counted(fingerprint.cases, 'volume')} have thick slices along another axis, and are cut "
                "across them; train on volumes of one direction at a time."
            )
    return orientation, spacing, tuple(size[:dims])


def _axes(orientation: str) -> list[int]:
    """Of each axis the number of its direction: 0 for right or left, 1 for anterior or posterior, 2 for the third."""
    axes = [next((k for k, pair in enumerate(("RL", "AP", "SI")) if code in pair), -1) for code in orientation]
    if sorted(axes) != [0, 1, 2]:
        raise InputError(f"orientation: expected three axis codes such as RAS, got {orientation!r}.")
    return axes


def _orientation(sides: Sequence[float], shape: Sequence[int], dims: int) -> str:
    """Right, anterior, superior, with the axis last along which slices are stacked.

    That is an axis of one voxel, else the coarsest, else one of few slices, as slices across it would be narrow.
    """
    if dims == 3:
        return "RAS"
    axis, fewest = 2, min(shape)
    if fewest > 1 and max(sides) >= 1.5 * sorted(sides)[1]:
        axis = list(sides).index(max(sides))
    elif fewest < FEWEST_SLICES and shape[2] > fewest:
        axis = list(shape).index(fewest)
    return {0: "ASR", 1: "RSA", 2: "RAS"}[axis]


def _stacked(code: str, names: Mapping[str, str]) -> str:
    opposite = {"L": "R", "P": "A", "I": "S"}
    if code in names:
        return names[code]
    first, _, last = names[opposite[code]].partition(" to ")
    return f"{last} to {first}"


def _fitted(size: Sequence[int], budget: float) -> tuple[int, ...]:
    """The size, made smaller in proportion until it fits."""
    factor = min(1.0, (budget / math.prod(size)) ** (1 / len(size)))
    return tuple(max(1, int(side * factor)) for side in size)


def _patch(size: Sequence[int], budget: float) -> tuple[int, ...]:
    """The size, its longest sides cut until it fits; each a multiple of 8 (of 4 where it is shorter than 32)."""
    patch = [_rounded(side) for side in size]
    while math.prod(patch) > OVER_BUDGET * budget and max(patch) > SMALLEST_SIDE:
        longest = patch.index(max(patch))
        patch[longest] = _rounded(patch[longest] - (8 if patch[longest] > 32 else 4))
    return tuple(patch)


def _rounded(side: float) -> int:
    step = 8 if side >= 32 else 4
    return max(step, math.ceil(side / step - 1e-9) * step)


def _levels(patch: Sequence[int], most_levels: int) -> int:
    levels = 1
    while levels < most_levels and min(patch) // 2**levels >= (SMALLEST_SIDE if levels < 4 else SMALLEST_SIDE_OF_MORE):
        levels += 1
    return levels


def _normalization(
    fingerprint: Fingerprint, channels: int, names: Sequence[str], asked: Mapping[str, Any], notes: list[str]
) -> Mapping[str, Any]:
    given = asked.get("normalization", {"kind": "ct"} if [name.lower() for name in names] == ["ct"] else None)
    if not given or given.get("kind") != "ct":
        return given or {"kind": "zscore"}
    if channels != 1:
        raise InputError(f"normalization: expected images of one channel for ct, got {channels} channels.")
    row = fingerprint.percentiles[0]  # of gray pictures that are stored in color all rows are the same
    found = {"lower": row[0], "upper": row[-1], "mean": fingerprint.mean[0], "std": fingerprint.std[0]}
    numbers = {name: _number(name, given.get(name, value)) for name, value in found.items()}
    limits = {"lower", "upper"} & given.keys()
    if limits and not numbers["lower"] < numbers["upper"]:
        raise InputError(
            f"normalization: expected lower below upper for ct, got {numbers['lower']:g} and {numbers['upper']:g}."
        )
    if not numbers["lower"] < numbers["upper"]:
        raise InputError(
            f"normalization: expected intensities that differ within the structures of the training cases for ct, got "
            f"{numbers['lower']:g} everywhere; give lower and upper, or another kind such as zscore."
        )
    where = "" if limits else ", the percentiles 0.5 and 99.5 of the training cases"
    notes.append(f"CT: intensities are clipped to {numbers['lower']:g} … {numbers['upper']:g}{where}.")
    return {**given, **{name: [value] for name, value in numbers.items()}}


def _number(name: str, value: Any) -> float:
    """A number of the normalization ct, which may be a list of the one channel's."""
    listed = ensure_tuple(value)
    if len(listed) != 1 or isinstance(listed[0], bool | str) or not isinstance(listed[0], int | float):
        raise InputError(f"normalization: expected a number as {name} of ct, got {value!r}.")
    return float(listed[0])


def _check(plan: Plan) -> None:
    if plan.crop not in CROPS:
        raise InputError(f"crop: expected one of {', '.join(CROPS)}, got {plan.crop!r}.")
    if plan.normalization.get("kind") not in NORMALIZATIONS:
        raise InputError(
            f"normalization: expected one of {', '.join(NORMALIZATIONS)}, got {plan.normalization.get('kind')!r}."
        )
    correction = plan.normalization.get("bias_field")
    if correction not in (None, "n4"):
        raise InputError(f"normalization: expected bias_field n4, got {correction!r}.")
    if correction and plan.image_dims == 2:
        raise InputError("normalization: expected volumes to correct the bias field of, got pictures.")
    if plan.normalization.get("nonzero") and plan.image_dims == 2:
        raise InputError("normalization: expected volumes, whose background is 0, for nonzero, got pictures.")


def _without_none(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _sides(size: Sequence[int]) -> str:
    return " × ".join(map(str, size))
