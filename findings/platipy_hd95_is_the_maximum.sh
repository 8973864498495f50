#!/usr/bin/env bash
# platipy's 95 % Hausdorff distance is the Hausdorff distance: one stray voxel decides it.
#
# Versions: platipy 0.7.2, SimpleITK 2.5.7, MedPy 0.5.2, NumPy 2.4.6.
# Behavior: compute_surface_metrics takes the 95th percentile of two numbers, the largest distance in each direction,
#     instead of the percentiles of all distances. What it gives lies between the two maxima, next to the larger. (Its
#     standard deviation of the distances, sigmaSurfaceDistance, is a sum that was not divided by their number.)
# Expected: at most a twentieth of the surface is further away, as the name "hausdorffDistance95" says.
# Seen: two equal balls of radius 10, one with a stray voxel away: hausdorffDistance 16.6, hausdorffDistance95 15.8;
#     MedPy's hd95 is 0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.4.6 scipy==1.17.1 simpleitk==2.5.7 medpy==0.5.2 platipy==0.7.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from medpy.metric.binary import hd95
from platipy.imaging.label.comparison import compute_surface_metrics

print({name: version(name) for name in ("platipy", "simpleitk", "medpy", "numpy")})
z, y, x = np.mgrid[:40, :40, :40]
ball = ((z - 15) ** 2 + (y - 20) ** 2 + (x - 20) ** 2 <= 10**2).astype(np.uint8)
stray = ball.copy()
stray[37, 35, 20] = 1
metrics = compute_surface_metrics(*(sitk.GetImageFromArray(mask) for mask in (ball, stray)))
names = ("hausdorffDistance", "hausdorffDistance95", "sigmaSurfaceDistance")
seen = {name: round(float(metrics[name]), 1) for name in names}
print("platipy:", seen, "MedPy hd95:", float(hd95(ball, stray)))
if not seen["hausdorffDistance95"] > 0.9 * seen["hausdorffDistance"] or hd95(ball, stray) != 0:
    sys.exit("The behavior has changed: the 95 % distance is no longer next to the maximum.")
PY
