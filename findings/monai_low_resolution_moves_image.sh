#!/usr/bin/env bash
# MONAI's simulation of low resolution moves the image against its label.
#
# Versions: MONAI 1.6.1, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: RandSimulateLowResolution shrinks with "nearest", which takes the first voxel of each cell instead of the
#     middle one, and enlarges with the voxels taken for the middle of their cells. The image moves by up to most of a
#     voxel along every axis; its label, which this transform does not touch, stays.
# Expected: an augmentation of intensities: the image is blurred and stays in place.
# Seen: a blob in the middle (16.00) of 32 x 32 x 32 voxels: at 16.50 after a zoom of 0.5, at 16.85 after 0.6.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 monai==1.6.1
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import torch
from monai.transforms import RandSimulateLowResolution

print({name: version(name) for name in ("monai", "torch", "numpy")})
z, y, x = np.mgrid[:32, :32, :32]
blob = torch.tensor(np.exp(-((z - 16) ** 2 + (y - 16) ** 2 + (x - 16) ** 2) / 32))[None].float()
seen = {}
for zoom in (0.5, 0.6):
    image = RandSimulateLowResolution(prob=1.0, zoom_range=(zoom, zoom))(blob)[0].numpy()
    seen[zoom] = [round(float((axis * image).sum() / image.sum()), 2) for axis in (z, y, x)]
print("middle of the blob, (16, 16, 16) before:", seen)
if not all(abs(middle - value) < 0.02 for zoom, value in ((0.5, 16.5), (0.6, 16.85)) for middle in seen[zoom]):
    sys.exit("The behavior has changed: the blob is at another place.")
PY
