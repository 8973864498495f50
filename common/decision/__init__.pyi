from .dice_optimal import (
    accuracy_optimal_segmentation,
    apply_threshold,
    dice_optimal_segmentation,
    dice_optimal_threshold,
)
from .partition import dice_optimal_partition
from .temperature import fit_temperature

__all__ = [
    "accuracy_optimal_segmentation",
    "apply_threshold",
    "dice_optimal_partition",
    "dice_optimal_segmentation",
    "dice_optimal_threshold",
    "fit_temperature",
]
