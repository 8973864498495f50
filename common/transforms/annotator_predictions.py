"""What a network predicts of each annotator: taken apart, scored against the annotators, written to files."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type

from common.errors import InputError
from common.io.writers import save_like
from common.metrics.annotator_likelihood import annotator_log_likelihood
from common.metrics.confusion import confusion_matrix_error
from common.metrics.dice_of_annotators import annotator_dice
from common.metrics.energy_distance import generalized_energy_distance
from common.metrics.structures import dice_score, structure_pair
from common.noise.simulated_annotators import pixelwise_confusion
from common.transforms.cases import case_name

__all__ = ["AnnotatorScoresd", "SaveAnnotatorsd", "SplitAnnotatorsd", "disagreement"]


def disagreement(probabilities: torch.Tensor) -> torch.Tensor:
    """The probability that two different annotators write different classes, at every pixel.

        D = 1 − 1/(R(R − 1)) · Σ_{r ≠ s} Σ_c p⁽ʳ⁾_c p⁽ˢ⁾_c

    Args:
        probabilities: of each annotator's classes, ``(R, L, *spatial)``.

    Returns:
        ``(*spatial)`` in [0, 1]; 0 for a single annotator.

    Example:
        >>> certain = torch.tensor([[[1.0, 1.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]])  # 2 annotators, 2 classes
        >>> disagreement(certain)
        tensor([0., 1.])
    """
    count = len(probabilities)
    if count < 2:
        return torch.zeros_like(probabilities).sum((0, 1))
    agreeing = probabilities.sum(0).square().sum(0) - probabilities.square().sum((0, 1))
    return (1 - agreeing / (count * (count - 1))).clamp(0, 1)


class SplitAnnotatorsd(MapTransform):
    """Takes the channels of `common.networks.Segmenter` apart.

    The item's key keeps the truth's probabilities ``(L, *spatial)``; ``<key>_annotators`` gets ``(N, L, *spatial)``
    and, if there are matrices, ``<key>_confusion`` gets ``(R, L, L, *spatial)``. ``<key>_by_annotator`` is what is
    predicted of each annotator: the same ``(R, L, *spatial)``, or of samples their mean ``(1, L, *spatial)`` for all.
    On request ``<key>_mean`` gets the mean over the annotators ``(L, *spatial)``; of an output that holds the truth
    alone it is the truth.

    Args:
        keys: of the network's output, ``(L + N·L [+ R·L²], *spatial)``.
        num_classes: L.
        num_annotators: R of the confusion matrices; None if the output holds none.
        samples: the predictions are of nobody in particular.
        matrices: whether the output holds confusion matrices; if not, ``num_annotators`` is of no use.
        mean: whether ``<key>_mean`` is wanted.

    Raises:
        InputError: if the channels cannot be divided so.

    Example:
        >>> item = SplitAnnotatorsd("pred", num_classes=2)({"pred": torch.zeros(8, 5, 5)})
        >>> item["pred"].shape, item["pred_annotators"].shape
        (torch.Size([2, 5, 5]), torch.Size([3, 2, 5, 5]))
    """

    def __init__(
        self,
        keys: str,
        num_classes: int,
        num_annotators: int | None = None,
        samples: bool = False,
        matrices: bool = True,
        mean: bool = False,
    ) -> None:
        super().__init__(keys)
        self.num_classes, self.samples, self.mean = num_classes, samples, mean
        self.num_annotators = num_annotators if matrices else None

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        classes = self.num_classes
        for key in self.key_iterator(item):
            channels = torch.as_tensor(item[key]).as_subclass(torch.Tensor)
            matrices = (self.num_annotators or 0) * classes**2
            rest = len(channels) - classes - matrices
            if rest < 0 or rest % classes:
                raise InputError(
                    f"{key}: expected {classes} channels for the truth, as many for each annotator and {matrices} for "
                    f"confusion matrices, got {len(channels)}."
                )
            truth, joined, confusion = channels.split([classes, rest, matrices])
            annotators = joined.unflatten(0, (-1, classes))
            item[key], item[f"{key}_annotators"] = convert_to_dst_type(truth, item[key])[0], annotators
            item[f"{key}_by_annotator"] = annotators.mean(0, keepdim=True) if self.samples else annotators
            if self.mean:
                found = annotators if len(annotators) else truth[None]
                mean = found[0] if len(found) == 1 else found.mean(0)  # of one no copy, which for a volume is large
                item[f"{key}_mean"] = convert_to_dst_type(mean, item[key])[0]
            if matrices:
                item[f"{key}_confusion"] = confusion.unflatten(0, (-1, classes, classes))
        return item


class AnnotatorScoresd(MapTransform):
    """Sums a case up by how well the truth and the annotators are predicted.

    The row under ``summary`` has: ``case``; ``dice`` of the truth, if the item has one (`common.metrics.dice_score`,
    the mean over the classes that it or the prediction has; empty where neither has any); ``cm_error``, the mean over
    the annotators of `common.metrics.confusion_matrix_error`, if there are a truth and confusion matrices; ``ged``, see
    `common.metrics.generalized_energy_distance`; and of each annotator ``dice_<name>``, prediction against label
    (`common.metrics.annotator_dice`), and ``nll_<name>``, −`common.metrics.annotator_log_likelihood`. Annotators who
    did not label the case have empty cells. With ``cm_error`` the item also gets ``true_confusion``
    ``(R, L, L, *spatial)``.

    Args:
        keys: of the truth's probabilities ``(L, *spatial)``, with those of the annotators, and matrices, beside them as
            `SplitAnnotatorsd` names them.
        names: of the R annotators.
        labels_key: of the annotators' labels ``(R, *spatial)``.
        truth_key: of the truth ``(1, *spatial)``.

    Raises:
        InputError: if there are not as many predictions as annotators, or not as many labels as names.
    """

    def __init__(
        self, keys: str, names: Sequence[str], labels_key: str = "annotators", truth_key: str = "label"
    ) -> None:
        super().__init__(keys)
        self.names, self.labels_key, self.truth_key = list(names), labels_key, truth_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            truth, annotators = item[key], item[f"{key}_annotators"]
            labels = _plain(item[self.labels_key], annotators)
            predicted = item[f"{key}_by_annotator"]
            if len(labels) != len(self.names):
                raise InputError(
                    f"Case {case_name(item)}: expected labels of {', '.join(self.names)}, got those of {len(labels)}."
                )
            row: dict[str, Any] = {"case": case_name(item)}
            if item.get(self.truth_key) is not None:
                label = _plain(item[self.truth_key], annotators)
                pair = structure_pair(truth.argmax(0, keepdim=True)[None], label[None], len(truth), False)
                row["dice"] = _cell(dice_score(*pair).nanmean())
                if f"{key}_confusion" in item:
                    item["true_confusion"] = pixelwise_confusion(labels[None], label[None], len(truth))[0]
                    errors = confusion_matrix_error(item[f"{key}_confusion"][None], item["true_confusion"][None])
                    row["cm_error"] = _cell(errors.nanmean())
            row["ged"] = _cell(generalized_energy_distance(annotators.argmax(1), labels))
            dice = annotator_dice(predicted.argmax(1), labels)
            row |= {f"dice_{name}": _cell(score) for name, score in zip(self.names, dice, strict=True)}
            likelihood = annotator_log_likelihood(predicted, labels)
            row |= {f"nll_{name}": _cell(-value) for name, value in zip(self.names, likelihood, strict=True)}
            item["summary"] = row
        return item


class SaveAnnotatorsd(MapTransform):
    """Writes what each annotator would have drawn, and where they would disagree.

    Files, in the geometry of the input: ``<case>_annotator_<name>``, the most probable class by each annotator, in the
    manner of ``<case>_mask``; ``<case>_disagreement``, see `disagreement`. The row under ``summary`` gets
    ``mean_disagreement``. Of an item without ``case``, as programs have it that run a bundle's post-processing on
    images of their own, no file is written.

    Args:
        keys: one, of the annotators' probabilities ``(R, L, *spatial)``, in the geometry of the file that the item's
            ``image`` was read from.
        output_dir: folder for the files; a case ``a/b`` goes into its sub-folder ``a``.
        names: of the R annotators; None numbers them, as samples have no names.

    Raises:
        InputError: if there are other than R names.
    """

    def __init__(self, keys: str, output_dir: str, names: Sequence[str] | None = None) -> None:
        super().__init__(keys)
        self.output_dir, self.names = Path(output_dir), names

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        if "case" not in item:
            return item
        source, target = item["image"].meta["filename_or_obj"], self.output_dir / item["case"]
        for key in self.key_iterator(item):
            probabilities = torch.as_tensor(item[key]).detach().as_subclass(torch.Tensor).cpu().float()
            names = self.names or [str(number) for number in range(1, len(probabilities) + 1)]
            if len(names) != len(probabilities):
                raise InputError(f"names: expected those of {len(probabilities)} annotators, got {', '.join(names)}.")
            for name, annotator in zip(names, probabilities, strict=True):
                mask = annotator.argmax(0).to(torch.uint8)
                save_like(source, mask.numpy(), f"{target}_annotator_{name}", probabilities.shape[1])
            differing = disagreement(probabilities)
            save_like(source, differing.numpy(), f"{target}_disagreement")
            item["summary"] = item.get("summary", {"case": item["case"]}) | {
                "mean_disagreement": round(float(differing.mean()), 6)
            }
        return item


def _plain(labels: Any, like: torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(labels).as_subclass(torch.Tensor).to(like.device)


def _cell(value: torch.Tensor) -> float | str:
    return "" if value.isnan() else round(float(value), 6)
