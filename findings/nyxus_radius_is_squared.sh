#!/usr/bin/env bash
# The radius of a disk of 40 pixels is 1522 in Nyxus.
#
# Versions: nyxus 0.11.0, SciPy 1.17.1, NumPy 2.2.6.
# Behavior: ROI_RADIUS_MAX, ROI_RADIUS_MEAN and ROI_RADIUS_MEDIAN are those of squared distances to the border. The root
#     of the mean is not the mean of the distances either.
# Expected: distances to the border in pixels, at most the radius.
# Seen: disks with radii of 10, 20 and 40 pixels: largest 82, 362 and 1522, mean 13, 61 and 250. Distances by SciPy:
#     largest 10.0, 20.0 and 40.0, mean 3.7, 7.0 and 13.6.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 pandas==2.3.3 scipy==1.17.1 nyxus==0.11.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from nyxus import Nyxus
from scipy.ndimage import distance_transform_edt

print({name: version(name) for name in ("nyxus", "scipy", "numpy")})
y, x = np.mgrid[:140, :160]
seen = {}
for radius in (10, 20, 40):
    labels = ((y - 70) ** 2 + (x - 80) ** 2 <= radius ** 2).astype(np.uint32)
    names = ["ROI_RADIUS_MAX", "ROI_RADIUS_MEAN"]
    found = Nyxus(names, n_feature_calc_threads=1).featurize(100 * labels, labels)[names].iloc[0]
    seen[radius] = [round(float(value)) for value in found]
    distances = distance_transform_edt(labels)[labels > 0]
    print(f"disk with a radius of {radius} pixels: largest {seen[radius][0]}, mean {seen[radius][1]}, by SciPy "
          f"{distances.max():.1f} and {distances.mean():.1f}")
if seen != {10: [82, 13], 20: [362, 61], 40: [1522, 250]}:
    sys.exit("The behavior has changed: the radii are others.")
PY
