#!/usr/bin/env bash
# stl2mask draws every mesh one voxel too far to the start of all three axes: 5 mm too low in slices of 5 mm.
#
# Versions: stl2mask 0.3.0, meshlib 3.0.7.226, SimpleITK 2.5.7.
# Behavior: the origin is moved by half a voxel as if distances were measured at the corners of voxels, while MeshLib
#     measures them in the middle of voxels that begin at the origin. The two halves add up.
# Expected: voxels whose middle lies in the mesh, and a mask that comes back from mask2stl and stl2mask unchanged.
# Seen: a box around voxels 10 ... 29, 10 ... 19 and slices 5 ... 14 is drawn in 9 ... 28, 9 ... 18 and slices 4 ... 13.
#     A mask that goes through mask2stl and back has moved by one voxel along each axis, Dice 0.77; mask2stl is right.
#     With an offset of −0.5 instead of 0.5 both are right.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 SimpleITK==2.5.7 click==8.3.1 \
    meshlib==3.0.7.226
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps stl2mask==0.3.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import meshlib.mrmeshpy as mm
import numpy as np
import SimpleITK as sitk
from stl2mask.mask_to_stl import mask2stl
from stl2mask.stl_to_mask import stl2mask

print({name: version(name) for name in ("stl2mask", "meshlib", "simpleitk")})
image, mask = Path("image.nii.gz"), Path("mask.nii.gz")
array = np.zeros((30, 40, 50), np.uint8)
array[5:15, 10:20, 10:30] = 1
given = sitk.GetImageFromArray(array)
given.SetSpacing((1, 1, 5))
sitk.WriteImage(given, image)
corner = given.TransformContinuousIndexToPhysicalPoint((9.5, 9.5, 4.5))
mm.saveMesh(mm.makeCube(mm.Vector3f(20, 10, 50), mm.Vector3f(*corner)), Path("box.stl"))
mask2stl(image, None, Path("mask.stl"))
bounds = mm.loadMesh(Path("mask.stl")).computeBoundingBox()
print("first corner of the box", corner, "of the mesh of the mask", (bounds.min.x, bounds.min.y, bounds.min.z))
seen = {}
for name in ("box", "mask"):
    for offset in (0.5, -0.5):
        stl2mask(Path(f"{name}.stl"), image, mask, offset=offset)
        drawn = sitk.GetArrayFromImage(sitk.ReadImage(mask)) > 0
        ends = [(int(places.min()), int(places.max())) for places in np.nonzero(drawn)]
        dice = 2 * np.sum(drawn & (array > 0)) / (drawn.sum() + array.sum())
        seen[name, offset] = [first for first, _ in ends]
        print(f"{name} with offset {offset}: slices, rows, columns {ends}, Dice {dice:.2f}")
right, moved = [5, 10, 10], [4, 9, 9]
if any(place != (moved if offset > 0 else right) for (_, offset), place in seen.items()):
    sys.exit("The behavior has changed: the masks are elsewhere.")
PY
