"""What configs wire together: seeds, checkpoints, tables, engine updates."""

from common.workflow.annotator_training import ConsensusConfusion, PrepareTargets, TraceWarmUp
from common.workflow.averaged_weights import AverageWeights
from common.workflow.begin import begin_run
from common.workflow.calibration import FitTemperature, ReliabilityTable, load_temperature
from common.workflow.checking import check_cases
from common.workflow.checkpoint import TrainingCheckpoint, load_weights
from common.workflow.confusion_table import ConfusionTable
from common.workflow.detection import (
    DetectionInferer,
    DetectSlices,
    InstanceScores,
    LossAverages,
    PrepareInstances,
    SumOfLosses,
)
from common.workflow.distributed import AverageGradients, share_batches, share_cases
from common.workflow.epoch_table import EpochTable
from common.workflow.memorisation import MemorisationCurve
from common.workflow.overrides import as_bool, choose
from common.workflow.parameter_groups import parameter_groups
from common.workflow.prediction_summary import PredictionSummary
from common.workflow.seeding import EpochSeed
from common.workflow.soft_labels import prepare_soft_labels
from common.workflow.tracking import Tracking
from common.workflow.view_consistency import PrepareViews, ViewInferer, ViewLoss

__all__ = [
    "AverageGradients",
    "AverageWeights",
    "ConfusionTable",
    "ConsensusConfusion",
    "DetectSlices",
    "DetectionInferer",
    "EpochSeed",
    "EpochTable",
    "FitTemperature",
    "InstanceScores",
    "LossAverages",
    "MemorisationCurve",
    "PredictionSummary",
    "PrepareInstances",
    "PrepareTargets",
    "PrepareViews",
    "ReliabilityTable",
    "SumOfLosses",
    "TraceWarmUp",
    "Tracking",
    "TrainingCheckpoint",
    "ViewInferer",
    "ViewLoss",
    "as_bool",
    "begin_run",
    "check_cases",
    "choose",
    "load_temperature",
    "load_weights",
    "parameter_groups",
    "prepare_soft_labels",
    "share_batches",
    "share_cases",
]
