#!/usr/bin/env bash
# MONAI's Resized moves a label against its image, by half a voxel of the result.
#
# Versions: MONAI 1.6.1, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: with mode "nearest", as is common for labels, the voxel at the lower edge of each new voxel is taken, not
#     the one in its middle; with "bilinear" or "area", as is common for the image, the middle. The new affine, which
#     both get, is that of the middle. So the label lies further up along every axis. "nearest-exact" has the middle.
# Expected: image and label stay in place; a label that is not interpolated is at most ragged, in both directions.
#     Resize's documentation names the modes and refers to PyTorch's interpolate, where the two nearest modes are
#     explained in terms of another library.
# Seen: a square from 20 to 30 (middle 25) of 64 pixels, resized to 21: the middle by the affine is 24.8 (bilinear),
#     25.0 (area), 26.9 (nearest) and 25.4 (nearest-exact). 200 squares of random places and sizes, 64 to 21: the label
#     lies 1.5 pixels further up on average with nearest (half of the new 3 pixels), 0.0 with nearest-exact.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 monai==1.6.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Resized

print({name: version(name) for name in ("monai", "torch", "numpy")})
MODES = ("bilinear", "area", "nearest", "nearest-exact")
resized = Resized(keys=MODES, spatial_size=(21, 21), mode=MODES)


def middles(low, high):
    """The middle along the first axis in pixels of the file, by the affine of each result."""
    square = torch.zeros(1, 64, 64)
    square[0, low:high, low:high] = 1
    results = resized({mode: MetaTensor(square) for mode in MODES})
    for mode in MODES:
        result = results[mode]
        profile = result.numpy()[0].sum(1)
        middle = (np.arange(21) * profile).sum() / profile.sum()
        yield float(result.affine[0, 0]) * middle + float(result.affine[0, 3])


one = dict(zip(MODES, (round(float(middle), 1) for middle in middles(20, 31))))
print("square with its middle at 25:", one)
random = np.random.default_rng(0)
errors = []
for low, size in zip(random.integers(2, 30, 200), random.integers(8, 30, 200)):
    errors.append([middle - (low + (size - 1) / 2) for middle in middles(int(low), int(low + size))])
mean = dict(zip(MODES, np.round(np.mean(errors, 0), 2).tolist()))
print("mean error of 200 squares:", mean)
if not (mean["nearest"] > 0.8 and all(abs(mean[mode]) < 0.2 for mode in MODES if mode != "nearest")):
    sys.exit("The behavior has changed: the label is no longer moved.")
PY
