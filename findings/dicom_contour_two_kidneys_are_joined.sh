#!/usr/bin/env bash
# dicom-contour fills the space between two organs that are drawn in one slice.
#
# Versions: dicom-contour 2, pydicom 2.4.4, SciPy 1.15.3, NumPy 1.26.4.
# Behavior: fill_contour fills each row from the first to the last pixel of any contour, and then each column, whichever
#     contour they belong to. Both kidneys become one object that reaches through the spine; bays are filled as well.
#     create_image_mask_files writes these masks.
# Expected: each contour is filled by itself.
# Seen: two squares of 10 x 10 pixels, 24 pixels apart, in one slice: 440 pixels instead of 200, in one piece.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==1.26.4 pydicom==2.4.4 scipy==1.15.3 \
    matplotlib==3.9.4
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps dicom-contour==2
mkdir "$work/patient"
cd "$work"
MPLCONFIGDIR="$work" "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from dicom_contour.contour import fill_contour, get_data
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RTStructureSetStorage
from scipy import ndimage

print({name: version(name) for name in ("dicom-contour", "pydicom", "scipy", "numpy")})


def new(uid, kind):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = kind, uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(f"{uid}.dcm", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = kind, uid
    data.is_little_endian, data.is_implicit_VR = True, False
    return data


def square(left, top, size):
    last = size - 1
    corners = [(left, top), (left + last, top), (left + last, top + last), (left, top + last), (left, top)]
    contour = Dataset()
    contour.ContourData = []
    for (x, y), (to_x, to_y) in zip(corners, corners[1:]):
        for step in range(last):
            contour.ContourData += [x + (to_x - x) * step / last, y + (to_y - y) * step / last, 0]
    contour.ContourImageSequence = [Dataset()]
    contour.ContourImageSequence[0].ReferencedSOPInstanceUID = "1.2.3.1"
    return contour


image = new("1.2.3.1", CTImageStorage)
image.Modality, image.Rows, image.Columns = "CT", 64, 64
image.BitsAllocated = image.BitsStored = 16
image.HighBit, image.PixelRepresentation, image.SamplesPerPixel = 15, 1, 1
image.PhotometricInterpretation, image.PixelSpacing = "MONOCHROME2", [1, 1]
image.ImagePositionPatient, image.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
image.PixelData = np.zeros((64, 64), np.int16).tobytes()
image.save_as("patient/1.2.3.1.dcm", write_like_original=False)
seen = {}
for name, squares in {"one square": [(10, 20)], "two squares": [(10, 20), (44, 20)]}.items():
    structures = new("1.2.3.9", RTStructureSetStorage)
    structures.Modality = "RTSTRUCT"
    organ = Dataset()
    organ.ContourSequence = [square(left, top, 10) for left, top in squares]
    structures.ROIContourSequence = [organ]
    structures.save_as("patient/structures.dcm", write_like_original=False)
    _, contours = get_data("patient", 0)
    mask = fill_contour(contours[0])
    seen[name] = int(mask.sum()), ndimage.label(mask)[1]
    print(f"{name} of 10 x 10 pixels: {seen[name][0]} pixels in {seen[name][1]} objects")
if seen != {"one square": (100, 1), "two squares": (440, 1)}:
    sys.exit("The behavior has changed: the masks are others.")
PY
