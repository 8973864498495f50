#!/usr/bin/env bash
# A lesion of one voxel is eight blocks in the lego surface of vedo, or none.
#
# Versions: vedo 2026.6.3, VTK 9.7.2, NumPy 2.2.6.
# Behavior: blocks are the cells between voxel centers, not voxels. All cells are shown of which a corner is above the
#     threshold; with boundary=False those of which all corners are. An object of n voxels along an axis has n + 1 or
#     n - 1 blocks there.
# Expected: "lego blocks (voxels)": a block for each voxel.
# Seen: objects of 1, 8 and 125 voxels have a surface around 8, 27 and 216 blocks; with boundary=False none, 1 and 64.
#     Two objects with a voxel between them become one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 vtk==9.7.2 vedo==2026.6.3
cd "$work"
MPLCONFIGDIR="$work" "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import vedo

print({name: version(name) for name in ("vedo", "vtk", "numpy")})


def blocks(mask: np.ndarray, **settings) -> float:
    mesh = vedo.Volume(mask).legosurface(vmin=0.5, **settings)
    return round(float(mesh.triangulate().volume()), 3) if mesh.npoints else 0.0


seen = {}
for side in (1, 2, 5):
    mask = np.zeros((12, 12, 12), np.uint8)
    mask[4:4 + side, 4:4 + side, 4:4 + side] = 1
    seen[side] = blocks(mask), blocks(mask, boundary=False)
    print(f"{side ** 3} voxels: {seen[side][0]} blocks, with boundary=False {seen[side][1]}")
mask = np.zeros((12, 12, 12), np.uint8)
mask[2:5, 2:5, 2:5] = mask[6:9, 2:5, 2:5] = 1
parts = len(vedo.Volume(mask).legosurface(vmin=0.5).split()), len(vedo.Volume(mask).isosurface(0.5).split())
print(f"two objects with a voxel between them: {parts[0]} part, in isosurface() {parts[1]}")
if (seen, parts) != ({1: (8.0, 0.0), 2: (27.0, 1.0), 5: (216.0, 64.0)}, (1, 2)):
    sys.exit("The behavior has changed: there are other blocks.")
PY
