#!/usr/bin/env bash
# dcmrtstruct2nii draws contours that lie below the image into its uppermost slices.
#
# Versions: dcmrtstruct2nii 5, pydicom 2.4.4, SimpleITK 2.5.7, scikit-image 0.26.0, NumPy 2.3.5.
# Behavior: the place of a contour is used as an index without a look at its sign, so the slice below the first one is
#     the last one, as in any Python list. It happens where the structures were drawn on more slices than the series at
#     hand has. Of a structure that reaches beyond the other end nothing is written at all, which the log says.
# Expected: the part inside of the image, at its place, at both ends.
# Seen: 10 slices; an organ from 3 slices below the image to slice 5: slices 0 to 5 and 7 to 9 are filled, as with a
#     second organ. From slice 5 to 3 slices above the image: no file.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.3.5 scipy==1.17.1 scikit-image==0.26.0 \
    simpleitk==2.5.7 pydicom==2.4.4 termcolor==3.3.0
"$work/venv/bin/python" -m pip install --quiet --no-compile wheel==0.48.0 setuptools==80.9.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps --no-build-isolation dcmrtstruct2nii==5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import contextlib
import glob
import io
import os
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

with contextlib.redirect_stdout(io.StringIO()):
    from dcmrtstruct2nii import dcmrtstruct2nii

print({name: version(name) for name in ("dcmrtstruct2nii", "pydicom", "simpleitk", "scikit-image", "numpy")})
SLICES, SPACING, PIXELS = 10, 3, 64
study, series, frame = generate_uid(), generate_uid(), generate_uid()


def header(sop_class: str, modality: str, series_uid: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, sop_class
    meta.MediaStorageSOPInstanceUID = generate_uid()
    data = FileDataset("", {}, file_meta=meta, preamble=bytes(128), is_implicit_VR=False, is_little_endian=True)
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = sop_class, meta.MediaStorageSOPInstanceUID, modality
    data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = study, series_uid, frame
    data.PatientID, data.PatientName, data.StudyDate, data.StudyTime, data.StudyID = "1", "A", "20200101", "000000", "1"
    return data


os.mkdir("ct")
for index in range(SLICES):
    ct = header(CTImageStorage, "CT", series)
    ct.InstanceNumber, ct.ImagePositionPatient = index + 1, [0, 0, SPACING * index]
    ct.ImageOrientationPatient, ct.PixelSpacing, ct.SliceThickness = [1, 0, 0, 0, 1, 0], [1, 1], SPACING
    ct.Rows, ct.Columns, ct.SamplesPerPixel, ct.PhotometricInterpretation = PIXELS, PIXELS, 1, "MONOCHROME2"
    ct.BitsAllocated, ct.BitsStored, ct.HighBit, ct.PixelRepresentation = 16, 16, 15, 1
    ct.PixelData = np.zeros((PIXELS, PIXELS), np.int16).tobytes()
    ct.save_as(f"ct/{index}.dcm", write_like_original=False)
seen = {}
for name, places in {"inside": range(1, 6), "from below": range(-3, 6), "to above": range(5, 13)}.items():
    structures = header(RTStructureSetStorage, "RTSTRUCT", generate_uid())
    roi, contours = Dataset(), Dataset()
    roi.ROINumber, roi.ReferencedFrameOfReferenceUID, roi.ROIName = 1, frame, "organ"
    roi.ROIGenerationAlgorithm = "MANUAL"
    contours.ReferencedROINumber, contours.ContourSequence = 1, []
    for place in places:
        contour, z = Dataset(), SPACING * place
        contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", 4
        contour.ContourData = [10, 10, z, 30, 10, z, 30, 30, z, 10, 30, z]
        contours.ContourSequence.append(contour)
    structures.StructureSetLabel, structures.StructureSetROISequence = "1", [roi]
    structures.ROIContourSequence = [contours]
    structures.save_as("structures.dcm", write_like_original=False)
    out = name.replace(" ", "_")
    dcmrtstruct2nii("structures.dcm", "ct", out)
    files = glob.glob(f"{out}/mask_organ*")
    masks = [sitk.GetArrayFromImage(sitk.ReadImage(file)) > 0 for file in files]
    seen[name] = np.flatnonzero(masks[0].any((1, 2))).tolist() if masks else "no file"
    print(f"{name}, drawn in slices {list(places)}: read in slices {seen[name]}")
if seen != {"inside": [1, 2, 3, 4, 5], "from below": [0, 1, 2, 3, 4, 5, 7, 8, 9], "to above": "no file"}:
    sys.exit("The behavior has changed: other slices are filled.")
PY
