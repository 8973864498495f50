"""Losses for labels that are partly wrong."""

from common.losses.active_passive import ActivePassiveLoss
from common.losses.annotator_confusion import (
    AnnotatorConfusionLoss,
    annotator_log_probabilities,
    annotator_negative_log_likelihood,
    mean_trace,
)
from common.losses.consensus import ConsensusLoss, OracleLoss
from common.losses.label_smoothing import MarginLabelSmoothingLoss, SpatiallyVaryingLabelSmoothingLoss
from common.losses.logit_consistency import LogitConsistencyLoss
from common.losses.normalized import (
    NormalizedCrossEntropyLoss,
    NormalizedGeneralizedCrossEntropyLoss,
    NormalizedReverseCrossEntropyLoss,
)
from common.losses.probabilistic import EnsembleLoss, ProbabilisticLoss, gaussian_kl_divergence
from common.losses.robust import (
    CrossEntropyLoss,
    GeneralizedCrossEntropyLoss,
    MeanAbsoluteErrorLoss,
    ReverseCrossEntropyLoss,
    SymmetricCrossEntropyLoss,
)
from common.losses.soft_active_passive import SoftActivePassiveLoss, table_1_loss
from common.losses.t_loss import TLoss

__all__ = [
    "ActivePassiveLoss",
    "AnnotatorConfusionLoss",
    "ConsensusLoss",
    "CrossEntropyLoss",
    "EnsembleLoss",
    "GeneralizedCrossEntropyLoss",
    "LogitConsistencyLoss",
    "MarginLabelSmoothingLoss",
    "MeanAbsoluteErrorLoss",
    "NormalizedCrossEntropyLoss",
    "NormalizedGeneralizedCrossEntropyLoss",
    "NormalizedReverseCrossEntropyLoss",
    "OracleLoss",
    "ProbabilisticLoss",
    "ReverseCrossEntropyLoss",
    "SoftActivePassiveLoss",
    "SpatiallyVaryingLabelSmoothingLoss",
    "SymmetricCrossEntropyLoss",
    "TLoss",
    "annotator_log_probabilities",
    "annotator_negative_log_likelihood",
    "gaussian_kl_divergence",
    "mean_trace",
    "table_1_loss",
]
