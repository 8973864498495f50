"""Methods of the atlas: what is learned from, by which loss, and by which rules the probabilities are decided on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from common.fusion import majority_vote, mean_label, most_probable_class, staple
from common.io.checks import NOT_LABELED
from common.losses import (
    ActivePassiveLoss,
    AnnotatorConfusionLoss,
    CrossEntropyLoss,
    GeneralizedCrossEntropyLoss,
    NormalizedCrossEntropyLoss,
    ReverseCrossEntropyLoss,
    SoftActivePassiveLoss,
    SoftDiceLoss,
    SpatiallyVaryingLabelSmoothingLoss,
    SumLoss,
    TLoss,
    annotator_log_probabilities,
    mean_trace,
)

HALF, DICE_OPTIMAL = "half", "dice_optimal"
BOTH = (HALF, DICE_OPTIMAL)


@dataclass(frozen=True)
class Method:
    """What distinguishes one training from the others of a data set.

    Attributes:
        title: in tables.
        loss: makes the criterion, of logits and ``target``, or of an annotator network's two outputs and ``target``.
        target: a key of `TARGETS`.
        annotators: whether `common.networks.AnnotatorNetwork` is trained.
        decisions: rules of `common.decision.decide`, a row of the tables each.
        consistency: weights to choose from, of boundary-weighted logit consistency with a second view; empty: none.
    """

    title: str
    loss: Callable[[], nn.Module]
    target: str = "first"
    decisions: tuple[str, ...] = (HALF,)
    consistency: tuple[float, ...] = ()
    annotators: bool = False

    def row(self, decision: str) -> str:
        """The title of the row of a decision.

        Args:
            decision: one of ``decisions``.

        Returns:
            The method's title, with the rule unless that is the most probable class.

        Example:
            >>> SINGLE["cross_entropy"].row("dice_optimal")
            'CE, Dice-optimal threshold'
        """
        return self.title if decision == HALF else f"{self.title}, Dice-optimal threshold"


class AnnotatorTLoss(nn.Module):
    r"""T-Loss of what each annotator is expected to write, in place of the likelihood of `AnnotatorConfusionLoss`.

    $$ \sum_r \frac{1}{D} \mathrm{TLoss}(A^{(r)} p, \tilde y^{(r)}) + \lambda \operatorname{tr} A^{(r)} $$

    with D pixels, so that both terms are of the size that they have in eq. 4 of Zhang et al.; while ``warming_up``
    −w tr A takes the place of the second. An annotator's grossly wrong label of an image then weighs as little as
    T-Loss makes it.

    Args:
        trace_weight: λ ≥ 0.
        warm_up_weight: w ≥ 0.
    """

    def __init__(self, trace_weight: float = 0.1, warm_up_weight: float = 1.0) -> None:
        super().__init__()
        self.t_loss = TLoss(to_onehot_y=True)
        self.trace_weight, self.warm_up_weight, self.warming_up = trace_weight, warm_up_weight, False

    def forward(self, log_probs: torch.Tensor, log_confusion: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The loss of a batch; arguments as of `AnnotatorConfusionLoss`."""
        written = annotator_log_probabilities(log_probs, log_confusion).exp().flatten(0, 1)
        pixels = labels[0, 0].numel()
        fit = labels.shape[1] / pixels * self.t_loss(written, labels.flatten(0, 1)[:, None])
        weight = -self.warm_up_weight if self.warming_up else self.trace_weight
        return fit + weight * mean_trace(log_confusion, labels).sum(1).mean()


class TruthLoss(nn.Module):
    """Cross-entropy of an annotator network's truth, whatever its matrices are: with it such a network warms up."""

    def forward(self, log_probs: torch.Tensor, log_confusion: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The loss of a batch, of a target ``(B, 1, *spatial)``."""
        return functional.nll_loss(log_probs, target[:, 0].long(), ignore_index=NOT_LABELED)


CLASSES: dict[str, Any] = {"softmax": True, "to_onehot_y": True}
SINGLE = {
    "cross_entropy": Method("CE", lambda: CrossEntropyLoss(**CLASSES), decisions=BOTH),
    "soft_dice": Method("Soft Dice", lambda: SoftDiceLoss(**CLASSES)),
    "ce_dice": Method("CE + soft Dice", lambda: SumLoss([CrossEntropyLoss(**CLASSES), SoftDiceLoss(**CLASSES)])),
    "t_loss": Method("T-Loss", lambda: TLoss(**CLASSES), decisions=BOTH),
    "nce_rce": Method(
        "NCE + RCE",
        lambda: ActivePassiveLoss(NormalizedCrossEntropyLoss(**CLASSES), ReverseCrossEntropyLoss(**CLASSES)),
    ),
    "gce": Method("GCE", lambda: GeneralizedCrossEntropyLoss(**CLASSES)),
    "svls": Method("SVLS", lambda: SpatiallyVaryingLabelSmoothingLoss(**CLASSES)),
    "bwcr": Method("BWCR", lambda: CrossEntropyLoss(**CLASSES), decisions=BOTH, consistency=(1.0, 0.1)),
}
SEVERAL = {
    "majority": Method("Majority, CE", lambda: CrossEntropyLoss(**CLASSES), "majority"),
    "staple": Method("STAPLE, CE", lambda: CrossEntropyLoss(**CLASSES), "staple"),
    "soft_labels": Method("Soft labels, CE", lambda: CrossEntropyLoss(softmax=True), "shares", BOTH),
    "soft_labels_apl": Method("Soft labels, APL 1-1-1", lambda: SoftActivePassiveLoss(softmax=True), "shares"),
    "annotators": Method("Confusion matrices, vote", AnnotatorConfusionLoss, "annotators", annotators=True),
    "annotators_t_loss": Method("Confusion matrices, T-Loss, vote", AnnotatorTLoss, "annotators", annotators=True),
}
METHODS = SINGLE | SEVERAL
WARM_UP = {  # what networks with and without matrices begin with
    True: Method("Warm-up", TruthLoss, "majority", annotators=True),
    False: Method("Warm-up", lambda: CrossEntropyLoss(**CLASSES), "majority"),
}


def _staple(labels: torch.Tensor, num_classes: int) -> torch.Tensor:
    return most_probable_class(staple(labels, num_classes).probabilities)[:, None]


# labels of a case (R, S, *spatial) and the number of classes → (S, K, *spatial)
TARGETS: dict[str, Callable[[torch.Tensor, int], torch.Tensor]] = {
    "first": lambda labels, num_classes: labels[0][:, None],
    "majority": lambda labels, num_classes: majority_vote(labels, num_classes)[:, None],
    "staple": _staple,
    "shares": lambda labels, num_classes: mean_label(labels, num_classes).movedim(0, 1).float(),
    "annotators": lambda labels, num_classes: labels.movedim(0, 1),
}


def methods_for(error: str) -> dict[str, Method]:
    """The methods that learn from labels with an error.

    Args:
        error: as of `benchmarks.atlas.label_errors.noisy_labels`.

    Returns:
        Those for several annotators, or those for one.

    Example:
        >>> "annotators" in methods_for("three_annotators"), "t_loss" in methods_for("missing")
        (True, True)
    """
    return SEVERAL if error in ("three_annotators", "real_annotators") else SINGLE
