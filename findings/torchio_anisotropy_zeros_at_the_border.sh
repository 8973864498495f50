#!/usr/bin/env bash
# TorchIO's RandomAnisotropy sets the outermost slices of some images to 0: in CT air of -1000 HU becomes soft tissue.
#
# Versions: TorchIO 1.2.1, SimpleITK 2.5.7, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: the image is resampled to thick slices and back. The thick slices need not reach as far as the image did, by
#     up to two voxels at either end for a factor of 5, and what lies beyond them is filled with 0, whatever the image's
#     own values are. It depends on the number of slices: with 40 or 96 of them and a factor of 3 nothing is filled.
# Expected: an image of one value keeps it. The documentation tells of the interpolation, not of a fill value; the label
#     stays as it was, so there are slices of an organ without its image.
# Seen: 64 slices of -1000: with a factor of 3 the last slice is 0, with a factor of 5 the first and the last two.
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
import torchio

print({name: version(name) for name in ("torchio", "simpleitk", "torch", "numpy")})
seen = {}
for count, factor in ((64, 3), (64, 5), (40, 3)):
    air = torchio.ScalarImage(tensor=torch.full((1, count, 8, 8), -1000.0))
    augmented = torchio.RandomAnisotropy(axes=0, downsampling=(factor, factor))(air).data[0]
    seen[count, factor] = [index for index in range(count) if (augmented[index] == 0).all()]
    print(f"{count} slices of -1000, factor {factor}: values {augmented.unique().tolist()}, 0 in {seen[count, factor]}")
if seen != {(64, 3): [63], (64, 5): [0, 1, 62, 63], (40, 3): []}:
    sys.exit("The behavior has changed: other slices are 0.")
PY
