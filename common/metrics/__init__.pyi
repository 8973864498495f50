from .agreement import fleiss_kappa, pairwise_dice, pairwise_similarity
from .annotator_likelihood import AnnotatorLogLikelihood, annotator_log_likelihood
from .calibration import (
    ExpectedCalibrationError,
    ThresholdedAdaptiveCalibrationError,
    expected_calibration_error,
    thresholded_adaptive_calibration_error,
)
from .confusion import ConfusionMatrixError, confusion_matrix_error
from .dice_of_annotators import AnnotatorDice, annotator_dice
from .energy_distance import GeneralizedEnergyDistance, generalized_energy_distance
from .image_metric import ImageMetric
from .instances import InstanceMetrics
from .reliability import ReliabilityBins, reliability_bins
from .soft import soft_accuracy, soft_dice

__all__ = [
    "AnnotatorDice",
    "AnnotatorLogLikelihood",
    "ConfusionMatrixError",
    "ExpectedCalibrationError",
    "GeneralizedEnergyDistance",
    "ImageMetric",
    "InstanceMetrics",
    "ReliabilityBins",
    "ThresholdedAdaptiveCalibrationError",
    "annotator_dice",
    "annotator_log_likelihood",
    "confusion_matrix_error",
    "expected_calibration_error",
    "fleiss_kappa",
    "generalized_energy_distance",
    "pairwise_dice",
    "pairwise_similarity",
    "reliability_bins",
    "soft_accuracy",
    "soft_dice",
    "thresholded_adaptive_calibration_error",
]
