#!/usr/bin/env bash
# dicom-contour takes the outermost layer of pixels away from every organ.
#
# Versions: dicom-contour 2, pydicom 2.4.4, Pillow 11.3.0, NumPy 1.26.4.
# Behavior: to_numpy fills the polygon of a contour with 1 and then draws its outline with 0, so the pixels that the
#     contour runs through are background. Small and thin structures disappear.
# Expected: a mask with about the area of the contour, as of skimage.draw.polygon and of other readers.
# Seen: a contour through the middles of the outermost of 20 x 20 pixels: 324 pixels instead of 400 (the area within
#     the contour is 361). Of 3 x 3 pixels: 1. Of 2 x 20 pixels: 0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==1.26.4 pydicom==2.4.4 pillow==11.3.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps dicom-contour==2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from dicom_contour.to_numpy import get_mask_dict

print({name: version(name) for name in ("dicom-contour", "pydicom", "pillow", "numpy")})
uid = "1.2.3.1"
meta = FileMetaDataset()
meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, uid
meta.TransferSyntaxUID = ExplicitVRLittleEndian
image = FileDataset(f"{uid}.dcm", {}, file_meta=meta, preamble=b"\0" * 128)
image.SOPClassUID, image.SOPInstanceUID, image.Modality = CTImageStorage, uid, "CT"
image.Rows = image.Columns = 40
image.BitsAllocated = image.BitsStored = 16
image.HighBit, image.PixelRepresentation, image.SamplesPerPixel = 15, 1, 1
image.PhotometricInterpretation, image.PixelSpacing = "MONOCHROME2", [1, 1]
image.ImagePositionPatient, image.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
image.PixelData = np.zeros((40, 40), np.int16).tobytes()
image.is_little_endian, image.is_implicit_VR = True, False
image.save_as(f"{uid}.dcm", write_like_original=False)


def pixels(width, height):
    right, bottom = 9 + width, 9 + height
    contour = Dataset()
    contour.ContourData = [10, 10, 0, right, 10, 0, right, bottom, 0, 10, bottom, 0]
    contour.ContourImageSequence = [Dataset()]
    contour.ContourImageSequence[0].ReferencedSOPInstanceUID = uid
    return int(np.asarray(get_mask_dict([contour], "./")[uid]).sum())


seen = {}
for width, height in ((20, 20), (3, 3), (2, 20)):
    seen[width, height] = pixels(width, height)
    print(f"contour of {width} x {height} pixels: a mask of {seen[width, height]} instead of {width * height}")
if seen != {(20, 20): 324, (3, 3): 1, (2, 20): 0}:
    sys.exit("The behavior has changed: the masks have other sizes.")
PY
