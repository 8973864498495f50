"""Networks of the papers."""

from common.networks.annotator_network import AnnotatorNetwork, ConfusionHead, GlobalConfusion
from common.networks.roi_align import roi_align
from common.networks.unet import UNet

__all__ = [
    "AnnotatorNetwork",
    "ConfusionHead",
    "GlobalConfusion",
    "UNet",
    "roi_align",
]
