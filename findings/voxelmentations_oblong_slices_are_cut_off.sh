#!/usr/bin/env bash
# voxelmentations exchanges height and width of slices that are not square when it rotates them, and cuts objects off.
#
# Versions: voxelmentations 0.0.1, OpenCV 5.0.0.93, SciPy 1.17.1, NumPy 2.2.6.
# Behavior: AxialPlaneRotate, AxialPlaneScale and AxialPlaneAffine hand (height, width) to OpenCV as the size of the
#     result, which is read as (width, height). The slices are cut off along one side and filled with fill_value along
#     the other, in image and mask alike; volumes of a batch no longer have one size.
# Expected: the same size, and an angle, scale or shift next to nothing that leaves the volume as it is.
# Seen: limits that allow no change to speak of. An object in columns 24 ... 29 of slices of 20 x 32 pixels: slices of
#     32 x 20, and nothing is left of its 144 voxels. In slices of 32 x 32 all of them are there.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.17.1 opencv-python-headless==5.0.0.93
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps voxelmentations==0.0.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from voxelmentations import AxialPlaneAffine, AxialPlaneRotate, AxialPlaneScale

print({name: version(name) for name in ("voxelmentations", "opencv-python-headless", "scipy", "numpy")})
transforms = (
    AxialPlaneRotate(angle_limit=1e-6, always_apply=True),
    AxialPlaneScale(scale_limit=1e-9, always_apply=True),
    AxialPlaneAffine(angle_limit=1e-6, shift_limit=1e-9, scale_limit=1e-9, always_apply=True),
)
seen = {}
for rows in (32, 20):
    mask = np.zeros((rows, 32, 6), np.uint8)
    mask[8:12, 24:30] = 1
    for transform in transforms:
        changed = transform(voxel=mask.astype(np.float32), mask=mask)
        name = type(transform).__name__
        seen[rows, name] = changed["voxel"].shape, int(changed["mask"].sum())
        print(f"{name} of {mask.shape}: {seen[rows, name][0]}, {seen[rows, name][1]} of {int(mask.sum())} voxels")
expected = {32: ((32, 32, 6), 144), 20: ((32, 20, 6), 0)}
if seen != {(rows, type(transform).__name__): expected[rows] for rows in expected for transform in transforms}:
    sys.exit("The behavior has changed: the volumes are others.")
PY
