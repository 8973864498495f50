#!/usr/bin/env bash
# neuromodex-vnet-dbs moves images in RAS, as NIfTI files are, when it pads them.
#
# Versions: neuromodex-vnet-dbs 0.2.2, SimpleITK 2.5.7, NumPy 2.2.6.
# Behavior: pad_to_divisible computes the new origin without the direction of the image, "so the image stays centered in
#     physical space", and puts it in the place of that of SimpleITK's padding, which is right. Along axes of
#     direction -1 the image moves by twice the padding.
# Expected: an object in the image stays where it is.
# Seen: 50 x 40 x 30 voxels of 1 mm, padded to multiples of 32: an electrode at (68.5, 78.5) mm comes to (54.5, 54.5),
#     28 mm away. In an image in LPS it stays.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.2.6 scipy==1.15.3 \
    scikit-learn==1.7.2 SimpleITK==2.5.7
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps neuromodex-vnet-dbs==0.2.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from neuromodex_vnet_dbs.data.preprocessing import pad_to_divisible

print({name: version(name) for name in ("neuromodex-vnet-dbs", "SimpleITK", "numpy")})


def place(image):
    middle = np.argwhere(sitk.GetArrayFromImage(image) > 0).mean(0)[::-1]
    return [round(value, 3) for value in image.TransformContinuousIndexToPhysicalPoint(middle.tolist())]


seen = {}
for name, direction in {"LPS": (1, 0, 0, 0, 1, 0, 0, 0, 1), "RAS": (-1, 0, 0, 0, -1, 0, 0, 0, 1)}.items():
    array = np.zeros((30, 40, 50), np.float32)
    array[10:14, 10:14, 10:14] = 1
    image = sitk.GetImageFromArray(array)
    image.SetDirection(direction)
    image.SetOrigin((80, 90, -70))
    padded = pad_to_divisible(image, 32)
    seen[name] = place(image), place(padded)
    print(f"{name}: {image.GetSize()} to {padded.GetSize()}, the electrode from {seen[name][0]} to {seen[name][1]} mm")
stays = [91.5, 101.5, -58.5]
if seen != {"LPS": (stays, stays), "RAS": ([68.5, 78.5, -58.5], [54.5, 54.5, -58.5])}:
    sys.exit("The behavior has changed: the electrode is elsewhere.")
PY
