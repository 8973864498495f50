from .averaged_weights import AverageWeights
from .begin import begin_run
from .calibration import FitTemperature, ReliabilityTable, load_temperature
from .checkpoint import TrainingCheckpoint
from .distributed import DistributedNetwork, share_batches, share_cases
from .epoch_table import EpochTable
from .inference_progress import InferenceProgress, weights_digest
from .inferers import EachMember, MixedPrecisionInferer, inferer_of, new_image_inferer
from .kept_split import load_split
from .learning_rate import linear_decay
from .lost_structures import LostStructures
from .metrics_tables import MetricsSaver
from .optimizer_groups import parameter_groups
from .outputs import case_names, class_maps, key_metric, negative_loss
from .overrides import as_bool, choose
from .planning import KeepPlan, announce_measured, load_plan, plan_of, split_of
from .prediction_summary import PredictionSummary
from .seeding import EpochSeed
from .slab_inferer import GrowingWindows, SlabInferer, SliceBatches, window_size
from .steps import WeighBatches
from .tracking import Tracking
from .trainings import training_folders
from .weights import load_weights, start_from_weights

__all__ = [
    "AverageWeights",
    "DistributedNetwork",
    "EachMember",
    "EpochSeed",
    "EpochTable",
    "FitTemperature",
    "GrowingWindows",
    "InferenceProgress",
    "KeepPlan",
    "LostStructures",
    "MetricsSaver",
    "MixedPrecisionInferer",
    "PredictionSummary",
    "ReliabilityTable",
    "SlabInferer",
    "SliceBatches",
    "Tracking",
    "TrainingCheckpoint",
    "WeighBatches",
    "announce_measured",
    "as_bool",
    "begin_run",
    "case_names",
    "choose",
    "class_maps",
    "inferer_of",
    "key_metric",
    "linear_decay",
    "load_plan",
    "load_split",
    "load_temperature",
    "load_weights",
    "negative_loss",
    "new_image_inferer",
    "parameter_groups",
    "plan_of",
    "share_batches",
    "share_cases",
    "split_of",
    "start_from_weights",
    "training_folders",
    "weights_digest",
    "window_size",
]
