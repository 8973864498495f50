#!/usr/bin/env bash
# TorchIO pads masks with the value for the image: a CT padded with -1000 has a mask with class 24.
#
# Versions: TorchIO 1.2.1, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: the padding_mode of Pad and CropOrPad, a number or "maximum" and the like, is used for all images of a
#     subject, for a LabelMap, too. -1000, air in a CT, in a mask of bytes is 24, without a word; with "maximum" the
#     border is the class of the highest number. RandomAffine, with its default_pad_value, leaves masks alone.
# Expected: background around the mask, whatever the image is padded with, as in RandomAffine.
# Seen: a CT and a mask of classes 1 and 2, 20 x 20 x 20 voxels, padded to 26 x 26 x 26: all 9576 voxels of the border
#     are class 24, in int16 class -1000, with "maximum" class 2. RandomAffine(default_pad_value=-1000): no other
#     classes.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 simpleitk==2.5.7 torchio==1.2.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import torch
import torchio as tio

print({name: version(name) for name in ("torchio", "torch", "numpy")})
ct = torch.full((1, 20, 20, 20), -1000.0)
mask = torch.zeros(1, 20, 20, 20, dtype=torch.uint8)
mask[:, 5:15, 5:15, 5:15] = 1
mask[:, 2:4, 2:4, 2:4] = 2
seen = {}
for name, transform, kind in (
    ("CropOrPad, -1000, bytes", tio.CropOrPad(26, padding_mode=-1000), torch.uint8),
    ("Pad, -1000, bytes", tio.Pad(3, padding_mode=-1000), torch.uint8),
    ("Pad, -1000, int16", tio.Pad(3, padding_mode=-1000), torch.int16),
    ("Pad, maximum, bytes", tio.Pad(3, padding_mode="maximum"), torch.uint8),
    ("RandomAffine, -1000, bytes", tio.RandomAffine(degrees=(45, 45), default_pad_value=-1000), torch.uint8),
):
    subject = tio.Subject(ct=tio.ScalarImage(tensor=ct.clone()), label=tio.LabelMap(tensor=mask.to(kind)))
    classes, counts = transform(subject).label.data.unique(return_counts=True)
    seen[name] = dict(zip(classes.int().tolist(), counts.tolist(), strict=True))
    print(f"{name}: voxels of each class {seen[name]}")
*padded, affine = seen.values()
objects = {1: 1000, 2: 8}
border = [{0: 6992, **objects, 24: 9576}] * 2 + [{-1000: 9576, 0: 6992, **objects}, {0: 6992, 1: 1000, 2: 9584}]
if padded != border or min(affine) < 0 or max(affine) > 2:
    sys.exit("The behavior has changed: the border is another class.")
PY
