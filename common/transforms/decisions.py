"""From marginals to masks by a rule that the user names, and what each rule is worth per case."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import MapTransform

from common.decision import accuracy_optimal_segmentation, apply_threshold, dice_optimal_threshold
from common.errors import InputError
from common.fusion.ties import exceeds
from common.io.formats import is_picture
from common.io.writers import save_like, voxel_mm3
from common.metrics import soft_dice
from common.transforms.cases import case_name
from common.transforms.save_prediction import label_map_like

__all__ = ["DecisionScoresd", "SaveDecisiond", "decide", "decision_threshold"]


def decision_threshold(marginal: torch.Tensor, decision: str | float) -> torch.Tensor:
    """The threshold of each image and channel by a decision rule.

    Args:
        marginal: ``(B, C, *spatial)`` probabilities of whole images.
        decision: ``"dice_optimal"``, the threshold of highest expected Dice (`common.decision.dice_optimal_threshold`);
            ``"half"``, that of highest accuracy; or a number above 0 and below 1 for all images.

    Returns:
        ``(B, C)`` float64; of an all-zero map 0.5 by both named rules.

    Raises:
        InputError: another decision, or values that are no probabilities.

    Example:
        >>> decision_threshold(torch.tensor([[[0.9, 0.45, 0.1]]]), "half").tolist()
        [[0.5]]
    """
    if decision == "dice_optimal":
        return dice_optimal_threshold(marginal)[0]
    try:
        value = 0.5 if decision == "half" else float(decision)
    except (TypeError, ValueError):
        value = float("nan")
    if not 0 < value < 1:
        raise InputError(f"decision: expected dice_optimal, half or a number above 0 and below 1, got {decision!r}.")
    return torch.full(marginal.shape[:2], value, dtype=torch.float64)


def decide(marginal: torch.Tensor, decision: str | float) -> tuple[torch.Tensor, torch.Tensor]:
    """The mask of each image and channel by a decision rule.

    {m ≥ t} of the Dice-optimal threshold, which voxels of the image attain; else {m > t}, so that one half is
    background (the tie rule of `common.fusion.exceeds`), whether it is asked for as ``half`` or as 0.5.

    Args:
        marginal: ``(B, C, *spatial)`` probabilities of whole images.
        decision: see `decision_threshold`.

    Returns:
        The mask, 0 and 1 with the shape and dtype of ``marginal``, and the threshold ``(B, C)`` float64.

    Raises:
        InputError: as `decision_threshold`.

    Example:
        >>> decide(torch.tensor([[[0.9, 0.5, 0.1]]]), 0.5)[0].tolist()
        [[[1.0, 0.0, 0.0]]]
    """
    threshold = decision_threshold(marginal, decision)
    if decision == "dice_optimal":
        return apply_threshold(marginal, threshold), threshold
    return exceeds(marginal, float(threshold.flatten()[0])).to(marginal.dtype), threshold


class SaveDecisiond(MapTransform):
    """Decides on the mask of a marginal, writes ``<case>_mask`` and ``<case>_marginal``, and sums the case up.

    The mask takes the place of the marginal; an item without ``case`` gets it and no file.

    The row under ``summary`` has: ``case``; ``threshold``; ``expected_dice``, the Dice that this mask can expect if the
    marginal is right (`common.metrics.soft_dice`); ``volume_mm3`` of the mask and ``volume_at_half_mm3`` of {m > 1/2}
    (NIfTI only, else empty).

    Args:
        keys: marginal (1, *spatial), in the geometry of the file that the item's ``image`` was read from.
        output_dir: folder for the files; a case ``a/b`` goes into its sub-folder ``a``.
        decision: rule of `decide`.
        save_marginal: also write the marginal.

    Raises:
        InputError: another decision, values that are no probabilities, or several channels: each rule is for one
            structure. `common.transforms.SaveSegmentationd` writes class maps.
    """

    def __init__(
        self, keys: str, output_dir: str, decision: str | float = "dice_optimal", save_marginal: bool = True
    ) -> None:
        super().__init__(keys)
        decision_threshold(torch.zeros(1, 1, 1), decision)
        self.output_dir = Path(output_dir)
        self.decision = decision
        self.save_marginal = save_marginal

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            marginal = torch.as_tensor(item[key]).detach().as_subclass(torch.Tensor).cpu().float()[None]
            if marginal.shape[1] != 1:
                raise InputError(
                    f"Case {item.get('case', 'without a name')}: expected the probability of one structure, got "
                    f"{marginal.shape[1]} channels; common.transforms.SaveSegmentationd writes several as a class map."
                )
            mask, threshold = decide(marginal, self.decision)
            item[key] = label_map_like(item[key], mask[0, 0], item.get("image"))
            if "case" not in item:
                continue
            source = item["image"].meta["filename_or_obj"]
            voxel = None if is_picture(source) else voxel_mm3(source)
            voxels = (int(mask.count_nonzero()), int(accuracy_optimal_segmentation(marginal).count_nonzero()))
            volumes = ["" if voxel is None else round(count * voxel, 3) for count in voxels]
            item["summary"] = {
                "case": item["case"],
                "threshold": round(float(threshold), 6),
                "expected_dice": round(float(soft_dice(mask, marginal)), 6),
                "volume_mm3": volumes[0],
                "volume_at_half_mm3": volumes[1],
            }
            target = self.output_dir / item["case"]
            save_like(source, mask[0, 0].numpy().astype(np.uint8), f"{target}_mask")
            if self.save_marginal:
                save_like(source, marginal[0, 0].numpy(), f"{target}_marginal")
        return item


class DecisionScoresd(MapTransform):
    """Sums up a case by the Dice of its masks, one per decision rule, with each of its labels.

    The row under ``summary`` has: ``case``, ``threshold`` and ``expected_dice`` of the Dice-optimal mask, and
    ``dice_<decision>_<label>`` for every pair. Two empty masks agree fully.

    Args:
        keys: the mask that `DiceOptimalThresholdd` made, (1, *spatial), whose ``<key>_threshold`` and
            ``<key>_expected_dice`` the item holds.
        decisions: name of each decision → key of its mask.
        labels: name of each label → its key.

    Example:
        >>> mask = torch.tensor([[1.0, 1.0, 0.0]])
        >>> item = {"case": "a", "pred": mask, "pred_threshold": torch.tensor([0.4]), "label": mask.flip(-1)}
        >>> item["pred_expected_dice"] = torch.tensor([0.8])
        >>> DecisionScoresd("pred", {"optimal": "pred"}, {"noisy": "label"})(item)["summary"]["dice_optimal_noisy"]
        0.5
    """

    def __init__(self, keys: str, decisions: Mapping[str, str], labels: Mapping[str, str]) -> None:
        super().__init__(keys)
        self.decisions, self.labels = decisions, labels

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            item["summary"] = {
                "case": case_name(item),
                "threshold": round(float(item[f"{key}_threshold"]), 6),
                "expected_dice": round(float(item[f"{key}_expected_dice"]), 6),
            } | {
                f"dice_{decision}_{label}": round(float(soft_dice(item[mask][None], item[truth][None])), 6)
                for label, truth in self.labels.items()
                for decision, mask in self.decisions.items()
            }
        return item
