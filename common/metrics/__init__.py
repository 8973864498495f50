"""Metrics that MONAI has not."""

from common.metrics.agreement import fleiss_kappa, pairwise_dice, pairwise_similarity
from common.metrics.confusion_matrix_error import ConfusionMatrixError, confusion_matrix_error
from common.metrics.generalized_energy_distance import GeneralizedEnergyDistance, generalized_energy_distance
from common.metrics.soft import soft_accuracy, soft_dice

__all__ = [
    "ConfusionMatrixError",
    "GeneralizedEnergyDistance",
    "confusion_matrix_error",
    "fleiss_kappa",
    "generalized_energy_distance",
    "pairwise_dice",
    "pairwise_similarity",
    "soft_accuracy",
    "soft_dice",
]
