from .by_annotators import annotated, drawn_by, have_ground_truth, labeled_by_each, require_ground_truth
from .case_weights import sampler_of
from .dataset import Dataset
from .fingerprint import Fingerprint, take_fingerprint
from .given_items import dataset_of_items, with_training_items
from .hippocampus import fetch_hippocampus
from .inference_inputs import InferenceInputs
from .layouts.recognize import read_dataset
from .mnist import write_mnist_annotators
from .plan import Plan
from .plan_rules import make_plan
from .samples import Samples
from .slice_dataset import SliceDataset
from .soft_label_stages import (
    input_channels,
    neighboring,
    neighbors_of,
    region_labels,
    soft_geometry,
    soft_reference,
    soft_targets,
)
from .split import Split, split_dataset
from .splits import stratified_split
from .stages import consensus, geometry, intensity, new_images, patch, reading, to_tensor

__all__ = [
    "Dataset",
    "Fingerprint",
    "InferenceInputs",
    "Plan",
    "Samples",
    "SliceDataset",
    "Split",
    "annotated",
    "consensus",
    "dataset_of_items",
    "drawn_by",
    "fetch_hippocampus",
    "geometry",
    "have_ground_truth",
    "input_channels",
    "intensity",
    "labeled_by_each",
    "make_plan",
    "neighboring",
    "neighbors_of",
    "new_images",
    "patch",
    "read_dataset",
    "reading",
    "region_labels",
    "require_ground_truth",
    "sampler_of",
    "soft_geometry",
    "soft_reference",
    "soft_targets",
    "split_dataset",
    "stratified_split",
    "take_fingerprint",
    "to_tensor",
    "with_training_items",
    "write_mnist_annotators",
]
