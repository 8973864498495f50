#!/usr/bin/env bash
# The signed distance map of SimpleITK is 0 on the border pixels of the object, and squared.
#
# Versions: SimpleITK 2.5.7, NumPy 2.4.6.
# Behavior: SignedMaurerDistanceMap is 0 at the outermost pixels inside the object, and at no pixel outside. "Below zero"
#     is the object without its border layer. By default the numbers are squared distances as well, so a mean of
#     several annotators' maps (shape-based averaging) is a mean of squares.
# Expected: the map is negative exactly inside the object (as the documentation's "inside is negative" reads), so that
#     `map < 0` is the mask again, and its unit is a millimeter.
# Seen: a square of 20 x 20 pixels: `map < 0` has 324 pixels (18 x 18), `map <= 0` has 400; along a row that leaves the
#     object (pixels of 1 mm): -9, -4, -1, 0 | 1, 4, 9.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 simpleitk==2.5.7
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk

print({name: version(name) for name in ("simpleitk", "numpy")})
mask = np.zeros((40, 40), np.uint8)
mask[10:30, 10:30] = 1
distances = sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(sitk.GetImageFromArray(mask)))
row = [round(float(value)) for value in distances[20, 26:33]]
print("object:", int(mask.sum()), "map < 0:", int((distances < 0).sum()), "map <= 0:", int((distances <= 0).sum()))
print("along a row out of the object:", row)
if (distances < 0).sum() != 324 or (distances <= 0).sum() != 400 or row != [-9, -4, -1, 0, 1, 4, 9]:
    sys.exit("The behavior has changed: the map is no longer squared, or no longer 0 on the object's border pixels.")
PY
