#!/usr/bin/env bash
# voxelkit converts a CT without its intercept: soft tissue of 40 HU is 1064 in the NIfTI file, air 24.
#
# Versions: voxelkit 0.1.7, pydicom 3.0.2, nibabel 5.4.2, SimpleITK 2.5.7.
# Behavior: stored values are written as they are; neither are slope and intercept applied nor put into the header of
#     the NIfTI file. The list of warnings, which names missing tags, is empty.
# Expected: Hounsfield units, as all other converters write them, or a warning.
# Seen: a series of −1000 and 40 HU, read so by SimpleITK: 24 and 1064 in the NIfTI file.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pydicom==3.0.2 nibabel==5.4.2 \
    SimpleITK==2.5.7 h5py==3.14.0 pillow==11.3.0 tifffile==2025.5.10
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps voxelkit==0.1.7
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from voxelkit.dicom.convert import dicom_to_nifti

print({name: version(name) for name in ("voxelkit", "pydicom", "nibabel", "simpleitk")})

def series(folder):
    Path(folder).mkdir()
    uid = generate_uid()
    for number in range(10):
        units = np.full((60, 80), -1000)
        units[10:20, 50:60] = 40
        data = Dataset()
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = CTImageStorage
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        data.SeriesInstanceUID, data.StudyInstanceUID, data.Modality, data.InstanceNumber = uid, uid, "CT", number + 1
        data.Rows, data.Columns, data.PixelSpacing, data.SliceThickness = 60, 80, [1, 1], 3
        data.ImagePositionPatient, data.ImageOrientationPatient = [-40, -30, 3 * number], [1, 0, 0, 0, 1, 0]
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.RescaleSlope, data.RescaleIntercept = 1, -1024
        data.PixelData = (units + 1024).astype(np.uint16).tobytes()
        data.save_as(f"{folder}/{number}.dcm", enforce_file_format=True)


series("ct")
result = dicom_to_nifti("ct", "ct.nii.gz")
reader = sitk.ImageSeriesReader()
reader.SetFileNames(reader.GetGDCMSeriesFileNames("ct"))
images = {"DICOM": reader.Execute(), "NIfTI": sitk.ReadImage("ct.nii.gz")}
seen = {name: np.unique(sitk.GetArrayFromImage(image)).tolist() for name, image in images.items()}
print("values", seen, "warnings", result["warnings"])
if seen != {"DICOM": [-1000, 40], "NIfTI": [24, 1064]} or result["warnings"]:
    sys.exit("The behavior has changed: the values are others.")
PY
