"""From marginals to class maps by a rule that the user names, and what each rule is worth per case."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import MapTransform

from common.decision import decide, decision_threshold, expected_dice
from common.errors import InputError, SentenceError
from common.io.writers import save_like
from common.metrics import dice_score, structure_pair
from common.transforms.cases import case_name
from common.transforms.region_sizes import size_columns, voxel_volume
from common.transforms.save_prediction import label_map_like
from common.transforms.save_probabilities import save_class_probabilities

__all__ = ["DecisionScoresd", "SaveDecisiond"]


class SaveDecisiond(MapTransform):
    """Decides on the mask of a marginal, writes ``<case>_mask`` and ``<case>_marginal``, and sums the case up.

    Of several classes, background first, the mask is a class map, and their probabilities are written as
    ``<case>_probabilities`` (`save_class_probabilities`), which ``python -m common.threshold`` reads.

    The mask takes the place of the marginal; an item without ``case`` gets it and no file.

    The row under ``summary`` has: ``case``; ``threshold``, empty where the rule has none; ``expected_dice``, the Dice
    that this mask can expect if the marginal is right; ``volume_mm3`` of the mask and ``volume_at_half_mm3`` by the
    rule ``half``, of a picture ``foreground_pixels`` and ``foreground_pixels_at_half``. Of several classes each of
    these columns stands there for each class but the background, its name behind: ``threshold_<class>``, of a picture
    ``pixels_<class>``.

    Args:
        keys: probabilities (C, *spatial), in the geometry of the file that the item's ``image`` was read from.
        output_dir: folder for the files; a case ``a/b`` goes into its sub-folder ``a``.
        decision: rule of `common.decision.decide`.
        save_marginal: also write the marginal.
        class_names: of several classes, background included; None for their numbers.

    Raises:
        ArgumentError: another decision.
        InputError: values that are no probabilities, several channels that are not those of classes, or not as many
            names as channels.
    """

    def __init__(
        self,
        keys: str,
        output_dir: str,
        decision: str | float = "dice_optimal",
        save_marginal: bool = True,
        class_names: Sequence[str] | None = None,
    ) -> None:
        super().__init__(keys)
        decision_threshold(torch.zeros(1, 1, 1), decision)
        self.output_dir = Path(output_dir)
        self.decision = decision
        self.save_marginal = save_marginal
        self.class_names = None if class_names is None else [str(name) for name in class_names]

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            marginal = torch.as_tensor(item[key]).detach().as_subclass(torch.Tensor).cpu().float()
            case = item.get("case", "without a name")
            names = self._names(len(marginal), case)
            try:
                decided, half = (decide(marginal[None], rule) for rule in (self.decision, "half"))
            except SentenceError as error:
                raise InputError(f"Case {case}: {error}") from error
            mask = decided.class_map[0, 0]
            item[key] = label_map_like(item, key, mask)
            if "case" not in item:
                continue
            source = item["image"].meta["filename_or_obj"]
            voxel = voxel_volume(source)
            item["summary"] = {"case": item["case"]}
            for k, name in enumerate(names or [""]):
                behind = f"_{name}" if name else ""
                counts = [int(np.count_nonzero(found.numpy() == k + 1)) for found in (mask, half.class_map)]
                threshold = float(decided.threshold[0, k])
                item["summary"] |= {
                    f"threshold{behind}": "" if threshold != threshold else round(threshold, 6),
                    f"expected_dice{behind}": round(float(decided.expected_dice[0, k]), 6),
                    **size_columns(counts[0], voxel, name),
                    **size_columns(counts[1], voxel, name, "{}_at_half"),
                }
            target = self.output_dir / item["case"]
            save_like(source, mask.numpy(), f"{target}_mask", max(2, len(marginal)))
            if self.save_marginal and names:
                save_class_probabilities(source, list(marginal.numpy()), target, names)
            elif self.save_marginal:
                save_like(source, marginal[0].numpy(), f"{target}_marginal")
        return item

    def _names(self, count: int, case: str) -> list[str]:
        """Of the foreground classes of several channels; of one channel none."""
        if count == 1:
            return []
        names = self.class_names or [str(index) for index in range(count)]
        if len(names) != count:
            raise InputError(
                f"Case {case}: class_names: expected a name for each of {count} channels, background included, got "
                f"{', '.join(names)}."
            )
        return names[1:]


class DecisionScoresd(MapTransform):
    """Sums up a case by the Dice of its class maps, one per decision rule, with each of its labels.

    The row under ``summary`` has: ``case``, ``threshold`` and ``expected_dice`` of the Dice-optimal mask, and
    ``dice_<decision>_<label>`` for every pair, or ``dice_<decision>`` where there is one label without a name. Pixels
    that the label does not know do not count, in the Dice to expect those of the first label; where mask and label are
    both empty the field is empty. Of several classes each column holds the mean over the classes, and behind them
    ``<column>_<class>`` follow for each.

    Args:
        keys: the class map that `DiceOptimalThresholdd` made, (1, *spatial), whose ``<key>_threshold`` and
            ``<key>_expected_dice`` the item holds.
        decisions: name of each decision → key of its class map.
        labels: name of each label → its key, or the key of the only one; class maps ``(1, *spatial)``.
        class_names: of several classes, background included; None for one class.
        probabilities: key of the map that it was made from, ``(C, *spatial)``; None: the Dice to expect is that of the
            whole image, labeled or not.

    Example:
        >>> mask = torch.tensor([[1.0, 1.0, 0.0]])
        >>> item = {"case": "a", "pred": mask, "pred_threshold": torch.tensor([0.4]), "label": mask.flip(-1)}
        >>> item["p"] = 0.8 * mask
        >>> scores = DecisionScoresd("pred", {"optimal": "pred"}, {"noisy": "label"}, probabilities="p")
        >>> row = scores(item)["summary"]
        >>> row["expected_dice"], row["dice_optimal_noisy"]
        (0.888889, 0.5)
    """

    def __init__(
        self,
        keys: str,
        decisions: Mapping[str, str],
        labels: Mapping[str, str] | str,
        class_names: Sequence[str] | None = None,
        probabilities: str | None = None,
    ) -> None:
        super().__init__(keys)
        self.probabilities, self.decisions = probabilities, decisions
        self.labels = {f"_{name}": key for name, key in labels.items()} if isinstance(labels, Mapping) else {"": labels}
        names = [] if class_names is None else [str(name) for name in class_names]
        self.names = names[1:] if len(names) > 2 else []
        self.num_classes = len(names) if self.names else None

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            columns = {"threshold": item[f"{key}_threshold"], "expected_dice": self._expected_dice(item, key)}
            for name, label in self.labels.items():
                for decision, mask in self.decisions.items():
                    pair = structure_pair(item[mask][None], item[label][None], self.num_classes, False)
                    columns[f"dice_{decision}{name}"] = dice_score(*pair)[0]
            row: dict[str, Any] = {name: _written(values.nanmean()) for name, values in columns.items()}
            for index, name in enumerate(self.names):
                row |= {f"{column}_{name}": _written(values[index]) for column, values in columns.items()}
            item["summary"] = {"case": case_name(item)} | row
        return item

    def _expected_dice(self, item: Mapping[Hashable, Any], key: str) -> torch.Tensor:
        """(K,) of the voxels that the first label knows, nan where it knows none."""
        if self.probabilities is None:
            return item[f"{key}_expected_dice"]
        known = item[next(iter(self.labels.values()))] >= 0
        probabilities = item[self.probabilities]
        foreground = probabilities if len(probabilities) == 1 else probabilities[1:]
        found = expected_dice(*(values.where(known, 0)[None] for values in (item[key], foreground)))[0]
        return found if known.any() else torch.full_like(found, torch.nan)


def _written(value: torch.Tensor) -> float | str:
    """A number of the table; nothing for nan."""
    return "" if value.isnan() else round(float(value), 6)
