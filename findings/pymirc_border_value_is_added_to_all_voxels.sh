#!/usr/bin/env bash
# pymirc makes −4000 HU of air of −1000 HU where it shrinks a CT and is told that −1000 lies beyond its border.
#
# Versions: pymirc 0.30.2, Numba 0.61.2, nibabel 5.3.2, SciPy 1.15.3, NumPy 2.2.6.
# Behavior: zoom3d goes through the axes one by one. To make an image smaller, each step fills its result with cval and
#     then adds the weighted voxels to it, so every voxel has cval three times too much. To make it larger, the
#     outermost voxels get the whole of cval instead of its share, for each axis again. With 0, the default, it is right
#     inside, and the border of a larger CT is drawn toward 0.
# Expected: "cval" as the value of what lies outside: a constant image of that value stays as it is.
# Seen: a constant CT of −1000 HU with cval=-1000. Half as large: −4000 everywhere. Twice as large: −1000 inside, −1750
#     on the faces, −2734 in the corners. With cval=0: −1000 half as large; −750 and −422 at the border twice as large.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.15.3 numba==0.61.2 nibabel==5.3.2 \
    pydicom==3.0.1 matplotlib==3.10.8 scikit-image==0.25.2
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps pymirc==0.30.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from pymirc.image_operations import zoom3d

print({name: version(name) for name in ("pymirc", "numba", "nibabel", "scipy", "numpy")})
air = np.full((10, 10, 10), -1000.0)
seen = {}
for factor in (0.5, 2.0):
    for outside in (0, -1000):
        zoomed = zoom3d(air, factor, cval=outside)
        middle = zoomed.shape[0] // 2
        places = zoomed[middle, middle, middle], zoomed[0, middle, middle], zoomed[0, 0, 0]
        seen[factor, outside] = [round(float(value)) for value in places]
        print(f"factor {factor}, cval {outside}: middle, face and corner {seen[factor, outside]}")
if seen != {
    (0.5, 0): [-1000, -1000, -1000],
    (0.5, -1000): [-4000, -4000, -4000],
    (2.0, 0): [-1000, -750, -422],
    (2.0, -1000): [-1000, -1750, -2734],
}:
    sys.exit("The behavior has changed: the values are others.")
PY
