#!/usr/bin/env bash
# MIALab gives a voxel the features of the neighborhood that begins with it: all feature images are a voxel off.
#
# Versions: MIALab 0.1.0, pymia 0.3.4, SimpleITK 2.5.7, NumPy 2.2.6.
# Behavior: NeighborhoodFeatureExtractor takes, for a kernel of 3 × 3 × 3, a voxel and the two behind it in each
#     direction, none before it; the image is extended at its upper end only. Mean, variance, percentiles and all others
#     lie a voxel below and to the left of what they were computed from, two with a kernel of five, beside the labels
#     that a classifier is trained on.
# Expected: a neighborhood with the voxel in its middle.
# Seen: one bright voxel at (4, 4, 4). The mean with a kernel of three is not 0 in voxels 2 to 4 of each axis, around
#     (3, 3, 3); with five in 0 to 4, around (2, 2, 2).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 simpleitk==2.5.7
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps mialab==0.1.0 pymia==0.3.4
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from mialab.filtering.feature_extraction import NeighborhoodFeatureExtractor

print({name: version(name) for name in ("mialab", "pymia", "simpleitk", "numpy")})
bright = np.zeros((9, 9, 9), np.float32)
bright[4, 4, 4] = 1
seen = {}
for size in (3, 5):
    extractor = NeighborhoodFeatureExtractor((size, size, size), np.mean)
    means = sitk.GetArrayFromImage(extractor.execute(sitk.GetImageFromArray(bright)))
    seen[size] = [(int(places.min()), int(places.max())) for places in np.nonzero(means)]
    print(f"kernel of {size}: first and last voxel on each axis {seen[size]}")
if seen != {3: [(2, 4)] * 3, 5: [(0, 4)] * 3}:
    sys.exit("The behavior has changed: the features are elsewhere.")
PY
