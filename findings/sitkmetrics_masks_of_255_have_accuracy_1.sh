#!/usr/bin/env bash
# SitkMetrics gives wrong masks of 0 and 255 an accuracy of 1 and no Dice, masks of 0 and 1 the right values.
#
# Versions: SitkMetrics 1.0, SimpleITK 2.5.7, NumPy 2.2.6.
# Behavior: Metrics counts as object what is exactly 1 in both images, and as background what is 0. Voxels of 255, which
#     most editors and PNG files use, are neither: there are no true positives, false positives or false negatives, all
#     background is right, and accuracy and specificity are 1 whatever the result is.
# Expected: the same values for the same masks ("segmented image", "ground truth mask"), or an error.
# Seen: an object of 2400 voxels, found 2 voxels beside its place. As 1: 2160 true positives, accuracy 0.97, Dice 0.9.
#     As 255: no true positives, accuracy 1.0, Dice NaN.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 simpleitk==2.5.7 setuptools==80.9.0 wheel==0.48.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps --no-build-isolation SitkMetrics==1.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from SitkMetrics.metrics import Metrics

print({name: version(name) for name in ("SitkMetrics", "SimpleITK", "numpy")})
truth = np.zeros((10, 40, 40), np.uint8)
truth[2:8, 10:30, 10:30] = 1
found = np.roll(truth, 2, axis=1)
seen = {}
for value in (1, 255):
    metrics = Metrics(*(sitk.GetImageFromArray(mask * np.uint8(value)) for mask in (found, truth)))
    seen[value] = metrics.GetTruePositiveCount(), round(metrics.GetAccuracy(), 3), metrics.GetDiceCoefficient()
    print(f"object {value}: {seen[value][0]} true positives, accuracy {seen[value][1]}, Dice {seen[value][2]}")
if seen[1] != (2160, 0.97, 0.9) or seen[255][:2] != (0, 1.0) or not np.isnan(seen[255][2]):
    sys.exit("The behavior has changed: the values are others.")
PY
