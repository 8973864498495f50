#!/usr/bin/env bash
# zmesh moves every mesh by a voxel along each axis if meshes are to be closed at the border of the image.
#
# Versions: zmesh 1.15.0, NumPy 2.4.6.
# Behavior: Mesher.mesh(labels, close=True) puts a layer of background around the image, so that objects which the
#     border cuts off are closed, and leaves the vertices in the coordinates of the enlarged image. Objects that are far
#     from the border are moved as well: in slices of 5 mm by 5 mm.
# Expected: "this ensures that all meshes produced will be closed", in the same place.
# Seen: a box inside an image with voxels of 1 x 1 x 5 mm: from (4.5, 4.5, 12.5) to (14.5, 14.5, 32.5) as is; with
#     close=True from (5.5, 5.5, 17.5) to (15.5, 15.5, 37.5).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 zmesh==1.15.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import zmesh

print({name: version(name) for name in ("zmesh", "numpy")})
labels = np.zeros((20, 20, 10), np.uint8)
labels[5:15, 5:15, 3:7] = 1
seen = {}
for close in (False, True):
    mesher = zmesh.Mesher((1.0, 1.0, 5.0))
    mesher.mesh(labels, close=close)
    vertices = mesher.get(1).vertices
    seen[close] = vertices.min(axis=0).tolist(), vertices.max(axis=0).tolist()
    print(f"close={close}: from {seen[close][0]} to {seen[close][1]} mm")
if seen != {False: ([4.5, 4.5, 12.5], [14.5, 14.5, 32.5]), True: ([5.5, 5.5, 17.5], [15.5, 15.5, 37.5])}:
    sys.exit("The behavior has changed: the meshes are elsewhere.")
PY
