"""Networks of the papers."""

from common.networks.annotator_ensemble import AnnotatorEnsemble
from common.networks.annotator_network import AnnotatorNetwork, ConfusionHead, GlobalConfusion
from common.networks.mask_rcnn import IMaskRCNN, class_probabilities
from common.networks.probabilistic_unet import ProbabilisticUNet
from common.networks.roi_align import roi_align
from common.networks.segmenter import Segmenter
from common.networks.unet import UNet

__all__ = [
    "AnnotatorEnsemble",
    "AnnotatorNetwork",
    "ConfusionHead",
    "GlobalConfusion",
    "IMaskRCNN",
    "ProbabilisticUNet",
    "Segmenter",
    "UNet",
    "class_probabilities",
    "roi_align",
]
