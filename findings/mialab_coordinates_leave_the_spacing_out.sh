#!/usr/bin/env bash
# MIALab's coordinates of a voxel take every voxel for one of 1 mm: a brain in 2 mm has half of its size.
#
# Versions: MIALab 0.1.0, pymia 0.3.4, SimpleITK 2.5.7, NumPy 2.2.6.
# Behavior: AtlasCoordinates adds the index of a voxel, turned by the direction of the image, to the origin; the spacing
#     is not used. In an atlas of 1 mm it does not show. Brains in an atlas of 2 mm have coordinates within half of the
#     head, and of two resolutions of the same atlas the same place has two coordinates, as a feature for a classifier.
# Expected: physical coordinates, as TransformIndexToPhysicalPoint gives them.
# Seen: an image of 91 × 109 × 91 voxels of 2 mm with the origin at (−90, −126, −72) mm. Its last voxel has the
#     coordinates (0, −18, 18) instead of (90, 90, 108).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 simpleitk==2.5.7
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps mialab==0.1.0 pymia==0.3.4
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import SimpleITK as sitk
from mialab.filtering.feature_extraction import AtlasCoordinates

print({name: version(name) for name in ("mialab", "pymia", "simpleitk", "numpy")})
brain = sitk.Image([91, 109, 91], sitk.sitkFloat32)
brain.SetSpacing((2, 2, 2))
brain.SetOrigin((-90, -126, -72))
last = [size - 1 for size in brain.GetSize()]
given = AtlasCoordinates().execute(brain).GetPixel(*last)
right = brain.TransformIndexToPhysicalPoint(last)
print(f"last voxel: {given}; SimpleITK: {right}")
if tuple(given) != (0.0, -18.0, 18.0) or right != (90.0, 90.0, 108.0):
    sys.exit("The behavior has changed: the coordinates are others.")
PY
