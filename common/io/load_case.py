"""An item of paths becomes tensors: image, label and annotators, with the one set of checks."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import EnsureChannelFirst, MapTransform

from common.errors import InputError
from common.io.checks import NOT_LABELED, geometry_finding, image_findings
from common.io.formats import read_image
from common.io.label_meaning import LabelMeaning, read_label
from common.io.orientation import reoriented

__all__ = ["LoadCased"]

Meaning = LabelMeaning | Mapping[str, Any]


class LoadCased(MapTransform):
    """Loads the image, the label and the annotators' labels of a case.

    ``image`` becomes (C, *spatial) float32 by `read_image`, ``label`` a class map (1, *spatial) by `read_label`, −1
    where it was not labeled, and ``annotators``, files by name, a class map (R, *spatial) in the order of
    ``annotators`` for all cases, −1 everywhere for who did not label this one.

    Args:
        keys: some of ``image``, ``label`` and ``annotators``.
        meaning: of label values, as `LabelMeaning` or its JSON form; of annotators also one for each, by name.
        channels: of the image; None for any number.
        annotators: names of all R annotators of the data set.
        dimensions: that images may have.
        allow_missing_keys: leave out what an item does not have.

    Raises:
        InputError: an argument that does not fit; when called, by case and file: a file that cannot be read, another
            number of channels or dimensions, values that are not finite or that the meaning does not have, a label
            that is not on its image's grid, an annotator who is not among those named.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> load = LoadCased(["image", "label"], meaning={"values": {0: 0, 255: 1}})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("L", (3, 2), 255).save(f"{folder}/a.png")
        ...     item = load({"case": "a", "image": f"{folder}/a.png", "label": f"{folder}/a.png"})
        >>> item["label"].shape, item["label"].unique().tolist()
        (torch.Size([1, 3, 2]), [1.0])
    """

    KEYS = ("image", "label", "annotators")

    def __init__(
        self,
        keys: KeysCollection,
        meaning: Meaning | Mapping[str, Meaning] | None = None,
        channels: int | None = None,
        annotators: Sequence[str] = (),
        dimensions: Sequence[int] = (2, 3),
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        unknown = [str(key) for key in self.keys if key not in self.KEYS]
        if unknown:
            raise InputError(f"keys: expected some of {', '.join(self.KEYS)}, got {', '.join(unknown)}.")
        if meaning is None and set(self.keys) != {"image"}:
            raise InputError("meaning: expected what the values of labels mean, got None.")
        if "annotators" in self.keys and (isinstance(annotators, str) or not annotators):
            raise InputError(f"annotators: expected a list of names, got {annotators!r}.")
        self.channels, self.dimensions = channels, tuple(dimensions)
        self.annotators = tuple(str(name) for name in annotators)
        self.meanings = _by_name(meaning)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """
        Args:
            data: item with paths; an image that is a tensor already is kept, and labels are compared with it.

        Returns:
            The item with tensors in their place; with labels and without a name it gets that of its image's file.
        """
        item = dict(data)
        keys = set(self.key_iterator(item))
        try:
            if "image" in keys and not isinstance(item["image"], torch.Tensor):
                item["image"] = self._image(item["image"])
            elif "image" in keys and "original_channel_dim" in getattr(item["image"], "meta", {}):
                item["image"] = EnsureChannelFirst()(item["image"]).float()  # from a program's memory
            image = item.get("image")
            reference = image if isinstance(image, torch.Tensor) else None
            if "label" in keys:
                item["label"] = read_label(item["label"], self._meaning(None), reference)
            if "annotators" in keys:
                item["annotators"] = self._stack(item["annotators"], reference)
        except InputError as error:
            raise InputError(f"Case {item.get('case', 'without a name')}: {error}") from error
        file = getattr(item.get("image"), "meta", {}).get("filename_or_obj")
        if "case" not in item and keys != {"image"} and file:
            item["case"] = Path(str(file)).name.split(".")[0]  # of a program's items, which have no names
        return item

    def _image(self, path: Any) -> MetaTensor:
        image = read_image(path, self.channels)
        name = image.meta["filename_or_obj"]
        if image.ndim - 1 not in self.dimensions:
            expected = " or ".join(map(str, self.dimensions))
            raise InputError(f"{name}: expected {expected} dimensions, got the shape {tuple(image.shape[1:])}.")
        fault = next((finding for finding in image_findings(image) if finding.unusable), None)
        if fault is not None:
            raise InputError(f"{name}: {fault.message}.")
        return image

    def _meaning(self, annotator: str | None) -> LabelMeaning:
        meaning = self.meanings.get(annotator, self.meanings.get(None))
        first, *others = self.meanings.values() or [None]
        if meaning is None and annotator is None and all(other == first for other in others):
            meaning = first  # a ground truth that the training did not have, of annotators who agree on values
        if meaning is None:
            who = "the label" if annotator is None else f"annotator {annotator}"
            known = ", ".join(map(str, self.meanings)) or "nobody"
            raise InputError(f"meaning: expected what the values of {who} mean, got those of {known}.")
        return meaning

    def _stack(self, files: Any, image: torch.Tensor | None) -> MetaTensor:
        if not isinstance(files, Mapping):
            raise InputError(f"expected label files by annotator, {{name: path}}, got {files!r}.")
        present = {str(name): path for name, path in files.items() if path is not None}
        strangers = sorted(present.keys() - set(self.annotators))
        if strangers or not present:
            raise InputError(
                f"expected labels of at least one of {', '.join(self.annotators)}, got those of "
                f"{', '.join(strangers) or 'nobody'}."
            )
        labels = {name: read_label(path, self._meaning(name), image) for name, path in present.items()}
        reference = next(iter(labels.values()))
        labels = {name: reoriented(label, reference) for name, label in labels.items()}
        for name, label in labels.items():
            finding = geometry_finding(reference, label)
            if finding is not None and finding.unusable:
                raise InputError(f"{present[name]}: of the first annotator's label, {finding.message}.")
        stacked = reference.repeat(len(self.annotators), *[1] * (reference.ndim - 1))
        for row, name in enumerate(self.annotators):
            stacked[row] = labels[name][0] if name in labels else NOT_LABELED
        return cast(MetaTensor, stacked)


def _by_name(meaning: Meaning | Mapping[str, Meaning] | None) -> dict[str | None, LabelMeaning]:
    """Meanings by annotator, under None the one of ``label`` and of everybody who has none (in JSON it is ``""``)."""
    if meaning is None:
        return {}
    if isinstance(meaning, LabelMeaning):
        return {None: meaning}
    if set(meaning) <= {"values", "colors", "ignore", "threshold"}:
        return {None: LabelMeaning.from_json(meaning)}
    return {
        (str(name) or None): one if isinstance(one, LabelMeaning) else LabelMeaning.from_json(one)
        for name, one in meaning.items()
    }
