#!/usr/bin/env bash
# miseval's average Hausdorff distance is the maximum, and its boundary distance of a perfect result is not 0.
#
# Versions: miseval 1.3.0, NumPy 2.4.6, SciPy 1.17.1, scikit-image 0.26.0.
# Behavior: "AHD", which the package's guideline recommends beside Dice, is the largest distance from the border of one
#     mask to the other mask. "BD" is the mean distance of all pairs of points on the two contours, also of those on
#     opposite sides, so that it is about the radius where both contours are the same.
# Expected: an average that one stray pixel moves by little; a distance of 0 from a mask to itself.
# Seen: a square of 10 x 10 pixels and the same with one stray pixel: AHD 57.98, average of the distances between the
#     borders 0.78. The square and itself: BD 7.36.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0 scikit-learn==1.9.1 numba==0.68.1 hausdorff==0.2.6
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps dictances==1.5.3 miseval==1.3.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from miseval import evaluate
from scipy.ndimage import binary_erosion, distance_transform_edt

print({name: version(name) for name in ("miseval", "numpy", "scipy", "scikit-image")})
truth = np.zeros((64, 64), int)
truth[10:20, 10:20] = 1
stray = truth.copy()
stray[60, 60] = 1
borders = [mask & ~binary_erosion(mask) for mask in (truth == 1, stray == 1)]
distances = [distance_transform_edt(~other)[border] for border, other in (borders, borders[::-1])]
average = round(float(np.mean([directed.mean() for directed in distances])), 2)
ahd = round(float(evaluate(truth, stray, metric="AHD")), 2)
bd = round(float(evaluate(truth, truth, metric="BD")), 2)
print(f"with one stray pixel: AHD {ahd}, average of the distances between the borders {average}")
print(f"a mask and itself: BD {bd}, AHD {evaluate(truth, truth, metric='AHD')}")
if (ahd, bd) != (57.98, 7.36):
    sys.exit("The behavior has changed: the distances are others.")
PY
