#!/usr/bin/env bash
# A PET series whose slices have a slope each: the first slice decides whether SimpleITK keeps fractions.
#
# Versions: SimpleITK 2.5.7, pydicom 3.0.2, NumPy 2.4.6.
# Behavior: scanners write a RescaleSlope of its own into each PET slice. SimpleITK applies it slice by slice, but takes
#     the pixel type of the whole volume from the first slice. If that one has slope 1, the volume is made of integers
#     and the others are cut off.
# Expected: every slice scaled by its own slope, as floating point, whatever the order of slopes.
# Seen: stored value 3 with slopes 1, 0.5, 0.25: 3, 1, 0 as 16-bit integers; with slopes 0.5, 1, 0.25: 1.5, 3, 0.75.
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


seen = {}
for slopes in ((1, 0.5, 0.25), (0.5, 1, 0.25)):
    folder = "_".join(map(str, slopes))
    write_series(folder, (0, 2, 4), slopes, "PT", "1.2.840.10008.5.1.4.1.1.128")
    image = read_series(folder)
    seen[slopes] = sitk.GetArrayFromImage(image)[:, 0, 0].tolist()
    print("slopes", slopes, "->", seen[slopes], image.GetPixelIDTypeAsString(), "; right:", [3 * slope for slope in slopes])
if seen != {(1, 0.5, 0.25): [3, 1, 0], (0.5, 1, 0.25): [1.5, 3.0, 0.75]}:
    sys.exit("The behavior has changed: the slopes are applied otherwise.")
PY
