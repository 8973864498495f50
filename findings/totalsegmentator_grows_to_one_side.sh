#!/usr/bin/env bash
# TotalSegmentator grows vertebrae to one side, unless the radius is a whole number of voxels.
#
# Versions: TotalSegmentator 2.18.0, NumPy 2.4.6, SciPy 1.17.1, nibabel 5.4.2.
# Behavior: the ellipsoid with which labels are grown in millimeters is sampled from minus the radius on in steps of one
#     voxel. If the radius is no whole number of voxels, no sample lies in its center, and the element that is taken for
#     the center is off by up to half a voxel: labels grow further towards lower indices than towards higher ones, also
#     across slices that are further apart than the radius. The task "vertebrae_pp" uses it with the spacing of the
#     image, to undo the 3 mm by which its training labels had been eroded.
# Expected: the same growth on both sides: "anisotropic 3D ellipsoid kernel for morphology in physical space".
# Seen: 3 mm with voxels of 2 mm: one voxel on the lower side and none on the upper one, along each axis. With slices 5
#     mm apart and pixels of 1 mm: the slice below is filled, 5 mm away, the one above is not, and within the slices
#     labels grow by 2 mm instead of 3. Of 0.7 mm: four voxels and three.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 nibabel==5.4.2 tqdm==4.70.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps totalsegmentator==2.18.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from totalsegmentator.postprocessing import dilate_vertebrae_labels

print({name: version(name) for name in ("totalsegmentator", "numpy", "scipy", "nibabel")})
vertebra = np.zeros((31, 31, 31), np.uint8)
vertebra[14:17, 14:17, 14:17] = 1
seen = {}
for spacing in ((1.5, 1.5, 1.5), (2.0, 2.0, 2.0), (1.0, 1.0, 5.0), (0.7, 0.7, 0.7)):
    places = np.argwhere(dilate_vertebrae_labels(vertebra, {1: "vertebrae_L5"}, spacing, dilation_mm=3))
    seen[spacing] = list(zip((14 - places.min(0)).tolist(), (places.max(0) - 16).tolist()))
    print(f"voxels of {spacing} mm: voxels added below and above, along each axis {seen[spacing]}")
as_described = seen[1.5, 1.5, 1.5] == [(2, 2)] * 3 and seen[2.0, 2.0, 2.0] == [(1, 0)] * 3
as_described &= seen[1.0, 1.0, 5.0] == [(2, 2), (2, 2), (1, 0)] and seen[0.7, 0.7, 0.7] == [(4, 3)] * 3
sys.exit(0 if as_described else "The behavior has changed.")
PY
