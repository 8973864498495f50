"""Soft labels: the share of each class in what was drawn, by one annotator or by several."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.transforms import Transform
from monai.utils import convert_to_dst_type

from common.errors import InputError, SentenceError
from common.transforms.cases import case_name
from common.transforms.fuse_annotators import FUSION_METHODS, fuse_annotators

__all__ = ["ClassShares", "class_shares"]

SOURCES = ("soft_label", "annotators", "label")


def class_shares(labels: torch.Tensor, num_classes: int, fusion: str = "mean") -> torch.Tensor:
    """The share of each foreground class in the labels of the annotators who labeled a pixel.

    Args:
        labels: ``(R, *spatial)``, classes 0 … L − 1, −1 where an annotator did not label. R is 1 for one label.
        num_classes: L, background included.
        fusion: ``mean`` (the share), ``majority`` (0 or 1), ``staple`` or ``spatial_staple`` (probabilities).

    Returns:
        ``(L − 1, *spatial)`` float32 in [0, 1], −1 in every channel where nobody labeled; with the metadata of
        ``labels``.

    Raises:
        InputError: as `fuse_annotators`.

    Example:
        >>> class_shares(torch.tensor([[1, 2, -1], [1, 0, -1]]), num_classes=3).tolist()
        [[1.0, 0.0, -1.0], [0.0, 0.5, -1.0]]
    """
    plain = torch.as_tensor(labels).as_subclass(torch.Tensor)
    if len(plain) == 1:
        shares = torch.cat([(plain == value).float() for value in range(1, num_classes)])
        shares = shares.masked_fill(plain < 0, -1)
    else:
        shares = fuse_annotators(plain, fusion, num_classes).probabilities[1:]
    return convert_to_dst_type(shares, labels, dtype=torch.float32)[0]


class ClassShares(Transform):
    """Makes an item's ``label`` a soft one, of the first source that the item has; the other sources are removed.

    Args:
        num_classes: L, background included.
        fusion: of several annotators, see `class_shares`.
        sources: in this order: ``soft_label`` (shares ``(L − 1, *spatial)`` already), ``annotators`` and ``label``
            (class maps).
        annotator: number of the annotator whose label alone counts among ``annotators``; None for all.
        remove: keys of the item that are not needed any more.

    Raises:
        InputError: there is no such method or source; by case, an item has none of the sources.

    Example:
        >>> ClassShares(num_classes=2)({"label": torch.tensor([[0.0, 1.0, -1.0]])})["label"].tolist()
        [[0.0, 1.0, -1.0]]
    """

    def __init__(
        self,
        num_classes: int,
        fusion: str = "mean",
        sources: Sequence[str] = SOURCES,
        annotator: int | None = None,
        remove: Sequence[str] = ("bones", "regions"),
    ) -> None:
        if fusion not in FUSION_METHODS:
            raise InputError(f"fusion: expected one of {', '.join(FUSION_METHODS)}, got {fusion!r}.")
        if not set(sources) <= set(SOURCES):
            raise InputError(f"sources: expected some of {', '.join(SOURCES)}, got {', '.join(sources)}.")
        self.num_classes, self.fusion, self.sources, self.annotator = num_classes, fusion, tuple(sources), annotator
        self.removed = {*SOURCES, *remove}

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        source = next((key for key in self.sources if key in data), None)
        if source is None:
            raise InputError(f"Case {case_name(data)}: expected {' or '.join(self.sources)}, got none of them.")
        label = data[source]
        if source == "annotators" and self.annotator is not None:
            label = label[self.annotator : self.annotator + 1]
        if source != "soft_label":
            try:
                label = class_shares(label, self.num_classes, self.fusion)
            except SentenceError as error:
                raise InputError(f"Case {case_name(data)}, {source}: {error}") from error
        return {key: value for key, value in data.items() if key not in self.removed} | {"label": label}
