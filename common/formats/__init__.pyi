from .class_maps import merge_segments
from .dicom_files import is_dicom_picture
from .dicom_pictures import read_dicom_picture, write_dicom_picture
from .dicom_seg import Segmentation, read_dicom_seg
from .dicom_seg_writing import Algorithm, SegmentCode, write_dicom_seg
from .dicom_series import Series, find_series, read_series, write_nifti
from .exports import list_exports, read_export
from .grid import Grid, image_grid
from .label_studio import write_label_studio
from .rtstruct import read_rtstruct
from .save_result import SaveInFormatd, output_fault, write_in_format
from .seg_nrrd import read_seg_nrrd, write_seg_nrrd
from .segments import Segments

__all__ = [
    "Algorithm",
    "Grid",
    "SaveInFormatd",
    "SegmentCode",
    "Segmentation",
    "Segments",
    "Series",
    "find_series",
    "image_grid",
    "is_dicom_picture",
    "list_exports",
    "merge_segments",
    "output_fault",
    "read_dicom_picture",
    "read_dicom_seg",
    "read_export",
    "read_rtstruct",
    "read_seg_nrrd",
    "read_series",
    "write_dicom_picture",
    "write_dicom_seg",
    "write_in_format",
    "write_label_studio",
    "write_nifti",
    "write_seg_nrrd",
]
