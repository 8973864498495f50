#!/usr/bin/env bash
# mask-stats gives half a pixel for the mean surface distance of two outlines that are a pixel apart everywhere.
#
# Versions: mask-stats 0.3.0, NumPy 2.2.6, SciPy 1.15.3, pandas 2.3.3.
# Behavior: the surface of a mask is its morphological gradient: the outermost layer of the mask and the layer of
#     background around it. If the other mask is a pixel larger, one of the two layers is in both surfaces, at distance
#     0. The mean over both layers is half of the distance, a mask of one pixel has a surface of nine.
# Expected: 1 pixel, as that of the outermost layers.
# Seen: a square of 20 pixels and the same square grown by a pixel on all sides: 0.475 from the one to the other and
#     0.532 back, where the outermost layers have 1 and 1.02. The largest distance is right: 1.41.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.15.3 pandas==2.3.3 tqdm==4.67.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps mask-stats==0.3.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from mask_stats.mask_stats import MaskPairEvaluator
from scipy.ndimage import binary_erosion, distance_transform_edt

print({name: version(name) for name in ("mask-stats", "numpy", "scipy", "pandas")})
small, large = np.zeros((60, 60), bool), np.zeros((60, 60), bool)
small[20:40, 20:40] = True
large[19:41, 19:41] = True
layers = [mask & ~binary_erosion(mask) for mask in (small, large)]
right = [round(float(distance_transform_edt(~layers[1 - side])[layers[side]].mean()), 2) for side in (0, 1)]
overall = MaskPairEvaluator(small, large).overall
mean = [round(float(value), 3) for value in overall.compute_average_surface_distance()]
largest = round(float(max(overall.compute_percentile_surface_distance(100))), 2)
print(f"mean distance {mean}, of the outermost layers {right}; largest {largest}")
if mean != [0.475, 0.532] or right != [1.0, 1.02] or largest != 1.41:
    sys.exit("The behavior has changed: the distances are others.")
PY
