#!/usr/bin/env bash
# DicomRTTool: a mask that is written as an RTSTRUCT and read again has grown to the right and downwards.
#
# Versions: DicomRTTool 6.2.0, pydicom 3.0.2, SimpleITK 2.5.7, scikit-image 0.26.0, OpenCV 5.0.0.93, NumPy 2.4.6.
# Behavior: contours are written half a pixel outside of the mask, where they belong, and halves are rounded up when
#     they are read, after which their outline counts as inside. So the mask gets a row and a column at its lower right,
#     and another with every time that it is written and read.
# Expected: the mask that was written, with the same package on both sides.
# Seen: a square of 10 x 10 pixels has 120 pixels after one time and 163 after three; a lesion of 2 x 2 pixels has 8 and
#     19, and its center has moved by 1.1 pixels along both axes.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0 \
    simpleitk==2.5.7 pydicom==3.0.2 opencv-python==5.0.0.93 dicomrttool==6.2.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import glob
import os
import shutil
import sys
from importlib.metadata import version

import numpy as np
from DicomRTTool.ReaderWriter import DicomReaderWriter
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

packages = ("DicomRTTool", "pydicom", "simpleitk", "scikit-image", "opencv-python", "numpy")
print({name: version(name) for name in packages})
SLICES, PIXELS = 6, 64
study, series, frame = generate_uid(), generate_uid(), generate_uid()
os.mkdir("ct")
for index in range(SLICES):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    ct = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    ct.SOPClassUID, ct.SOPInstanceUID, ct.Modality = CTImageStorage, meta.MediaStorageSOPInstanceUID, "CT"
    ct.StudyInstanceUID, ct.SeriesInstanceUID, ct.FrameOfReferenceUID = study, series, frame
    ct.PatientID, ct.PatientName, ct.PatientBirthDate, ct.PatientSex = "1", "A", "", ""
    ct.StudyDate, ct.StudyTime, ct.StudyID, ct.AccessionNumber = "20200101", "000000", "1", ""
    ct.ReferringPhysicianName, ct.SeriesNumber, ct.InstanceNumber = "", 1, index + 1
    ct.ImagePositionPatient, ct.ImageOrientationPatient = [0, 0, 3 * index], [1, 0, 0, 0, 1, 0]
    ct.PixelSpacing, ct.SliceThickness, ct.Rows, ct.Columns = [1, 1], 3, PIXELS, PIXELS
    ct.SamplesPerPixel, ct.PhotometricInterpretation, ct.PixelRepresentation = 1, "MONOCHROME2", 1
    ct.BitsAllocated, ct.BitsStored, ct.HighBit, ct.RescaleSlope, ct.RescaleIntercept = 16, 16, 15, 1, 0
    ct.PixelData = np.zeros((PIXELS, PIXELS), np.int16).tobytes()
    ct.save_as(f"ct/{index}.dcm", enforce_file_format=True)


def written_and_read(mask: np.ndarray, folder: str) -> np.ndarray:
    shutil.copytree("ct", folder)
    writer = DicomReaderWriter(verbose=False)
    writer.walk_through_folders(folder)
    writer.set_index(0)
    writer.get_images()
    one_hot = np.stack([~mask, mask], axis=-1).astype(np.float32)
    writer.prediction_array_to_RT(prediction_array=one_hot, output_dir=f"{folder}_out", ROI_Names=["organ"])
    shutil.copy(glob.glob(f"{folder}_out/*.dcm")[0], folder)
    reader = DicomReaderWriter(Contour_Names=["organ"], verbose=False)
    reader.walk_through_folders(folder)
    reader.set_index(0)
    reader.get_images_and_mask()
    return reader.mask > 0


seen = {}
for size in (10, 2):
    mask = np.zeros((SLICES, PIXELS, PIXELS), bool)
    mask[2, 20 : 20 + size, 20 : 20 + size] = True
    start, counts = np.argwhere(mask).mean(0), []
    for turn in range(3):
        mask = written_and_read(mask, f"{size}_{turn}")
        counts.append(int(mask.sum()))
    moved = (np.argwhere(mask).mean(0) - start).round(1).tolist()
    seen[size] = counts, moved
    print(f"{size} x {size} pixels: {counts} after one, two and three times, center moved by {moved} pixels (z, y, x)")
if seen[10][0][0] != 120 or seen[2][0][0] != 8 or not seen[2][0][2] > seen[2][0][1] > 8 or seen[2][1][1] < 1:
    sys.exit("The behavior has changed: the masks have other sizes.")
PY
