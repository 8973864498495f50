"""Models of label noise."""

from common.noise.morphology import MORPHOLOGICAL_KINDS, dilate, displace, erode, morphological_noise, relative_change
from common.noise.seed import case_generator

__all__ = [
    "MORPHOLOGICAL_KINDS",
    "case_generator",
    "dilate",
    "displace",
    "erode",
    "morphological_noise",
    "relative_change",
]
