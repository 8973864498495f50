#!/usr/bin/env bash
# mritopng's contrast is less with auto_contrast than without, and the picture darker.
#
# Versions: mritopng 2.2, pydicom 2.4.4, pypng 0.20220715.0, NumPy 1.26.4.
# Behavior: auto_contrast takes the grays below which 1 % and 99 % of the pixels lie, and divides by their sum instead of
#     their difference. The further from black the darkest tissue is, the darker and flatter the picture becomes.
# Expected: the 1 % become 0 and the 99 % become 255.
# Seen: grays of 127 to 255 become 0 to 85; without auto_contrast they are 127 to 255.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==1.26.4 pydicom==2.4.4 pypng==0.20220715.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps mritopng==2.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import mritopng
import numpy as np
import png
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

print({name: version(name) for name in ("mritopng", "pydicom", "pypng", "numpy")})

meta = FileMetaDataset()
meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MRImageStorage, "1.2.3.4"
meta.TransferSyntaxUID = ExplicitVRLittleEndian
image = FileDataset("a.dcm", {}, file_meta=meta, preamble=bytes(128))
image.SOPClassUID, image.SOPInstanceUID = MRImageStorage, "1.2.3.4"
image.Rows, image.Columns, image.SamplesPerPixel, image.PhotometricInterpretation = 20, 20, 1, "MONOCHROME2"
image.BitsAllocated = image.BitsStored = 16
image.HighBit, image.PixelRepresentation = 15, 0
image.PixelData = np.linspace(500, 1000, 400).round().astype(np.uint16).tobytes()
image.is_little_endian, image.is_implicit_VR = True, False
image.save_as("a.dcm", write_like_original=False)

seen = {}
for contrast in (False, True):
    mritopng.convert_file("a.dcm", "a.png", contrast)
    grays = np.vstack([row for row in png.Reader("a.png").read()[2]])
    seen[contrast] = int(grays.min()), int(grays.max())
    print(f"values 500 to 1000, auto_contrast {contrast}: grays from {seen[contrast][0]} to {seen[contrast][1]}")
if seen != {False: (127, 255), True: (0, 85)}:
    sys.exit("The behavior has changed: the grays are others.")
PY
