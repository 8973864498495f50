"""Metrics that MONAI has not."""

from common.metrics.soft import soft_accuracy, soft_dice

__all__ = ["soft_accuracy", "soft_dice"]
