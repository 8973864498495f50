#!/usr/bin/env bash
# A DICOM SEG in SimpleITK: segments on top of each other as slices of one volume.
#
# Versions: highdicom 0.28.2, pydicom 3.0.2, SimpleITK 2.5.7, NumPy 2.4.6.
# Behavior: a SEG holds a frame for each slice of each segment, one bit for a pixel, and says of each frame where it
#     lies. SimpleITK opens the file without a warning as a volume with as many "slices" as there are frames.
# Expected: an error, or the segments in their place.
# Seen: two segments on three slices of 2.5 mm become one label on six slices of 1 mm from the origin, 255 for what is
#     drawn. (Pixels after the last whole byte of bits are not compared here.) A label map SEG is not opened.
#     highdicom's own get_volume() has the slices in the opposite order of the series, and without the empty ends: its
#     affine must be used.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.4.6 simpleitk==2.5.7 pydicom==3.0.2 highdicom==0.28.2
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import highdicom
import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

print({name: version(name) for name in ("highdicom", "pydicom", "simpleitk", "numpy")})
ROWS, COLUMNS, SLICES = 6, 7, 5


def ct():
    study, series = generate_uid(), generate_uid()
    for number in range(SLICES):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        slice_ = Dataset()
        slice_.file_meta = meta
        slice_.SOPClassUID, slice_.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        slice_.StudyInstanceUID, slice_.SeriesInstanceUID, slice_.FrameOfReferenceUID = study, series, study
        slice_.PatientID, slice_.PatientName, slice_.Modality, slice_.InstanceNumber = "1", "Phantom^", "CT", number + 1
        for keyword in ("PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate", "StudyTime"):
            setattr(slice_, keyword, "")
        slice_.ReferringPhysicianName = slice_.PositionReferenceIndicator = ""
        slice_.ImagePositionPatient, slice_.ImageOrientationPatient = [0, 0, 2.5 * number], [1, 0, 0, 0, 1, 0]
        slice_.PixelSpacing, slice_.SliceThickness, slice_.Rows, slice_.Columns = [1, 1], 2.5, ROWS, COLUMNS
        slice_.SamplesPerPixel, slice_.PhotometricInterpretation = 1, "MONOCHROME2"
        slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit, slice_.PixelRepresentation = 16, 16, 15, 1
        slice_.PixelData = np.zeros((ROWS, COLUMNS), np.int16).tobytes()
        yield slice_


labels = np.random.default_rng(0).choice([0, 1, 2], (SLICES, ROWS, COLUMNS)).astype(np.uint8)
labels[[0, -1]] = 0
images = list(ct())
for kind in ("BINARY", "LABELMAP"):
    described = [
        highdicom.seg.SegmentDescription(number, name, codes.SCT.Tissue, codes.SCT.Tissue, "MANUAL")
        for number, name in ((1, "a"), (2, "b"))
    ]
    highdicom.seg.Segmentation(
        images, labels, kind, described, generate_uid(), 2, generate_uid(), 1, "Maker", "Model", "1", "1"
    ).save_as(f"{kind}.dcm")

image = sitk.ReadImage("BINARY.dcm")
pixels = sitk.GetArrayFromImage(image)
right = 255 * pydicom.dcmread("BINARY.dcm").pixel_array
print("size", image.GetSize(), "spacing", image.GetSpacing(), "values", sorted(set(pixels.ravel().tolist())))
last = pixels.size % 8
unpacked = bool((pixels.ravel()[:-last] == right.ravel()[:-last]).all())

volume = highdicom.seg.segread("BINARY.dcm").get_volume(combine_segments=True)
reversed_ends = bool((volume.array == labels[3:0:-1]).all())
print("highdicom's volume:", volume.array.shape, "is the series' slices 4, 3, 2:", reversed_ends)
try:
    sitk.ReadImage("LABELMAP.dcm")
    opened = True
except RuntimeError as error:
    opened = False
    print("LABELMAP:", str(error).strip().splitlines()[-1])
if image.GetSize() != (COLUMNS, ROWS, 6) or image.GetSpacing() != (1, 1, 1) or not unpacked or last != 4:
    sys.exit("The behavior has changed: SimpleITK reads the frames otherwise.")
if not reversed_ends or opened:
    sys.exit("The behavior has changed: another order of slices, or label maps are opened.")
PY
