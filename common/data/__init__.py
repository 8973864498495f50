"""Datalists of public data sets, the generated phantom, and files as inputs."""

from common.data.acdc import acdc_datalist
from common.data.annotators import annotator_datalist
from common.data.brats import brats_datalist
from common.data.cardiac_phantom import write_cardiac_phantom
from common.data.chest_phantom import write_chest_phantom
from common.data.ct_phantom import write_ct_phantom
from common.data.hippocampus import fetch_hippocampus, hippocampus_datalist, hippocampus_subject_datalist
from common.data.hippocampus_slices import hippocampus_slice_datalist
from common.data.inference_inputs import InferenceInputs
from common.data.isic import isic_datalist
from common.data.knee_phantom import write_knee_phantom
from common.data.lesion_phantom import write_lesion_phantom
from common.data.lidc import lidc_datalist
from common.data.load_annotators import LoadAnnotatorsd
from common.data.load_series import LoadSeriesd
from common.data.load_slices import LoadSliced
from common.data.mnist import mnist_datalist, write_mnist_annotators
from common.data.ms_lesion import ms_lesion_datalist
from common.data.nci import nci_datalist
from common.data.oai import load_soft_labels, oai_datalist
from common.data.readers import load_images
from common.data.regions import LoadRegionsd, Region, read_regions, regions_to_masks, write_regions
from common.data.shenzhen import shenzhen_datalist
from common.data.slice_dataset import SliceDataset
from common.data.splits import fold_of, stratified_split
from common.data.totalsegmentator import totalsegmentator_datalist

__all__ = [
    "InferenceInputs",
    "LoadAnnotatorsd",
    "LoadRegionsd",
    "LoadSeriesd",
    "LoadSliced",
    "Region",
    "SliceDataset",
    "acdc_datalist",
    "annotator_datalist",
    "brats_datalist",
    "fetch_hippocampus",
    "fold_of",
    "hippocampus_datalist",
    "hippocampus_slice_datalist",
    "hippocampus_subject_datalist",
    "isic_datalist",
    "lidc_datalist",
    "load_images",
    "load_soft_labels",
    "mnist_datalist",
    "ms_lesion_datalist",
    "nci_datalist",
    "oai_datalist",
    "read_regions",
    "regions_to_masks",
    "shenzhen_datalist",
    "stratified_split",
    "totalsegmentator_datalist",
    "write_cardiac_phantom",
    "write_chest_phantom",
    "write_ct_phantom",
    "write_knee_phantom",
    "write_lesion_phantom",
    "write_mnist_annotators",
    "write_regions",
]
