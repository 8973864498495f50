from .agreement import fleiss_kappa, pairwise_dice, pairwise_similarity
from .annotator_likelihood import AnnotatorLogLikelihood, annotator_log_likelihood
from .bootstrap import Interval, bootstrap_ratio
from .calibration import (
    ExpectedCalibrationError,
    ThresholdedAdaptiveCalibrationError,
    expected_calibration_error,
    thresholded_adaptive_calibration_error,
)
from .confusion import ConfusionMatrixError, confusion_matrix_error
from .conventions import CONVENTIONS, Convention, StructureCounts, count_structures, is_better, reduce_known
from .dice_of_annotators import AnnotatorDice, annotator_dice
from .energy_distance import GeneralizedEnergyDistance, generalized_energy_distance
from .image_metric import ImageMetric
from .instances import InstanceMetrics
from .krippendorff import krippendorff_alpha
from .paired import mean_interval, paired_permutation_test
from .probability_scores import (
    BrierScore,
    NegativeLogLikelihood,
    TopLabelCalibrationError,
    brier_score,
    negative_log_likelihood,
    top_label_calibration_error,
)
from .reliability import ReliabilityBins, reliability_bins
from .signed_border import border_shift
from .soft import soft_accuracy, soft_dice
from .structures import DiceScore, HausdorffDistance95, dice_score, hausdorff_distance_95, structure_pair

__all__ = [
    "CONVENTIONS",
    "AnnotatorDice",
    "AnnotatorLogLikelihood",
    "BrierScore",
    "ConfusionMatrixError",
    "Convention",
    "DiceScore",
    "ExpectedCalibrationError",
    "GeneralizedEnergyDistance",
    "HausdorffDistance95",
    "ImageMetric",
    "InstanceMetrics",
    "Interval",
    "NegativeLogLikelihood",
    "ReliabilityBins",
    "StructureCounts",
    "ThresholdedAdaptiveCalibrationError",
    "TopLabelCalibrationError",
    "annotator_dice",
    "annotator_log_likelihood",
    "bootstrap_ratio",
    "border_shift",
    "brier_score",
    "confusion_matrix_error",
    "count_structures",
    "dice_score",
    "expected_calibration_error",
    "fleiss_kappa",
    "generalized_energy_distance",
    "hausdorff_distance_95",
    "is_better",
    "krippendorff_alpha",
    "mean_interval",
    "negative_log_likelihood",
    "paired_permutation_test",
    "pairwise_dice",
    "pairwise_similarity",
    "reduce_known",
    "reliability_bins",
    "soft_accuracy",
    "soft_dice",
    "structure_pair",
    "thresholded_adaptive_calibration_error",
    "top_label_calibration_error",
]
