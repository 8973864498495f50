"""Metrics that MONAI has not."""

from common.metrics.agreement import fleiss_kappa, pairwise_dice, pairwise_similarity
from common.metrics.annotator_dice import AnnotatorDice, annotator_dice
from common.metrics.annotator_likelihood import AnnotatorLogLikelihood, annotator_log_likelihood
from common.metrics.calibration import (
    ExpectedCalibrationError,
    ThresholdedAdaptiveCalibrationError,
    expected_calibration_error,
    thresholded_adaptive_calibration_error,
)
from common.metrics.confusion_matrix_error import ConfusionMatrixError, confusion_matrix_error
from common.metrics.generalized_energy_distance import GeneralizedEnergyDistance, generalized_energy_distance
from common.metrics.image_metric import ImageMetric
from common.metrics.instances import InstanceMetrics
from common.metrics.reliability import ReliabilityBins, reliability_bins
from common.metrics.soft import soft_accuracy, soft_dice

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
