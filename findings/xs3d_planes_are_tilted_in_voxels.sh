#!/usr/bin/env bash
# The cross section of a vessel in xs3d is more than twice as large if its voxels are not cubes and the plane is tilted.
#
# Versions: xs3d 1.14.0, NumPy 2.2.6.
# Behavior: cross_sectional_area takes a "normal" and the size of voxels, and returns a "physical area". The normal is
#     understood in voxels, not in millimeters: in voxels of 1 x 1 x 3 mm, (1, 0, 1) is no plane at 45 degrees. What a
#     centerline in millimeters gives as its direction has to be multiplied with the size of the voxels first.
# Expected: a plane at 45 degrees in space, as the area is one in space: 448 mm² for a vessel of 317 mm².
# Seen: voxels of 1 x 1 x 1 mm: 444 mm². Of 1 x 1 x 3 mm: 993 mm²; with the normal (1, 0, 3) 440 mm². Straight through:
#     317 mm² in both.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 fastremap==1.21.0 connected-components-3d==4.1.1 xs3d==1.14.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import xs3d

print({name: version(name) for name in ("xs3d", "numpy")})
x, y, _ = np.indices((60, 60, 60))
vessel = (x - 30) ** 2 + (y - 30) ** 2 <= 100
seen = {}
for thickness, normal in ((1, (0, 0, 1)), (3, (0, 0, 1)), (1, (1, 0, 1)), (3, (1, 0, 1)), (3, (1, 0, 3))):
    area = xs3d.cross_sectional_area(vessel, [30, 30, 30], normal, [1, 1, thickness])
    seen[thickness, normal] = round(float(area))
    print(f"voxels of 1 x 1 x {thickness} mm, normal {normal}: {area:.1f} mm²")
print(f"at 45 degrees: {vessel[:, :, 0].sum() * 2**0.5:.1f} mm²")
if list(seen.values()) != [317, 317, 444, 993, 440]:
    sys.exit("The behavior has changed: the areas are others.")
PY
