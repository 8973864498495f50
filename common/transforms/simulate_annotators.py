"""Several annotators' labels, made from one truth."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import get_track_meta
from monai.transforms import MapTransform
from monai.utils import convert_to_tensor

from common.errors import InputError, SentenceError
from common.noise.seed import case_generator
from common.noise.simulated_annotators import ANNOTATOR_KINDS, choose_annotators, simulate_annotator
from common.transforms.cases import case_name

__all__ = ["SimulateAnnotatorsd"]


class SimulateAnnotatorsd(MapTransform):
    """The labels that annotators of known habits would have drawn, beside the truth.

    Everything is drawn from (``seed``, case name, annotator), so it is the same on every worker, in every epoch and in
    any order, and does not depend on the other annotators. MONAI may therefore cache the result: this is not a random
    transform to it. The habits are those of `common.noise.simulate_annotator`.

    The item gets ``output_key``: the labels ``(R, *spatial)`` with the metadata of the truth; those of annotators who
    are not among the ``labels_per_image`` are −1. An item that holds a list of names there already, as datalists of
    sections make it, has the labels of these instead. Source: Zhang et al., *Disentangling Human Error from Ground
    Truth in Segmentation of Medical Images*, appendices A.1 and A.3; one label per image as in table 2.

    Args:
        keys: the truth, one, ``(1, *spatial)``, 2-D or 3-D: class indices, or any mask of one positive value.
        annotators: for each name the kind, or the arguments of `simulate_annotator`: ``kind``, ``strength``,
            ``target``, ``fractures``. R is their number, their order that of the names.
        labels_per_image: how many annotators, drawn per case, have labeled it; None for all.
        seed: of the experiment.
        case_key: of the case name in the item.
        output_key: of the labels in the item.
        slice_axis: spatial axis of volumes along which each slice is an image of its own, as a 2-D network takes it: 0,
            1 or 2, or None: the volume is one. Slice 7 of the case ``a`` is drawn as the case ``a_007``.
        allow_missing_keys: leave items without a truth as they are.

    Raises:
        InputError: if an argument is out of range, an item has no case name, or its truth does not fit.

    Example:
        >>> simulate = SimulateAnnotatorsd("label", {"AR": "good", "HS": {"kind": "under", "strength": 0.6}})
        >>> item = simulate({"case": "case_1", "label": torch.ones(1, 5, 5)})
        >>> item["annotators"].sum((1, 2)).tolist()
        [25.0, 9.0]
    """

    def __init__(
        self,
        keys: KeysCollection,
        annotators: Mapping[str, str | Mapping[str, Any]],
        labels_per_image: int | None = None,
        seed: int = 0,
        case_key: str = "case",
        output_key: str = "annotators",
        allow_missing_keys: bool = False,
        slice_axis: int | None = None,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if len(self.keys) != 1:
            raise InputError(f"keys: expected one, of the truth, got {self.keys}.")
        self.annotators = {
            name: {"kind": habits} if isinstance(habits, str) else dict(habits) for name, habits in annotators.items()
        }
        for name, habits in self.annotators.items():
            unknown = sorted(habits.keys() - {"kind", "strength", "target", "fractures"})
            if unknown or habits.get("kind") not in ANNOTATOR_KINDS:
                raise InputError(
                    f"annotators: expected of {name!r} a kind ({', '.join(ANNOTATOR_KINDS)}) and, if wanted, strength, "
                    f"target and fractures, got {dict(habits)}."
                )
        if not self.annotators or (labels_per_image is not None and labels_per_image < 1):
            raise InputError(
                "Expected at least one annotator and one label per image, "
                f"got {len(self.annotators)} and {labels_per_image}."
            )
        self.labels_per_image = labels_per_image
        self.seed, self.case_key, self.output_key, self.slice_axis = seed, case_key, output_key, slice_axis

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            case = case_name(item, self.case_key)
            truth = convert_to_tensor(item[key], track_meta=get_track_meta())
            if len(truth) != 1:
                raise InputError(f"Case {case}: expected a truth (1, *spatial), got {tuple(truth.shape)}.")
            labels = truth.expand(len(self.annotators), *truth.shape[1:]).clone()
            for channel, (name, habits) in enumerate(self.annotators.items()):
                try:
                    for part, drawn in self._parts(truth[0], labels[channel], case):
                        drawn[1].copy_(
                            simulate_annotator(drawn[0], generator=case_generator(self.seed, part, name), **habits)
                        )
                except SentenceError as error:
                    raise InputError(f"Case {case}, annotator {name}: {error}") from error
            named = item.get(self.output_key)
            item[self.output_key] = self._as_chosen(labels, case, named if isinstance(named, list | tuple) else None)
        return item

    def _parts(
        self, truth: torch.Tensor, labels: torch.Tensor, case: str
    ) -> Iterator[tuple[str, tuple[torch.Tensor, torch.Tensor]]]:
        """Name, truth and place of the labels: of the case, or of each of its slices."""
        if self.slice_axis is None or truth.ndim < 3:
            yield case, (truth, labels)
            return
        for index in range(truth.shape[self.slice_axis]):
            yield f"{case}_{index:03d}", (truth.select(self.slice_axis, index), labels.select(self.slice_axis, index))

    def _as_chosen(self, labels: torch.Tensor, case: str, chosen: Sequence[str] | None) -> torch.Tensor:
        names = list(self.annotators)
        if chosen is None:
            if self.labels_per_image is None:
                return labels
            chosen = choose_annotators(names, self.labels_per_image, case_generator(self.seed, case))
        strangers = sorted(set(chosen) - set(names))
        if strangers or not chosen:
            raise InputError(
                f"Case {case}: expected labels by some of {', '.join(names)}, got {', '.join(strangers) or 'nobody'}."
            )
        absent = [name not in chosen for name in names]
        labels = labels if labels.is_floating_point() else labels.to(torch.int16)  # unsigned types have no −1
        labels[absent] = -1
        return labels
