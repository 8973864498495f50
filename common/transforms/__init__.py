"""Dictionary transforms: thin wrappers over the floors below."""

from common.transforms.annotator_predictions import AnnotatorScoresd, SaveAnnotatorsd, SplitAnnotatorsd
from common.transforms.batch_augmentation import AugmentBatch
from common.transforms.bias_field import N4BiasFieldd, correct_bias_field
from common.transforms.binary_mask import BinaryMaskd
from common.transforms.boundary_weight import (
    BoundaryBandLabeld,
    BoundaryWeight,
    BoundaryWeightd,
    boundary_distance,
    boundary_weight,
)
from common.transforms.calibration_scores import CalibrationScoresd
from common.transforms.crop_around_label import CropAroundLabeld
from common.transforms.decisions import DecisionScoresd, SaveDecisiond
from common.transforms.dice_optimal_threshold import DiceOptimalThresholdd
from common.transforms.fuse_annotators import FuseAnnotatorsd
from common.transforms.gaussian_field_noise import GaussianFieldNoised, RandGaussianFieldNoised
from common.transforms.instance_scores import InstanceScoresd
from common.transforms.instances import (
    DetectInstancesd,
    find_instances,
    instance_rows,
    label_instances,
    merge_instances,
    slice_instances,
)
from common.transforms.morphological_noise import MorphologicalNoised
from common.transforms.neighbour_slices import NeighbourSlicesd
from common.transforms.outside import OutsideAsBackgroundd, outside_as_background
from common.transforms.save_instances import SaveInstancesd, class_map
from common.transforms.save_prediction import SaveSegmentationd
from common.transforms.save_probabilities import SaveProbabilitiesd
from common.transforms.simulate_annotators import SimulateAnnotatorsd
from common.transforms.slices import NormalizeSlicesd, SliceStackd
from common.transforms.soft_label import SoftLabelFromRatersd
from common.transforms.views import RandomView, unwarp, warp

__all__ = [
    "AnnotatorScoresd",
    "AugmentBatch",
    "BinaryMaskd",
    "BoundaryBandLabeld",
    "BoundaryWeight",
    "BoundaryWeightd",
    "CalibrationScoresd",
    "CropAroundLabeld",
    "DecisionScoresd",
    "DetectInstancesd",
    "DiceOptimalThresholdd",
    "FuseAnnotatorsd",
    "GaussianFieldNoised",
    "InstanceScoresd",
    "MorphologicalNoised",
    "N4BiasFieldd",
    "NeighbourSlicesd",
    "NormalizeSlicesd",
    "OutsideAsBackgroundd",
    "RandGaussianFieldNoised",
    "RandomView",
    "SaveAnnotatorsd",
    "SaveDecisiond",
    "SaveInstancesd",
    "SaveProbabilitiesd",
    "SaveSegmentationd",
    "SimulateAnnotatorsd",
    "SliceStackd",
    "SoftLabelFromRatersd",
    "SplitAnnotatorsd",
    "boundary_distance",
    "boundary_weight",
    "class_map",
    "correct_bias_field",
    "find_instances",
    "instance_rows",
    "label_instances",
    "merge_instances",
    "outside_as_background",
    "slice_instances",
    "unwarp",
    "warp",
]
