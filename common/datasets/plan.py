"""The plan of a training: what was found out about the data once, and is read by everything that comes later."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from common.datasets.dataset import Dataset
from common.datasets.fingerprint import Fingerprint
from common.datasets.given import checked_given
from common.errors import InputError
from common.io.label_inference import infer_annotator_meanings, infer_label_meaning
from common.io.label_meaning import LabelMeaning, LabelObservation

__all__ = ["Plan", "make_plan"]

FORMAT = 1
CROPS = ("random", "center", "label")
NORMALIZATIONS = ("zscore", "ct", "percentiles", "window", "none")
ISOTROPIC = 3.0  # a coarser axis than this times the finest is that of slices (nnU-Net's threshold)
FEWEST_SLICES = 16  # of volumes for a 3-D network
SMALLEST_SIDE = 4  # of the coarsest feature map
MOST_LEVELS = {2: 7, 3: 6}
MOST_FEATURES = {2: 512, 3: 320}
KEPT = {2: 24, 3: 16}  # tensors of the finest level that a training step keeps for each of its features


@dataclass(frozen=True)
class Plan:
    """What a network was trained on, and what it needs of an image.

    Attributes:
        spatial_dims: of the network, 2 or 3. A 2-D network takes volumes slice by slice.
        image_dims: of the images: 2 for pictures, 3 for volumes.
        channels: of the images.
        channel_names: of the channels, as the data set has them; may be empty.
        class_names: background first.
        labels: what the values in label files mean, by annotator, under ``""`` for all; see `LabelMeaning`.
        annotators: names, in the order of the network's and the metrics' channels; empty where there is one label.
        orientation: of volumes, MONAI's axis codes; slices are stacked along the last of them. None for pictures.
        spacing: mm to which volumes are resampled along these axes, −1 where they stay as they are. None for pictures.
        image_size: pixels to which whole pictures are resized; None for volumes.
        patch_size: voxels that the network sees at once, in its dimensions.
        crop: what of a larger image is trained on: a ``random`` patch, the ``center``, or around the ``label``.
        normalization: ``{"kind": …}`` and its numbers: ``zscore`` (each image and channel by its own mean and standard
            deviation), ``ct`` (clipped to ``lower`` … ``upper``, then by ``mean`` and ``std`` of the data set),
            ``percentiles`` (``lower`` … ``upper`` % of each image to 0 … 1), ``window`` (``lower`` … ``upper`` to
            −1 … 1), ``none``. With ``bias_field: n4`` the bias field of volumes is corrected before,
            with ``nonzero: true`` ``zscore`` of volumes takes the values that are not 0 alone.
        features: of each resolution of the network.
        method: options of the method on which its network depends, by name.
        fingerprint: what it was made from.
        notes: decisions that alter data, a sentence each.
        faults: of training cases that cannot be used, a sentence each: `checking` names them, no training starts.

    Example:
        >>> plan = example_plan()
        >>> Plan.from_json(plan.to_json()) == plan, plan.num_classes
        (True, 2)
    """

    spatial_dims: int
    image_dims: int
    channels: int
    channel_names: tuple[str, ...]
    class_names: tuple[str, ...]
    labels: Mapping[str, Mapping[str, Any]]
    annotators: tuple[str, ...]
    orientation: str | None
    spacing: tuple[float, ...] | None
    image_size: tuple[int, ...] | None
    patch_size: tuple[int, ...]
    crop: str
    normalization: Mapping[str, Any]
    features: tuple[int, ...]
    method: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def num_classes(self) -> int:
        """Number of classes.

        Returns:
            At least 2, background included.
        """
        return len(self.class_names)

    @property
    def binary(self) -> bool:
        """Whether there is one class beside the background.

        Returns:
            True for two classes, background included.
        """
        return self.num_classes == 2

    @property
    def several_classes(self) -> bool:
        """Whether there are two classes or more beside the background.

        Returns:
            The opposite of `binary`.
        """
        return not self.binary

    @property
    def logits(self) -> int:
        """Channels of a network's output.

        Returns:
            1 for one class beside the background, else the number of classes, background included.
        """
        return 1 if self.binary else self.num_classes

    @property
    def slices(self) -> bool:
        """Whether a 2-D network takes volumes slice by slice.

        Returns:
            True for a 2-D network and 3-D images.
        """
        return self.spatial_dims == 2 and self.image_dims == 3

    @property
    def slice_axis(self) -> int | None:
        """Spatial axis of an oriented volume along which slices are stacked.

        Returns:
            2, or None of pictures and where volumes stay whole.
        """
        return 2 if self.slices else None

    @property
    def voxel_size(self) -> tuple[float, ...] | None:
        """Size of a patch's voxel.

        Returns:
            mm along each axis; None of pictures, and where volumes are not resampled.
        """
        sides = (self.spacing or ())[: self.spatial_dims]
        return tuple(sides) if sides and min(sides) > 0 else None

    @property
    def validation_batch(self) -> int:
        """How many images go through a network together in a validation.

        Returns:
            16 where images have one size, as resized pictures do, else 1.
        """
        return 16 if self.image_dims == 2 or (self.crop != "random" and not self.slices) else 1

    @property
    def new_dimensions(self) -> tuple[int, ...]:
        """Dimensions that a new image may have.

        Returns:
            2 and 3 for a network of pictures, which takes volumes slice by slice, too; else 3.
        """
        return (2, 3) if self.image_dims == 2 else (3,)

    def to_json(self) -> str:
        """The plan as it is written beside the weights.

        Returns:
            A page of JSON, a line for each attribute; see `from_json`.
        """
        content = {"format": FORMAT} | {name: value for name, value in asdict(self).items() if name != "faults"}
        lines = [f"    {json.dumps(name)}: {_dumped(value)}" for name, value in content.items()]
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @classmethod
    def from_json(cls, text: str, source: str = "plan") -> Plan:
        """The plan that `to_json` wrote.

        Args:
            text: JSON.
            source: the file, for messages.

        Returns:
            The plan.

        Raises:
            InputError: it is not a plan, or of another format.
        """
        try:
            content = json.loads(text)
        except ValueError as error:
            raise InputError(f"{source} cannot be read as JSON: {error}.") from error
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            found = content.get("format") if isinstance(content, dict) else type(content).__name__
            raise InputError(f"{source}: expected a plan of format {FORMAT}, got {found!r}.")
        return cls.from_mapping({name: value for name, value in content.items() if name != "format"}, source)

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any], source: str = "plan") -> Plan:
        """The plan with these attributes, lists in place of tuples; fingerprint and notes may be left out.

        Args:
            content: value by name of each attribute.
            source: where it stands, for messages.

        Returns:
            The plan.

        Raises:
            InputError: attributes are missing or unknown.
        """
        names = {entry.name for entry in fields(cls)}
        optional = {"method", "fingerprint", "notes", "faults"}
        missing, unknown = names - content.keys() - optional, content.keys() - names
        if missing or unknown:
            raise InputError(
                f"{source}: expected the entries of a plan; missing: {', '.join(sorted(missing)) or 'none'}, "
                f"unknown: {', '.join(sorted(unknown)) or 'none'}."
            )
        return cls(**{name: _frozen(value) for name, value in content.items()})

    def contradictions(self, given: Mapping[str, Any]) -> list[str]:
        """What was given and is not what the plan says.

        Args:
            given: by attribute of the plan; None is not given.

        Returns:
            A sentence each, in the order of ``given``; none if nothing contradicts.

        Example:
            >>> example_plan().contradictions({"channels": 3, "spacing": None})
            ['channels: the network was trained with 1, got 3']
        """
        found = []
        options = dict(given.get("method") or {})
        for name, value in [*given.items(), *options.items()]:
            if name == "method" or (value is None and name not in options):
                continue
            written = self.method.get(name) if name in options else getattr(self, name)
            asked = _frozen(value)
            if name == "class_names" and isinstance(asked, dict):
                asked = tuple(asked)
            if asked != written and not _close(asked, written):
                found.append(f"{name}: the network was trained with {_shown(written)}, got {_shown(value)}")
        return found


def make_plan(
    dataset: Dataset,
    fingerprint: Fingerprint,
    given: Mapping[str, Any] | None = None,
    *,
    memory_gb: float = 4.0,
    batch_size: int = 2,
    base_features: int = 16,
    most_levels: int | None = None,
    default_normalization: Mapping[str, Any] | None = None,
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
    4 voxels along its shortest side, features doubled; CT (by the channel's name) is clipped and normalized by numbers
    of the data set, everything else image by image. Pictures have no spacing: they are resized as a whole to the median
    size.

    Args:
        dataset: of `read_dataset`.
        fingerprint: of its training cases.
        given: by name of a `Plan`'s attribute, what shall not be found out; None is not given.
        memory_gb: of a training step, above 0, in GB.
        batch_size: images of a training step.
        base_features: of the finest resolution.
        most_levels: of resolutions; None: 7 in 2-D, 6 in 3-D.
        default_normalization: of a method whose transforms expect certain intensities, where none is given; None: as
            above.
        class_values: name → value in the label files, where the data set does not say.
        class_colors: name → ``"#rrggbb"`` in colored label files.
        ignore_value: in label files, of what was not labelled.
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
    asked = checked_given({"normalization": default_normalization} | _without_none(given or {}))
    checked_given({"class_values": class_values, "class_colors": class_colors})
    if not memory_gb > 0:
        raise InputError(f"memory_gb: expected a number above 0, got {memory_gb}.")
    notes = list(dataset.notes)
    annotators = tuple(asked.get("annotators", dataset.annotators))
    labels, class_names = _classes(
        dataset,
        fingerprint,
        annotators,
        asked,
        class_values,
        class_colors,
        ignore_value,
        label_threshold,
        notes,
        faults,
    )
    channels = asked.get("channels", fingerprint.channels)
    if "channels" not in asked and fingerprint.image_dims == 2 and fingerprint.channels in (2, 3, 4):
        channels = 3 if fingerprint.color else 1  # transparency is no channel
        if not fingerprint.color:
            notes.append("Pictures are stored in color but are gray: one channel is used.")
    dims = asked.get("spatial_dims", _network_dims(fingerprint))
    if dims not in (2, 3) or dims > fingerprint.image_dims:
        raise InputError(
            f"spatial_dims: expected {' or '.join(map(str, range(2, fingerprint.image_dims + 1)))} for images of "
            f"{fingerprint.image_dims} dimensions, got {dims}."
        )
    orientation, spacing, size = _grid(fingerprint, dims, asked, notes)
    image_size = None
    if fingerprint.image_dims == 2:
        fixed = asked.get("image_size", asked.get("patch_size"))
        image_size = fixed or _fitted(size, dims, memory_gb, batch_size, base_features)
        if len(image_size) != 2:
            raise InputError(f"image_size: expected two sides in pixels, got {list(image_size)}.")
        if image_size != fingerprint.median_shape:
            notes.append(f"Pictures are resized to {_sides(image_size)} pixels; their median is {_sides(size)}.")
        size = image_size
    patch = asked.get("patch_size") or _patch(size, dims, memory_gb, batch_size, base_features)
    if len(patch) != dims:
        raise InputError(f"patch_size: expected {dims} sides in voxels, got {list(patch)}.")
    features = asked.get("features") or _features(patch, base_features, most_levels or MOST_LEVELS[dims], dims)
    plan = Plan(
        spatial_dims=dims,
        image_dims=fingerprint.image_dims,
        channels=channels,
        channel_names=tuple(asked.get("channel_names", dataset.channel_names)),
        class_names=class_names,
        labels=labels,
        annotators=annotators,
        orientation=orientation,
        spacing=spacing,
        image_size=image_size,
        patch_size=patch,
        crop=str(asked.get("crop", "random")),
        normalization=_normalization(dataset, fingerprint, asked, notes),
        features=features,
        method=asked.get("method", {}),
        fingerprint=fingerprint.summary(),
    )
    _check(plan)
    return replace(plan, notes=tuple(notes), faults=tuple(faults or ()))


def example_plan() -> Plan:
    """A plan of 2-D gray pictures with one class, for examples and tests."""
    meaning = {"": LabelMeaning(values={0: 0, 255: 1}).to_json()}
    return Plan(
        2, 2, 1, (), ("background", "foreground"), meaning, (), None, None, (32, 32), (32, 32), "random",
        {"kind": "zscore"}, (4, 8),
    )  # fmt: skip


def _classes(
    dataset: Dataset,
    fingerprint: Fingerprint,
    annotators: Sequence[str],
    asked: Mapping[str, Any],
    class_values: Mapping[str, Any] | None,
    class_colors: Mapping[str, str] | None,
    ignore_value: Any,
    label_threshold: float | None,
    notes: list[str],
    faults: list[str] | None,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Meaning of the labels by annotator, and the names of the classes."""
    ignore = dataset.ignore_value if ignore_value is None else ignore_value
    values = dict(class_values) if class_values else None
    known = dict(dataset.class_names) if dataset.class_names else None
    said: dict[str, Any] = {
        "class_names": known,
        "ignore_value": ignore,
        "class_values": values,
        "class_colors": class_colors,
        "label_threshold": label_threshold,
    }
    meanings: dict[str, LabelMeaning] = {}
    drawn = {name: observed for name, observed in fingerprint.labels.items() if name in annotators}
    if drawn:
        meanings, found = _understood(infer_annotator_meanings, drawn, said, faults)
        notes += found
    if "" in fingerprint.labels:
        one, found = _understood(_one_meaning, {"": fingerprint.labels[""]}, said, faults)
        meanings |= one
        notes += found
    if not meanings and known and any(item.get("regions") for item in dataset.items):
        order = sorted(value for value in known if value != ignore)  # only other cases have a ground truth
        meanings[""] = LabelMeaning({value: index for index, value in enumerate(order)}, ignore=ignore)
    if not meanings:
        raise InputError(f"{dataset.root}: expected labels of the training cases, got none.")
    count = max(meaning.num_classes for meaning in meanings.values())
    names: Sequence[str] | None = asked.get("class_names")
    if names is None and (values or class_colors):
        given = list(values or class_colors or ())
        names = given if len(given) >= count else ["background", *given]
    if names is None and known:
        names = [known[value] for value in sorted(known) if value != ignore]
    if names is None:
        names = ["background", "foreground"] if count == 2 else ["background", *(f"class_{k}" for k in range(1, count))]
    if len(names) < count:
        raise InputError(f"class_names: expected {count} names, background included, got {list(names)}.")
    if len(set(names)) < len(names):
        raise InputError(f"class_names: expected different names, got {list(names)}.")
    return {name: meaning.to_json() for name, meaning in meanings.items()}, tuple(map(str, names))


Meanings = tuple[dict[str, LabelMeaning], tuple[str, ...]]


def _one_meaning(observations: Mapping[str, Sequence[LabelObservation]], **said: Any) -> Meanings:
    meaning, notes = infer_label_meaning(observations[""], **said)
    return {"": meaning}, notes


def _understood(
    infer: Callable[..., Meanings],
    observations: Mapping[str, Sequence[LabelObservation]],
    said: Mapping[str, Any],
    faults: list[str] | None,
) -> Meanings:
    """The meanings; if need be, and ``faults`` is given, without the files that are not understood by themselves."""
    try:
        return infer(observations, **said)
    except InputError:
        if faults is None:
            raise
        wrong: list[str] = []
        kept = {name: [one for one in seen if _is_clear(one, said, wrong)] for name, seen in observations.items()}
        if not wrong or not all(kept.values()):
            raise
        found = infer(kept, **said)
        faults += wrong
        return found


def _is_clear(observation: LabelObservation, said: Mapping[str, Any], faults: list[str]) -> bool:
    try:
        infer_label_meaning([observation], **said)
    except InputError as error:
        faults.append(str(error))
        return False
    return True


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
    orientation = str(asked.get("orientation") or _orientation(sides, dims))
    axes = _axes(orientation)
    target = asked.get("spacing")
    if target is None:
        coarse = fingerprint.coarse_spacing or sides
        finest = min(sides)
        target = [coarse[a] if sides[a] >= ISOTROPIC * finest and dims == 3 else sides[a] for a in axes]
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
    return orientation, spacing, tuple(size[:dims])


def _axes(orientation: str) -> list[int]:
    """Of each axis the number of its direction: 0 for right or left, 1 for anterior or posterior, 2 for the third."""
    axes = [next((k for k, pair in enumerate(("RL", "AP", "SI")) if code in pair), -1) for code in orientation]
    if sorted(axes) != [0, 1, 2]:
        raise InputError(f"orientation: expected three axis codes such as RAS, got {orientation!r}.")
    return axes


def _orientation(sides: Sequence[float], dims: int) -> str:
    """Right, anterior, superior, with the coarsest axis last where slices are stacked along it."""
    if dims == 3 or max(sides) < 1.5 * sorted(sides)[1]:
        return "RAS"
    return {0: "ASR", 1: "RSA", 2: "RAS"}[list(sides).index(max(sides))]


def _stacked(code: str, names: Mapping[str, str]) -> str:
    opposite = {"L": "R", "P": "A", "I": "S"}
    if code in names:
        return names[code]
    first, _, last = names[opposite[code]].partition(" to ")
    return f"{last} to {first}"


def _budget(dims: int, memory_gb: float, batch_size: int, base_features: int) -> float:
    """Voxels of a patch whose training step fits into the memory."""
    return memory_gb * 1e9 / (4 * batch_size * base_features * KEPT[dims])


def _fitted(size: Sequence[int], dims: int, memory_gb: float, batch_size: int, base_features: int) -> tuple[int, ...]:
    """The size, made smaller in proportion until it fits."""
    factor = min(1.0, (_budget(dims, memory_gb, batch_size, base_features) / math.prod(size)) ** (1 / len(size)))
    return tuple(max(1, int(side * factor)) for side in size)


def _patch(size: Sequence[int], dims: int, memory_gb: float, batch_size: int, base_features: int) -> tuple[int, ...]:
    """The size, its longest sides cut until it fits; each a multiple of 8 (of 4 where it is shorter than 32)."""
    patch = [float(side) for side in size]
    budget = _budget(dims, memory_gb, batch_size, base_features)
    while math.prod(patch) > budget:
        longest = max(patch)
        patch = [side * 0.95 if side >= 0.99 * longest else side for side in patch]
    return tuple(_rounded(side) for side in patch)


def _rounded(side: float) -> int:
    step = 8 if side >= 32 else 4
    return max(step, math.ceil(side / step - 1e-9) * step)


def _features(patch: Sequence[int], base: int, most_levels: int, dims: int) -> tuple[int, ...]:
    levels = 1
    while levels < most_levels and min(patch) // 2**levels >= SMALLEST_SIDE:
        levels += 1
    return tuple(min(base * 2**level, max(base, MOST_FEATURES[dims])) for level in range(levels))


def _normalization(
    dataset: Dataset, fingerprint: Fingerprint, asked: Mapping[str, Any], notes: list[str]
) -> Mapping[str, Any]:
    given = asked.get("normalization")
    is_ct = given is None and len(dataset.channel_names) == 1 and dataset.channel_names[0].lower() == "ct"
    if is_ct or (given and given.get("kind") == "ct" and "mean" not in given):
        rows = fingerprint.percentiles
        numbers = {
            "lower": [row[0] for row in rows],
            "upper": [row[-1] for row in rows],
            "mean": list(fingerprint.mean),
            "std": list(fingerprint.std),
        }
        notes.append(
            f"CT: intensities are clipped to {rows[0][0]:g} … {rows[0][-1]:g}, the percentiles 0.5 and 99.5 of the "
            "training cases."
        )
        return {"kind": "ct"} | numbers
    return given or {"kind": "zscore"}


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


def _without_none(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _frozen(value: Any) -> Any:
    """Lists as tuples, also within."""
    if isinstance(value, list | tuple):
        return tuple(_frozen(entry) for entry in value)
    if isinstance(value, Mapping):
        return {name: _frozen(entry) for name, entry in value.items()}
    return value


def _close(asked: Any, written: Any) -> bool:
    """Numbers that are the same but for their type, a scalar for all of several, or a part of a mapping."""
    if isinstance(asked, str) and isinstance(written, Mapping):
        return written.get("kind") == asked
    if isinstance(asked, Mapping) and isinstance(written, Mapping):
        return all(
            name in written and (written[name] == value or _close(value, written[name]))
            for name, value in asked.items()
        )
    if isinstance(written, tuple):
        asked = asked if isinstance(asked, tuple) else (asked,) * len(written)
        if len(asked) == 2 and len(written) == 3 and written[2] == -1:
            asked = (*asked, -1)
        if len(written) == 3 and written[2] == -1 and len(set(asked)) == 1:
            asked = (*asked[:2], -1)
        return len(asked) == len(written) and all(_close(a, w) for a, w in zip(asked, written, strict=True))
    if isinstance(asked, int | float) and isinstance(written, int | float):
        return math.isclose(asked, written, rel_tol=1e-6)
    return asked == written


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value


def _sides(size: Sequence[int]) -> str:
    return " × ".join(map(str, size))
