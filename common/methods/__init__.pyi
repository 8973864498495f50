from .bwcr import PrepareViews, ViewInferer, ViewLoss, radius_in_millimeters
from .confusion_table import ConfusionTable
from .disentangling_annotators import (
    ConsensusConfusion,
    PrepareTargets,
    TraceWarmUp,
    UnpackedLoss,
    annotator_parameter_groups,
    annotator_reference,
    annotator_targets,
    consensus_key,
    dice_metric,
    names_of_predictions,
    prepare_targets,
    selection_metric,
)
from .marginal_thresholding import ExpectedDiceCheck, dice_optimal_maps
from .soft_label_apl import DetectSlices, InstanceScores, LossAverages, PrepareInstances, SumOfLosses
from .soft_label_files import prepare_soft_labels
from .t_loss import MemorisationCurve

__all__ = [
    "ConfusionTable",
    "ConsensusConfusion",
    "DetectSlices",
    "ExpectedDiceCheck",
    "InstanceScores",
    "LossAverages",
    "MemorisationCurve",
    "PrepareInstances",
    "PrepareTargets",
    "PrepareViews",
    "SumOfLosses",
    "TraceWarmUp",
    "UnpackedLoss",
    "ViewInferer",
    "ViewLoss",
    "annotator_parameter_groups",
    "annotator_reference",
    "annotator_targets",
    "consensus_key",
    "dice_metric",
    "dice_optimal_maps",
    "names_of_predictions",
    "prepare_soft_labels",
    "prepare_targets",
    "radius_in_millimeters",
    "selection_metric",
]
