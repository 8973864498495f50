#!/usr/bin/env bash
# mahotas' disk of radius 1 is a single pixel: dilation and erosion with it change nothing.
#
# Versions: mahotas 1.4.19, scikit-image 0.26.0, NumPy 2.4.6, SciPy 1.17.1.
# Behavior: pixels at a distance of the radius are left out, so disk(1) is one pixel (with a border of zeros) and
#     disk(2) a square of 3 x 3, in 3D a cube. The array is as large as a disk of that radius would need.
# Expected: the 5 pixels of disk(1) in scikit-image, and 13 of disk(2): "radius (in pixels) of returned disk".
# Seen: 1, 9 and 25 pixels for radius 1, 2 and 3. A nucleus of 5 x 5 pixels stays one of 25 pixels when it is dilated or
#     eroded with disk(1); dilated with disk(2) it has 49 instead of 69.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0 mahotas==1.4.19
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import mahotas
import numpy as np
from skimage import morphology

print({name: version(name) for name in ("mahotas", "scikit-image", "numpy", "scipy")})
nucleus = np.zeros((21, 21), bool)
nucleus[8:13, 8:13] = True
seen = {}
for radius in (1, 2, 3):
    disk, other = mahotas.disk(radius), morphology.disk(radius)
    seen[radius] = (
        int(disk.sum()), int(mahotas.dilate(nucleus, disk).sum()), int(mahotas.erode(nucleus, disk).sum()),
        int(other.sum()), int(morphology.dilation(nucleus, other).sum()),
    )
    print("radius {}: {} pixels, a nucleus of 25 is dilated to {} and eroded to {}; scikit-image: {}, {}".format(
        radius, *seen[radius]))
ball = int(mahotas.disk(2, dim=3).sum())
print(f"ball of radius 2: {ball} voxels")
if [seen[radius][:3] for radius in seen] != [(1, 25, 25), (9, 49, 9), (25, 81, 1)] or ball != 27:
    sys.exit("The behavior has changed: the disks are others.")
PY
