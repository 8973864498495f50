#!/usr/bin/env bash
# A rescale slope of 3 turns 20000 into -5536 in dicom-csv.
#
# Versions: dicom-csv 0.5.1, pydicom 3.0.2, NumPy 2.2.6.
# Behavior: slope and intercept are cast to the smallest type that holds them, 8 bits for a slope of 3, before pixels
#     are multiplied. The product has the type of the pixels and wraps around.
# Expected: pixel times slope plus intercept, as DICOM says and as pydicom's apply_rescale does.
# Seen: pixels of int16, slope 3: 10000 is 30000, 20000 is -5536, 32000 is 30464. Slope 300: right, as 300 takes 16
#     bits. Pixels of uint8 (a dose or a probability), slope 3: 100 is 44.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 pandas==2.3.3 pydicom==3.0.2 tqdm==4.70.1 dicom-csv==0.5.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from dicom_csv import stack_images
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_rescale
from pydicom.uid import ExplicitVRLittleEndian

print({name: version(name) for name in ("dicom-csv", "pydicom", "numpy")})


def image(pixels: np.ndarray, slope: float) -> Dataset:
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.Rows, made.Columns = pixels.shape
    made.BitsAllocated = made.BitsStored = 8 * pixels.itemsize
    made.HighBit, made.PixelRepresentation = made.BitsStored - 1, int(pixels.dtype.kind == "i")
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.PixelData = pixels.tobytes()
    made.RescaleSlope, made.RescaleIntercept = slope, 0
    return made


words = np.array([[100, 10000, 20000, 32000]], np.int16)
octets = np.array([[0, 50, 100, 200]], np.uint8)
seen = {}
for pixels, slope in ((words, 3), (words, 300), (octets, 3)):
    one = image(pixels, slope)
    seen[pixels.dtype.name, slope] = stack_images([one])[0, :, 0].tolist()
    print(f"{pixels.dtype} {pixels[0].tolist()} with slope {slope}: {seen[pixels.dtype.name, slope]}, by pydicom "
          f"{apply_rescale(pixels, one)[0].tolist()}")
expected = {
    ("int16", 3): [300, 30000, -5536, 30464],
    ("int16", 300): [30000, 3000000, 6000000, 9600000],
    ("uint8", 3): [0, 150, 44, 88],
}
if seen != expected:
    sys.exit("The behavior has changed: the values are others.")
PY
