"""The active-passive loss: one loss that learns the label, one that leaves the other classes' probabilities low."""

from __future__ import annotations

import torch
from monai.utils import LossReduction

from common.errors import ArgumentError
from common.losses.segmentation_loss import ClassificationLoss, non_negative

__all__ = ["ActivePassiveLoss"]


class ActivePassiveLoss(ClassificationLoss):
    r"""A weighted sum of an active and a passive loss.

    $$ \mathrm{APL} = \alpha \, L_{\mathrm{active}} + \beta \, L_{\mathrm{passive}} $$

    An active loss acts on the labeled class alone (NCE, NGCE), a passive one on the others too (MAE, RCE, NRCE): Ma et
    al., ICML 2020; Felfeliyan et al., eq. 1, for soft labels. Each weight acts in every combination (in published code
    some do not). The two share the input's log-probabilities, so that they are computed once. The classes K, shapes and
    dtypes are those of `ClassificationLoss`.

    Args:
        active: any loss of this package but `TLoss`.
        passive: likewise; the two agree in ``to_onehot_y``, ``sigmoid`` and ``softmax``.
        alpha: weight of the active loss, at least 0.
        beta: weight of the passive loss, at least 0.
        to_onehot_y, sigmoid, softmax: see `SegmentationLoss`; what the two losses have set need not be set again.
        reduction: that of the sum; the two losses have the same, or their default.

    Raises:
        ArgumentError: if a loss is of another kind, the two disagree, or a weight is negative or not finite.

    Example:
        >>> from common.losses import MeanAbsoluteErrorLoss, NormalizedCrossEntropyLoss
        >>> loss = ActivePassiveLoss(NormalizedCrossEntropyLoss(), MeanAbsoluteErrorLoss(), beta=0.5, sigmoid=True)
        >>> loss(torch.tensor([[[0.0]]]), torch.tensor([[[1.0]]]))  # 0.5 + 0.5 · 1
        tensor(1.)
    """

    def __init__(
        self,
        active: ClassificationLoss,
        passive: ClassificationLoss,
        alpha: float = 1.0,
        beta: float = 1.0,
        *,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        reduction: LossReduction | str = "mean",
    ) -> None:
        for name, loss in (("active", active), ("passive", passive)):
            if not isinstance(loss, ClassificationLoss):
                raise ArgumentError(f"{name}: expected a loss with class probabilities, got {type(loss).__name__}.")
            if loss.reduction not in (LossReduction.MEAN, reduction):
                raise ArgumentError(f"{name}: expected the reduction {reduction} of the sum, got {loss.reduction}.")
        for name in ("to_onehot_y", "sigmoid", "softmax"):
            if getattr(active, name) != getattr(passive, name):
                raise ArgumentError(
                    f"{name}: expected the same in both losses, "
                    f"got {getattr(active, name)} (active) and {getattr(passive, name)} (passive)."
                )
        super().__init__(
            to_onehot_y=to_onehot_y or active.to_onehot_y,
            sigmoid=sigmoid or active.sigmoid,
            softmax=softmax or active.softmax,
            reduction=reduction,
        )
        self.active = active
        self.passive = passive
        self.alpha = non_negative("alpha", alpha)
        self.beta = non_negative("beta", beta)

    def pointwise(self, log_probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        active = self.active.pointwise(log_probabilities, target)
        return self.alpha * active + self.beta * self.passive.pointwise(log_probabilities, target)
