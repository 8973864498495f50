from .dice_optimal import (
    accuracy_optimal_segmentation,
    apply_threshold,
    dice_optimal_segmentation,
    dice_optimal_threshold,
)
from .partition import dice_optimal_partition
from .rules import Decision, decide, decision_threshold, expected_dice
from .temperature import fit_temperature

__all__ = [
    "Decision",
    "accuracy_optimal_segmentation",
    "apply_threshold",
    "decide",
    "decision_threshold",
    "dice_optimal_partition",
    "dice_optimal_segmentation",
    "dice_optimal_threshold",
    "expected_dice",
    "fit_temperature",
]
