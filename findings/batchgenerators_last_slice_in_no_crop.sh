#!/usr/bin/env bash
# The last slice, row and column of a volume are in no random crop of batchgenerators.
#
# Versions: batchgenerators 0.25.5, NumPy 2.4.6, SciPy 1.17.1.
# Behavior: the first index of a random crop is drawn from 0 up to, but not including, the size of the volume minus that
#     of the crop, so the last of the possible positions never comes. With one slice to spare every crop is the same.
#     RandomCropTransform and random_crop_3D_image alike.
# Expected: each of the possible positions, and each voxel in some crop.
# Seen: 20 slices, 300 crops of 16, 18 or 19: slice 19 is never in one; 19 of 20: one position instead of two.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 batchgenerators==0.25.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from batchgenerators.augmentations.utils import random_crop_3D_image
from batchgenerators.transforms.crop_and_pad_transforms import RandomCropTransform

print({name: version(name) for name in ("batchgenerators", "numpy", "scipy")})
np.random.seed(0)
slices = np.broadcast_to(np.arange(20, dtype=np.float32)[:, None, None], (20, 24, 24))
seen = {}
for size in (16, 18, 19, 20):
    transform = RandomCropTransform(crop_size=(size, 16, 16))
    crops = {
        "RandomCropTransform": [transform(data=slices[None, None].copy())["data"][0, 0] for _ in range(300)],
        "random_crop_3D_image": [random_crop_3D_image(slices, (size, 16, 16)) for _ in range(300)],
    }
    for name, volumes in crops.items():
        in_some = {int(value) for volume in volumes for value in np.unique(volume)}
        positions = {int(volume[0, 0, 0]) for volume in volumes}
        seen[size, name] = sorted(set(range(20)) - in_some), len(positions)
        never, count = seen[size, name]
        print(f"{name}, {size} of 20 slices: in no crop {never}, {count} of {21 - size} positions")
expected = {size: ([19], 20 - size) for size in (16, 18, 19)} | {20: ([], 1)}
if any(value != expected[size] for (size, _), value in seen.items()):
    sys.exit("The behavior has changed: other slices are left out.")
PY
