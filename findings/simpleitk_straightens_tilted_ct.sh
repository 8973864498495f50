#!/usr/bin/env bash
# A CT series with a tilted gantry: SimpleITK straightens the stack of slices without a word.
#
# Versions: SimpleITK 2.5.7, pydicom 3.0.2, NumPy 2.4.6.
# Behavior: the slices of a tilted gantry are parallel, but each lies a little beside the one before: they are stacked
#     along the table and not along their normal. ITK's images have no such shear. The series reader stacks them along
#     the normal all the same and takes the distance of the first two as the spacing, so that only the first slice stays
#     where it is. There is no warning and no exception, while a missing slice gets a warning.
# Expected: an exception or a warning, as an image of ITK cannot represent the series; or slices resampled to a grid.
# Seen: six slices 4 mm apart along the table. Tilted by 15 degrees, the last slice is at (0, -5.18, 19.32) mm instead of
#     (0, 0, 20), by 30 degrees at (0, -10, 17.32): 10.4 mm from where it is. A mask drawn there is moved alike.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 simpleitk==2.5.7 pydicom==3.0.2
cd "$work"
"$work/venv/bin/python" - <<'PY' 2> said || { cat said >&2; exit 1; }
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

print({name: version(name) for name in ("simpleitk", "pydicom", "numpy")})
SLICES, MILLIMETERS = 6, 4


def write_series(folder, degrees):
    Path(folder).mkdir()
    tilt, study, series = np.deg2rad(degrees), generate_uid(), generate_uid()
    for number in range(SLICES):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        image = Dataset()
        image.file_meta = meta
        image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = study, series, study
        image.PatientID, image.PatientName, image.Modality = "1", "Phantom", "CT"
        image.InstanceNumber, image.GantryDetectorTilt = number + 1, degrees
        image.ImagePositionPatient = [0, 0, MILLIMETERS * number]
        image.ImageOrientationPatient = [1, 0, 0, 0, float(np.cos(tilt)), float(np.sin(tilt))]
        image.PixelSpacing, image.Rows, image.Columns = [1, 1], 8, 8
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 0
        image.PixelData = np.full((8, 8), number, np.uint16).tobytes()
        image.save_as(f"{folder}/{number}.dcm", enforce_file_format=True)


seen = {}
for degrees in (0, 15, 30):
    write_series(f"ct{degrees}", degrees)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(f"ct{degrees}"))
    volume = reader.Execute()
    place = volume.TransformIndexToPhysicalPoint((0, 0, SLICES - 1))
    seen[degrees] = (volume.GetSpacing()[2], *(round(value, 2) + 0.0 for value in place))
    print(f"{degrees} degrees: spacing and place of the last slice {seen[degrees]}, which is at (0, 0, 20)")
as_described = {0: (4.0, 0.0, 0.0, 20.0), 15: (4.0, 0.0, -5.18, 19.32), 30: (4.0, 0.0, -10.0, 17.32)}
sys.exit(0 if seen == as_described else "The behavior has changed.")
PY
test ! -s said || { echo "The behavior has changed: it said something."; cat said; exit 1; }
