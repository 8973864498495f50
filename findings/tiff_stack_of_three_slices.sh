#!/usr/bin/env bash
# A TIFF stack of three or four label slices becomes one picture with channels.
#
# Versions: tifffile 2026.3.3, SimpleITK 2.5.7, NumPy 2.4.6.
# Behavior: tifffile writes an array of shape (3, y, x) or (4, y, x) of unsigned bytes as one RGB picture with separate
#     planes, other counts as that many pages. SimpleITK reads the first kind as a 2-D image with four components, even
#     where there were three slices.
# Expected: the same layout for every number of slices: n pages, read as a volume of n slices.
# Seen: 2 and 5 slices: volumes of size (40, 32, 2) and (40, 32, 5); 3 and 4 slices: a picture (40, 32) of 4 components.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 simpleitk==2.5.7 tifffile==2026.3.3
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
import tifffile

print({name: version(name) for name in ("tifffile", "simpleitk", "numpy")})
seen = {}
for slices in (2, 3, 4, 5):
    tifffile.imwrite("label.tif", np.ones((slices, 32, 40), np.uint8))
    image = sitk.ReadImage("label.tif")
    seen[slices] = (image.GetSize(), image.GetNumberOfComponentsPerPixel())
    print(slices, "slices -> size", seen[slices][0], "components", seen[slices][1])
if seen != {2: ((40, 32, 2), 1), 3: ((40, 32), 4), 4: ((40, 32), 4), 5: ((40, 32, 5), 1)}:
    sys.exit("The behavior has changed: stacks of three or four slices are written or read otherwise.")
PY
