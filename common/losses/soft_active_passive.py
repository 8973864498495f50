"""The loss of the soft-label paper: hard and soft labels of one pixel in one active loss, plus a passive one."""

from __future__ import annotations

from typing import Any

import torch
from monai.utils import LossReduction

from common.errors import ArgumentError
from common.losses.hard_label import HardLabelLoss, hard_label
from common.losses.normalized import NormalizedCrossEntropyLoss, NormalizedReverseCrossEntropyLoss
from common.losses.robust import CrossEntropyLoss, MeanAbsoluteErrorLoss, ReverseCrossEntropyLoss
from common.losses.segmentation_loss import ClassificationLoss, non_negative

__all__ = ["BESIDE_TABLE_1", "TABLE_1", "SoftActivePassiveLoss", "table_1_loss"]

# configuration of Table I: weights of BCE, SCE and RCE, whether they are normalized, whether labels are soft
TABLE_1: dict[str, tuple[float, float, float, bool, bool]] = {
    "bce": (1, 0, 0, False, False),
    "apl_binary_1_0_1": (1, 0, 1, True, False),
    "apl_binary_2_0_1": (2, 0, 1, True, False),
    "soft_bce": (0, 1, 0, False, True),
    "apl_soft_0_1_1": (0, 1, 1, True, True),
    "apl_soft_0_2_1": (0, 2, 1, True, True),
    "apl_soft_1_1_1": (1, 1, 1, True, True),
    "apl_soft_2_2_1": (2, 2, 1, True, True),
}
BESIDE_TABLE_1 = ("mae", "sce", "smoothed_bce")  # named in the paper's text, without rows in the table
UNIFORM_SMOOTHING = 0.1


class SoftActivePassiveLoss(ClassificationLoss):
    r"""Active-passive loss of soft labels, whose active part may see the hard label too.

    $$ L = \alpha_1 \, \mathrm{NCE}(p, b) + \alpha_2 \, \mathrm{NCE}(p, \bar y) + \beta \, \mathrm{NRCE}(p, \bar y) $$

    with the probabilities p, the soft label ȳ and the hard label b, 1 for its largest class: NBCE, NSCE and NRCE of
    Felfeliyan et al., *Weakly Supervised Medical Image Segmentation With Soft Labels and Noise Robust Loss*, eq. 1 to 4
    and section IV.D. Errata: without the inner minus signs; each loss is divided by its sum over the K hard labels; p
    and 1 − p are bounded each from below, as 1 − 1e-20 is 1. `table_1_loss` names the rows of Table I.

    Where its terms are smallest, for K = 2 and p the probability of class 1:

    - CE (``normalized=False``) at p = ȳ: it is proper, its derivative by the logit is p − ȳ.
    - NCE(p, ȳ) = ȳ r + (1 − ȳ)(1 − r) with r = log p / (log p + log(1 − p)), which falls from 1 to 0 as p rises. It is
      linear in r: smallest at the hard label, p = 1 for ȳ > ½ and p = 0 for ȳ < ½, constant for ȳ = ½. Not proper.
    - RCE and NRCE are linear in p with the slope log((1 − ȳ)/ȳ): smallest at the hard label too. Not proper.

    So the sum of the normalized terms is smallest at the hard label; a soft label sets how much its pixel weighs
    against others, 1 for NBCE, |2ȳ − 1| for NSCE, |log(ȳ/(1 − ȳ))| / log(1/P_min) for NRCE. For K > 2 classes NCE of a
    soft label only drives its least likely class to zero. The classes K, shapes and dtypes are those of
    `ClassificationLoss`.

    Args:
        binary_weight: α₁ ≥ 0, of the hard label's cross-entropy ("BCE" in Table I).
        soft_weight: α₂ ≥ 0, of the soft label's cross-entropy ("SCE").
        reverse_weight: β ≥ 0, of the reverse cross-entropy ("RCE").
        normalized: divide each term by its sum over the K hard labels; if not, CE, CE and RCE as they are.
        soft_labels: if not, every term sees the hard label.
        p_min: P_min of reverse cross-entropy, see `ReverseCrossEntropyLoss`.
        to_onehot_y, sigmoid, softmax, reduction: see `SegmentationLoss`.

    Raises:
        ArgumentError: if a weight is negative or not finite, or p_min outside (0, 1).

    Example:
        >>> loss = SoftActivePassiveLoss(sigmoid=True)
        >>> loss(torch.tensor([[[0.0]]]), torch.tensor([[[1.0]]]))  # ½ + ½ + ½
        tensor(1.5000)
    """

    def __init__(
        self,
        binary_weight: float = 1.0,
        soft_weight: float = 1.0,
        reverse_weight: float = 1.0,
        *,
        normalized: bool = True,
        soft_labels: bool = True,
        p_min: float = 1e-4,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        reduction: LossReduction | str = "mean",
    ) -> None:
        super().__init__(to_onehot_y=to_onehot_y, sigmoid=sigmoid, softmax=softmax, reduction=reduction)
        self.binary_weight = non_negative("binary_weight", binary_weight)
        self.soft_weight = non_negative("soft_weight", soft_weight)
        self.reverse_weight = non_negative("reverse_weight", reverse_weight)
        self.soft_labels = soft_labels
        self.active = NormalizedCrossEntropyLoss() if normalized else CrossEntropyLoss()
        self.passive = (NormalizedReverseCrossEntropyLoss if normalized else ReverseCrossEntropyLoss)(p_min)

    def pointwise(self, log_probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        hard = hard_label(target)
        soft = target if self.soft_labels else hard
        # cross-entropy is linear in its target, divided or not
        loss = self.active.pointwise(log_probabilities, self.binary_weight * hard + self.soft_weight * soft)
        if self.reverse_weight:
            loss = loss + self.reverse_weight * self.passive.pointwise(log_probabilities, soft)
        return loss


def table_1_loss(
    row: str,
    *,
    p_min: float = 1e-4,
    to_onehot_y: bool = False,
    sigmoid: bool = False,
    softmax: bool = False,
    reduction: LossReduction | str = "mean",
) -> ClassificationLoss:
    """The loss of a row of Table I of Felfeliyan et al.: plain cross-entropy in two, active-passive in six.

    Three more losses are of no row, but are named in the paper's sections II and V; all see the hard label: ``mae``,
    the mean absolute error; ``sce``, symmetric cross-entropy, CE + RCE with equal weights (the paper prints none); and
    ``smoothed_bce``, cross-entropy of the label smoothed uniformly by ε = 0.1, to 0.05 and 0.95 of a binary label.

    Args:
        row: ``bce``, ``soft_bce``, or the weights α₁, α₂, β in ``apl_binary_1_0_1``, ``apl_binary_2_0_1``,
            ``apl_soft_0_1_1``, ``apl_soft_0_2_1``, ``apl_soft_1_1_1``, ``apl_soft_2_2_1``; or ``mae``, ``sce``,
            ``smoothed_bce``.
        p_min, to_onehot_y, sigmoid, softmax, reduction: see `SoftActivePassiveLoss`.

    Returns:
        The loss of that row.

    Raises:
        ArgumentError: if there is no such row.

    Example:
        >>> table_1_loss("soft_bce", sigmoid=True)(torch.tensor([[[0.0]]]), torch.tensor([[[0.3]]]))  # log 2
        tensor(0.6931)
    """
    options: dict[str, Any] = {"to_onehot_y": to_onehot_y, "sigmoid": sigmoid, "softmax": softmax}
    options["reduction"] = reduction
    if row == "mae":
        return HardLabelLoss(MeanAbsoluteErrorLoss(), **options)
    if row == "sce":
        return SoftActivePassiveLoss(1, 0, 1, normalized=False, soft_labels=False, p_min=p_min, **options)
    if row == "smoothed_bce":
        return HardLabelLoss(CrossEntropyLoss(), UNIFORM_SMOOTHING, **options)
    if row not in TABLE_1:
        raise ArgumentError(f"row: expected one of {', '.join((*TABLE_1, *BESIDE_TABLE_1))}, got {row!r}.")
    binary, soft, reverse, normalized, soft_labels = TABLE_1[row]
    return SoftActivePassiveLoss(
        binary, soft, reverse, normalized=normalized, soft_labels=soft_labels, p_min=p_min, **options
    )
