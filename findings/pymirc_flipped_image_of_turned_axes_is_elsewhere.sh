#!/usr/bin/env bash
# pymirc flips an image in its array and its affine in the world: of turned images each voxel lies elsewhere afterwards.
#
# Versions: pymirc 0.30.2, Numba 0.61.2, nibabel 5.3.2, SciPy 1.15.3, NumPy 2.2.6.
# Behavior: flip_image_and_affine reverses an axis of the array, and multiplies the affine by a reflection of the axis
#     of the world that has the same number, from the left instead of from the right. If the axes of the image run along
#     those of the world in their order, it is the same. If they are turned, or x and y change places as in many files,
#     the new affine is that of another image.
# Expected: the same values at the same places of the world, in another order in memory.
# Seen: voxels of 2 × 2 × 3 mm, a voxel (1, 2, 3) of 6 × 7 × 8, flipped along the first axis. Axes of the world: 0 mm.
#     Turned by 30 degrees: 5.0 mm away. x and y exchanged: 10.0 mm.
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
from pymirc.image_operations import flip_image_and_affine

print({name: version(name) for name in ("pymirc", "numba", "nibabel", "scipy", "numpy")})
straight = np.diag([2.0, 2.0, 3.0, 1.0])
straight[:3, 3] = -90, -120, -70
turn = np.eye(4)
turn[:2, :2] = [[np.cos(np.pi / 6), -np.sin(np.pi / 6)], [np.sin(np.pi / 6), np.cos(np.pi / 6)]]
image = np.arange(336.0).reshape(6, 7, 8)
seen = {}
for name, affine in (("straight", straight), ("turned", straight @ turn), ("exchanged", straight[:, [1, 0, 2, 3]])):
    flipped, new = flip_image_and_affine(image, affine, 0)
    place = np.argwhere(flipped == image[1, 2, 3])[0]
    seen[name] = round(float(np.linalg.norm(affine @ [1, 2, 3, 1] - new @ [*place, 1])), 1)
    print(f"{name}: {seen[name]} mm")
if seen != {"straight": 0.0, "turned": 5.0, "exchanged": 10.0}:
    sys.exit("The behavior has changed: the places are others.")
PY
