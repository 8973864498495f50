#!/usr/bin/env bash
# SimpleITK's BinaryThinning makes a sheet of a vessel in 3D, not a centerline.
#
# Versions: SimpleITK 2.5.7, scikit-image 0.26.0, NumPy 2.4.6, SciPy 1.17.1.
# Behavior: each slice is thinned by itself, without a word. A vessel that runs within the slices becomes one line in
#     each of them; one that runs across them becomes a line.
# Expected: the skeleton of a volume, as other filters of SimpleITK work on volumes, or an error. Its description says
#     nothing of slices.
# Seen: a bar of 5 x 5 x 30 voxels: 130 voxels in five slices if its long axis is x or y, 30 if it is z. scikit-image
#     gives a line along every axis.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0 SimpleITK==2.5.7
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from skimage.morphology import skeletonize

print({name: version(name) for name in ("SimpleITK", "scikit-image", "numpy", "scipy")})
seen = {}
for axis, name in enumerate("zyx"):
    shape = [15, 15, 15]
    shape[axis] = 40
    vessel = np.zeros(shape, np.uint8)
    vessel[tuple(slice(5, 35 if along == axis else 10) for along in range(3))] = 1
    thin = sitk.GetArrayFromImage(sitk.BinaryThinning(sitk.GetImageFromArray(vessel)))
    slices = int(np.count_nonzero(thin.any((1, 2))))
    other = int(np.count_nonzero(skeletonize(vessel)))
    seen[name] = int(thin.sum()), slices
    print(f"bar along {name}: {seen[name][0]} voxels in {slices} slices, in scikit-image {other}")
    if other > 30:
        sys.exit("The behavior has changed: the skeleton of scikit-image is no line.")
if seen != {"z": (30, 30), "y": (130, 5), "x": (130, 5)}:
    sys.exit("The behavior has changed: the skeletons are others.")
PY
