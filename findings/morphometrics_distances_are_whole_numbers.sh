#!/usr/bin/env bash
# morphometrics' distances between surfaces are cut to whole numbers: 2 where membranes are 2.7 apart, 0 where 0.9.
#
# Versions: morphometrics 0.0.8, trimesh 4.10.1, rtree 1.4.1, NumPy 2.2.6.
# Behavior: the distances are filled into an array that has the type of the value for rays that meet nothing. This is
#     the whole number 0 unless another one is given; with 0.0 nothing is cut.
# Expected: distances as fractions, whatever fills the gaps.
# Seen: spheres of radius 10 and 12.7: 642 distances of 2, with 0.0 as fill value 2.70. Spheres of radius 10 and 10.9:
#     all 0, which is also the value for vertices beyond which there is no surface.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3 scipy==1.15.3 \
    scikit-image==0.25.2 scikit-learn==1.7.2 tqdm==4.67.1 toolz==1.2.0 pooch==1.9.0 trimesh==4.10.1 rtree==1.4.1 \
    pymeshfix==0.17.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps morphometrics==0.0.8
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import trimesh
from morphometrics.measure.surface import distance_between_surfaces

print({name: version(name) for name in ("morphometrics", "trimesh", "rtree", "numpy")})
inner = trimesh.creation.icosphere(3, 10.0)
seen = []
for radius in (12.7, 10.9):
    outer = trimesh.creation.icosphere(4, radius)
    distances = distance_between_surfaces(inner, outer)
    right = distance_between_surfaces(inner, outer, fill_value=0.0)
    seen.append((np.unique(distances).tolist(), round(float(right.mean()), 1)))
    print(f"radius 10 and {radius}: {len(distances)} distances of type {distances.dtype}", end=", ")
    print(f"values {seen[-1][0]}, with fill value 0.0 mean {right.mean():.3f}")
if seen != [([2], 2.7), ([0], 0.9)]:
    sys.exit("The behavior has changed: the distances are others.")
PY
