#!/usr/bin/env bash
# SimpleITK's Feret diameter is measured between the middles of voxels: 5 mm of a lesion that is 10 mm tall.
#
# Versions: SimpleITK 2.5.7, NumPy 2.4.6.
# Behavior: the largest diameter of LabelShapeStatistics is the largest distance of two voxels' middles. A voxel is
#     missing in each direction: a lesion in a single slice has no height, in two slices of 5 mm half of its own. The
#     oriented bounding box and the volume of the same filter count whole voxels.
# Expected: the longest caliper diameter of the object, at least as long as the side of its bounding box.
# Seen: columns of 1, 2 and 4 voxels in slices of 5 mm: 0, 5 and 15 mm; the box is 5, 10 and 20 mm tall.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 simpleitk==2.5.7
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk

print({name: version(name) for name in ("SimpleITK", "numpy")})
shape = sitk.LabelShapeStatisticsImageFilter()
shape.ComputeFeretDiameterOn()
shape.ComputeOrientedBoundingBoxOn()
seen = {}
for slices in (1, 2, 4):
    voxels = np.zeros((9, 10, 10), np.uint8)
    voxels[2 : 2 + slices, 5, 5] = 1
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((1.0, 1.0, 5.0))
    shape.Execute(image)
    seen[slices] = round(shape.GetFeretDiameter(1), 1), round(max(shape.GetOrientedBoundingBoxSize(1)), 1)
    print(
        f"{slices} slices of 5 mm: Feret diameter {seen[slices][0]}, side of the box {seen[slices][1]} mm,",
        f"volume {shape.GetPhysicalSize(1)} mm³",
    )
if seen != {1: (0.0, 5.0), 2: (5.0, 10.0), 4: (15.0, 20.0)}:
    sys.exit("The behavior has changed: the diameters are others.")
PY
