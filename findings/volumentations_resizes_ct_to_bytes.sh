#!/usr/bin/env bash
# volumentations resizes volumes as bytes: 300 HU become 44, and an image between 0 and 1 becomes 0.
#
# Versions: volumentations-3D 1.0.4, NumPy 2.4.6, SciPy 1.17.1, scikit-image 0.26.0, OpenCV 5.0.0.93.
# Behavior: Resize with its default resize_type casts each channel to uint8 before it interpolates, so Hounsfield units
#     are taken modulo 256 (negative ones on most processors) and images between 0 and 1 become 0. RandomResizedCrop
#     and the crop around a mask do the same. resize_type=0 keeps the values. The code asks to change volumes to
#     floating point.
# Expected: interpolated values, and none changed where the size stays the same.
# Seen: 8 x 8 x 8 voxels resized to 8 x 8 x 8: -1000 and 300 become 24 and 44, 0.0 and 0.9 both become 0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0 opencv-python==5.0.0.93 volumentations-3D==1.0.4
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from volumentations import Compose, Resize

print({name: version(name) for name in ("volumentations-3D", "numpy", "scipy", "scikit-image", "opencv-python")})
seen = {}
for name, values in {"CT": (-1000, 300), "MR between 0 and 1": (0, 0.9)}.items():
    image = np.full((8, 8, 8, 1), values[0], np.float32)
    image[2:6, 2:6, 2:6] = values[1]
    for resize_type in (1, 0):
        out = Compose([Resize((8, 8, 8), resize_type=resize_type, p=1)], p=1)(image=image)["image"]
        seen[name, resize_type] = out.dtype.name, np.unique(out).round(3).tolist()
        print(f"{name}, values {values}, resize_type {resize_type}: {seen[name, resize_type]}")
default = Compose([Resize((8, 8, 8), p=1)], p=1)(image=np.full((8, 8, 8, 1), 300, np.float32))["image"]
if seen["MR between 0 and 1", 1] != ("uint8", [0]) or np.unique(default).tolist() != [44]:
    sys.exit("The behavior has changed: the values are others.")
PY
