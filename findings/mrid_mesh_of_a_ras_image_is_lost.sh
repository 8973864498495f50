#!/usr/bin/env bash
# mrid leaves out the direction of the reference when it draws a mesh: for NIfTI files in RAS the mask is empty.
#
# Versions: mrid-python 0.1.8, SimpleITK 2.5.7, trimesh 4.10.1, NumPy 2.2.6.
# Behavior: the coordinates of the voxels are taken as origin plus spacing times index. With directions of −1 along x and
#     y, as SimpleITK reads every NIfTI file in RAS, they lie on the other side of the origin.
# Expected: stl2sitk says that the result is aligned with the reference, so the voxels whose middle lies in the mesh.
# Seen: a box of 10 × 6 × 10 mm in an image of 40 × 40 × 30 voxels: 600 voxels with the identity. The same voxels of the
#     same world stored in RAS: none, without a message. With a table turned by 30 degrees the box is 14 mm off.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 SimpleITK==2.5.7 scipy==1.15.3 \
    trimesh==4.10.1 rtree==1.4.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps mrid-python==0.1.8
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
import trimesh
from mrid.utils.stl_utils import stl2sitk

print({name: version(name) for name in ("mrid-python", "simpleitk", "trimesh", "numpy")})
low, high = np.array([-5.5, 3.5, 9.5]), np.array([4.5, 9.5, 19.5])
trimesh.creation.box(bounds=[low, high]).export("box.stl")
cosine, sine = np.cos(np.pi / 6), np.sin(np.pi / 6)
turned = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
seen = {}
for name, direction in (("LPS", np.eye(3)), ("RAS", np.diag([-1, -1, 1.0])), ("turned by 30 degrees", turned)):
    image = sitk.Image(40, 40, 30, sitk.sitkInt16)
    image.SetDirection(direction.ravel())
    image.SetOrigin((-direction @ np.array([19.5, 19.5, 0]) - np.array([0.5, 0.5, 0])).tolist())
    places = np.argwhere(sitk.GetArrayFromImage(stl2sitk("box.stl", image)))
    distance = None
    if len(places):
        middle = image.TransformContinuousIndexToPhysicalPoint(places.mean(axis=0)[::-1].tolist())
        distance = round(float(np.linalg.norm(np.array(middle) - (low + high) / 2)), 1)
    seen[name] = len(places), distance
    print(f"{name}: {len(places)} voxels in the mask, middle {distance} mm from that of the mesh")
if seen["LPS"] != (600, 0.0) or seen["RAS"][0] != 0 or (seen["turned by 30 degrees"][1] or 0) < 3:
    sys.exit("The behavior has changed: the mask is elsewhere.")
PY
