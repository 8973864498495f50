#!/usr/bin/env bash
# A CT slice that medviz saves in Hounsfield units is read with water at −1024 and air at 2072.
#
# Versions: medviz 1.2.0, pydicom 3.0.2, SimpleITK 2.5.7.
# Behavior: get_hu writes slope times value plus intercept as the pixels, but leaves the intercept, the 12 bits and the
#     missing sign of the file as they were. Readers subtract 1024 again, and read −1000 as 3096 of 12 bits.
# Expected: the file that is saved has the same Hounsfield units as before for everybody who reads it.
# Seen: −1000, 0, 40 and 1000 HU are read from the new file by pydicom and by SimpleITK as 2072, −1024, −984 and −24:
#     air is brighter than bone.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3 matplotlib==3.10.8 \
    nibabel==5.4.2 imageio==2.37.2 scikit-image==0.25.2 scipy==1.15.3 tabulate==0.9.0 pydicom==3.0.2 \
    SimpleITK==2.5.7 mahotas==1.4.18
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps medviz==1.2.0
cd "$work"
MPLBACKEND=Agg "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import pydicom
import SimpleITK as sitk
from medviz.preprocess.hu import get_hu
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

print({name: version(name) for name in ("medviz", "pydicom", "simpleitk")})
units = np.array([[-1000, 0, 40, 1000]] * 4)
slice_ = Dataset()
slice_.file_meta = FileMetaDataset()
slice_.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
slice_.SOPClassUID = slice_.file_meta.MediaStorageSOPClassUID = CTImageStorage
slice_.SOPInstanceUID = slice_.file_meta.MediaStorageSOPInstanceUID = generate_uid()
slice_.Rows = slice_.Columns = 4
slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit, slice_.PixelRepresentation = 16, 12, 11, 0
slice_.SamplesPerPixel, slice_.PhotometricInterpretation = 1, "MONOCHROME2"
slice_.RescaleSlope, slice_.RescaleIntercept = 1, -1024
slice_.PixelData = (units + 1024).astype(np.uint16).tobytes()
slice_.save_as("ct.dcm", enforce_file_format=True)
get_hu("ct.dcm", ".")
seen = {}
for name in ("ct.dcm", "ct_hu.dcm"):
    data = pydicom.dcmread(name)
    first = pydicom.pixels.apply_modality_lut(data.pixel_array, data)[0].astype(int).tolist()
    second = sitk.GetArrayFromImage(sitk.ReadImage(name)).ravel()[:4].tolist()
    seen[name] = first, second
    print(f"{name}: pydicom {first}, SimpleITK {second}")
after = [2072, -1024, -984, -24]
if seen != {"ct.dcm": (units[0].tolist(), units[0].tolist()), "ct_hu.dcm": (after, after)}:
    sys.exit("The behavior has changed: the Hounsfield units are others.")
PY
