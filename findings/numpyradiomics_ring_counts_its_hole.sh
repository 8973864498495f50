#!/usr/bin/env bash
# numpyradiomics adds the hole of a ring to its area: a myocardium has twice the area of its pixels.
#
# Versions: numpyradiomics 0.0.5, NumPy 2.4.6, SciPy 1.17.1, scikit-image 0.26.0.
# Behavior: in 2-D the area of the contour mesh is the sum of the areas within all contours. That of a hole is added
#     where it should be subtracted. Ratio and sphericity follow from it. The volume in 3-D is right.
# Expected: about the area of the pixels (a comment in the source says slightly less), and less for a ring than for the
#     disk without the hole.
# Seen: a disk with a radius of 20 has 1244.5 by its mesh and 1245 by its pixels; with a hole of radius 12 it has 1681
#     and 808.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0 pywavelets==1.9.0 numpyradiomics==0.0.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from numpyradiomics import shape

print({name: version(name) for name in ("numpyradiomics", "numpy", "scipy", "scikit-image")})
radius = np.hypot(*(axis - 30 for axis in np.mgrid[:60, :60]))
seen = {}
for name, mask in (("disk", radius < 20), ("ring", (radius < 20) & (radius >= 12))):
    found = shape(mask.astype(int), spacing=(1.0, 1.0))
    seen[name] = [round(float(found[key]), 2) for key in ("MeshSurface", "PixelSurface", "Sphericity")]
    print(f"{name}: MeshSurface, PixelSurface, Sphericity {seen[name]}")
if [values[:2] for values in seen.values()] != [[1244.5, 1245.0], [1681.0, 808.0]]:
    sys.exit("The behavior has changed: the areas are others.")
PY
