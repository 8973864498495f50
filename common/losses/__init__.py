"""Losses for labels that may be wrong."""

from common.losses.active_passive import ActivePassiveLoss
from common.losses.robust import (
    GeneralizedCrossEntropyLoss,
    MeanAbsoluteErrorLoss,
    NormalizedCrossEntropyLoss,
    NormalizedGeneralizedCrossEntropyLoss,
    NormalizedReverseCrossEntropyLoss,
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
