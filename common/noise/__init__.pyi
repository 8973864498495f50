from .gaussian_field import deform_label, gaussian_marginal, sample_gaussian_field, volume_bias
from .morphology import MORPHOLOGICAL_KINDS, dilate, displace, erode, morphological_noise, relative_change
from .seed import case_generator
from .simulated_annotators import ANNOTATOR_KINDS, choose_annotators, fracture, pixelwise_confusion, simulate_annotator

__all__ = [
    "ANNOTATOR_KINDS",
    "MORPHOLOGICAL_KINDS",
    "case_generator",
    "choose_annotators",
    "deform_label",
    "dilate",
    "displace",
    "erode",
    "fracture",
    "gaussian_marginal",
    "morphological_noise",
    "pixelwise_confusion",
    "relative_change",
    "sample_gaussian_field",
    "simulate_annotator",
    "volume_bias",
]
