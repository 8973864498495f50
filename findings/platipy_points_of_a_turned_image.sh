#!/usr/bin/env bash
# platipy's transformation of voxels to physical points leaves out the direction of the image.
#
# Versions: platipy 0.7.2, SimpleITK 2.5.7, NumPy 2.4.6.
# Behavior: vectorised_transform_index_to_physical_point multiplies by the spacing and adds the origin, in the order z,
#     y, x. The cosines of the image are not used, and its argument rotate=True is about the order of the axes. Of a
#     sagittal series or a tilted one the points lie elsewhere; evaluate_distance_on_surface of platipy uses them. The
#     way back has the same gap, so that there and back again looks right.
# Expected: the points of SimpleITK's TransformIndexToPhysicalPoint, after which the function is named.
# Seen: voxel (3, 2, 1) of an image that is turned by 90 degrees about z, spacing 1, 2 and 3 mm, origin 5, 6 and 7 mm:
#     (8, 10, 10) mm instead of (1, 9, 10).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 simpleitk==2.5.7 platipy==0.7.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from platipy.imaging.label.utils import vectorised_transform_index_to_physical_point

print({name: version(name) for name in ("platipy", "simpleitk", "numpy")})
seen = {}
for name, direction in (("straight", (1, 0, 0, 0, 1, 0, 0, 0, 1)), ("turned", (0, -1, 0, 1, 0, 0, 0, 0, 1))):
    image = sitk.Image(8, 9, 10, sitk.sitkUInt8)
    image.SetSpacing((1.0, 2.0, 3.0))
    image.SetOrigin((5.0, 6.0, 7.0))
    image.SetDirection(direction)
    (point,) = vectorised_transform_index_to_physical_point(image, np.array([[1, 2, 3]]))  # in order z, y, x
    seen[name] = point[::-1].tolist(), list(image.TransformIndexToPhysicalPoint((3, 2, 1)))
    print(f"{name}: voxel (3, 2, 1) is at {seen[name][0]} mm by platipy, at {seen[name][1]} mm by SimpleITK")
if seen["straight"][0] != seen["straight"][1] or seen["turned"][0] == seen["turned"][1]:
    sys.exit("The behavior has changed: the direction is used.")
PY
