#!/usr/bin/env bash
# The subdural and the bone window of miptools show nothing but the brain window.
#
# Versions: miptools 0.0.4, pydicom 2.4.4, SciPy 1.15.3, NumPy 1.26.4.
# Behavior: of the three windows of the mode "bsb" the second and the third are made of the channel of the first, which
#     is already between 0 and 1, instead of their own. They are that channel, compressed to a hundredth, and everything
#     above 80 HU is equal in all three.
# Expected: channel 3 is 0 at -400 and 1 at 1600 HU, as the window of 600 and 2000 says.
# Seen: at 0, 80, 300 and 1500 HU the third channel is 0.2 to three digits; its own window gives 0.2, 0.24, 0.35, 0.95.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==1.26.4 scipy==1.15.3 pydicom==2.4.4 pillow==11.3.0 \
    matplotlib==3.9.4
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps miptools==0.0.4
cd "$work"
MPLCONFIGDIR="$work" "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import miptools
import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

print({name: version(name) for name in ("miptools", "pydicom", "scipy", "numpy")})
units = np.array([[0, 80], [300, 1500]], np.int16)
meta = FileMetaDataset()
meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, "1.2.3.1"
meta.TransferSyntaxUID = ExplicitVRLittleEndian
image = FileDataset("slice.dcm", {}, file_meta=meta, preamble=b"\0" * 128)
image.SOPClassUID, image.SOPInstanceUID, image.Modality = CTImageStorage, "1.2.3.1", "CT"
image.Rows, image.Columns = units.shape
image.BitsAllocated = image.BitsStored = 16
image.HighBit, image.PixelRepresentation, image.SamplesPerPixel = 15, 1, 1
image.PhotometricInterpretation = "MONOCHROME2"
image.RescaleSlope, image.RescaleIntercept = 1, 0
image.PixelData = units.tobytes()
image.is_little_endian, image.is_implicit_VR = True, False
image.save_as("slice.dcm", write_like_original=False)

seen = np.round(miptools.brain_windowing("slice.dcm", "bsb", False).reshape(4, 3), 3).T.tolist()
print("HU", units.ravel().tolist())
for (center, width), values in zip(((40, 80), (80, 200), (600, 2000)), seen):
    own = np.clip((units.ravel() - (center - width / 2)) / width, 0, 1)
    print(f"window {center}, {width}: {values}, its own values are {np.round(own, 2).tolist()}")
if seen != [[0, 1, 1, 1], [0.1, 0.105, 0.105, 0.105], [0.2, 0.2, 0.2, 0.2]]:
    sys.exit("The behavior has changed: the windows are others.")
PY
