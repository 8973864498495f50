from .active_passive import ActivePassiveLoss
from .annotator_confusion import (
    AnnotatorConfusionLoss,
    annotator_log_probabilities,
    annotator_negative_log_likelihood,
    mean_trace,
)
from .consensus import ConsensusLoss, OracleLoss
from .hard_label import HardLabelLoss
from .label_smoothing import MarginLabelSmoothingLoss, SpatiallyVaryingLabelSmoothingLoss
from .logit_consistency import LogitConsistencyLoss
from .normalized import (
    NormalizedCrossEntropyLoss,
    NormalizedGeneralizedCrossEntropyLoss,
    NormalizedReverseCrossEntropyLoss,
)
from .probabilistic import EnsembleLoss, ProbabilisticLoss, gaussian_kl_divergence
from .robust import (
    CrossEntropyLoss,
    GeneralizedCrossEntropyLoss,
    MeanAbsoluteErrorLoss,
    ReverseCrossEntropyLoss,
    SymmetricCrossEntropyLoss,
)
from .soft_active_passive import SoftActivePassiveLoss, table_1_loss
from .soft_dice import SoftDiceLoss
from .sum_loss import SumLoss
from .t_loss import TLoss

__all__ = [
    "ActivePassiveLoss",
    "AnnotatorConfusionLoss",
    "ConsensusLoss",
    "CrossEntropyLoss",
    "EnsembleLoss",
    "GeneralizedCrossEntropyLoss",
    "HardLabelLoss",
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
    "SoftDiceLoss",
    "SpatiallyVaryingLabelSmoothingLoss",
    "SumLoss",
    "SymmetricCrossEntropyLoss",
    "TLoss",
    "annotator_log_probabilities",
    "annotator_negative_log_likelihood",
    "gaussian_kl_divergence",
    "mean_trace",
    "table_1_loss",
]
