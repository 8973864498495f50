#!/usr/bin/env bash
# MedPy's resample writes the spacing that was asked for, but samples at another one.
#
# Versions: MedPy 0.5.2, NumPy 2.4.6, SciPy 1.17.1.
# Behavior: medpy.filter.image.resample keeps the centers of the first and the last voxel and stretches what lies between
#     (SciPy's zoom), then sets the header to the requested spacing. Size x spacing is right, the places in between are
#     not: the error grows with the distance from the first voxel.
# Expected: an object stays where it is, in millimeters.
# Seen: 20 voxels of 1 mm along each axis, the middle of a blob at (3, 15, 10) mm from the first voxel: resampled to 2 mm
#     it is at (2.88, 14.18, 9.47) mm, to 0.5 mm at (3.14, 15.38, 10.26) mm. A shift of the whole grid would be the same
#     along all axes.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 medpy==0.5.2
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from medpy.filter.image import resample
from medpy.io import Header

print({name: version(name) for name in ("medpy", "numpy", "scipy")})
x, y, z = np.mgrid[:20, :20, :20]
blob = np.exp(-((x - 3) ** 2 + (y - 15) ** 2 + (z - 10) ** 2) / 4.0)
seen = []
for target in (2.0, 0.5):
    resampled, header = resample(blob, Header(spacing=(1.0, 1.0, 1.0), offset=(0, 0, 0)), (target,) * 3, bspline_order=1)
    middle = np.indices(resampled.shape).reshape(3, -1) @ resampled.ravel() / resampled.sum()
    seen.append([round(float(value), 2) for value in middle * header.get_voxel_spacing()])
    print(f"resampled to {target} mm: shape {resampled.shape}, spacing {header.get_voxel_spacing()}, middle at {seen[-1]} mm")
if seen != [[2.88, 14.18, 9.47], [3.14, 15.38, 10.26]]:
    sys.exit("The behavior has changed: the object is at another place.")
PY
