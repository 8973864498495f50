"""Losses for labels that are partly wrong."""

from common.losses.active_passive import ActivePassiveLoss
from common.losses.normalized import (
    NormalizedCrossEntropyLoss,
    NormalizedGeneralizedCrossEntropyLoss,
    NormalizedReverseCrossEntropyLoss,
)
from common.losses.robust import (
    GeneralizedCrossEntropyLoss,
    MeanAbsoluteErrorLoss,
    ReverseCrossEntropyLoss,
    SymmetricCrossEntropyLoss,
)
from common.losses.t_loss import TLoss

__all__ = [
    "ActivePassiveLoss",
    "GeneralizedCrossEntropyLoss",
    "MeanAbsoluteErrorLoss",
    "NormalizedCrossEntropyLoss",
    "NormalizedGeneralizedCrossEntropyLoss",
    "NormalizedReverseCrossEntropyLoss",
    "ReverseCrossEntropyLoss",
    "SymmetricCrossEntropyLoss",
    "TLoss",
]
