"""How good the probabilities of one case are: Dice of each structure and calibration in several regions."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.transforms import MapTransform

from common.errors import InputError
from common.metrics import (
    brier_score,
    count_structures,
    dice_score,
    expected_calibration_error,
    negative_log_likelihood,
    structure_pair,
    thresholded_adaptive_calibration_error,
    top_label_calibration_error,
)
from common.transforms.cases import case_name

__all__ = ["CalibrationScoresd"]


class CalibrationScoresd(MapTransform):
    """Sums up a case by the Dice of its most probable classes and the calibration of its probabilities.

    The row under ``summary`` has ``case`` and ``subject``; ``dice``, the mean over structures, and
    ``dice_<structure>``; ``tace``, the thresholded adaptive calibration error; ``ece_paper``, the measure of the BWCR
    paper (of the most probable class, over the voxels whose label is a structure); and for each region
    ``ece_<region>``, the expected calibration error of each class, ``ece_top_<region>``, that of the most probable
    class, ``brier_<region>``, the Brier score, and ``nll_<region>``, the negative log-likelihood. Regions are ``all``
    voxels, ``foreground`` and ``prediction``, those whose label or most probable class is a structure, their ``union``
    and the ``band``, those near a boundary. ``tace`` and ``ece_<region>`` are means over structures, that is all
    classes but the first; a structure that neither label nor prediction has has no Dice (empty). ``absent``, ``missed``
    and ``false`` count the structures that are in neither, in the label alone (Dice 0) and in the prediction alone
    (Dice 0). Voxels of label −1 do not count.

    Probabilities that are exactly right have an expected error of 0 in the regions ``all`` and ``prediction`` only: see
    `docs/methods/bwcr.md`.

    Args:
        keys: probabilities ``(K, *spatial)``, one key.
        class_names: of all K classes, the background first.
        label_key: of the label ``(1, *spatial)``, class indices.
        band_key: of the label that is −1 outside the band, see `BoundaryBandLabeld`.
        bins: of the errors (paper: 15).
        threshold: values must be above it to count in TACE (paper: 0.01).

    Raises:
        InputError: if there are fewer than two classes, or an item's probabilities are of another number.

    Example:
        >>> p = torch.tensor([[[0.1, 0.9]], [[0.9, 0.1]]])
        >>> item = {"case": "a", "pred": p, "label": torch.tensor([[[1, 0]]]), "label_band": torch.tensor([[[1, 0]]])}
        >>> CalibrationScoresd("pred", ["background", "ventricle"])(item)["summary"]["ece_foreground"]
        0.1
    """

    def __init__(
        self,
        keys: str,
        class_names: Sequence[str],
        label_key: str = "label",
        band_key: str = "label_band",
        bins: int = 15,
        threshold: float = 0.01,
    ) -> None:
        super().__init__(keys)
        if isinstance(class_names, str) or len(class_names) < 2:
            raise InputError(f"class_names: expected the background and at least one structure, got {class_names!r}.")
        self.structures = list(class_names[1:])
        self.label_key, self.band_key, self.bins, self.threshold = label_key, band_key, bins, threshold

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            probabilities, label, band = (
                torch.as_tensor(item[name]).detach().as_subclass(torch.Tensor)[None]
                for name in (key, self.label_key, self.band_key)
            )
            classes = len(self.structures) + 1
            if probabilities.shape[1] != classes:
                raise InputError(
                    f"Case {case_name(item)}: expected probabilities of {classes} classes, "
                    f"got {probabilities.shape[1]}."
                )
            masks = structure_pair(probabilities.argmax(1, keepdim=True), label, classes, include_background=False)
            dice = dice_score(*masks)
            regions = {name: (label, name) for name in ("all", "foreground")} | {"band": (band, "all")}
            regions |= {name: (label, name) for name in ("prediction", "union")}
            errors = {
                f"ece_{name}": expected_calibration_error(probabilities, truth, self.bins, region)
                for name, (truth, region) in regions.items()
            }
            errors["tace"] = thresholded_adaptive_calibration_error(probabilities, label, self.bins, self.threshold)
            scores = {"ece_paper": top_label_calibration_error(probabilities, label, self.bins, "foreground")}
            for name, (truth, region) in regions.items():
                scores |= {
                    f"ece_top_{name}": top_label_calibration_error(probabilities, truth, self.bins, region),
                    f"brier_{name}": brier_score(probabilities, truth, region),
                    f"nll_{name}": negative_log_likelihood(probabilities, truth, region),
                }
            item["summary"] = {
                "case": case_name(item),
                "subject": item.get("subject", case_name(item)),
                "dice": _rounded(dice.nanmean()),
                **{f"dice_{name}": _rounded(value) for name, value in zip(self.structures, dice[0], strict=True)},
                **{name: _rounded(error[0, 1:].nanmean()) for name, error in errors.items()},
                **{name: _rounded(score[0, 0]) for name, score in scores.items()},
                **count_structures(*masks)._asdict(),
            }
        return item


def _rounded(value: torch.Tensor) -> float | str:
    return "" if value.isnan() else round(float(value), 6)
