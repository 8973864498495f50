"""The plan of a training: what was found out about the data once, and is read by everything that comes later."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from common.errors import InputError
from common.io.class_numbers import contradicted_meanings
from common.io.label_meaning import LabelMeaning

__all__ = ["Plan", "example_plan"]

FORMAT = 1
OF_LABELS = ("class_values", "class_colors", "ignore_value", "label_threshold")  # said of files, kept as their meaning
OF_MEMORY = ("memory_gb", "base_features")  # from which patch and features follow, kept with the fingerprint


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
        image_size: pixels, width and height, to which whole pictures are resized; None for volumes.
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

    Raises:
        InputError: the name of a class or an annotator cannot be part of a file's name.

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

    def __post_init__(self) -> None:
        for entry in ("class_names", "annotators"):  # results are called by them
            wrong = [name for name in getattr(self, entry) if {"/", "\\"} & set(str(name))]
            if wrong:
                raise InputError(
                    f"{entry}: expected names that can be part of a file's name, without / and \\, got {wrong[0]!r}; "
                    f"give others by --{entry}, or where you named them."
                )

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
            16 where images have one size, as resized pictures and crops around a label do, else 1.
        """
        return 16 if self.image_dims == 2 or (self.crop == "label" and not self.slices) else 1

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
            given: by attribute of the plan, and of the label files ``class_values``, ``class_colors``, ``ignore_value``
                and ``label_threshold``; of what the plan was made with ``memory_gb`` and ``base_features``. None is not
                given.

        Returns:
            A sentence each, in the order of ``given``; none if nothing contradicts.

        Example:
            >>> example_plan().contradictions({"channels": 3, "spacing": None})
            ['channels: the network was trained with 1, got 3']
        """
        found = []
        said = {name: given[name] for name in OF_LABELS if name in given}
        own = {name: value for name, value in given.items() if name not in (*said, "method") and value is not None}
        compared = [
            (name, value, self.fingerprint.get(name, value) if name in OF_MEMORY else getattr(self, name))
            for name, value in own.items()
        ]
        options = given.get("method") or {}  # of which one may be called method, too
        compared += [(name, value, self.method.get(name)) for name, value in options.items()]
        for name, value, written in compared:
            asked = _frozen(value)
            if name == "class_names" and isinstance(asked, dict):
                asked = tuple(asked)
            if asked != written and not _close(asked, written):
                found.append(_contradiction(name, written, value))
        for name in ("class_values", "class_colors"):
            if isinstance(said.get(name), Mapping):
                said[name] = _in_order(said[name], self.class_names)
        meanings = {name: LabelMeaning.from_json(meaning) for name, meaning in self.labels.items()}
        contradicted = contradicted_meanings(meanings, **said, names=self.class_names)
        found += [_contradiction(name, *pair) for name, pair in contradicted.items()]
        return found

    def differences(self, other: Plan) -> list[str]:
        """In what two plans differ that matters to a network.

        Args:
            other: of another training.

        Returns:
            A text each, with both values; none if only fingerprint and notes differ.

        Example:
            >>> from dataclasses import replace
            >>> example_plan().differences(replace(example_plan(), channels=3, notes=("a",)))
            ['channels: 1 and 3']
        """
        pairs = [(entry.name, getattr(self, entry.name), getattr(other, entry.name)) for entry in fields(self)]
        return [
            f"{name}: {_shown(ours)} and {_shown(theirs)}"
            for name, ours, theirs in pairs
            if name not in ("fingerprint", "notes", "faults") and ours != theirs
        ]


def example_plan() -> Plan:
    """A plan of 2-D gray pictures with one class, for examples and tests."""
    meaning = {"": LabelMeaning(values={0: 0, 255: 1}).to_json()}
    return Plan(
        2, 2, 1, (), ("background", "foreground"), meaning, (), None, None, (32, 32), (32, 32), "random",
        {"kind": "zscore"}, (4, 8),
    )  # fmt: skip


def _in_order(classes: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """What is said of each class, in the order of the names that are known; others stay where they are."""
    known = iter(name for name in names if name in classes)
    return {name: classes[name] for name in (next(known) if name in names else name for name in classes)}


def _contradiction(name: str, written: Any, given: Any) -> str:
    return f"{name}: the network was trained with {_shown(written)}, got {_shown(given)}"


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
