"""The labels of some of the annotators, as where each image was labeled by few of many."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform

from common.errors import InputError
from common.noise.seed import case_generator
from common.noise.simulated_annotators import choose_annotators
from common.transforms.cases import case_name

__all__ = ["KeepAnnotatorsd"]


class KeepAnnotatorsd(MapTransform):
    """Keeps the labels of so many annotators of each image; those of the others become −1, not labeled.

    They are drawn from (``seed``, case name) among those who labeled the image, each equally often, so that the choice
    is the same on every worker and in every epoch. MONAI may cache the result. "One label per image" of table 2 in
    Zhang et al., *Disentangling Human Error from Ground Truth in Segmentation of Medical Images*.

    Args:
        keys: annotators' labels ``(R, *spatial)``, −1 = not labeled.
        count: how many annotators keep their label, from 1 up; all where there are no more.
        seed: of the experiment.
        slice_axis: spatial axis of volumes along which each slice is an image of its own, 0, 1 or 2; None: the volume
            is one.
        allow_missing_keys: leave out keys that the item does not have.

    Raises:
        InputError: the count is below 1; when called, an item has no case name.

    Example:
        >>> keep = KeepAnnotatorsd("annotators", count=1)
        >>> keep({"case": "a", "annotators": torch.ones(3, 2, 2)})["annotators"].sum()
        tensor(-4.)
    """

    def __init__(
        self,
        keys: KeysCollection,
        count: int,
        seed: int = 0,
        slice_axis: int | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise InputError(f"labels_per_image: expected a whole number from 1 up, got {count!r}.")
        self.count, self.seed, self.slice_axis = count, seed, slice_axis

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            case = case_name(item)
            labels = item[key].clone()
            if self.slice_axis is None or labels.ndim < 4:
                labels[self._absent(labels, case)] = -1
            else:
                for index in range(labels.shape[self.slice_axis + 1]):
                    plane = labels.select(self.slice_axis + 1, index)
                    plane[self._absent(plane, f"{case}_{index:03d}")] = -1
            item[key] = labels
        return item

    def _absent(self, labels: torch.Tensor, name: str) -> list[int]:
        plain = torch.as_tensor(labels).as_subclass(torch.Tensor)
        present = (plain >= 0).flatten(1).any(1).nonzero().flatten().tolist()
        chosen: Sequence[str] = choose_annotators(
            [str(row) for row in present], self.count, case_generator(self.seed, name)
        )
        return [row for row in range(len(plain)) if str(row) not in chosen]
