from .averaged_weights import AverageWeights
from .begin import begin_run
from .calibration import FitTemperature, ReliabilityTable, load_temperature
from .checkpoint import TrainingCheckpoint, load_weights
from .distributed import AverageGradients, share_batches, share_cases
from .epoch_table import EpochTable
from .inference_progress import InferenceProgress, weights_digest
from .optimizer_groups import parameter_groups
from .overrides import as_bool, choose
from .prediction_summary import PredictionSummary
from .seeding import EpochSeed
from .slab_inferer import SlabInferer, SliceBatches
from .tracking import Tracking

__all__ = [
    "AverageGradients",
    "AverageWeights",
    "EpochSeed",
    "EpochTable",
    "FitTemperature",
    "InferenceProgress",
    "PredictionSummary",
    "ReliabilityTable",
    "SlabInferer",
    "SliceBatches",
    "Tracking",
    "TrainingCheckpoint",
    "as_bool",
    "begin_run",
    "choose",
    "load_temperature",
    "load_weights",
    "parameter_groups",
    "share_batches",
    "share_cases",
    "weights_digest",
]
