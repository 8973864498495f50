"""Labels with errors of a chosen share and size, drawn once per case."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor, get_track_meta
from monai.transforms import MapTransform
from monai.utils import convert_to_tensor

from common.errors import InputError
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

    The item gets ``"noise_kind"``: the kind, or ``"none"`` where the labels are unchanged (the case was not drawn, or
    its labels are empty or too small). It is in the metadata of a `MetaTensor` label too.

    Source: Gonzalez-Jimenez et al., MICCAI 2023, section 3.1. By the errata, a case is noisy with
    probability ``alpha``, once for all epochs.

    Args:
        keys: labels ``(C, *spatial)``, 2-D or 3-D, each channel the mask of one object (so for classes one channel
            each, without background). All channels of all keys of a case get the same kind.
        alpha: probability that a case is noisy, in [0, 1] (paper: 0.3, 0.5, 0.7).
        beta: changed area relative to the object, from 0 up (paper: 0.5, 0.7).
        seed: another seed draws other cases, kinds and displacements.
        case_key: the item's key that holds the case name.
        kinds: the kinds to draw from.
        allow_missing_keys: leave out labels that the item does not have.

    Raises:
        InputError: if an argument is out of range, an item has no case name, or a channel several foreground values.

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
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if not 0 <= alpha <= 1:
            raise InputError(f"alpha, the probability that a case is noisy, must be from 0 to 1, but {alpha} came.")
        if not 0 <= beta < float("inf"):
            raise InputError(
                f"beta, the changed area relative to the object, must be finite and from 0 up, but {beta} came."
            )
        if not kinds or not set(kinds) <= set(MORPHOLOGICAL_KINDS):
            raise InputError(f"kinds must be some of {', '.join(MORPHOLOGICAL_KINDS)}, but {kinds} came.")
        self.alpha, self.beta, self.seed, self.case_key, self.kinds = alpha, beta, seed, case_key, tuple(kinds)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        case = case_name(item, self.case_key)
        generator = case_generator(self.seed, case)
        noisy = bool(torch.rand((), generator=generator) < self.alpha)
        kind = self.kinds[int(torch.randint(len(self.kinds), (), generator=generator))]

        changed = False
        for key in self.key_iterator(item):
            clean = convert_to_tensor(item[key], track_meta=get_track_meta())
            item[key] = self._with_noise(clean, kind, generator, case) if noisy else clean.clone()
            changed = changed or not torch.equal(item[key], clean)
        item["noise_kind"] = kind if changed else "none"
        for key in self.key_iterator(item):
            if isinstance(item[key], MetaTensor):
                item[key].meta["noise_kind"] = item["noise_kind"]
        return item

    def _with_noise(self, label: torch.Tensor, kind: str, generator: torch.Generator, case: object) -> torch.Tensor:
        noisy = label.clone()
        for channel in range(len(label)):
            try:
                noisy[channel] = morphological_noise(label[channel], kind, self.beta, generator)
            except InputError as error:
                raise InputError(f"Case {case}, channel {channel}: {error}") from error
        return noisy
