#!/usr/bin/env bash
# An NRRD header that gives the limits of its axes: ITK takes the origin from them, but not the spacing.
#
# Versions: SimpleITK 2.5.7, pynrrd 1.1.3, NumPy 2.4.6.
# Behavior: "axis mins" and "axis maxs" are a valid way to say where samples lie (cell-centered: the limits are outer
#     borders). SimpleITK uses them for the origin, including the half cell, and leaves the spacing at 1.
# Expected: spacing (max - min) / number of samples, and the first center half of that above the minimum; or, if the
#     fields are not understood, origin 0.
# Seen: 10, 12 and 14 samples from 0 to 10, 24 and 42 mm: origin (0.5, 1.0, 1.5), which belongs to a spacing of
#     (1, 2, 3), and spacing (1, 1, 1).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 simpleitk==2.5.7 pynrrd==1.1.3
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import nrrd
import numpy as np
import SimpleITK as sitk

print({name: version(name) for name in ("simpleitk", "pynrrd", "numpy")})
header = {"axis mins": [0.0, 0.0, 0.0], "axis maxs": [10.0, 24.0, 42.0], "centerings": ["cell"] * 3}
nrrd.write("volume.nrrd", np.zeros((10, 12, 14), np.uint8), header)
image = sitk.ReadImage("volume.nrrd")
print("origin", image.GetOrigin(), "spacing", image.GetSpacing())
if image.GetOrigin() != (0.5, 1.0, 1.5) or image.GetSpacing() != (1.0, 1.0, 1.0):
    sys.exit("The behavior has changed: origin or spacing come out otherwise.")
PY
