#!/usr/bin/env bash
# voxelkit exchanges x and y on the way from DICOM to NIfTI: a lesion at the left and in front is elsewhere.
#
# Versions: voxelkit 0.1.7, pydicom 3.0.2, nibabel 5.4.2, SimpleITK 2.5.7.
# Behavior: the array has rows first, but the first column of the affine is the direction along a row, which belongs to
#     the second index. The image is mirrored along its diagonal, with its labels and without a message.
# Expected: in the NIfTI file every voxel lies where it lies in the series.
# Seen: a lesion in rows 10 to 19 and columns 50 to 59 of slices of 60 × 80 pixels: SimpleITK finds it in the series at
#     (14.5, −15.5) mm and in the NIfTI file at (−25.5, 24.5) mm, 57 mm away.
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
dicom_to_nifti("ct", "ct.nii.gz")
reader = sitk.ImageSeriesReader()
reader.SetFileNames(reader.GetGDCMSeriesFileNames("ct"))
images = {"DICOM": reader.Execute(), "NIfTI": sitk.ReadImage("ct.nii.gz")}
middles = {}
for name, image in images.items():
    places = np.argwhere(sitk.GetArrayFromImage(image) > sitk.GetArrayFromImage(image).min())
    middle = image.TransformContinuousIndexToPhysicalPoint(places.mean(axis=0)[::-1].tolist())
    middles[name] = [round(value, 1) for value in middle]
    print(f"{name}: size {image.GetSize()}, middle of the lesion {middles[name]} mm, {len(places)} voxels")
distance = float(np.linalg.norm(np.subtract(middles["DICOM"], middles["NIfTI"])))
print(f"distance {distance:.1f} mm")
if middles != {"DICOM": [14.5, -15.5, 13.5], "NIfTI": [-25.5, 24.5, 13.5]}:
    sys.exit("The behavior has changed: the lesion is elsewhere.")
PY
