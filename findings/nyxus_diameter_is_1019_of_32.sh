#!/usr/bin/env bash
# A cell of 40 x 20 pixels has a diameter of 1019 pixels in Nyxus.
#
# Versions: nyxus 0.11.0, scikit-image 0.26.0, NumPy 2.2.6.
# Behavior: DIAMETER_EQUAL_AREA is four times the area divided by pi, without the root. Twice the diameter is four times
#     as much, so cells cannot be compared either.
# Expected: the diameter of a circle of the same area: 32 pixels.
# Seen: 800 pixels: 1018.6 instead of 31.9. 200 pixels: 254.6 instead of 16.0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 pandas==2.3.3 scikit-image==0.26.0 nyxus==0.11.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from nyxus import Nyxus
from skimage.measure import regionprops

print({name: version(name) for name in ("nyxus", "scikit-image", "numpy")})
labels = np.zeros((60, 80), np.uint32)
labels[5:25, 5:45] = 1
labels[40:50, 5:25] = 2
found = Nyxus(["DIAMETER_EQUAL_AREA"], n_feature_calc_threads=1).featurize(100 * labels, labels)
seen = [round(float(value), 1) for value in found["DIAMETER_EQUAL_AREA"]]
for region, value in zip(regionprops(labels), seen):
    print(f"cell of {int(region.area)} pixels: diameter {value}, by scikit-image {region.equivalent_diameter_area:.1f}")
if seen != [1018.6, 254.6]:
    sys.exit("The behavior has changed: the diameter is another one.")
PY
