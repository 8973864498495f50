from .annotator_meanings import infer_annotator_meanings
from .formats import (
    IMAGE_SUFFIXES,
    ITK_SUFFIXES,
    NIBABEL_SUFFIXES,
    NIFTI_SUFFIXES,
    PICTURE_SUFFIXES,
    Header,
    is_nifti,
    is_picture,
    read_header,
    read_image,
    suffix_of,
)
from .label_inference import infer_label_meaning
from .label_meaning import LabelMeaning, LabelObservation, observe_label, read_label
from .label_values import read_label_values
from .load_case import LoadCased
from .load_series import LoadSeriesd
from .orientation import reoriented
from .regions import LoadRegionsd, Region, read_regions, regions_to_masks, write_regions
from .writers import save_like, voxel_mm3

__all__ = [
    "IMAGE_SUFFIXES",
    "ITK_SUFFIXES",
    "NIBABEL_SUFFIXES",
    "NIFTI_SUFFIXES",
    "PICTURE_SUFFIXES",
    "Header",
    "LabelMeaning",
    "LabelObservation",
    "LoadCased",
    "LoadRegionsd",
    "LoadSeriesd",
    "Region",
    "infer_annotator_meanings",
    "infer_label_meaning",
    "is_nifti",
    "is_picture",
    "observe_label",
    "read_header",
    "read_image",
    "read_label",
    "read_label_values",
    "read_regions",
    "regions_to_masks",
    "reoriented",
    "save_like",
    "suffix_of",
    "voxel_mm3",
    "write_regions",
]
