#!/usr/bin/env bash
# Contours that rt-utils writes for pixels that are not square are at another place, and as wide as they should be tall.
#
# Versions: rt-utils 1.2.7, pydicom 3.0.2, NumPy 2.3.5, OpenCV 5.0.0.93.
# Behavior: of PixelSpacing the first number is the distance from row to row. It is multiplied by the column here, and
#     the second one by the row. rt-utils makes the same exchange when it reads, so its own round trip is exact; a
#     planning system, 3D Slicer or any other reader sees the structure elsewhere.
# Expected: coordinates in mm on the pixels that were drawn, as ContourData is defined.
# Seen: pixels 1 mm from row to row and 0.5 mm from column to column, a box at x from 10 to 15 and y from 10 to 20 mm:
#     in the file x from 20 to 30 and y from 5 to 10 mm.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.3.5 pydicom==3.0.2 opencv-python==5.0.0.93 rt-utils==1.2.7
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import os
import sys
from importlib.metadata import version

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from rt_utils import RTStructBuilder

print({name: version(name) for name in ("rt-utils", "pydicom", "opencv-python", "numpy")})
SIZE = 40
os.mkdir("series")
study, series, frame = generate_uid(), generate_uid(), generate_uid()
for index in range(3):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    ct = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    ct.SOPClassUID, ct.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    ct.StudyInstanceUID, ct.SeriesInstanceUID, ct.FrameOfReferenceUID = study, series, frame
    ct.PatientID, ct.PatientName, ct.PatientBirthDate, ct.PatientSex = "1", "A", "", ""
    ct.StudyDate, ct.StudyTime, ct.StudyID, ct.Modality = "20200101", "000000", "1", "CT"
    ct.AccessionNumber, ct.ReferringPhysicianName, ct.SeriesNumber, ct.InstanceNumber = "", "", 1, index + 1
    ct.ImagePositionPatient, ct.ImageOrientationPatient = [0, 0, 2 * index], [1, 0, 0, 0, 1, 0]
    ct.PixelSpacing, ct.SliceThickness, ct.Rows, ct.Columns = [1, 0.5], 2, SIZE, SIZE  # 1 mm from row to row
    ct.SamplesPerPixel, ct.PhotometricInterpretation, ct.PixelRepresentation = 1, "MONOCHROME2", 1
    ct.BitsAllocated, ct.BitsStored, ct.HighBit = 16, 16, 15
    ct.PixelData = np.zeros((SIZE, SIZE), np.int16).tobytes()
    ct.save_as(f"series/{index}.dcm", enforce_file_format=True)
structures = RTStructBuilder.create_new(dicom_series_path="series")
mask = np.zeros((SIZE, SIZE, 3), bool)
mask[10:21, 20:31, 1] = True
structures.add_roi(mask=mask, name="box")
structures.save("structures.dcm")
(contour,) = pydicom.dcmread("structures.dcm").ROIContourSequence[0].ContourSequence
points = np.array(contour.ContourData, float).reshape(-1, 3)
seen = [points.min(0)[:2].tolist(), points.max(0)[:2].tolist()]
print(f"drawn: x from 10 to 15 mm, y from 10 to 20 mm; in the file: x, y from {seen[0]} to {seen[1]} mm")
again = RTStructBuilder.create_from(dicom_series_path="series", rt_struct_path="structures.dcm")
back = again.get_roi_mask_by_name("box")
print("read by rt-utils again, the masks are the same:", bool((back == mask).all()))
if seen != [[20.0, 5.0], [30.0, 10.0]]:
    sys.exit("The behavior has changed: the contour is at another place.")
PY
