from .affine_batch import AffineBatch
from .annotator_predictions import AnnotatorScoresd, SaveAnnotatorsd, SplitAnnotatorsd
from .batch_augmentation import AugmentBatch
from .bias_field import N4BiasFieldd, correct_bias_field
from .binary_mask import BinaryMaskd
from .boundary import BoundaryBandLabeld, BoundaryWeight, BoundaryWeightd, boundary_distance, boundary_weight
from .calibrated_softmax import CalibratedSoftmaxd
from .calibration_scores import CalibrationScoresd
from .class_maps import AsClassMapd, as_class_map
from .consensus_label import ConsensusLabeld
from .crop_around_label import CropAroundLabeld
from .decisions import DecisionScoresd, SaveDecisiond
from .dice_optimal_threshold import DiceOptimalThresholdd
from .fuse_annotators import FuseAnnotatorsd
from .gaussian_field_noise import GaussianFieldNoised, RandGaussianFieldNoised
from .instance_scores import InstanceScoresd
from .instances import (
    DetectInstancesd,
    class_map,
    find_instances,
    instance_rows,
    label_instances,
    merge_instances,
    slice_instances,
    slices_of,
)
from .keep_affine import KeepAffined
from .keep_annotators import KeepAnnotatorsd
from .morphological_noise import MorphologicalNoised
from .neighbour_slices import NeighbourSlicesd
from .outside import OutsideAsBackgroundd, outside_as_background
from .percentiles import ScalePercentilesd
from .random_patch import RandomPatch
from .resample_slices import AxisSpacingd, ResizeAread, interpolate_axis, resize_area, resize_linear
from .resize_labels import AxisSpacingLabelsd, ResizeLabelsd
from .save_instances import SaveInstancesd
from .save_prediction import SaveSegmentationd
from .save_probabilities import SaveProbabilitiesd
from .shares import ClassShares, class_shares
from .simulate_annotators import SimulateAnnotatorsd
from .slices import NormalizeSlicesd, SliceStackd
from .soft_label import SoftLabelFromRatersd
from .unlabeled import HardLabeld, ResizeSoftLabeld, SpacingSoftLabeld, without_unlabelled
from .views import RandomView, unwarp, warp

__all__ = [
    "AffineBatch",
    "AnnotatorScoresd",
    "AsClassMapd",
    "AugmentBatch",
    "AxisSpacingLabelsd",
    "AxisSpacingd",
    "BinaryMaskd",
    "BoundaryBandLabeld",
    "BoundaryWeight",
    "BoundaryWeightd",
    "CalibratedSoftmaxd",
    "CalibrationScoresd",
    "ClassShares",
    "ConsensusLabeld",
    "CropAroundLabeld",
    "DecisionScoresd",
    "DetectInstancesd",
    "DiceOptimalThresholdd",
    "FuseAnnotatorsd",
    "GaussianFieldNoised",
    "HardLabeld",
    "InstanceScoresd",
    "KeepAffined",
    "KeepAnnotatorsd",
    "MorphologicalNoised",
    "N4BiasFieldd",
    "NeighbourSlicesd",
    "NormalizeSlicesd",
    "OutsideAsBackgroundd",
    "RandGaussianFieldNoised",
    "RandomPatch",
    "RandomView",
    "ResizeAread",
    "ResizeLabelsd",
    "ResizeSoftLabeld",
    "SaveAnnotatorsd",
    "SaveDecisiond",
    "SaveInstancesd",
    "SaveProbabilitiesd",
    "SaveSegmentationd",
    "ScalePercentilesd",
    "SimulateAnnotatorsd",
    "SliceStackd",
    "SoftLabelFromRatersd",
    "SpacingSoftLabeld",
    "SplitAnnotatorsd",
    "as_class_map",
    "boundary_distance",
    "boundary_weight",
    "class_map",
    "class_shares",
    "correct_bias_field",
    "find_instances",
    "instance_rows",
    "interpolate_axis",
    "label_instances",
    "merge_instances",
    "outside_as_background",
    "resize_area",
    "resize_linear",
    "slice_instances",
    "slices_of",
    "unwarp",
    "warp",
    "without_unlabelled",
]
