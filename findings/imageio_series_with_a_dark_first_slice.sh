#!/usr/bin/env bash
# imageio reads a DICOM series in the type that its first slice needs: brighter slices wrap around.
#
# Versions: imageio 2.38.1, NumPy 2.4.6, pydicom 3.0.2 (which writes the series).
# Behavior: every slice gets the smallest integer type that holds its values, and a volume has the type of its first
#     slice. If that one is dark, values of the others are taken modulo 256, without a word.
# Expected: the values of the slices, which imread of each file gives. The documentation says of volread that the series
#     is one array, and nothing of its type.
# Seen: an MR series of 16 bits, slope 1 and intercept 0, of slices of 100, 1501 and 2001: 100, -35 and -47 (int8). With
#     300 in the first slice all are right (int16). A CT with its intercept of -1024 is right for air in the first
#     slice.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 pydicom==3.0.2 imageio==2.38.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import contextlib
import io
import sys
from importlib.metadata import version
from pathlib import Path

import imageio.v2 as imageio
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

print({name: version(name) for name in ("imageio", "numpy", "pydicom")})


def write_slice(path, number, value, intercept):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, MRImageStorage
    data = Dataset()
    data.file_meta = meta
    data.SOPClassUID, data.SOPInstanceUID = MRImageStorage, f"1.2.826.0.1.3680043.8.498.{number + 1}"
    meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.Modality, data.PatientID, data.PatientName = "MR", "1", "Test"
    data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = "1.2.3", "1.2.3.4", "1.2.3.5"
    data.SeriesNumber, data.InstanceNumber = 1, number + 1
    data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, 2 * number], [1, 0, 0, 0, 1, 0]
    data.PixelSpacing, data.SliceThickness = [1, 1], 2
    data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = 4, 5, 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 0
    data.RescaleSlope, data.RescaleIntercept = 1, intercept
    data.PixelData = np.full((4, 5), value, np.uint16).tobytes()
    data.save_as(path, enforce_file_format=True)


seen = {}
for name, first, intercept in (("dark", 100, 0), ("bright", 300, 0), ("CT", 24, -1024)):
    folder = Path(name)
    folder.mkdir()
    for number, value in enumerate((first, 1501, 2001)):
        write_slice(folder / f"{number}.dcm", number, value, intercept)
    with contextlib.redirect_stdout(io.StringIO()):
        volume = imageio.volread(folder, "DICOM")
    singly = [int(imageio.imread(folder / f"{number}.dcm")[0, 0]) for number in range(3)]
    seen[name] = volume[:, 0, 0].tolist()
    print(f"{name} first slice: the volume is {volume.dtype} and has {seen[name]}, its files have {singly}")
if seen != {"dark": [100, -35, -47], "bright": [300, 1501, 2001], "CT": [-1000, 477, 977]}:
    sys.exit("The behavior has changed: the series has other values.")
PY
