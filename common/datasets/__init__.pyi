from .acdc import acdc_datalist
from .annotators import annotator_datalist
from .by_annotators import annotated, drawn_by, have_ground_truth, labeled_by_each
from .case_weights import sampler_of
from .dataset import Dataset
from .fingerprint import Fingerprint, take_fingerprint
from .given_items import dataset_of_items, with_training_items
from .hippocampus import fetch_hippocampus, hippocampus_datalist, hippocampus_subject_datalist
from .hippocampus_slices import hippocampus_slice_datalist
from .inference_inputs import InferenceInputs
from .isic import isic_datalist
from .layouts.recognize import read_dataset
from .mnist import write_mnist_annotators
from .nci import nci_datalist
from .plan import Plan
from .plan_rules import make_plan
from .samples import Samples
from .shenzhen import shenzhen_datalist
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
from .split import Split, split_dataset, write_splits
from .splits import fold_of, stratified_split
from .stages import consensus, geometry, intensity, new_images, patch, reading, to_tensor
from .totalsegmentator import totalsegmentator_datalist

__all__ = [
    "Dataset",
    "Fingerprint",
    "InferenceInputs",
    "Plan",
    "Samples",
    "SliceDataset",
    "Split",
    "acdc_datalist",
    "annotated",
    "annotator_datalist",
    "consensus",
    "dataset_of_items",
    "drawn_by",
    "fetch_hippocampus",
    "fold_of",
    "geometry",
    "have_ground_truth",
    "hippocampus_datalist",
    "hippocampus_slice_datalist",
    "hippocampus_subject_datalist",
    "input_channels",
    "intensity",
    "isic_datalist",
    "labeled_by_each",
    "make_plan",
    "nci_datalist",
    "neighboring",
    "neighbors_of",
    "new_images",
    "patch",
    "read_dataset",
    "reading",
    "region_labels",
    "sampler_of",
    "shenzhen_datalist",
    "soft_geometry",
    "soft_reference",
    "soft_targets",
    "split_dataset",
    "stratified_split",
    "take_fingerprint",
    "to_tensor",
    "totalsegmentator_datalist",
    "with_training_items",
    "write_mnist_annotators",
    "write_splits",
]
