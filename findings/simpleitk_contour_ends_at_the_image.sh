#!/usr/bin/env bash
# SimpleITK's contour of an object is open where the object is cut by the border of the image.
#
# Versions: SimpleITK 2.5.7, SciPy 1.17.1, NumPy 2.4.6.
# Behavior: BinaryContour and LabelContour keep the pixels of an object that touch something else. Outside of the image
#     is nothing, so the pixels along its border are not kept. What a cut-off object has as its contour is a part of it,
#     and of an object that fills the image there is none: measures that take the contour for the surface have nothing
#     there.
# Expected: a closed contour, as that of the object minus its erosion (SciPy, MedPy and MONAI take what lies outside for
#     background); the documentation says "the pixels on the contours of the objects".
# Seen: a square of 6 x 6 in the corner of an image: 11 of the 20 pixels of its outline. An image of 10 x 10 that is
#     filled: 0 of 36.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 simpleitk==2.5.7
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_erosion

print({name: version(name) for name in ("simpleitk", "scipy", "numpy")})
seen = {}
for name, rows in (("middle", slice(2, 8)), ("corner", slice(0, 6)), ("filled", slice(0, 10))):
    mask = np.zeros((10, 10), np.uint8)
    mask[rows, rows] = 1
    image = sitk.GetImageFromArray(mask)
    contours = [sitk.GetArrayFromImage(contour(image)).sum() for contour in (sitk.BinaryContour, sitk.LabelContour)]
    seen[name] = [int(count) for count in (*contours, (mask - binary_erosion(mask)).sum())]
    print(f"{name}: BinaryContour {seen[name][0]}, LabelContour {seen[name][1]}, mask minus erosion {seen[name][2]}")
if seen != {"middle": [20, 20, 20], "corner": [11, 11, 20], "filled": [0, 0, 36]}:
    sys.exit("The behavior has changed: the contour is another.")
PY
