#!/usr/bin/env bash
# ITK does not apply the slope and offset that a MetaImage header gives for its intensities.
#
# Versions: SimpleITK 2.5.7, nibabel 5.4.2, NumPy 2.4.6.
# Behavior: ElementToIntensityFunctionSlope and ElementToIntensityFunctionOffset are fields of the format that map the
#     stored numbers to intensities. SimpleITK returns the stored numbers, and says nothing.
# Expected: slope * stored + offset, as the same library does for NIfTI's scl_slope and scl_inter and for DICOM's
#     RescaleSlope and RescaleIntercept.
# Seen: stored 0, 1000, 2000 with slope 0.5 and offset -1000: 0, 1000, 2000 from MetaImage; -1000, -500, 0 from NIfTI.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 simpleitk==2.5.7 nibabel==5.4.2
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import nibabel
import numpy as np
import SimpleITK as sitk

print({name: version(name) for name in ("simpleitk", "nibabel", "numpy")})
stored = np.array([0, 1000, 2000], np.int16).reshape(1, 1, 3)
header = (
    "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
    "ElementToIntensityFunctionSlope = 0.5\nElementToIntensityFunctionOffset = -1000\n"
    "ElementSpacing = 1 1 1\nDimSize = 3 1 1\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"
)
with open("scan.mha", "wb") as file:
    file.write(header.encode() + stored.tobytes())
image = nibabel.Nifti1Image(stored.T, np.eye(4))
image.header.set_slope_inter(0.5, -1000)
nibabel.save(image, "scan.nii")
raw = bytearray(open("scan.nii", "rb").read())  # nibabel converts while saving: put the stored numbers in as they are
raw[352:358] = stored.tobytes()
raw[112:120] = np.array([0.5, -1000], "<f4").tobytes()
open("scan.nii", "wb").write(raw)
values = {name: sitk.GetArrayFromImage(sitk.ReadImage(name)).ravel().tolist() for name in ("scan.mha", "scan.nii")}
print(values)
if values != {"scan.mha": [0, 1000, 2000], "scan.nii": [-1000.0, -500.0, 0.0]}:
    sys.exit("The behavior has changed: slope and offset are treated otherwise.")
PY
