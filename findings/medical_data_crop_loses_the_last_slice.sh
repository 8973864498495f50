#!/usr/bin/env bash
# medical-data crops objects of an odd size without their last slice, row or column; those of one slice become empty.
#
# Versions: medical-data 0.2.0, TorchIO 0.18.91, PyTorch 2.13.0, NumPy 1.26.4.
# Behavior: the size of the box around all nonzero voxels is the difference between the last and the first index,
#     rounded up to an even number, instead of that plus one. Even sizes are right by the rounding.
# Expected: "crops the image to a bounding box containing all nonzero voxels".
# Seen: of 10 slices 10 are left, of 11 slices 10, of one slice none: an image of shape 0 x 10 x 10.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==1.26.4 torchio==0.18.91 \
    pytorch-lightning==2.5.5 torchmetrics==1.8.2 loguru==0.7.3 pydicom==2.4.4 setuptools==80.9.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps medical-data==0.2.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import torch
import torchio
from medical_data.transforms import CropToNonZero

print({name: version(name) for name in ("medical-data", "torchio", "torch", "numpy")})
seen = {}
for slices in (10, 11, 2, 1):
    volume = torch.zeros(1, 40, 40, 40)
    volume[0, 10 : 10 + slices, 10:20, 10:20] = 1
    subject = torchio.Subject(image=torchio.ScalarImage(tensor=volume), label=torchio.LabelMap(tensor=volume.long()))
    cropped = CropToNonZero("image")(subject)["label"]
    seen[slices] = int(cropped.data.sum()) // 100
    print(f"{slices} slices of object: {tuple(cropped.data.shape[1:])} are left, {seen[slices]} slices of object")
if seen != {10: 10, 11: 10, 2: 2, 1: 0}:
    sys.exit("The behavior has changed: other slices are left.")
PY
