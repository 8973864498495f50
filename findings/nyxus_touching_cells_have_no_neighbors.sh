#!/usr/bin/env bash
# Cells that touch have no neighbors in Nyxus, whatever the distance is set to, if images are given as arrays.
#
# Versions: nyxus 0.11.0, SciPy 1.17.1, NumPy 2.2.6.
# Behavior: all features of neighbors are 0 where featurize() is called: NUM_NEIGHBORS, PERCENT_TOUCHING, the distances
#     to the closest ones. No message says that they were not computed.
# Expected: the number of cells within neighbor_distance, the share of the border that touches others, the distance of
#     the centers.
# Seen: three cells of 20 x 20 pixels side by side, with neighbor_distance 5 and 50: 0 neighbors, 0 % and a distance of
#     0 for each. The middle one has 2, and the centers are 20 pixels apart.
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
from scipy.ndimage import binary_dilation

print({name: version(name) for name in ("nyxus", "scipy", "numpy")})
labels = np.zeros((60, 100), np.uint32)
for number in (1, 2, 3):
    labels[20:40, 20 * number:20 * number + 20] = number
truth = [np.unique(labels[binary_dilation(labels == number) & (labels > 0)]).size - 1 for number in (1, 2, 3)]
names = ["NUM_NEIGHBORS", "PERCENT_TOUCHING", "CLOSEST_NEIGHBOR1_DIST"]
seen = {}
for distance in (5, 50):
    found = Nyxus(names, neighbor_distance=distance, n_feature_calc_threads=1).featurize(100 + labels, labels)
    seen[distance] = found[names].to_numpy().tolist()
    print(f"neighbor_distance {distance}: {names} {seen[distance]}; cells that touch: {truth}")
if truth != [1, 2, 1] or seen != {5: [[0, 0, 0]] * 3, 50: [[0, 0, 0]] * 3}:
    sys.exit("The behavior has changed: there are neighbors.")
PY
