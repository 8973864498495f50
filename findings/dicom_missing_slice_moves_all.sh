#!/usr/bin/env bash
# A DICOM series that lacks one slice: SimpleITK moves the slices that are there.
#
# Versions: SimpleITK 2.5.7, pydicom 3.0.2, NumPy 2.4.6.
# Behavior: the series reader warns about missing slices and then spreads those it has evenly between the first and the
#     last. The spacing is no distance between any two neighbors, and slices before the gap are at wrong places, too.
#     A mask drawn on the whole series no longer fits, though the outer borders of both volumes agree.
# Expected: after the warning, the spacing of the neighbors (2 mm), so that all slices before the gap stay.
# Seen: slices at 0, 2, 4, 8, 10 mm: spacing 2.5 mm, which puts them at 0, 2.5, 5, 7.5, 10 mm.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 simpleitk==2.5.7 pydicom==3.0.2
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

print({name: version(name) for name in ("simpleitk", "pydicom", "numpy")})


def write_series(folder, positions, slopes, modality, sop_class):
    Path(folder).mkdir()
    study, series = generate_uid(), generate_uid()
    for number, (position, slope) in enumerate(zip(positions, slopes), start=1):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = sop_class
        meta.MediaStorageSOPInstanceUID = generate_uid()
        slice_ = Dataset()
        slice_.file_meta = meta
        slice_.SOPClassUID, slice_.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
        slice_.StudyInstanceUID, slice_.SeriesInstanceUID, slice_.FrameOfReferenceUID = study, series, study
        slice_.PatientID, slice_.PatientName, slice_.Modality, slice_.InstanceNumber = "1", "Phantom", modality, number
        slice_.ImagePositionPatient, slice_.ImageOrientationPatient = [0, 0, position], [1, 0, 0, 0, 1, 0]
        slice_.PixelSpacing, slice_.Rows, slice_.Columns = [1, 1], 4, 4
        slice_.SamplesPerPixel, slice_.PhotometricInterpretation = 1, "MONOCHROME2"
        slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit, slice_.PixelRepresentation = 16, 16, 15, 1
        slice_.RescaleSlope, slice_.RescaleIntercept = str(slope), "0"
        slice_.PixelData = np.full((4, 4), 3, np.int16).tobytes()
        slice_.save_as(f"{folder}/{number}.dcm", enforce_file_format=True)


def read_series(folder):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(folder))
    return reader.Execute()


positions = (0, 2, 4, 8, 10)
write_series("ct", positions, (1,) * 5, "CT", "1.2.840.10008.5.1.4.1.1.2")
image = read_series("ct")
placed = [image.TransformIndexToPhysicalPoint((0, 0, index))[2] for index in range(5)]
print("written at", positions, "mm, read at", placed, "mm, spacing", image.GetSpacing())
if placed != [0.0, 2.5, 5.0, 7.5, 10.0]:
    sys.exit("The behavior has changed: the slices are placed otherwise.")
PY
