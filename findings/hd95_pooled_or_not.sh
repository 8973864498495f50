#!/usr/bin/env bash
# The 95th percentile Hausdorff distance of the same two masks is 0 in one library and 17 in another.
#
# Versions: MedPy 0.5.2, surface-distance 0.1, NumPy 2.4.6.
# Behavior: MedPy puts the distances of both directions into one set and takes its percentile; surface-distance takes
#     a percentile for each direction and the larger of the two. A small false object is more than 5 percent of one
#     surface and less than 5 percent of both together.
# Expected: one value, up to the way the surface is found, since it has one name in both.
# Seen: a square of 30 x 30 pixels, and the same with a false object of 4 x 4 pixels 16 pixels away: 0.0 from MedPy,
#     17.0 from surface-distance.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 medpy==0.5.2 surface-distance==0.1
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import surface_distance
from medpy.metric.binary import hd95

print({name: version(name) for name in ("medpy", "surface-distance", "numpy")})
truth = np.zeros((40, 60), bool)
truth[5:35, 5:35] = True
found = truth.copy()
found[18:22, 50:54] = True
pooled = float(hd95(found, truth))
larger = float(surface_distance.compute_robust_hausdorff(surface_distance.compute_surface_distances(truth, found, (1, 1)), 95))
print(f"MedPy {pooled:.3f}, surface-distance {larger:.3f}")
if (pooled, larger) != (0.0, 17.0):
    sys.exit("The behavior has changed: the two agree, or disagree in another way.")
PY
