"""The labels of several annotators as one tensor, whoever has labeled the image."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from common.errors import InputError, shown_names
from common.io.checks import geometry_finding
from common.io.formats import suffix_of
from common.io.label_values import read_label_values
from common.io.orientation import reoriented

__all__ = ["LoadAnnotatorsd"]

LOSSY_SUFFIXES = (".jpg", ".jpeg")
NOISE, HALF = 16, 127.5  # of 0 and 255 in JPEG


class LoadAnnotatorsd(MapTransform):
    """Load the label files of an image's annotators, each image its own subset of them.

    The item holds them by name, ``{"AR": "case_1_AR.nii.gz", "HS": "case_1_HS.nii.gz"}``; a name that is missing or
    None is an annotator who did not label this image. They become a `MetaTensor` ``(R, *spatial)`` float32 with the
    geometry of the first file, in the order of ``annotators`` for all images, and −1 where an annotator is absent.

    Later transforms that resample must keep −1 out of interpolation and 0 out of the border: ``mode="nearest"`` and
    ``padding_mode="border"``.

    Args:
        keys: of the items' files by annotator.
        annotators: the names of all R annotators of the data set.
        num_classes: L ≥ 2. With two classes a file may use any positive value for the foreground (0 and 255), with more
            it holds class indices; −1 is a pixel that was not labeled.
        threshold: of gray labels of two classes: foreground is what exceeds this share of the file's maximum, in
            [0, 1), 0.5 as `BinaryMaskd` has it; None refuses labels of more than two values, except JPEG masks of 0
            and 255, in which compression has spread them.
        image_key: of the image, whose shape the labels must have where it is loaded already.
        case_key: of the case name, for messages.
        allow_missing_keys: leave items without labels as they are.

    Raises:
        InputError: if an argument is out of range; if an item names nobody, or someone else; if files have more than
            one channel, other values, or do not share shape and geometry. The message names case and file.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> load = LoadAnnotatorsd("annotators", annotators=["AR", "HS"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("L", (3, 2), 255).save(f"{folder}/HS.png")
        ...     load({"annotators": {"HS": f"{folder}/HS.png"}})["annotators"].mean((1, 2)).tolist()
        [-1.0, 1.0]
    """

    def __init__(
        self,
        keys: KeysCollection,
        annotators: Sequence[str],
        num_classes: int = 2,
        threshold: float | None = None,
        image_key: str = "image",
        case_key: str = "case",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if isinstance(annotators, str) or not annotators or len(set(annotators)) < len(annotators):
            raise InputError(f"annotators: expected a list of different names, got {annotators!r}.")
        if num_classes < 2:
            raise InputError(f"num_classes: expected two or more, background included, got {num_classes}.")
        if threshold is not None and (num_classes > 2 or not 0 <= threshold < 1):
            raise InputError(
                f"threshold: expected a share in [0, 1) and two classes, got {threshold} and {num_classes}."
            )
        self.annotators = tuple(annotators)
        self.num_classes, self.threshold = num_classes, threshold
        self.image_key, self.case_key = image_key, case_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            image = item.get(self.image_key)
            try:
                loaded = image if isinstance(image, torch.Tensor) else None
                item[key] = self._stack(item[key], loaded)
            except InputError as error:
                raise InputError(f"Case {item.get(self.case_key, 'without a name')}: {error}") from error
        return item

    def _stack(self, files: Mapping[str, str | os.PathLike[str] | None], image: torch.Tensor | None) -> torch.Tensor:
        if not isinstance(files, Mapping):
            raise InputError(f"expected label files by annotator, {{name: path}}, got {files!r}.")
        present = {name: path for name, path in files.items() if path is not None}
        strangers = sorted(present.keys() - set(self.annotators))
        if strangers or not present:
            hint = "; the option annotators, as in the training, leaves out all that it does not name"
            raise InputError(
                f"expected labels of at least one of {', '.join(self.annotators)}, got those of "
                f"{', '.join(strangers) + hint if strangers else 'nobody'}."
            )
        labels = {name: self._as_classes(read_label_values(path), path) for name, path in present.items()}
        first, reference = next(iter(labels.items()))
        on_grid = reference if image is None else image
        labels = {name: reoriented(label, on_grid) for name, label in labels.items()}
        reference = labels[first]
        for name, label in labels.items():
            apart = geometry_finding(reference, label)
            if apart is not None and apart.unusable:
                raise InputError(
                    f"{present[name]} and {present[first]}: expected labels of one shape and position, but of the "
                    f"first {apart.message.replace('the image', 'the second')}."
                )
        finding = geometry_finding(image, reference) if image is not None else None
        if finding is not None and finding.unusable:
            raise InputError(f"{present[first]}: {finding.message}.")
        stacked = reference.repeat(len(self.annotators), *[1] * (reference.ndim - 1))
        for channel, name in enumerate(self.annotators):
            stacked[channel] = labels[name][0] if name in labels else -1
        return stacked

    def _as_classes(self, label: Any, path: str | os.PathLike[str]) -> MetaTensor:
        if len(label) != 1:
            raise InputError(f"{path}: expected a label of one channel, got {len(label)}.")
        if self.threshold is not None:
            label = torch.where(label < 0, label, (label > self.threshold * label.max()).to(label.dtype))
        elif self.num_classes == 2 and suffix_of(path) in LOSSY_SUFFIXES and not NOISE < label.max() < HALF:
            label = (label > HALF).to(label.dtype)
        elif self.num_classes == 2 and label[label > 0].unique().numel() == 1:
            label = torch.where(label > 0, 1, label)
        values = label.unique().tolist()
        if not set(values) <= set(range(-1, self.num_classes)):
            shown = shown_names((f"{value:g}" for value in values), 10)
            expected = "0 and one other value" if self.num_classes == 2 else f"classes from 0 to {self.num_classes - 1}"
            raise InputError(f"{path}: expected {expected}, got {shown}.")
        return label
