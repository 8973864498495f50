#!/usr/bin/env bash
# dicom2jpg stretches every picture to its own lowest and highest value, behind its window and in color too.
#
# Versions: dicom2jpg 0.1.10, pydicom 3.0.2, opencv-python-headless 5.0.0.93, NumPy 2.2.6.
# Behavior: after slope, intercept and window every picture is stretched so that its lowest value becomes 0 and its
#     highest 255, over all channels together. So a Hounsfield unit has another gray in each slice although the window
#     is the same, and the colors of photographs change. No warning.
# Expected: with a window of 400 around 40, 100 HU becomes 65 % of white in every slice; colors of 8 bits stay.
# Seen: 100 HU is 255 in a slice of 0 to 100 HU and 165 in one that reaches beyond the window. Of a photograph of skin
#     (200, 150, 140) with a lesion (120, 80, 70) skin becomes (255, 156, 137) and lesion (98, 19, 0).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
  numpy==2.2.6 pydicom==3.0.2 opencv-python-headless==5.0.0.93
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps dicom2jpg==0.1.10
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import dicom2jpg
import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, VLPhotographicImageStorage

print({name: version(name) for name in ("dicom2jpg", "pydicom", "opencv-python-headless", "numpy")})


def write(name, pixels, **elements):
    color = pixels.ndim == 3
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = VLPhotographicImageStorage if color else CTImageStorage
    meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID = "1.2.3.4", ExplicitVRLittleEndian
    image = FileDataset(name, {}, file_meta=meta, preamble=bytes(128))
    image.SOPClassUID, image.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3.4"
    image.Rows, image.Columns, image.SamplesPerPixel = *pixels.shape[:2], 3 if color else 1
    image.PhotometricInterpretation = "RGB" if color else "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 8 * pixels.itemsize
    image.HighBit, image.PixelRepresentation = image.BitsStored - 1, int(not color)
    for key, value in elements.items():
        setattr(image, key, value)
    image.PixelData = pixels.tobytes()
    image.save_as(name, enforce_file_format=True)
    return dicom2jpg.dicom2img(name)


window = {"RescaleSlope": 1, "RescaleIntercept": 0, "WindowCenter": 40, "WindowWidth": 400}
narrow = write("a.dcm", np.array([[0, 100]], np.int16), **window)
wide = write("b.dcm", np.array([[-1000, 0, 100, 1000]], np.int16), **window)
seen = int(narrow[0, 1]), int(wide[0, 2])
print("100 HU in a slice of 0 to 100 HU and in one of -1000 to 1000 HU:", seen)
photo = np.array([[[200, 150, 140], [120, 80, 70]]], np.uint8)
colors = write("c.dcm", photo, PlanarConfiguration=0)
print("colors", photo[0].tolist(), "become", colors[0].tolist())
if seen != (255, 165) or colors[0].tolist() != [[255, 156, 137], [98, 19, 0]]:
    sys.exit("The behavior has changed: the values are others.")
PY
