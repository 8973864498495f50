#!/usr/bin/env bash
# rt-utils reads the masks of slices that are not square with rows and columns exchanged, and cuts them off.
#
# Versions: rt-utils 1.2.7, pydicom 3.0.2, NumPy 2.3.5, OpenCV 5.0.0.93.
# Behavior: add_roi takes a mask of (rows, columns, slices) and refuses another one; get_roi_mask_by_name returns
#     (columns, rows, slices). The contours are filled into that array at their own rows and columns, so what lies
#     beyond its edge is missing: the file is right, what is read from it is not. Without a word where the other array
#     is larger.
# Expected: the mask that was written, up to pixels at its border, in the shape in which it was given.
# Seen: slices of 40 rows and 48 columns, objects of 50 pixels at columns 10 to 14 and 42 to 46: masks of shape (48, 40,
#     3) with 50 pixels and none.
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
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from rt_utils import RTStructBuilder

print({name: version(name) for name in ("rt-utils", "pydicom", "opencv-python", "numpy")})
ROWS, COLUMNS = 40, 48
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
    ct.PixelSpacing, ct.SliceThickness, ct.Rows, ct.Columns = [1, 1], 2, ROWS, COLUMNS
    ct.SamplesPerPixel, ct.PhotometricInterpretation, ct.PixelRepresentation = 1, "MONOCHROME2", 1
    ct.BitsAllocated, ct.BitsStored, ct.HighBit = 16, 16, 15
    ct.PixelData = np.zeros((ROWS, COLUMNS), np.int16).tobytes()
    ct.save_as(f"series/{index}.dcm", enforce_file_format=True)
structures = RTStructBuilder.create_new(dicom_series_path="series")
drawn = {}
for name, column in (("left", 10), ("right", 42)):
    mask = np.zeros((ROWS, COLUMNS, 3), bool)
    mask[5:15, column : column + 5, 1] = True
    structures.add_roi(mask=mask, name=name)
    drawn[name] = mask
structures.save("structures.dcm")
read = RTStructBuilder.create_from(dicom_series_path="series", rt_struct_path="structures.dcm")
seen = {}
for name, mask in drawn.items():
    back = read.get_roi_mask_by_name(name)
    seen[name] = back.shape, int(back.sum())
    print(f"{name}: written {mask.shape} with {mask.sum()} pixels, read {seen[name][0]} with {seen[name][1]}")
if seen != {"left": ((COLUMNS, ROWS, 3), 50), "right": ((COLUMNS, ROWS, 3), 0)}:
    sys.exit("The behavior has changed: the masks are read otherwise.")
PY
