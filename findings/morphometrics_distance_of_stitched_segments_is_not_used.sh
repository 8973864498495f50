#!/usr/bin/env bash
# morphometrics stitches segments whose centers are further apart than the distance that is allowed, whatever it is.
#
# Versions: morphometrics 0.0.8, NumPy 2.2.6, scikit-image 0.25.2.
# Behavior: the allowed distance is subtracted from that of the centers, and the difference, which is true for every
#     number but 0, is taken for the answer. Only centers that are exactly that far apart are not stitched.
# Expected: find_labels_to_stitch leaves out a segment whose center is 25 pixels aside if 5 are allowed.
# Seen: a segment that touches another one in the next slice, with its center 25 pixels aside, is stitched with a
#     threshold of 50, 5 and 0, and left out with one of 25.
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
from morphometrics.label.stitch import _measure_segment_properties, find_labels_to_stitch

print({name: version(name) for name in ("morphometrics", "numpy", "scikit-image")})
labels = np.zeros((10, 100, 100), np.uint16)
labels[0:5, 20:61, 20:61] = 1
labels[5:8, 35:96, 35:46] = 2
centers = [np.argwhere(labels == label).mean(axis=0)[1:] for label in (1, 2)]
print("centers", [center.tolist() for center in centers], "distance", np.linalg.norm(centers[0] - centers[1]))
thicknesses, tops, bottoms = _measure_segment_properties(labels)
seen = {}
for allowed in (50, 25, 5, 0):
    found = find_labels_to_stitch(labels, 1, tops, bottoms, thicknesses, center_distance_threshold=allowed)
    seen[allowed] = [int(label) for label in found]
    print(f"allowed distance {allowed}: stitched {seen[allowed]}")
if seen != {50: [2], 25: [], 5: [2], 0: [2]}:
    sys.exit("The behavior has changed: other segments are stitched.")
PY
