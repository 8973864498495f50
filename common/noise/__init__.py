"""Models of label noise."""

from common.noise.gaussian_field import deform_label, gaussian_marginal, sample_gaussian_field, volume_bias
from common.noise.morphology import MORPHOLOGICAL_KINDS, dilate, displace, erode, morphological_noise, relative_change
from common.noise.seed import case_generator

__all__ = [
    "MORPHOLOGICAL_KINDS",
    "case_generator",
    "deform_label",
    "dilate",
    "displace",
    "erode",
    "gaussian_marginal",
    "morphological_noise",
    "relative_change",
    "sample_gaussian_field",
    "volume_bias",
]
