#!/usr/bin/env bash
# dicom-contour leaves the slope of PET images out: it needs an intercept for it.
#
# Versions: dicom-contour 2, pydicom 2.4.4, NumPy 1.26.4.
# Behavior: the images of dicom_contour.to_numpy are rescaled only if neither RescaleIntercept nor RescaleSlope is 0.
#     The intercept of PET images is 0 by the standard, and every slice has a slope of its own, so the values of
#     different slices cannot be compared. CT images, with an intercept of -1024, are rescaled.
# Expected: slope times stored value plus intercept, for any intercept.
# Seen: two slices of a stored value of 1000 with slopes 0.5 and 2, intercept 0: both come out as 1000 instead of 500
#     and 2000; with intercept -1: 499 and 1999.
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
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, PositronEmissionTomographyImageStorage

from dicom_contour.to_numpy import get_img_mask_voxel
from dicom_contour.utils import slice_order

print({name: version(name) for name in ("dicom-contour", "pydicom", "numpy")})


def write(uid, z, slope, intercept):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = PositronEmissionTomographyImageStorage
    meta.MediaStorageSOPInstanceUID = uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset(f"{uid}.dcm", {}, file_meta=meta, preamble=b"\0" * 128)
    image.SOPClassUID, image.SOPInstanceUID, image.Modality = meta.MediaStorageSOPClassUID, uid, "PT"
    image.Rows = image.Columns = 4
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation, image.SamplesPerPixel = 15, 0, 1
    image.PhotometricInterpretation, image.PixelSpacing = "MONOCHROME2", [4, 4]
    image.ImagePositionPatient, image.ImageOrientationPatient = [0, 0, z], [1, 0, 0, 0, 1, 0]
    image.RescaleSlope, image.RescaleIntercept = slope, intercept
    image.PixelData = np.full((4, 4), 1000, np.uint16).tobytes()
    image.is_little_endian, image.is_implicit_VR = True, False
    image.save_as(f"{uid}.dcm", write_like_original=False)


seen = {}
for intercept in (0, -1):
    for number, slope in enumerate((0.5, 2)):
        write(f"1.2.3.{number + 1}", 3 * number, slope, intercept)
    images, _ = get_img_mask_voxel(slice_order("."), {}, "./")
    seen[intercept] = [float(image[0, 0]) for image in images]
    print(f"slopes 0.5 and 2, intercept {intercept}: 1000 becomes {seen[intercept]}")
if seen != {0: [1000, 1000], -1: [499, 1999]}:
    sys.exit("The behavior has changed: the values are others.")
PY
