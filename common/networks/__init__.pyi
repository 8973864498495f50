from .annotator_ensemble import AnnotatorEnsemble
from .annotator_mixture import AnnotatorMixture
from .annotator_network import AnnotatorNetwork, ConfusionHead, GlobalConfusion
from .ensemble import Ensemble, averaged, ensemble_of
from .mask_rcnn import IMaskRCNN, class_probabilities
from .method_networks import annotator_model, has_matrices, output_of_method, output_of_request, readout_of_method
from .nic_ms_lesions import NicMSLesions
from .padded_dyn_unet import PaddedDynUNet
from .precision import MixedPrecision
from .probabilistic_unet import ProbabilisticUNet
from .region_align import roi_align
from .segmenter import Segmenter
from .unet import BilinearUNet, UNet, u_net

__all__ = [
    "AnnotatorEnsemble",
    "AnnotatorMixture",
    "AnnotatorNetwork",
    "BilinearUNet",
    "ConfusionHead",
    "Ensemble",
    "GlobalConfusion",
    "IMaskRCNN",
    "MixedPrecision",
    "NicMSLesions",
    "PaddedDynUNet",
    "ProbabilisticUNet",
    "Segmenter",
    "UNet",
    "annotator_model",
    "averaged",
    "class_probabilities",
    "ensemble_of",
    "has_matrices",
    "output_of_method",
    "output_of_request",
    "readout_of_method",
    "roi_align",
    "u_net",
]
