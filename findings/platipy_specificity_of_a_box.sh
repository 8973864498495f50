#!/usr/bin/env bash
# platipy's specificity is that of the box around both objects: 0 where 0.998 of the background is right.
#
# Versions: platipy 0.7.2, SimpleITK 2.5.7, NumPy 2.4.6.
# Behavior: compute_metric_specificity cuts the images to the smallest box around both masks before it counts
#     (auto_crop=True, which its docstring does not mention). compute_volume_metrics does not, so its
#     trueNegativeFraction, the same quantity, is another number for the same masks. The first depends on how the
#     objects lie to the axes.
# Expected: true negatives divided by all negatives of the image, the same in both functions.
# Seen: boxes of 10 x 10 x 10, shifted by 5 voxels along one axis, in 60 x 60 x 60: specificity 0.0 and
#     trueNegativeFraction 0.998; shifted along a diagonal instead, by 5 each: 0.632 and 0.996.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 simpleitk==2.5.7 platipy==0.7.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from platipy.imaging.label.comparison import compute_metric_specificity, compute_volume_metrics

print({name: version(name) for name in ("platipy", "simpleitk", "numpy")})
seen = []
for shift in ((0, 0, 5), (5, 5, 5)):
    masks = np.zeros((2, 60, 60, 60), np.uint8)
    masks[0, 20:30, 20:30, 20:30] = 1
    masks[1] = np.roll(masks[0], shift, (0, 1, 2))
    images = [sitk.GetImageFromArray(mask) for mask in masks]
    numbers = compute_metric_specificity(*images), compute_volume_metrics(*images)["trueNegativeFraction"]
    seen.append([round(float(number), 3) for number in numbers])
    print(f"shifted by {shift}: specificity {seen[-1][0]}, trueNegativeFraction {seen[-1][1]}")
if not all(specificity < 0.9 and fraction > 0.99 for specificity, fraction in seen):
    sys.exit("The behavior has changed: the two functions agree.")
PY
