#!/usr/bin/env bash
# The ball of radius 1 of SimpleITK is a full square in a picture and 19 voxels in a volume.
#
# Versions: SimpleITK 2.5.7, scikit-image 0.26.0, NumPy 2.4.6.
# Behavior: BinaryDilate and BinaryErode with the kernel "ball" take every pixel whose center lies in an ellipsoid of
#     2 * radius + 1 pixels in diameter, so half a pixel more than the radius.
# Expected: pixels whose center is at most the radius away, as scikit-image's disk and ball are: 5 and 7 for radius 1.
#     One dilation by a ball of radius 1 should move a border by one pixel in each direction, the diagonal ones less.
# Seen: one pixel dilated by a ball of radius 1, 2, 3 becomes 9, 21, 37 pixels (scikit-image's disk: 5, 13, 29);
#     one voxel becomes 19, 81, 179 voxels (scikit-image's ball: 7, 33, 123).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 simpleitk==2.5.7 scikit-image==0.26.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from skimage.morphology import ball, disk

print({name: version(name) for name in ("simpleitk", "scikit-image", "numpy")})
sizes = []
for axes, footprint in ((2, disk), (3, ball)):
    point = np.zeros((11,) * axes, np.uint8)
    point[(5,) * axes] = 1
    for radius in (1, 2, 3):
        dilated = sitk.BinaryDilate(sitk.GetImageFromArray(point), [radius] * axes, sitk.sitkBall)
        sizes.append((int(sitk.GetArrayFromImage(dilated).sum()), int(footprint(radius).sum())))
        print(f"{axes} axes, radius {radius}: SimpleITK {sizes[-1][0]}, scikit-image {sizes[-1][1]}")
if sizes != [(9, 5), (21, 13), (37, 29), (19, 7), (81, 33), (179, 123)]:
    sys.exit("The behavior has changed: the balls have other sizes.")
PY
