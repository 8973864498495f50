#!/usr/bin/env bash
# The center of mass of a cell with one intensity lies one pixel to the right of its center and one below in Nyxus.
#
# Versions: nyxus 0.11.0, NumPy 2.2.6.
# Behavior: pixels are counted from 0 for CENTROID and from 1 for WEIGHTED_CENTROID. MASS_DISPLACEMENT, the distance of
#     both, is never 0 where intensities are even, and can be 0 where they are not.
# Expected: the same center, and a displacement of 0.
# Seen: a cell of 40 x 20 pixels with intensity 100 everywhere: centroid (29.5, 19.5), weighted (30.5, 20.5),
#     displacement 1.41. The same cell brighter at the upper left, with a true displacement of 1.41: 0.0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3 nyxus==0.11.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from nyxus import Nyxus

print({name: version(name) for name in ("nyxus", "numpy")})
labels = np.zeros((60, 80), np.uint32)
labels[10:30, 10:50] = 1
y, x = np.mgrid[:60, :80]
even = np.full(labels.shape, 100, np.uint32)
# Slopes that move the center of mass by exactly one pixel along each axis: by the variance of the coordinates.
inside = labels > 0
steep = 1e6 * (1 - (x - 29.5) / x[inside].var() - (y - 19.5) / y[inside].var())
uneven = np.where(inside, steep, 1).round().astype(np.uint32)
names = ["CENTROID_X", "CENTROID_Y", "WEIGHTED_CENTROID_X", "WEIGHTED_CENTROID_Y", "MASS_DISPLACEMENT"]
seen = []
for name, image in (("even", even), ("brighter at the upper left", uneven)):
    found = Nyxus(names, n_feature_calc_threads=1).featurize(image, labels)[names].iloc[0]
    weights = image[inside].astype(float)
    truth = (x[inside] * weights).sum() / weights.sum(), (y[inside] * weights).sum() / weights.sum()
    seen.append([round(float(value), 2) for value in found])
    print(f"{name}: centroid {seen[-1][:2]}, weighted {seen[-1][2:4]} (by NumPy {truth[0]:.2f}, {truth[1]:.2f}), "
          f"displacement {seen[-1][4]}")
if seen != [[29.5, 19.5, 30.5, 20.5, 1.41], [29.5, 19.5, 29.5, 19.5, 0.0]]:
    sys.exit("The behavior has changed: the center of mass is elsewhere.")
PY
