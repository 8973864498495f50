#!/usr/bin/env bash
# msdataqc joins lesions that are farther apart than its limit by a voxel.
#
# Versions: msdataqc 0.1.0, SciPy 1.17.1, nibabel 5.3.2, pandas 2.3.3, NumPy 2.2.6.
# Behavior: count(merge_mm=...) grows every lesion by half of the limit and labels the result. Voxels that were grown
#     from two sides touch each other if the lesions are one voxel farther apart than the limit, and are one component
#     then. Lesions that gtdrift follows over time are made in the same way, with 2 mm by default.
# Expected: "components whose gap (centre to centre across the empty space) is at most" merge_mm become one lesion.
# Seen: two lesions of one voxel are one, with a limit of 2 mm, at distances of 2 and 3 mm, with 4 mm up to 5 mm, in
#     voxels of 1 mm. In slices of 3 mm, with a limit of 6 mm, up to 9 mm.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.17.1 nibabel==5.3.2 pandas==2.3.3
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps msdataqc==0.1.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from msdataqc.lesioncount.core import count

print({name: version(name) for name in ("msdataqc", "scipy", "nibabel", "pandas", "numpy")})


def lesions(voxels, zooms, limit):
    mask = np.zeros((20, 5, 5), bool)
    mask[[5, 5 + voxels], 2, 2] = True
    return count(mask, zooms, connectivity=26, merge_mm=limit)


seen = {}
for size, limit in ((1.0, 2.0), (1.0, 4.0), (3.0, 6.0)):
    joined = [size * voxels for voxels in range(2, 9) if lesions(voxels, (size, 1.0, 1.0), limit) == 1]
    seen[size, limit] = max(joined)
    print(f"voxels of {size} mm, limit {limit} mm: one lesion at distances up to {seen[size, limit]} mm")
if seen != {(1.0, 2.0): 3.0, (1.0, 4.0): 5.0, (3.0, 6.0): 9.0}:
    sys.exit("The behavior has changed: lesions are joined at other distances.")
PY
