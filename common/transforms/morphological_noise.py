"""Labels with errors of a chosen share and size, drawn once per case."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor, get_track_meta
from monai.transforms import MapTransform
from monai.utils import convert_to_tensor

from common.errors import InputError, SentenceError
from common.noise.morphology import MORPHOLOGICAL_KINDS, morphological_noise
from common.noise.seed import case_generator
from common.transforms.cases import case_name

__all__ = ["MorphologicalNoised"]


class MorphologicalNoised(MapTransform):
    """Erode, dilate or displace the labels of a share of the cases.

    A case is noisy with probability ``alpha``; a noisy case gets one of ``kinds``, each equally often, with strength
    ``beta``: |noisy ⊕ clean| / |clean| comes as near to it as `common.noise` can bring it. Everything is drawn
    from (``seed``, case name), so it is the same on every worker, in every epoch and in any order, and the noisy
    cases of a smaller ``alpha`` are among those of a larger one. MONAI may therefore cache the result: this is not a
    random transform to it.

    Of a class map one structure changes, ``structure`` or one of the classes that the case has, each equally often; the
    other classes and −1, not labeled, keep their voxels (see `common.noise.morphology`).

    The item gets ``"noise_kind"``: the kind, or ``"none"`` where the labels are unchanged (the case was not drawn, or
    its labels are empty or too small), and ``"noise_structure"``: the class that was drawn or named, or 0 where nothing
    was to choose from. Both are in the metadata of a `MetaTensor` label too.

    Source: Gonzalez-Jimenez et al., MICCAI 2023, section 3.1. By the errata, a case is noisy with
    probability ``alpha``, once for all epochs.

    Args:
        keys: labels ``(C, *spatial)``, 2-D or 3-D, each channel a class map or the mask of one object. All channels of
            all keys of a case get the same kind, and the same structure where a channel has several.
        alpha: probability that a case is noisy, in [0, 1] (paper: 0.3, 0.5, 0.7).
        beta: changed area relative to the object, from 0 up (paper: 0.5, 0.7).
        seed: another seed draws other cases, kinds and displacements.
        case_key: the item's key that holds the case name.
        kinds: the kinds to draw from.
        structure: the class that changes, 1 … L − 1; None to draw one for each case where there are several.
        allow_missing_keys: leave out labels that the item does not have.

    Raises:
        InputError: if an argument is out of range, or an item has no case name.

    Example:
        >>> noisy = MorphologicalNoised("label", alpha=1.0, beta=0.7, kinds=("erosion",))
        >>> item = noisy({"case": "case_1", "label": torch.ones(1, 5, 5)})
        >>> item["noise_kind"], item["label"].sum().item()
        ('erosion', 9.0)
    """

    def __init__(
        self,
        keys: KeysCollection,
        alpha: float,
        beta: float,
        seed: int = 0,
        case_key: str = "case",
        kinds: Sequence[str] = MORPHOLOGICAL_KINDS,
        allow_missing_keys: bool = False,
        structure: int | None = None,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if not 0 <= alpha <= 1:
            raise InputError(f"alpha: expected the probability that a case is noisy, from 0 to 1, got {alpha}.")
        if not 0 <= beta < float("inf"):
            raise InputError(
                f"beta: expected the changed area relative to the object, finite and at least 0, got {beta}."
            )
        if not kinds or not set(kinds) <= set(MORPHOLOGICAL_KINDS):
            raise InputError(f"kinds: expected one or more of {', '.join(MORPHOLOGICAL_KINDS)}, got {kinds}.")
        if structure is not None and structure < 1:
            raise InputError(f"structure: expected a class from 1 up, or None to draw one, got {structure}.")
        self.alpha, self.beta, self.seed, self.case_key, self.kinds = alpha, beta, seed, case_key, tuple(kinds)
        self.structure = structure

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        case = case_name(item, self.case_key)
        generator = case_generator(self.seed, case)
        noisy = bool(torch.rand((), generator=generator) < self.alpha)
        kind = self.kinds[int(torch.randint(len(self.kinds), (), generator=generator))]

        labels = {key: convert_to_tensor(item[key], track_meta=get_track_meta()) for key in self.key_iterator(item)}
        structure = (self.structure or self._drawn_structure(list(labels.values()), case)) if noisy else None
        for key, clean in labels.items():
            item[key] = self._with_noise(clean, kind, generator, structure, case) if noisy else clean.clone()
        changed = any(not torch.equal(item[key], clean) for key, clean in labels.items())
        item["noise_kind"] = kind if changed else "none"
        item["noise_structure"] = structure or 0 if changed else 0
        for key in labels:
            if isinstance(item[key], MetaTensor):
                item[key].meta |= {name: item[name] for name in ("noise_kind", "noise_structure")}
        return item

    def _drawn_structure(self, labels: Sequence[torch.Tensor], case: str) -> int | None:
        """A class that the labels have, if a channel has several; of its own random numbers, apart from the noise."""
        classes = [
            {int(value) for value in channel.unique() if value > 0}
            for label in labels
            for channel in label.as_subclass(torch.Tensor)
        ]
        if all(len(found) < 2 for found in classes):
            return None
        present = sorted(set().union(*classes))
        generator = case_generator(self.seed, case, "structure")
        return present[int(torch.randint(len(present), (), generator=generator))]

    def _with_noise(
        self, label: torch.Tensor, kind: str, generator: torch.Generator, structure: int | None, case: object
    ) -> torch.Tensor:
        noisy = label.clone()
        for channel in range(len(label)):
            try:
                noisy[channel] = morphological_noise(label[channel], kind, self.beta, generator, structure)
            except SentenceError as error:
                raise InputError(f"Case {case}, channel {channel}: {error}") from error
        return noisy
