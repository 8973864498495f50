#!/usr/bin/env bash
# contour-depth's inclusion depth within a cluster is the epsilon inclusion depth: 0.7 where it is 0.
#
# Versions: contour-depth 0.0.2, NumPy 2.2.6, SciPy 1.15.3, scikit-image 0.25.2.
# Behavior: compute_depth_in_cluster compares the class of depths, not the one that was asked for, with InclusionDepth.
#     This is never true, so that the shares of area are used that belong to EpsilonInclusionDepth.
# Expected: with one cluster that holds all contours, the same depths as without clusters.
# Seen: seven disks of the same size in different places, none within another: inclusion depth 0 for all, within the
#     cluster 0.66 to 0.73, which is the epsilon depth to six digits.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.15.3 scikit-image==0.25.2 \
    matplotlib==3.10.8
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps contour-depth==0.0.2
MPLBACKEND=Agg "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from contour_depth.cluster import compute_depth_in_cluster
from contour_depth.depth import Depth, compute_contour_depth

print({name: version(name) for name in ("contour-depth", "numpy", "scipy", "scikit-image")})
row, column = np.mgrid[:64, :64]
places = [(30, 32), (31, 34), (32, 36), (33, 33), (34, 35), (35, 32), (36, 34)]
masks = [((column - x) ** 2 + (row - y) ** 2 <= 144).astype(np.uint8) for x, y in places]
together = np.zeros(len(masks), int)
strict = compute_contour_depth(masks, Depth.InclusionDepth)
soft = compute_contour_depth(masks, Depth.EpsilonInclusionDepth)
within = compute_depth_in_cluster(masks, together, 1, Depth.InclusionDepth)[0]
print("inclusion depth", strict, "with epsilon", soft.round(3))
print("inclusion depth within the one cluster", within.round(3))
if strict.any() or not np.allclose(within, soft, atol=1e-5) or within.min() < 0.6:
    sys.exit("The behavior has changed: the depth within a cluster is another.")
PY
