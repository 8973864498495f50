from .bwcr import PrepareViews, ViewInferer, ViewLoss
from .confusion_table import ConfusionTable
from .disentangling_annotators import ConsensusConfusion, PrepareTargets, TraceWarmUp
from .marginal_thresholding import dice_optimal_maps
from .soft_label_apl import DetectSlices, InstanceScores, LossAverages, PrepareInstances, SumOfLosses, negative_loss
from .soft_label_files import prepare_soft_labels
from .t_loss import MemorisationCurve

__all__ = [
    "ConfusionTable",
    "ConsensusConfusion",
    "DetectSlices",
    "InstanceScores",
    "LossAverages",
    "MemorisationCurve",
    "PrepareInstances",
    "PrepareTargets",
    "PrepareViews",
    "SumOfLosses",
    "TraceWarmUp",
    "ViewInferer",
    "ViewLoss",
    "dice_optimal_maps",
    "negative_loss",
    "prepare_soft_labels",
]
