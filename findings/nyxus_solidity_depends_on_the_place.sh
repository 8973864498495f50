#!/usr/bin/env bash
# The solidity of a square cell is 1.11, 0.73 or 0.18 in Nyxus, depending on where in the image it lies.
#
# Versions: nyxus 0.11.0, scikit-image 0.26.0, NumPy 2.2.6.
# Behavior: CONVEX_HULL_AREA, by which the area is divided, grows with the distance of a cell from the upper left
#     corner, above all downward, as if one edge of the hull were left out of the sum. At the corner it is that of a
#     hull through the middles of pixels.
# Expected: 1 for a convex cell, and the same wherever it is.
# Seen: a cell of 20 x 20 pixels at (0, 0), (10, 40), (60, 100), (100, 10): hull 361, 551, 1501, 2261, solidity 1.11,
#     0.73, 0.27, 0.18. By scikit-image 400 and 1 everywhere.
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
seen = {}
for y, x in ((0, 0), (10, 40), (60, 100), (100, 10)):
    labels = np.zeros((140, 160), np.uint32)
    labels[y:y + 20, x:x + 20] = 1
    found = Nyxus(["SOLIDITY", "CONVEX_HULL_AREA"], n_feature_calc_threads=1).featurize(100 * labels, labels)
    (region,) = regionprops(labels)
    seen[y, x] = int(found["CONVEX_HULL_AREA"].iloc[0]), round(float(found["SOLIDITY"].iloc[0]), 2)
    print(f"cell of 20 x 20 pixels at {y}, {x}: hull {seen[y, x][0]}, solidity {seen[y, x][1]}, by scikit-image "
          f"{int(region.area_convex)} and {float(region.solidity)}")
if seen != {(0, 0): (361, 1.11), (10, 40): (551, 0.73), (60, 100): (1501, 0.27), (100, 10): (2261, 0.18)}:
    sys.exit("The behavior has changed: the solidity is another one.")
PY
